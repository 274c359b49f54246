"""A ranking from a shortlist is the ranking of all rows: the same items, scores and ranks, to the last bit."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import either
from views import Site, list_of

from ranking.counts.arrays import NO_SECTION
from ranking.counts.buckets import Bucket
from ranking.intake.reader_filter import ReaderFilter
from ranking.lists import shortlist
from ranking.lists.incremental import IncrementalRanker
from ranking.lists.ranker import Ranker, Ranking
from ranking.lists.rules import Rule
from ranking.lists.shortlist import ShortlistPool, Whole, fits, reach_of
from ranking.lists.visible_parts import VisibleParts
from ranking.published.edits import Block, Boost, Edit, Edits, Pin, Subject, Void
from ranking.scoring.formula import LEAST_SCORE
from ranking.scoring.sums import Counts, Moment
from ranking.settings.learned import Correction, LearnedSetting
from ranking.settings.lists import ListSettings
from ranking.settings.service import Settings

HOUR_S, DAY_S = 3600.0, 86_400.0
NOW = 1_764_532_800.0
WEIGHTS = {"view": 1, "click": 3, "like": 0.7}
SHORT = {"size": 1, "depth": 2}
FITTING: dict[str, dict[str, Any]] = {
    "hours": {"half_life": "2h"},
    "minutes": {"half_life": "3m", "weights": {"view": 0.3}},
    "seconds": {"half_life": "1s"},
    "days": {"half_life": "2d", "max_age": "1d", "floor": 0.5, "weights": WEIGHTS},
    "all": {"half_life": "none"},
    "window": {"decay": "window", "window": "5h", "min_count": 2},
    "linear": {"decay": "linear", "window": "9h", "weights": WEIGHTS},
    "power": {"decay": "power", "power": 1.3, "max_per_section": 1},
    "daily": {"decay": "daily", "daily": 0.5, "movement": "7h"},
    "today": {"period": "today"},
    "weekly": {"period": "this week", "half_life": "5h", "decay": "half-life"},
    "gravity": {"preset": "hacker-news"},
    "lemmy": {"preset": "lemmy"},
    "status": {"preset": "mastodon-status"},
    "aging": {"aging": "half-life", "aging_half_life": "3h", "half_life": "4h", "exponent": 0.5},
    "bonus": {"weights": {"view": 1, "like": 2}, "bonus_kinds": ["like"], "half_life": "6h"},
    "sources": {"self_click_weight": 0.1, "position_bias": 1, "half_life": "1h"},
    "young": {"min_age": "90m", "half_life": "7h"},
    "burst": {"kind": "burst", "baseline": "1d", "minimum": 2},
    "squares": {"kind": "burst", "method": "chi-square", "baseline": "1d", "minimum": 2},
    "z": {"kind": "burst", "method": "z-score", "short": "2h", "baseline": "1d", "minimum": 0},
    "ewma": {"kind": "burst", "method": "ewma", "short": "1h", "baseline": "12h"},
    "share": {"kind": "burst", "method": "share", "short": "30m", "baseline": "1d", "movement": "3h"},
    "excess": {"kind": "burst", "method": "excess", "baseline": "1d", "minimum": 0},
    "latest": {"kind": "latest", "min_age": "10m", "max_age": "2d"},
    "full": {"half_life": "2h", "fill": "widen"},
    "full-young": {"half_life": "2h", "fill": "widen", "max_age": "8h"},
    "full-above": {"half_life": "8h", "fill": "widen", "floor": 2, "min_count": 3, "weights": WEIGHTS},
    "full-power": {"decay": "power", "fill": "widen", "max_age": "1d"},
}
OTHERS: dict[str, dict[str, Any]] = {
    "filled": {"fill": "widen", "decay": "window", "window": "4h"},
    "newest": {"fill": "latest"},
    "kept": {"hysteresis": 0.2},
    "tenure": {"max_tenure": "6h"},
    "scaled": {"scale": "section-best"},
    "percentile": {"section_floor": 50},
    "held": {"kind": "burst", "hold": "12h", "baseline": "1d"},
    "ratio": {"kind": "burst", "method": "ratio"},
    "yesterday": {"period": "yesterday"},
    "blend": {"decay": "day-blend"},
    "topic": {"shape": "discourse-top"},
    "revived": {"preset": "discourse-hot"},
    "rising": {"kind": "burst", "method": "acceleration", "minimum": 0},
    "day": {"kind": "burst", "period": "today"},
}
#: Lists that leave out what others show; with those they are of.
APART: dict[str, dict[str, Any]] = {
    **{name: FITTING[name] for name in ("hours", "window", "burst", "all")},
    "apart": {"kind": "burst", "baseline": "1d", "minimum": 1, "without": "hours"},
    "later": {"kind": "burst", "baseline": "12h", "minimum": 0, "movement": "7h", "without": ["apart", "window"]},
    "third": {"half_life": "4h", "without": "later,all", "max_per_section": 1},
    "newer": {"kind": "latest", "without": "third"},
    "filled": {"half_life": "1h", "fill": "widen", "without": ["hours", "lasting"]},
    "lasting": {"half_life": "1h", "max_tenure": "6h", "hysteresis": 0.1, "without": "whole"},
    "whole": {"half_life": "2h", "sections": False, "size": 2},
}
CHANNELS = ["view", "click", "like", "click@list:populer#2", "click@mail"]
SECTIONS = [None, "Politik", "Olahraga"]
EDITED = ("hours", "window", "burst", "all")

Event = tuple[str, float, int, str]  # item, epoch seconds, events, channel
Said = tuple[str, float, str | None, str | None]  # item, epoch seconds, section, group


class Newsroom:
    """Seeded chance: what happens at a site of which most items are read no more."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.groups = self._random.choice([[None], [None, "a", "b", "c"]])
        self.items = [f"berita {number}" for number in range(self._random.choice([12, 40, 90]))]

    def events(self, at: float, many: int, ages: Sequence[float]) -> list[Event]:
        """Events at about these ages (seconds)."""
        random = self._random
        return [
            (
                min(random.choices(self.items, k=3)),
                at - random.choice(ages) * random.random(),
                random.choice([1, 1, 2, 7]),
                random.choice(CHANNELS),
            )
            for _ in range(many)
        ]

    def described(self, at: float, many: int) -> list[Said]:
        """Items with their publish times, sections and groups."""
        random = self._random
        return [
            (
                random.choice(self.items),
                at + HOUR_S - random.random() * 3 * DAY_S,
                random.choice(SECTIONS),
                random.choice(self.groups),
            )
            for _ in range(many)
        ]

    def happens(self, chance: float) -> bool:
        return self._random.random() < chance

    def wait_s(self) -> float:
        return self._random.choice([5.0, 5.0, 300.0, 2000.0, 9000.0, 30_000.0])

    def some(self, many: int, of: Sequence[str] = ()) -> list[str]:
        return self._random.sample(of or self.items, min(many, len(of or self.items)))


def shown(ranker: Ranker, ranking: Ranking) -> list[tuple[Any, ...]]:
    """A ranking without its rows' numbers."""
    names, before = ranker.pool.names, ranking.previous
    return [
        (
            names[row],
            None if ranking.score is None else float(ranking.score[row]).hex(),
            None if before is None else before.get(row, 0),
            None if ranking.times_usual is None else float(ranking.times_usual[row]),
            float(ranker.views[row]),
            float(ranker.published[row]),
        )
        for row in ranking.rows.tolist()
    ]


def ranked_whole(site: Site, at: float, lists: Mapping[str, ListSettings]) -> dict[str, Any]:
    site.catalogue.choose({of_list for each in lists.values() for of_list in each.filters})
    ranker = Ranker(site, Moment(at, at), UTC)
    found = {}
    for name, each in lists.items():
        visible = VisibleParts(lists, lambda: ranker)
        rankings = ranker.rank_selected_sections(visible.selector(ranker, name, each))
        found[name] = {section: shown(ranker, ranking) for section, ranking in rankings.items()}
    return found


def ranked_steadily(
    incremental: IncrementalRanker, site: Site, at: float, lists: Mapping[str, ListSettings]
) -> dict[str, Any]:
    site.catalogue.choose({of_list for each in lists.values() for of_list in each.filters})
    ranked = incremental.ranked(site, Moment(at, at), UTC, lists)
    incremental.prepare(site, UTC, lists)
    return {
        name: {section: shown(each.ranker, ranking) for section, ranking in each.sections.items()}
        for name, each in ranked.items()
    }


def proven_lists(incremental: IncrementalRanker, site: Site, at: float, lists: Mapping[str, ListSettings]) -> set[str]:
    """The lists that were ranked from their shortlists."""
    ranked = incremental.ranked(site, Moment(at, at), UTC, lists)
    return {name for name, each in ranked.items() if isinstance(each.ranker.pool, ShortlistPool)}


def lists_of(tables: Mapping[str, dict[str, Any]], **over: Any) -> dict[str, ListSettings]:
    lists = Settings.model_validate(
        {"lists": {name: {**SHORT, **over, **table} for name, table in tables.items()}}
    ).lists
    return {name: lists[name] for name in tables}


def anew(site: Site, seen: Iterable[Event], since: float) -> Site:
    """The same site in a process that has just started, which heard of everything in another order."""
    fresh = Site()
    for item, ts, n, channel in sorted(seen, key=lambda each: (each[3], -each[1])):
        fresh.see(item, ts, n, channel)
    fresh.history.forget_before(since)
    fresh.removed, fresh.edits = site.removed, site.edits
    return fresh


FITTING_LISTS, APART_LISTS = lists_of(FITTING), lists_of(APART)
#: A list whose sections have half-lives of their own.
LEVELS = list_of(**SHORT).under(LearnedSetting(1800.0, 1.0, sections={"Politik": 5400.0, "Olahraga": 48_600.0}))
FITTING_LISTS["levels"] = APART_LISTS["hours"] = LEVELS
#: As strong as any: at the bound up and down, and in between.
CORRECTION = Correction(7200.0, 3600.0, {"level": -0.1, "30m": 0.9, "last 1h": 0.4, "age": -0.3, "1d x reads": 0.1})
FORECAST = LearnedSetting(7200.0, 1.0, correction=CORRECTION, sections={"Politik": 14_400.0})
FITTING_LISTS["forecast"] = list_of(**SHORT, decay="forecast").under(FORECAST)
FITTING_LISTS["forecast-full"] = list_of(**SHORT, decay="forecast", fill="widen", max_age="8h").under(FORECAST)
CHOICE = ReaderFilter(section="politik")


def with_narrowed(lists: Mapping[str, ListSettings]) -> Mapping[str, ListSettings]:
    """The lists, and of each what a reader's filter takes."""
    return {**lists, **{name + CHOICE.key: each.with_choice(CHOICE.item_filter) for name, each in lists.items()}}


@pytest.fixture(scope="module")
def _no_more_rows_than_it_takes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shortlist, "SPARE_ROWS", 0)
        yield


@pytest.mark.soak
@pytest.mark.usefixtures("_no_more_rows_than_it_takes")
@settings(max_examples=either(12, 1000), deadline=None)
@pytest.mark.parametrize("lists", [FITTING_LISTS, APART_LISTS], ids=["fitting", "apart"])
@given(seed=st.integers(0, 2**32))
def test_incremental_ranker_agrees_after_days_with_one_that_has_just_started(
    lists: Mapping[str, ListSettings], seed: int
) -> None:
    chance, site, incremental, at, since = Newsroom(seed), Site(), IncrementalRanker(), NOW, -math.inf
    seen: list[Event] = []
    said: dict[str, tuple[float, str | None, str | None]] = {}
    listed: list[str] = []

    def happen(events: Iterable[Event], described: Iterable[Said]) -> None:
        for event in events:
            seen.append(event)
            site.see(*event)
        site.history.forget_before(since)
        for item, *about in described:
            said[item] = (about[0], about[1], about[2])
            site.put(item, *said[item])

    happen(chance.events(at, 250, [3 * DAY_S, 3 * DAY_S, HOUR_S]), chance.described(at, 60))
    for _ in range(6):
        happen(chance.events(at, 4, [600.0, 4 * HOUR_S]), chance.described(at, 1) if chance.happens(0.3) else [])
        if chance.happens(0.3):
            happen(chance.events(at, 2, [3 * DAY_S]), [])
        if chance.happens(0.3):
            site.removed |= frozenset(chance.some(6, listed))
        if chance.happens(0.4):
            blocks = {Subject("block", "", "", item): Block(until=at + HOUR_S) for item in chance.some(4, listed)}
            voids = _voids(chance.some(3, listed), at - 9 * HOUR_S, 0.0)
            boosts = {**_boosts(chance.some(2), 10.0), **_boosts(chance.some(1), 0.1)}
            site.edits = Edits(1, {**blocks, **voids, **boosts, **_pins([*chance.some(2, listed), *chance.some(2)])})
        if chance.happens(0.2):
            since = at - 2 * DAY_S
            site.history.forget_before(since)
        fresh = anew(site, seen, since)
        for item, about in said.items():
            fresh.put(item, *about)
        wanted = with_narrowed(lists) if chance.happens(0.8) else lists
        found = ranked_whole(fresh, at, wanted)
        assert ranked_steadily(incremental, site, at, wanted) == found
        listed = sorted({item for name in EDITED for item, *_ in found[name][""]})
        at += chance.wait_s()


def _boosts(items: Iterable[str], factor: float) -> dict[Subject, Edit]:
    return {Subject("boost", name, "", item): Boost(factor) for name in EDITED for item in items}


def _pins(items: Iterable[str]) -> dict[Subject, Edit]:
    where = [("hours", ""), ("hours", "Politik"), ("apart", "")]
    return {Subject("pin", *each, item): Pin(1 + place) for each in where for place, item in enumerate(items)}


def _voids(items: Iterable[str], since: float, share: float) -> dict[Subject, Edit]:
    return {
        Subject("void", "", str(number), item): Void(since, None, ("view",), (), share)
        for number, item in enumerate(items, 1)
    }


def test_list_of_some_items_is_ranked_from_a_shortlist_of_its_own() -> None:
    site, incremental = busy(), IncrementalRanker()
    choice = ReaderFilter(section="rubrik 2")
    lists = {
        "hours": FITTING_LISTS["hours"],
        "hours" + choice.key: FITTING_LISTS["hours"].with_choice(choice.item_filter),
    }
    found = ranked_steadily(incremental, site, NOW, lists)["hours" + choice.key][""]
    assert [name for name, *_ in found] == [name for name, *_ in ranked_whole(site, NOW, lists)["hours"]["Rubrik 2"]]
    assert proven_lists(incremental, site, NOW, lists) == lists.keys()


def busy(items: int = 400, hours: int = 60, sections: int = 3) -> Site:
    """A site of which most items are read no more."""
    site, random = Site(), np.random.default_rng(7)
    for number in range(items):
        published = NOW - number / items * hours * HOUR_S
        site.put(f"item {number}", published, f"Rubrik {number % sections}")
        for age_s in random.exponential(2 * HOUR_S, 12):
            if published + age_s < NOW:
                site.see(f"item {number}", published + age_s, int(random.integers(1, 5)))
    return site


@pytest.mark.parametrize("name", FITTING)
def test_incremental_ranker_ranks_a_list_that_fits_from_its_shortlist(name: str) -> None:
    site, incremental, lists = busy(), IncrementalRanker(), lists_of({name: FITTING[name]}, size=2, depth=2)
    assert proven_lists(incremental, site, NOW, lists) == set()
    incremental.prepare(site, UTC, lists)
    for step in range(1, 4):
        at = NOW + 20.0 * step
        site.see(f"item {step}", at - 1, 30)
        site.see(f"item {300 + step}", at - 1, 3)
        proven = proven_lists(incremental, site, at, lists)
        assert ranked_steadily(incremental, site, at, lists) == ranked_whole(site, at, lists)
    assert proven == set(lists), "a shortlist that proved nothing was drawn wider"


def test_incremental_ranker_looks_only_at_rows_that_may_be_listed_or_were_read() -> None:
    site, incremental, lists = busy(2000), IncrementalRanker(), lists_of({"hours": {}, "update": {"kind": "latest"}})
    incremental.prepare(site, UTC, lists)
    rows = [len(each.ranker.pool.names) for each in incremental.ranked(site, Moment(NOW, NOW), UTC, lists).values()]
    assert rows[0] == rows[1] < 600
    assert len(site.history.items) == 2000


@pytest.mark.parametrize("name", OTHERS)
def test_incremental_ranker_ranks_all_rows_for_a_list_that_needs_them(name: str) -> None:
    site, incremental = busy(60), IncrementalRanker()
    lists = lists_of({name: OTHERS[name], "hours": {}})
    assert not fits(lists[name])
    for step in range(3):
        at = NOW + 5.0 * step
        assert ranked_steadily(incremental, site, at, lists) == ranked_whole(site, at, lists)
    assert proven_lists(incremental, site, NOW + 20, lists) == {"hours"}


def test_incremental_ranker_looks_further_when_the_whole_shortlist_is_blocked() -> None:
    site, incremental, lists = busy(), IncrementalRanker(), lists_of({"hours": {}})
    incremental.prepare(site, UTC, lists)
    (few,) = incremental.ranked(site, Moment(NOW, NOW), UTC, lists).values()
    site.removed = frozenset(few.ranker.pool.names)
    assert proven_lists(incremental, site, NOW, lists) == set()
    assert ranked_steadily(incremental, site, NOW, lists) == ranked_whole(site, NOW, lists)
    assert proven_lists(incremental, site, NOW + 5, lists) == {"hours"}, "a wider one"


def test_incremental_ranker_ranks_from_its_shortlist_when_events_are_void_and_when_they_are_not_any_more() -> None:
    site, incremental, lists = busy(), IncrementalRanker(), lists_of({"hours": {}, "burst": FITTING["burst"]})
    incremental.prepare(site, UTC, lists)
    best = [item for item, *_ in ranked_whole(site, NOW, lists)["hours"][""]]
    for share in (0.0, 0.5):
        site.edits = Edits(1, _voids(best, NOW - 5 * HOUR_S, share))
        assert proven_lists(incremental, site, NOW, lists) == set(lists)
        assert ranked_steadily(incremental, site, NOW, lists) == ranked_whole(site, NOW, lists)
    site.edits = Edits()
    assert proven_lists(incremental, site, NOW, lists) == set(lists)
    assert [item for item, *_ in ranked_steadily(incremental, site, NOW, lists)["hours"][""]] == best


def test_incremental_ranker_ranks_all_rows_for_a_moment_long_past() -> None:
    site, incremental, lists = (
        busy(),
        IncrementalRanker(),
        lists_of({"hours": {}, "burst": {"kind": "burst", "minimum": 1}}),
    )
    incremental.prepare(site, UTC, lists)
    for at in (NOW - 3 * HOUR_S, NOW - 30 * HOUR_S):
        assert proven_lists(incremental, site, at, lists) == set()
        incremental.prepare(site, UTC, lists)


def test_incremental_ranker_keeps_the_other_shortlists_when_one_list_changes() -> None:
    site, incremental, before = busy(), IncrementalRanker(), lists_of({"hours": {}, "days": {}})
    incremental.prepare(site, UTC, before)
    after = {**before, **lists_of({"days": {"half_life": "9h"}})}
    assert proven_lists(incremental, site, NOW, after) == {"hours"}
    assert ranked_steadily(incremental, site, NOW, after) == ranked_whole(site, NOW, after)
    assert proven_lists(incremental, site, NOW + 5, after) == {"hours", "days"}


def test_incremental_ranker_begins_anew_in_another_zone_or_after_a_lost_store() -> None:
    site, incremental, lists = busy(), IncrementalRanker(), lists_of({"today": {"period": "today"}})
    incremental.prepare(site, UTC, lists)
    assert proven_lists(incremental, site, NOW, lists) == {"today"}
    (jakarta,) = incremental.ranked(site, Moment(NOW, NOW), ZoneInfo("Asia/Jakarta"), lists).values()
    assert not isinstance(jakarta.ranker.pool, ShortlistPool)
    assert proven_lists(incremental, busy(30), NOW, lists) == set()


def test_incremental_ranker_keeps_its_shortlist_when_buckets_come_late_are_sealed_or_forgotten() -> None:
    site, incremental, lists = busy(), IncrementalRanker(), lists_of({"hours": {}, "all": {"half_life": "none"}})
    incremental.prepare(site, UTC, lists)
    site.see("item 399", NOW - 40 * HOUR_S, 500)
    site.see("item 12", NOW - 30 * HOUR_S, 1, "click")
    site.see("tak dikenal", NOW - 20 * HOUR_S, 400)
    site.see("item 77", NOW - 90 * HOUR_S, 400)
    site.history.forget_before(NOW - 55 * HOUR_S)
    assert proven_lists(incremental, site, NOW, lists) == {"hours", "all"}
    assert ranked_steadily(incremental, site, NOW, lists) == ranked_whole(site, NOW, lists)
    listed = ranked_whole(site, NOW, lists)["all"][""]
    assert {name for name, *_ in listed} == {"item 399", "tak dikenal"}
    site.history.replace(Bucket(300, 0), 0, [b"view|item 5"], [1])
    assert ranked_steadily(incremental, site, NOW, lists) == ranked_whole(site, NOW, lists)


def whole_of(site: Site) -> Whole:
    """All that is known of a site's closed hours."""
    history, catalogue = site.history, site.catalogue
    snapshot = history.snapshot()
    counts = Counts(snapshot.columns, history.channels, len(history.items))
    published = catalogue.published(history.first_event())
    return Whole(counts, published, catalogue.section, catalogue.stored, catalogue.known, snapshot.until, UTC)


@pytest.mark.usefixtures("_no_more_rows_than_it_takes")
@pytest.mark.parametrize("name", [name for name, table in FITTING.items() if table.get("kind") != "burst"])
def test_shortlist_bounds_the_score_of_every_row_outside(name: str) -> None:
    site, settings = busy(), list_of(**{**FITTING[name], "size": 2, "depth": 2})
    whole = whole_of(site)
    found = shortlist.shortlist_of(settings, whole, reach_of("it", {"it": settings}))
    outside = np.setdiff1d(np.arange(len(site.history.items)), found.rows)
    read_no_more = np.setdiff1d(outside, site.history.cell_item[site.history.after(whole.until).cell])
    for later_s in (0.0, 20.0, HOUR_S, 9 * HOUR_S, 3 * DAY_S):
        rows = read_no_more if later_s else outside
        moment = Moment(whole.until + later_s, whole.until)
        candidates = Ranker(site, moment, UTC).pool.candidates(settings, moment)
        listed = rows[candidates.rule[rows] == Rule.LISTED]
        section = site.catalogue.section[listed] - NO_SECTION
        marks, falling = found.upper_bounds.copy(), found.upper_bounds > 0
        if not math.isinf(found.half_life_s):
            marks[falling] = np.maximum(marks[falling] * 2.0 ** (-later_s / found.half_life_s), LEAST_SCORE)
        assert (candidates.score[listed] <= marks[section] * (1 + 1e-12)).all()
        if not later_s and name == "hours":
            best = [candidates.score[listed[section == each]].max() for each in np.unique(section)]
            assert best == pytest.approx(marks[np.unique(section)]), "the mark is the best of the rest, and no more"


def test_incremental_ranker_sees_a_boost_of_an_unread_item_at_once() -> None:
    site, incremental, lists = busy(), IncrementalRanker(), lists_of({"hours": {}})
    incremental.prepare(site, UTC, lists)
    assert proven_lists(incremental, site, NOW, lists) == {"hours"}
    site.edits = Edits(1, _boosts(["item 250"], 1e9))
    assert proven_lists(incremental, site, NOW, lists) == {"hours"}
    found = ranked_steadily(incremental, site, NOW, lists)
    assert found == ranked_whole(site, NOW, lists)
    assert found["hours"][""][0][0] == "item 250"


@pytest.mark.usefixtures("_no_more_rows_than_it_takes")
def test_incremental_ranker_ranks_lists_from_shortlists_that_leave_out_what_others_show() -> None:
    site, incremental = busy(), IncrementalRanker()
    tables = {name: table for name, table in APART.items() if name not in ("filled", "lasting", "whole")}
    lists = lists_of(tables, size=2, depth=2)
    incremental.prepare(site, UTC, lists)
    for step in range(1, 5):
        at = NOW + 20.0 * step
        site.see(f"item {step}", at - 1, 30)
        proven = proven_lists(incremental, site, at, lists)
        assert ranked_steadily(incremental, site, at, lists) == ranked_whole(site, at, lists)
    assert proven == set(lists), "one that others look at some hours ago was drawn wider"


def test_incremental_ranker_draws_anew_when_a_list_that_is_left_out_becomes_longer() -> None:
    site, incremental = busy(), IncrementalRanker()
    before = lists_of({"hours": {}, "rest": {"half_life": "3h", "without": "hours"}})
    after = lists_of({"hours": {"size": 40, "depth": 40}, "rest": {"half_life": "3h", "without": "hours"}})
    incremental.prepare(site, UTC, before)
    assert proven_lists(incremental, site, NOW, before) == {"hours", "rest"}
    assert ranked_steadily(incremental, site, NOW, after) == ranked_whole(site, NOW, after)
    assert proven_lists(incremental, site, NOW, after) == {"hours", "rest"}
