"""The hosts of a site: compared as canonical addresses have them, never as text that ends alike."""

import pytest

from ranking.errors import ForeignHostError
from ranking.intake.hosts import Hosts, hosts_of_addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://koran.example/a", "http://www.koran.example:80/a", "//m.KORAN.example./a", "/a", "https://koran.example:8443",
        "https://grup.example/a", "https://a.b.grup.example/a", "https://amp.grup.example?x=1", "http://[::1]:3000/a",
    ],
)  # fmt: skip
def test_hosts_take_their_own_addresses_and_paths(url: str) -> None:
    Hosts(["www.koran.example", "*.grup.example", "[::1]"]).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/koran.example", "https://koran.example.evil.example/", "https://evilkoran.example/",
        "https://b.koran.example/", "https://evilgrup.example/", "//evil.example", "https://evil.example#koran.example",
    ],
)  # fmt: skip
def test_hosts_refuse_addresses_of_others(url: str) -> None:
    with pytest.raises(ForeignHostError, match=r"none of the site's: www\.koran\.example"):
        Hosts(["www.koran.example", "*.grup.example"]).check(url)


@pytest.mark.parametrize("url", ["koran.example/a", "javascript:alert(1)", "https://", "https://a@koran.example/", ""])
def test_hosts_refuse_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="must"):
        Hosts(["koran.example"]).check(url)


@pytest.mark.parametrize(
    "name", ["https://koran.example", "koran.example/", "koran.example:80", "*", "", "a b", "*.*.id"]
)
def test_hosts_are_no_addresses(name: str) -> None:
    with pytest.raises(ValueError, match=r"hosts? "):
        Hosts([name])


def test_hosts_of_addresses_are_without_scheme_port_and_path() -> None:
    addresses = [
        "https://*.koran.example",
        "http://[::1]:3000",
        "https://koran.example/populer",
        "https://koran.example",
    ]
    assert hosts_of_addresses(addresses) == ["*.koran.example", "[::1]", "koran.example"]
