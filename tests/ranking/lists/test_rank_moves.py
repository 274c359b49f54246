"""An explanation names every term of a score, and all that has put an item elsewhere than its score alone would."""

from typing import Any

import pytest
from views import Site, list_of

from ranking.lists.explain import amount, explain
from ranking.lists.explanation import Explanation
from ranking.published.edits import Block, Boost, Edits, Pin, Subject
from ranking.published.snapshot import WHOLE_SITE
from ranking.settings.presets import PRESETS

NOW = 1_764_532_800.0
HOUR_S = 3600.0
ADDING: dict[str, dict[str, Any]] = {
    "shape": {"shape": "log", "decay": "window"},
    "exponent": {"exponent": 2},
    "aging": {"aging": "gravity", "shape": "minus-one"},
    "bonus": {"weights": {"view": 1, "click": 2}, "bonus_kinds": ["click"]},
    "revival": {"aging": "gravity", "revival": "1d", "half_life": "none"},
    "topic": {"shape": "discourse-top", "weights": {"view": 1, "like": 1, "reply": 1}},
    "best": {"scale": "section-best", "half_life": "none"},
    "activity": {"scale": "section-activity", "aging": "half-life"},
    "burst": {"kind": "burst", "minimum": 1, "scale": "section-best"},
    "held": {"kind": "burst", "minimum": 1, "hold": "6h"},
    "ratio": {"kind": "burst", "method": "ratio", "minimum": 1},
}


def site() -> Site:
    """Items a to f by their reads, in two sections by turns, c of the first with clicks."""
    found = Site()
    for number, item in enumerate("abcdef"):
        found.put(item, NOW - (number + 1) * HOUR_S, ("Politik", "Olahraga")[number % 2])
        found.see(item, NOW - 600, 60 - 10 * number)
        found.see(item, NOW - 5 * HOUR_S, 9)
        for kind in ("click", "like", "reply"):
            found.see(item, NOW - 700, number + 1, kind)
    return found


def why(of: Site, item: str, section: str = WHOLE_SITE, **table: Any) -> Explanation:
    found = explain(of.ranker(NOW), item, "it", list_of(**table), section, {})
    assert found is not None
    return found


def moved(found: Explanation) -> list[tuple[str, int]]:
    return [(move.by, move.places) for move in found.moves]


@pytest.mark.parametrize("table", [*ADDING.values(), *({"preset": name} for name in PRESETS)], ids=str)
def test_terms_come_to_the_score_exactly_with_and_without_boosts(table: dict[str, Any]) -> None:
    of = site()
    for boosts in ({}, {Subject("boost", "it", "", item): Boost(1.7) for item in "be"}):
        of.edits = Edits(1, boosts)
        ranker = of.ranker(NOW)
        ranking = ranker.rank(list_of(**table), WHOLE_SITE, ranker.boosts_of("it"))
        for rank, row in enumerate(ranking.rows.tolist(), 1):
            found = why(of, ranker.pool.names[row], **table)
            assert found.rank == rank
            assert ranking.score is not None
            assert amount(found.terms) == found.score == ranking.score[row]
            assert found.terms[0].operation == "="
            assert ("boost" in [term.name for term in found.terms]) == bool(boosts)


def test_terms_name_every_factor() -> None:
    names = {name: [term.name for term in why(site(), "b", **table).terms] for name, table in ADDING.items()}
    assert names == {
        "shape": ["events", "shape"],
        "exponent": ["events", "shape"],
        "aging": ["events", "shape", "aging"],
        "bonus": ["events", "bonus"],
        "revival": ["events", "aging", "revival"],
        "topic": ["views", "first likes", "likes per reply", "ten replies", "replies"],
        "best": ["events", "scale"],
        "activity": ["events", "aging", "scale"],
        "burst": ["events", "usual", "scale"],
        "held": ["excess"],
        "ratio": ["ratio"],
    }


def test_moves_are_empty_when_an_item_stands_where_its_score_puts_it() -> None:
    found = why(site(), "c")
    assert (found.rank, found.place, found.shown, found.moves) == (3, 3, 3, [])
    assert found.above is not None
    assert found.below is not None
    assert found.above.margin == found.above.score - (found.score or 0)
    assert found.below.margin == (found.score or 0) - found.below.score


def test_moves_name_a_pin_for_its_item_and_for_those_it_pushes() -> None:
    of = site()
    of.edits = Edits(1, {Subject("pin", "it", "", "e"): Pin(1), Subject("pin", "it", "", "unknown"): Pin(3)})
    up = why(of, "e")
    assert (up.rank, up.shown, moved(up), up.moves[0].position) == (5, 1, [("pin", 4)], 1)
    down = why(of, "c")
    assert (down.rank, down.shown, moved(down)) == (3, 5, [("pin", -2)])
    assert moved(why(of, "f")) == [("pin", -1)]
    assert why(of, "e", "Politik").moves == []


def test_place_with_pins_shows_an_unranked_pin_and_hides_a_blocked_one() -> None:
    of = site()
    of.put("z", NOW - HOUR_S, "Politik")
    pin = {Subject("pin", "it", "", "z"): Pin(2)}
    of.edits = Edits(1, pin)
    found = why(of, "z")
    assert (found.rank, found.shown, found.rule) == (None, 2, "no_score")
    assert moved(found) == [("pin", 0)]
    of.edits = Edits(2, {**pin, Subject("block", "", "", "z"): Block()})
    assert (why(of, "z").shown, why(of, "z").moves) == (None, [])
    assert why(of, "c").shown == 3


def test_moves_name_the_cap_for_items_of_other_sections() -> None:
    found = why(site(), "f", max_per_section=2)
    assert (found.rank, found.place) == (None, 6)
    assert found.rule == "over_section_cap"
    found = why(site(), "d", max_per_section=1)
    assert found.rule == "over_section_cap"
    of = site()
    of.see("lone", NOW - 600, 15)
    found = why(of, "lone", max_per_section=1)
    assert (found.rank, found.place) == (3, 7)
    assert moved(found) == [("max_per_section", 4)]


def test_moves_count_the_places_of_a_boost() -> None:
    of = site()
    of.edits = Edits(1, {Subject("boost", "it", "", "e"): Boost(3.0)})
    assert moved(why(of, "e")) == [("boost", 4)]
    assert moved(why(of, "b")) == [("boost", -1)]
    assert moved(why(of, "f")) == []


def test_moves_name_the_hysteresis_that_keeps_an_item() -> None:
    of = site()
    of.see("e", NOW - 60, 12)  # beats d, but not clearly
    found = why(of, "e", size=4, hysteresis=0.5)
    assert (found.rank, found.place) == (5, 4)
    assert moved(found) == [("hysteresis", -1)]
    assert moved(why(of, "d", size=4, hysteresis=0.5)) == [("hysteresis", 1)]
