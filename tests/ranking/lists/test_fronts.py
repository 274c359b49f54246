"""Lists of fronts are the lists of the whole site: the same items, scores and ranks, to the last bit."""

import math
from datetime import UTC
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import either
from test_incremental import (
    APART,
    CORRECTION,
    FITTING,
    HOUR_S,
    NOW,
    OTHERS,
    SHORT,
    Event,
    Newsroom,
    Said,
    _boosts,
    _pins,
    _voids,
    lists_of,
    ranked_whole,
    shown,
    with_narrowed,
)
from views import Site, list_of

from ranking.lists import shortlist
from ranking.lists.fronts import Front, Lists, WholeSite, merged_levels
from ranking.lists.incremental import IncrementalRanker
from ranking.lists.merged_fronts import merged_fronts
from ranking.lists.shortlist import NotProvenError
from ranking.published.edits import Block, Edits, Subject
from ranking.scoring.sums import Moment
from ranking.settings.learned import LearnedSetting

#: Rules that take the whole of a site are refused where a site has parts.
PARTED = {
    **FITTING,
    **{name: each for name, each in OTHERS.items() if name not in ("kept", "scaled", "percentile")},
    "week": {"kind": "burst", "baseline": "7d", "minimum": 1},
    "capped-newest": {"half_life": "1h", "fill": "latest", "max_per_section": 1},
    "alone": {"half_life": "3h", "sections": False, "fill": "widen", "max_age": "5h"},
    "crowd": {"decay": "window", "window": "2h", "weights": {"view": 1}, "depth": 4},
}
APART_LISTS = {
    **lists_of({**APART, "lasting": {"half_life": "1h", "max_tenure": "6h", "without": "whole"}}),
    "forecast": list_of(**SHORT, decay="forecast").under(LearnedSetting(7200.0, 1.0, correction=CORRECTION)),
}


class Parts:
    """One site, of which each part has some items."""

    def __init__(self, parts: int, seed: int) -> None:
        self._random = Random(seed)
        self.whole = Site()
        self.parts = [Site() for _ in range(parts)]
        self.rankers = [IncrementalRanker() for _ in range(parts)]
        self._part_of: dict[str, int] = {}

    def part_of(self, item: str) -> Site:
        """The part that an item is in, which is anyone's guess."""
        return self.parts[self._part_of.setdefault(item, self._random.randrange(len(self.parts)))]

    def assign(self, item: str, part: int) -> None:
        self._part_of[item] = part

    def see(self, event: Event) -> None:
        self.whole.see(*event)
        self.part_of(event[0]).see(*event)

    def put(self, said: Said) -> None:
        item, published, section, group = said
        self.whole.put(item, published, section, group)
        self.part_of(item).put(item, published, section, group)

    def edit(self, edits: Edits, removed: frozenset[str]) -> None:
        for site in (self.whole, *self.parts):
            site.edits, site.removed = edits, removed

    def ranked(self, at: float, lists: Lists) -> dict[str, Any]:
        """The lists of the parts' fronts, as they come over the wire."""
        moment, pairs = Moment(at, at), list(zip(self.rankers, self.parts, strict=True))
        for part in self.parts:
            part.catalogue.choose({of_list for each in lists.values() for of_list in each.filters})
        start = min((part.history.start() for part in self.parts), default=math.inf)
        levels = [ranker.levels(part, moment, UTC, lists, start) for ranker, part in pairs]
        site = WholeSite(start, {name: merged_levels([each[name] for each in levels]) for name in lists})
        wider = 1.0
        while True:
            fronts = [ranker.front(part, moment, UTC, lists, site, wider) for ranker, part in pairs]
            wire = [msgspec.msgpack.decode(msgspec.msgpack.encode(front), type=Front) for front in fronts]
            try:
                ranked = merged_fronts(wire, lists, self.whole.edits, moment, UTC)
                break
            except NotProvenError:
                wider *= 4.0
        for ranker, part in pairs:
            ranker.prepare(part, UTC, lists)
        return {
            name: {section: shown(each.ranker, ranking) for section, ranking in each.sections.items()}
            for name, each in ranked.items()
        }


@pytest.fixture(autouse=True)
def _no_more_rows_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortlist, "SPARE_ROWS", 0)


@pytest.mark.soak
@pytest.mark.timeout(300)
@settings(max_examples=either(6, 1000), deadline=None)
@pytest.mark.parametrize("lists", [lists_of(PARTED), APART_LISTS], ids=["alone", "apart"])
@given(seed=st.integers(0, 2**32), parts=st.integers(1, 8))
def test_lists_of_fronts_are_those_of_the_whole_site(lists: Lists, seed: int, parts: int) -> None:
    chance, site, at = Newsroom(seed), Parts(parts, seed), NOW
    happened, listed = chance.events(at, 250, [3 * 86_400.0, 3 * 86_400.0, HOUR_S]), list[str]()
    said = chance.described(at, 60)
    for _ in range(4):
        for event in happened:
            site.see(event)
        for each in said:
            site.put(each)
        if chance.happens(0.5):
            blocks = {Subject("block", "", "", item): Block(until=at + HOUR_S) for item in chance.some(4, listed)}
            voids = _voids(chance.some(3, listed), at - 9 * HOUR_S, 0.0)
            boosts = {**_boosts(chance.some(2), 10.0), **_boosts(chance.some(1), 0.1)}
            pins = _pins([*chance.some(2, listed), *chance.some(2)])
            site.edit(Edits(1, {**blocks, **voids, **boosts, **pins}), frozenset(chance.some(6, listed)))
        wanted = with_narrowed(lists) if chance.happens(0.3) else lists
        found = ranked_whole(site.whole, at, wanted)
        assert site.ranked(at, wanted) == found
        listed = sorted({item for each in found.values() for item, *_ in each[""]})
        at += chance.wait_s()
        happened = chance.events(at, 6, [600.0, 4 * HOUR_S, 3 * 86_400.0])
        said = chance.described(at, 1) if chance.happens(0.3) else []


def test_crowd_of_equal_scores_is_cut_by_publication_and_name_across_parts() -> None:
    site, lists = Parts(3, 1), {"populer": list_of(size=2, depth=5, half_life="2h")}
    for number in range(40):
        site.see((f"item {number}", NOW - 60, 1, "view"))
        site.put((f"item {number}", NOW - HOUR_S, None, None))
    found = site.ranked(NOW, lists)
    assert found == ranked_whole(site.whole, NOW, lists)
    assert [name for name, *_ in found["populer"][""]] == ["item 0", "item 1", "item 10", "item 11", "item 12"]


def test_wider_fronts_are_asked_for_where_versions_use_up_a_section_under_a_cap() -> None:
    site, lists = Parts(1, 1), {"populer": list_of(size=1, depth=2, half_life="2h", max_per_section=1)}
    for number in range(12):  # each English article has a better version in another section
        site.put((f"en {number}", NOW - HOUR_S, "World", f"article {number}"))
        site.put((f"id {number}", NOW - HOUR_S, "Dunia", f"article {number}"))
        site.see((f"en {number}", NOW - 60, 50 - number, "view"))
        site.see((f"id {number}", NOW - 60, 90 - number, "view"))
    site.put(("alone", NOW - HOUR_S, "World", None))
    site.see(("alone", NOW - 60, 1, "view"))
    moment, ranker = Moment(NOW, NOW), site.rankers[0]
    front = ranker.front(site.whole, moment, UTC, lists, WholeSite(site.whole.history.start(), {}))
    with pytest.raises(NotProvenError):
        merged_fronts([front], lists, Edits(), moment, UTC)
    found = site.ranked(NOW, lists)
    assert found == ranked_whole(site.whole, NOW, lists)
    assert [name for name, *_ in found["populer"][""]] == ["id 0", "alone"]


def test_item_in_two_fronts_is_refused() -> None:
    site, lists = Parts(1, 1), {"populer": list_of(half_life="2h")}
    site.see(("item", NOW - 60, 1, "view"))
    site.put(("item", NOW - HOUR_S, None, None))
    front = site.rankers[0].front(site.whole, Moment(NOW, NOW), UTC, lists, WholeSite(NOW - HOUR_S, {}))
    with pytest.raises(ValueError, match="in two fronts"):
        merged_fronts([front, front], lists, Edits(), Moment(NOW, NOW), UTC)


def test_part_that_is_younger_than_the_site_compares_bursts_with_the_past_of_the_site() -> None:
    site, lists = Parts(2, 1), {"trending": list_of(kind="burst", baseline="7d", minimum=1)}
    for number, (item, ages_s) in enumerate({"old": [250_000.0, 60.0], "young": [9_000.0, 60.0]}.items()):
        site.assign(item, number)
        site.put((item, NOW - 400_000, None, None))
        for age_s in ages_s:
            site.see((item, NOW - age_s, 3, "view"))
    assert site.ranked(NOW, lists) == ranked_whole(site.whole, NOW, lists)
