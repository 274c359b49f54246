"""Stores behind TLS and passwords: one server, a cluster whose nodes say where they are, sentinels with their own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import servers
from ports import HOST, free_ports
from servers import opened
from tls import Certificate, Front, certificate

from ranking.errors import StoreRefusedError, StoreUnavailableError
from ranking.store.redis.connection import connected

SITE = "koran"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("tls"))


@contextlib.contextmanager
def cluster(authority: Certificate) -> Iterator[tuple[str, list[Front]]]:
    """Two primaries with a password whose clients are sent to ports that take TLS."""
    with contextlib.ExitStack() as stack:
        nodes, fronts = [], []
        for bus, port in zip(free_ports(2), free_ports(2), strict=True):
            options = {"cluster-enabled": "yes", "cluster-port": str(bus), "cluster-announce-port": str(port)}
            node = stack.enter_context(servers.Valkey(requirepass="psst", **options))
            fronts.append(stack.enter_context(Front(port, node.port, authority.context()).running()))
            nodes.append(node)
        for node, (first, last) in zip(nodes, ((0, 8191), (8192, 16383)), strict=True):
            node.admin.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        bus = int(nodes[0].admin.config_get("cluster-port")["cluster-port"])
        nodes[1].admin.execute_command("CLUSTER", "MEET", HOST, nodes[0].port, bus)
        for node in nodes:
            servers.wait_until(lambda node=node: servers._agrees(node, 2), "a cluster that agrees")
        yield f"rediss+cluster://:psst@{HOST}:{fronts[0].port}", fronts


@contextlib.contextmanager
def watched(authority: Certificate) -> Iterator[tuple[str, list[Front]]]:
    """A primary with a password, and a sentinel with another that sends its clients to a port that takes TLS."""
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(servers.Valkey(requirepass="psst"))
        port, of_sentinel = free_ports(2)
        front = stack.enter_context(Front(port, primary.port, authority.context()).running())
        sentinel = stack.enter_context(servers.Sentinel(port, **{"auth-pass": "psst"}))
        sentinel.admin.execute_command("ACL", "SETUSER", "default", "resetpass", ">hush")
        before = stack.enter_context(Front(of_sentinel, sentinel.port, authority.context()).running())
        address = f"rediss+sentinel://:psst@{HOST}:{of_sentinel}/mymaster?sentinel_password=hush"
        yield address, [front, before]


@contextlib.contextmanager
def alone(authority: Certificate) -> Iterator[tuple[str, list[Front]]]:
    with servers.Valkey(requirepass="psst") as server:
        (port,) = free_ports(1)
        with Front(port, server.port, authority.context()).running() as front:
            yield f"rediss://:psst@{HOST}:{port}", [front]


TOPOLOGIES = {"alone": alone, "cluster": cluster, "sentinel": watched}


def with_authority(url: str, authority: Certificate) -> str:
    return f"{url}{'&' if '?' in url else '?'}ssl_ca_certs={authority.certificate}"


@pytest.mark.parametrize("topology", TOPOLOGIES)
async def test_a_store_is_reached_under_tls_and_every_server_of_it(authority: Certificate, topology: str) -> None:
    with TOPOLOGIES[topology](authority) as (url, fronts):
        async with opened(with_authority(url, authority)) as store:
            await store.server.ping()
            assert await store.server.life()
            assert len(await store.server.server_info()) == (2 if topology == "cluster" else 1)
        assert all(front.secure for front in fronts)


@pytest.mark.parametrize("topology", TOPOLOGIES)
async def test_a_server_that_nobody_vouches_for_is_not_spoken_to(authority: Certificate, topology: str) -> None:
    with TOPOLOGIES[topology](authority) as (url, _), pytest.raises(StoreUnavailableError):
        async with opened(url, timeout_s=2.0):
            pass


async def test_a_certificate_for_another_address_will_not_do(tmp_path: Path) -> None:
    other = certificate(tmp_path, "127.0.0.9")
    with alone(other) as (url, _):
        with pytest.raises(StoreUnavailableError):
            async with opened(with_authority(url, other), timeout_s=2.0):
                pass
        async with opened(with_authority(url, other) + "&ssl_check_hostname=false") as store:
            await store.server.ping()


async def test_a_wrong_password_of_the_sentinels_is_told(authority: Certificate) -> None:
    with watched(authority) as (url, _):
        wrong = with_authority(url.replace("hush", "wrong"), authority)
        with pytest.raises((StoreRefusedError, StoreUnavailableError)):
            async with opened(wrong, timeout_s=2.0):
                pass


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+cluster://h?ssl_ca_certs=/x", "ssl_ca_certs is no parameter of redis+cluster://"),
        ("rediss+cluster://h?sentinel_password=x", "sentinel_password is no parameter of rediss+cluster://; there are"),
        ("redis+sentinel://h/m?password=x", "there are sentinel_username, sentinel_password"),
    ],
)  # fmt: skip
def test_a_parameter_that_is_none_is_refused(url: str, said: str) -> None:
    with pytest.raises(StoreRefusedError) as refused:
        connected(url, timeout_s=1, reply_timeout_s=1)
    assert said in str(refused.value)
