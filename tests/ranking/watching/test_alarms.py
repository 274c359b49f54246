"""An alarm is raised by a fact, says what it is and what to do, and is over when the fact is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.settings.service import Settings
from ranking.watching.alarms import ALARMS, OF_SITES, PULSE_HOLDS_S, Alarm, ListState, SiteFacts, alarms
from ranking.watching.pulse import Pulse, Usual
from ranking.watching.sources import FeedState
from ranking.watching.waiting import Waiting

#: 01 December 2025, 02:29 in Jakarta.
NOW = 1_764_530_940.0
SETTINGS = Settings.model_validate({"refresh": {"every": "5s", "stale_after": "1m"}, "alarms": {"quiet": "15m"}})
BUSY = Usual(240.0, 7, 7, weekly=False)


def raised(settings: Settings = SETTINGS, **facts: Any) -> list[Alarm]:
    return alarms(SiteFacts(NOW, **facts), settings)


def silent(for_s: float = 1080.0, usual: Usual | None = BUSY, taken_s_ago: float = 10.0) -> dict[str, Pulse]:
    at = NOW - taken_s_ago
    return {"default": Pulse(at, at - for_s, 900.0, usual)}


def test_alarms_are_none_when_nothing_is_wrong() -> None:
    fine = SiteFacts(NOW, [ListState("default", "populer", NOW - 60)], silent(for_s=899))
    assert alarms(fine, SETTINGS) == []


def test_alarms_name_a_stale_list_when_its_answers_do() -> None:
    lists = [ListState("default", "populer", NOW - 61), ListState("default", "update", NOW - 5)]
    (found,) = raised(lists=lists)
    assert (found.alarm, found.site, found.list, found.since) == ("list_stale", "default", "populer", NOW - 1)
    assert found.says.startswith("list populer was ranked 61 s ago, and every 5 s is meant")


@pytest.mark.parametrize(
    ("took_s", "taken_s_ago", "alarmed"), [(2.5, 0.0, False), (2.6, 0.0, True), (2.6, 151.0, False)]
)
def test_alarms_name_a_refresh_that_takes_over_half_of_its_beat(
    took_s: float, taken_s_ago: float, alarmed: bool
) -> None:
    found = raised(pulses={"default": Pulse(NOW - taken_s_ago, NOW, 900.0, None, refresh_s=took_s)})
    assert [(each.alarm, each.site) for each in found] == [("slow_refresh", "default")] * alarmed
    assert all(each.says.startswith("ranking the lists takes 2.6 s of every 5 s") for each in found)


def test_alarms_name_a_silence_and_how_much_history_says_so() -> None:
    (found,) = raised(pulses=silent())
    assert (found.alarm, found.site, found.since) == ("no_events", "default", NOW - 1090)
    assert found.says.startswith(
        "no event for 18 min, since 02:10; at this time on the last 7 days there were 240 in 15 min"
        " (median; 7 of them had any)"
    )
    (weekly,) = raised(pulses=silent(usual=Usual(240.0, 4, 3, weekly=True)))
    assert "at this time on the same day of the last 4 weeks" in weekly.says


@pytest.mark.parametrize(
    "usual",
    [
        pytest.param(None, id="too little history"),
        pytest.param(Usual(9.9, 7, 7, weekly=False), id="few events are usual"),
        pytest.param(Usual(240.0, 7, 5, weekly=False), id="silent on every third day"),
        pytest.param(Usual(0.0, 7, 0, weekly=True), id="never any"),
    ],
)
def test_alarms_ignore_a_silence_that_may_be_usual(usual: Usual | None) -> None:
    assert raised(pulses=silent(usual=usual)) == []


def test_alarms_of_silence_can_be_switched_off_and_set() -> None:
    never = Settings.model_validate({"alarms": {"quiet": "0s"}})
    assert raised(never, pulses=silent()) == []
    later = Settings.model_validate({"alarms": {"quiet": "1h"}})
    assert raised(later, pulses=silent()) == []
    many = Settings.model_validate({"alarms": {"usual_events": 241}})
    assert raised(many, pulses=silent()) == []


def test_alarms_ignore_a_pulse_of_long_ago() -> None:
    assert raised(pulses=silent(taken_s_ago=PULSE_HOLDS_S)) != []
    assert raised(pulses=silent(taken_s_ago=PULSE_HOLDS_S + 1)) == []


def test_alarms_ignore_the_silence_of_a_site_that_was_never_read() -> None:
    assert raised(pulses={"default": Pulse(NOW, None, 900.0, BUSY)}) == []


def test_alarms_say_what_is_the_matter() -> None:
    found = raised(
        spooled=12_345,
        evicted=7,
        refusal="populer.toml: lists.populer.half_life: expected a duration",
        refused_at=NOW - 3,
        away="connection refused",
        away_since=NOW - 9,
    )
    assert [each.alarm for each in found] == ["store_away", "spool", "evictions", "config_refused"]
    assert [each.since for each in found] == [NOW - 9, None, None, NOW - 3]
    texts = [each.says for each in found]
    for said, text in zip(("connection refused", "12,345 events wait", "7 keys", "lists.populer"), texts, strict=True):
        assert said in text


@given(
    lists=st.lists(
        st.builds(ListState, st.just("default"), st.sampled_from(["populer", "update"]), st.floats(NOW - 1e6, NOW))
    ),
    spooled=st.integers(0, 10**9),
    evicted=st.integers(0, 10**9),
    refusal=st.none() | st.text(),
    away=st.none() | st.text(),
    silent_s=st.floats(0, 1e6),
    usual=st.none() | st.builds(Usual, st.floats(0, 1e6), st.integers(3, 7), st.integers(0, 7), st.booleans()),
)
def test_alarms_come_in_one_order_for_any_facts(
    lists: list[ListState],
    spooled: int,
    evicted: int,
    refusal: str | None,
    away: str | None,
    silent_s: float,
    usual: Usual | None,
) -> None:
    found = raised(
        lists=lists,
        spooled=spooled,
        evicted=evicted,
        refusal=refusal,
        away=away,
        pulses=silent(for_s=silent_s, usual=usual),
    )
    assert [ALARMS.index(each.alarm) for each in found] == sorted(ALARMS.index(each.alarm) for each in found)
    assert all(each.says and (each.site is not None) == (each.alarm in OF_SITES) for each in found)
    assert all(each.since is None or each.since <= NOW for each in found)


@pytest.mark.parametrize(("reads", "all_reads"), [(20, 100), (9, 9), (0, 0)])
def test_alarms_ignore_a_few_reads_that_wait_for_a_description(reads: int, all_reads: int) -> None:
    pulse = Pulse(NOW - 10, NOW, 900.0, None, Waiting(1, reads, all_reads, [("x", reads)]))
    assert raised(pulses={"default": pulse}) == []


def test_alarms_name_items_that_wait_for_a_description_when_over_a_fifth_is_read_of_them() -> None:
    pulse = Pulse(NOW - 10, NOW, 900.0, None, Waiting(2, 21, 100, [("berita-9", 20), ("x", 1)]))
    (found,) = raised(pulses={"default": pulse})
    assert (found.alarm, found.site) == ("waiting_items", "default")
    assert found.says == (
        "21% of the last hour's reads are of 2 items waiting for a description, which no list shows; the most read is"
        " 'berita-9'. Describe items with PUT /v1/items or a feed"
    )
    assert raised(pulses={"default": Pulse(NOW - PULSE_HOLDS_S - 1, NOW, 900.0, None, pulse.waiting)}) == []


def test_alarms_name_a_feed_that_fails_and_how_many_more() -> None:
    urls = [f"https://koran.example/{name}.xml" for name in "abc"]
    settings = Settings.model_validate({"sites": [{"feeds": [{"url": url} for url in urls]}]})
    states = {url: FeedState(url, NOW, NOW - 900, error="answered 404", failures=3) for url in urls[:2]}
    states["https://koran.example/old.xml"] = states[urls[0]]
    (found,) = raised(settings, feeds={"default": {**states, urls[2]: FeedState(urls[2], failures=2, error="x")}})
    assert (found.alarm, found.site, found.since) == ("feeds_failing", "default", NOW - 900)
    assert found.says.startswith(
        "feed https://koran.example/a.xml has failed 3 times in a row: it answered 404, and 1 more fails. Correct"
    )


@pytest.mark.parametrize(("share", "alarmed"), [(0.0, False), (0.8, False), (0.81, True)])
def test_alarms_name_a_server_near_its_memory_limit(share: float, alarmed: bool) -> None:
    found = raised(memory_share=share)
    assert [each.alarm for each in found] == ["memory"] * alarmed
    assert all("uses 81% of its memory limit" in each.says for each in found)


@pytest.mark.parametrize(("ago_s", "alarmed"), [(3600, True), (3601, False)])
def test_alarms_name_a_store_that_went_back_for_an_hour(ago_s: float, alarmed: bool) -> None:
    pulse = Pulse(NOW, NOW, 900.0, None, went_back_at=NOW - ago_s)
    found = raised(pulses={"default": pulse})
    assert [(each.alarm, each.site, each.since) for each in found] == [
        ("store_went_back", "default", NOW - 3600)
    ] * alarmed
