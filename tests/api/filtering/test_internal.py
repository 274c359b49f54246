"""Who sees how the service fares without a key."""

from typing import Any

import pytest

from api.filtering.internal import InternalPeers
from ranking.settings.service import ServiceSettings


def is_internal(
    peer: str | None, *headers: bytes, port: int = 8000, internal: tuple[str, ...] | None = None, **service: Any
) -> bool:
    given = {**service, **({} if internal is None else {"internal": internal})}
    scope = {
        "client": None if peer is None else (peer, 40000),
        "server": ("127.0.0.1", port),
        "headers": [(header, b"10.0.0.1") for header in headers],
    }
    return InternalPeers(ServiceSettings.model_validate(given)).is_internal(scope)


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", None])
def test_this_machine_is_unless_a_proxy_passed_the_request_on(peer: str | None) -> None:
    assert is_internal(peer)
    for header in (b"x-forwarded-for", b"x-forwarded-proto", b"forwarded", b"x-real-ip", b"via"):
        assert not is_internal(peer, header)


@pytest.mark.parametrize("peer", ["10.0.0.7", "203.0.113.7", "2001:db8::1", "testclient"])
def test_nobody_else_is_by_default(peer: str) -> None:
    assert not is_internal(peer)


def test_a_network_that_is_named_is_and_this_machine_then_is_not() -> None:
    assert is_internal("10.0.0.7", internal=("10.0.0.0/8",))
    assert not is_internal("127.0.0.1", internal=("10.0.0.0/8",))
    assert not is_internal("10.0.0.7", b"x-forwarded-for", internal=("10.0.0.0/8",))


def test_whoever_asks_at_the_admin_port_is() -> None:
    assert is_internal("203.0.113.7", b"x-forwarded-for", port=8001, admin_port=8001)
    assert not is_internal("203.0.113.7", port=8000, admin_port=8001)
