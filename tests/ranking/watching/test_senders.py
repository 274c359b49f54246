"""Who sends the events of a site, and when that says that a proxy is not set up."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.watching.proxies import BARE, ONE_SENDER, UNTRUSTED, proxy_fault
from ranking.watching.senders import KEPT, Frequent, Route, SenderFacts, Senders

NOW = 1_764_530_940.0


def facts(*sent: tuple[str, Route, int]) -> SenderFacts:
    senders = Senders()
    for address, route, count in sent:
        senders.add("koran", address, route, count, NOW)
    return senders.facts(NOW)["koran"]


def readers(count: int) -> list[tuple[str, Route, int]]:
    return [(f"203.0.113.{number}", "direct", 1) for number in range(count)]


def alarm(*sent: tuple[str, Route, int]) -> str | None:
    found = proxy_fault(facts(*sent))
    return None if found is None else found.alarm


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 9)), max_size=400))
def test_no_count_is_above_the_truth_or_far_below(sent: list[tuple[int, int]]) -> None:
    frequent, truth = Frequent(), Counter[str]()
    for key, count in sent:
        frequent.add(str(key), count)
        truth[str(key)] += count
    assert len(frequent.counts) <= KEPT
    for key, count in truth.items():
        assert count - truth.total() / KEPT <= frequent.counts.get(key, 0) <= count


def test_one_address_among_thousands_is_found_in_bounded_memory() -> None:
    rng = Random(7)
    sent: list[tuple[str, Route, int]] = [(f"10.{n % 200}.{n % 77}.{n}", "direct", 1) for n in range(4_000)]
    sent += [("203.0.113.7", "direct", 1)] * 4_600
    rng.shuffle(sent)
    assert alarm(*sent) == ONE_SENDER


def test_what_is_over_an_hour_ago_is_forgotten() -> None:
    senders = Senders()
    senders.add("koran", "203.0.113.7", "direct", 500, NOW - 3900)
    senders.add("koran", "203.0.113.8", "direct", 10, NOW)
    assert senders.facts(NOW)["koran"][:3] == (10, "203.0.113.8", 10)


@pytest.mark.parametrize("proxy", ["172.18.0.1", "10.0.0.1", "127.0.0.1", "fe80::/64", "unix"])
def test_a_proxy_of_ones_own_that_is_not_trusted_is_named(proxy: str) -> None:
    found = proxy_fault(facts((proxy, "untrusted", 50), *readers(500)))
    assert found is not None
    assert found.alarm == UNTRUSTED
    assert f"came from {proxy}" in found.says
    assert "add it to service.trusted_proxies" in found.says


def test_a_stranger_cannot_have_itself_trusted_by_writing_the_header() -> None:
    assert alarm(("198.51.100.9", "untrusted", 99)) is None
    assert alarm(("198.51.100.9", "untrusted", 400), *readers(500)) is None
    assert alarm(("198.51.100.9", "untrusted", 600), *readers(500)) == UNTRUSTED


def test_a_trusted_proxy_that_does_not_say_for_whom_it_asks_is_told() -> None:
    found = proxy_fault(facts(("127.0.0.1", "bare", 30)))
    assert found is not None
    assert (found.alarm, "X-Forwarded-For $proxy_add_x_forwarded_for" in found.says) == (BARE, True)
    assert alarm(("127.0.0.1", "bare", 19)) is None, "somebody tries it out"
    assert alarm(("127.0.0.1", "bare", 30), *readers(40)) is None


def test_one_address_with_over_half_of_the_events_is_told() -> None:
    assert alarm(("203.0.113.200", "forwarded", 60), *readers(50)) == ONE_SENDER
    assert alarm(("203.0.113.200", "forwarded", 50), *readers(50)) is None
    assert alarm(("203.0.113.200", "forwarded", 60), *readers(30)) is None, "too few to say"
