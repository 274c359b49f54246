"""Whose request it is: the first address from the end that no trusted proxy has, and nothing anybody merely claims."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.filtering.addresses import LONGEST_LIST, Addresses, ClientAddress, too_wide

PROXIES = Addresses(["10.0.0.0/8", "127.0.0.1", "fd00::/8"])
READER, OTHER = "203.0.113.7", "198.51.100.9"

anywhere = st.ip_addresses().map(str)
strangers = st.ip_addresses(v=4).filter(lambda a: not (a.is_loopback or a in ipaddress.ip_network("10.0.0.0/8")))


def scope(peer: str | None, *forwarded: str | bytes) -> dict[str, Any]:
    lists = [each if isinstance(each, bytes) else each.encode() for each in forwarded]
    return {
        "client": None if peer is None else (peer, 4711),
        "headers": [(b"host", b"koran.example"), *((b"x-forwarded-for", each) for each in lists), (b"accept", b"*/*")],
    }


def name(peer: str | None, *forwarded: str | bytes, proxies: Addresses = PROXIES) -> str:
    return proxies.client(scope(peer, *forwarded)).address


def test_without_a_list_the_peer_is_the_client() -> None:
    assert name(READER) == READER
    assert name("10.0.0.1") == "10.0.0.1"


def test_a_list_is_believed_only_from_a_trusted_peer() -> None:
    assert name(READER, OTHER) == READER
    assert name("10.0.0.1", OTHER) == OTHER


def test_nobody_is_trusted_unless_named() -> None:
    assert name("127.0.0.1", OTHER, proxies=Addresses([])) == "127.0.0.1"


@given(st.lists(anywhere), strangers, st.lists(st.sampled_from(["10.1.1.1", "10.9.9.9", "fd00::5"]), max_size=4))
def test_whatever_is_claimed_before_the_first_stranger_changes_nothing(
    claimed: list[str], reader: ipaddress.IPv4Address, proxies: list[str]
) -> None:
    assert name("10.0.0.1", ", ".join([*claimed, str(reader), *proxies])) == str(reader)


@given(st.lists(anywhere, min_size=1, max_size=6), st.integers(0, 6))
def test_several_headers_are_one_list_in_their_order(listed: list[str], cut: int) -> None:
    assert name("10.0.0.1", ",".join(listed)) == name("10.0.0.1", ",".join(listed[:cut]), ",".join(listed[cut:]))


@pytest.mark.parametrize(("beyond", "client"), [(0, READER), (1, "10.1.1.1")])
def test_a_list_is_read_from_its_end_as_far_as_it_may_be_long(beyond: int, client: str) -> None:
    """An address of which a part is beyond that is no address, as its rest could be another's."""
    proxies = ",10.1.1.1" * 20
    listed = READER + "," + proxies.rjust(LONGEST_LIST - len(READER) - 1)
    assert len(listed) == LONGEST_LIST
    assert name("10.0.0.1", "3" * beyond + listed) == client


def test_where_every_address_is_a_trusted_proxy_the_farthest_is_the_client() -> None:
    assert name("10.0.0.1", "10.0.0.4, 10.0.0.3, 10.0.0.2") == "10.0.0.4"


@pytest.mark.parametrize(
    ("entry", "client"),
    [
        (f"{READER}:443", READER),
        ("[2001:db8:1:2:3:4:5:6]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3:4:5:6]:65535", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        (f"::ffff:{READER}", READER),
        (f"[::ffff:{READER}]:80", READER),
        ("fe80::1%eth0", "fe80::/64"),
        (f"  {READER}\t", READER),
    ],
)
def test_an_entry_may_have_a_port_or_brackets_or_be_mapped(entry: str, client: str) -> None:
    assert name("10.0.0.1", entry) == client


@pytest.mark.parametrize("garbage", ["unknown", "_hidden", "1.2.3", "999.1.1.1", "1.2.3.4:x", "[::1", "010.0.0.1", "-"])
def test_garbage_ends_the_list_at_the_last_good_entry(garbage: str) -> None:
    assert name("10.0.0.1", f"{READER}, {garbage}, 10.0.0.2") == "10.0.0.2"
    assert name("10.0.0.1", f"{READER}, {garbage}") == "10.0.0.1"


def test_empty_entries_are_passed_over() -> None:
    assert name("10.0.0.1", f"{READER},, 10.0.0.2, ") == READER
    assert name("10.0.0.1", "") == "10.0.0.1"


def test_one_household_is_one_client() -> None:
    assert name("2001:db8:7:1::1") == name("2001:db8:7:1:ffff::2") != name("2001:db8:7:2::1")


def test_a_mapped_peer_is_the_proxy_that_it_is() -> None:
    assert name("::ffff:10.0.0.1", READER) == READER
    assert name("10.0.0.1", READER, proxies=Addresses(["::ffff:10.0.0.0/104"])) == READER


def test_only_this_machine_itself_is_local() -> None:
    assert PROXIES.client(scope("127.0.0.1")) == ClientAddress("127.0.0.1", True, "127.0.0.0/24", "bare")
    assert PROXIES.client(scope("::1")).local
    assert PROXIES.client(scope(None)).local
    assert not PROXIES.client(scope("127.0.0.1", READER)).local
    assert not PROXIES.client(scope("127.0.0.1", "127.0.0.1")).local
    assert not PROXIES.client(scope("10.0.0.1")).local
    assert PROXIES.client(scope("127.0.0.1", "unknown")).local


def test_a_unix_socket_is_as_trusted_as_the_loopback() -> None:
    assert name(None, READER) == READER
    assert name(None, READER, proxies=Addresses(["::1"])) == READER
    network = str(ipaddress.ip_network(f"{READER}/24", strict=False))
    assert PROXIES.client(scope(None, READER)) == ClientAddress(READER, False, network, "forwarded")
    assert Addresses(["10.0.0.0/8"]).client(scope(None, READER)).local


def test_a_peer_without_an_address_goes_by_its_name() -> None:
    client = PROXIES.client(scope("testclient", READER))
    assert client == ClientAddress("testclient", False, "testclient", "untrusted")


@given(st.binary(max_size=2 * LONGEST_LIST), st.sampled_from(["10.0.0.1", "127.0.0.1", READER, None]))
def test_no_bytes_raise(listed: bytes, peer: str | None) -> None:
    assert PROXIES.client(scope(peer, listed)).address


@given(st.integers(1, 3000))
def test_of_a_list_without_end_only_whole_entries_of_its_end_count(length: int) -> None:
    claimed = f"{OTHER}," * length
    assert name("10.0.0.1", f"{claimed} {READER}") == READER
    trusted = "10.0.0.200," * length
    assert name("10.0.0.1", trusted + "10.0.0.2") == "10.0.0.200"


@pytest.mark.parametrize("wrong", ["*", "", "example.id", "10.0.0.0/33", "10.0.0.0/8,127.0.0.1", "10.0.0.*"])
def test_what_is_no_network_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="CIDR such as") as refused:
        Addresses([wrong])
    assert repr(wrong) in str(refused.value)


def test_a_cidr_with_bits_past_its_prefix_is_refused_with_the_one_meant() -> None:
    with pytest.raises(ValueError, match=r"write 10\.0\.0\.0/8"):
        Addresses(["10.1.2.3/8"])


def test_trust_in_everybody_is_warned_of() -> None:
    assert too_wide([]) is None
    assert too_wide(["10.0.0.0/8", "::1"]) is None
    assert "0.0.0.0/0" in str(too_wide(["10.0.0.0/8", "0.0.0.0/0"]))
    assert "::/0" in str(too_wide(["::/0"]))
    assert "::/0" in str(too_wide(["::/1", "8000::/1"]))


def test_how_a_request_came_is_known() -> None:
    assert PROXIES.client(scope("127.0.0.1")).route == "bare"
    assert PROXIES.client(scope("127.0.0.1", READER)).route == "forwarded"
    assert PROXIES.client(scope("203.0.113.9")).route == "direct"
    assert PROXIES.client(scope("203.0.113.9", READER)).route == "untrusted"
