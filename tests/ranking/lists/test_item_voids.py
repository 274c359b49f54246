"""A list under voids is the list of counts that never had those events, to the last bit."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views import Site, list_of

from ranking.intake.events import channel_kind, channel_source
from ranking.lists.explain import explain
from ranking.published.edits import Edits, Subject, Void
from ranking.published.snapshot import WHOLE_SITE

NOW = 1_764_532_800.0  # the start of a bucket
WIDTH_S, HOUR_S = 300.0, 3600.0
ITEMS, CHANNELS = "abcdef", ["view", "click", "click@list:populer#2", "click@mail", "view@mail"]
LISTS: dict[str, dict[str, Any]] = {
    "half-life": {"half_life": "2h", "weights": {"view": 1, "click": 3}},
    "window": {"decay": "window", "window": "5h", "min_count": 2},
    "gravity": {"preset": "hacker-news"},
    "revived": {"preset": "discourse-hot"},
    "widened": {"fill": "widen", "decay": "window", "window": "1h"},
    "percentile": {"section_floor": 50},
    "scaled": {"scale": "section-best"},
    "burst": {"kind": "burst", "baseline": "1d", "minimum": 1},
    "z-score": {"kind": "burst", "method": "z-score", "short": "2h", "baseline": "1d", "minimum": 0},
    "ratio": {"kind": "burst", "method": "ratio"},
    "held": {"kind": "burst", "hold": "12h", "baseline": "1d"},
}

Seen = tuple[str, int, int, str]  # item, buckets ago, events, channel
EVENTS = st.lists(
    st.tuples(st.sampled_from(ITEMS), st.integers(1, 80), st.integers(1, 9), st.sampled_from(CHANNELS)),
    min_size=1,
    max_size=40,
)
SPANS = st.tuples(st.integers(0, 90), st.none() | st.integers(0, 90)).filter(
    lambda span: span[1] is None or span[0] > span[1]
)
VOIDS = st.lists(
    st.tuples(
        st.sampled_from(ITEMS),
        SPANS,
        st.sampled_from([(), ("view",), ("click", "like")]),
        st.sampled_from([(), ("list:populer",), ("mail", "amp")]),
    ),
    max_size=5,
)


def site_of(events: list[Seen]) -> Site:
    site = Site()
    for number, item in enumerate(ITEMS):
        site.put(item, NOW - 9 * HOUR_S - number, f"Rubrik {number % 2}")
    for item, ago, n, channel in events:
        site.see(item, NOW - ago * WIDTH_S, n, channel)
    return site


def void_of(since: float, until: float | None, **about: Any) -> Void:
    return Void(since, until, **about)


def edits_of(*voids: tuple[str, Void]) -> Edits:
    return Edits(1, {Subject("void", "", str(n), item): void for n, (item, void) in enumerate(voids, 1)})


def is_in(void: Void, ago: int, channel: str) -> bool:
    at = NOW - ago * WIDTH_S
    return (
        void.since <= at < (math.inf if void.until is None else void.until)
        and (not void.kinds or channel_kind(channel) in void.kinds)
        and (not void.sources or channel_source(channel) in void.sources)
    )


def shown(site: Site, name: str) -> list[Any]:
    ranker = site.ranker(NOW)
    ranking = ranker.rank(list_of(size=3, depth=6, **LISTS[name]), WHOLE_SITE)
    assert ranking.score is not None
    previous = {} if ranking.previous is None else ranking.previous
    return [
        (ranker.pool.names[row], float(ranking.score[row]).hex(), float(ranker.views[row]), previous.get(row))
        for row in ranking.rows.tolist()
    ]


@pytest.mark.parametrize("name", LISTS)
@settings(max_examples=60, deadline=None)
@given(EVENTS, VOIDS)
def test_list_under_voids_is_the_list_without_those_events(
    name: str, events: list[Seen], voids: list[tuple[str, tuple[int, int | None], Any, Any]]
) -> None:
    made = [
        (
            item,
            void_of(
                NOW - since * WIDTH_S, None if until is None else NOW - until * WIDTH_S, kinds=kinds, sources=names
            ),
        )
        for item, (since, until), kinds, names in voids
    ]
    left = [
        (item, ago, n, channel)
        for item, ago, n, channel in events
        if not any(about == item and is_in(void, ago, channel) for about, void in made)
    ]
    # Where counts begin is a fact of the site that a void of one item does not change.
    first = [("f", max(ago for _, ago, _, _ in events), 1, "like")]
    site = site_of(events + first)
    site.edits = edits_of(*made)
    assert shown(site, name) == shown(site_of(left + first), name)


def test_void_of_a_share_leaves_that_share_and_the_strongest_of_several_holds() -> None:
    site = site_of([("a", 2, 8, "view"), ("b", 2, 3, "view")])
    half, quarter = void_of(NOW - HOUR_S, None, share=0.5), void_of(NOW - 2 * HOUR_S, NOW, share=0.25)
    settings = list_of(half_life="none")
    for voids, left in (((half,), 4.0), ((half, quarter), 2.0), ((quarter, half), 2.0)):
        site.edits = edits_of(*(("a", void) for void in voids))
        assert sorted(site.scores(settings, NOW).items()) == [("a", left), ("b", 3.0)]


def test_void_takes_of_a_rolled_up_hour_what_lies_in_it() -> None:
    site = Site()
    site.see("a", NOW - HOUR_S, 12, width_s=int(HOUR_S))
    site.edits = edits_of(("a", void_of(NOW - HOUR_S, NOW - HOUR_S + 900)))
    assert site.scores(list_of(half_life="none"), NOW) == {"a": 9.0}


def test_void_holds_for_lists_of_the_past_and_lifting_it_gives_all_back() -> None:
    site = site_of([("a", 30, 8, "view"), ("b", 30, 3, "view")])
    settings, past = list_of(half_life="none"), NOW - 2 * HOUR_S
    before = site.scores(settings, past, known_until=NOW)
    site.edits = edits_of(("a", void_of(NOW - 3 * HOUR_S, NOW)))
    assert site.listed(settings, past, known_until=NOW) == ["b"]
    site.edits = Edits()
    assert site.scores(settings, past, known_until=NOW) == before


def test_explanation_names_the_void_and_how_many_events_it_takes() -> None:
    site = site_of([("a", 2, 8, "view"), ("a", 20, 2, "view"), ("a", 2, 1, "click")])
    site.edits = edits_of(("b", void_of(0.0, None)), ("a", void_of(NOW - HOUR_S, None, kinds=("view",))))
    found = explain(site.ranker(NOW), "a", "populer", list_of(half_life="none"), WHOLE_SITE, {})
    assert found is not None
    assert found.voided == 8.0
    assert [(void.void, void.since, void.until, void.kinds) for void in found.voids] == [
        (2, NOW - HOUR_S, None, ("view",))
    ]
    assert [(each.channel, each.events, each.voided) for each in found.channels] == [
        ("click", 1.0, 0.0),
        ("view", 2.0, 8.0),
    ]
    assert found.counted == sum(channel.part for channel in found.channels)
