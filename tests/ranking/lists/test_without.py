"""A list with `without` has what others do not show: left out before the limit, in all of its sections."""

from typing import Any

import pytest
from pydantic import ValidationError
from views import Site

from ranking.lists.explain import explain
from ranking.lists.explanation import Explanation
from ranking.lists.ranker import Ranking
from ranking.lists.visible_parts import VisibleParts
from ranking.published.edits import Block, Edits, Pin, Subject
from ranking.settings.lists import ListSettings
from ranking.settings.service import Settings

NOW = 1_764_532_800.0
MINUTES_S = 600.0


def site() -> Site:
    """Items a to f by their reads, the most read first, in two sections by turns."""
    found = Site()
    for number, item in enumerate("abcdef"):
        found.put(item, NOW - (number + 1) * 3600.0, ("Politik", "Olahraga")[number % 2])
        found.see(item, NOW - MINUTES_S, 60 - 10 * number)
    return found


def lists_of(**tables: dict[str, Any]) -> dict[str, ListSettings]:
    return Settings.model_validate({"lists": tables}).lists


def ranking_of(of: Site, name: str, section: str = "", **tables: dict[str, Any]) -> tuple[list[str], Ranking]:
    ranker, lists = of.ranker(NOW), lists_of(**tables)
    visible = VisibleParts(lists, lambda: ranker)
    ranking = ranker.rank_selected(visible.selector(ranker, name, lists[name]), section)
    return [ranker.pool.names[row] for row in ranking.rows.tolist()], ranking


def listed(of: Site, name: str, section: str = "", **tables: dict[str, Any]) -> str:
    return "".join(ranking_of(of, name, section, **tables)[0])


def why(of: Site, item: str, **tables: dict[str, Any]) -> Explanation:
    lists = lists_of(**tables)
    found = explain(of.ranker(NOW), item, "trending", lists["trending"], "", {}, lists)
    assert found is not None
    return found


TWO = {"size": 2}


def test_trending_leaves_out_what_populer_shows_unless_the_file_says_otherwise() -> None:
    assert listed(site(), "populer", populer=TWO) == "abcdef"
    assert listed(site(), "trending", populer=TWO) == "cdef"
    assert listed(site(), "trending", populer=TWO, trending={"without": "none"}) == "abcdef"


def test_list_has_its_whole_size_when_others_take_its_first_rows() -> None:
    assert listed(site(), "trending", populer=TWO, trending={"size": 3, "depth": 3}) == "cde"


def test_section_list_leaves_out_what_the_same_section_of_the_other_shows() -> None:
    assert listed(site(), "trending", "Olahraga", populer={"size": 1}) == "df"
    assert listed(site(), "trending", "Olahraga", populer={"size": 4, "sections": False}) == "f"


def test_list_leaves_out_what_several_lists_show_and_what_these_leave_to_it() -> None:
    lagi = {"half_life": "1h", "size": 1, "without": "trending"}
    tables: dict[str, Any] = {"populer": TWO, "trending": {"size": 1}, "lagi": lagi}
    assert listed(site(), "lagi", **tables) == "abdef"
    assert listed(site(), "lagi", **{**tables, "lagi": {**lagi, "without": ["trending", "populer"]}}) == "def"


def test_list_leaves_out_what_fills_up_the_other_and_does_not_fill_itself_with_it() -> None:
    of = site()
    of.put("g", NOW - 1800.0)
    filled: dict[str, Any] = {"populer": {"size": 5, "floor": 30, "fill": "latest"}, "trending": {"fill": "latest"}}
    assert listed(of, "populer", **filled)[:5] == "abcgd"
    assert listed(of, "trending", **filled) == "ef"


def test_pinned_item_is_shown_and_the_one_that_it_displaces_is_not() -> None:
    of = site()
    of.edits = Edits(1, {Subject("pin", "populer", "", "f"): Pin(1)})
    assert listed(of, "trending", populer=TWO) == "bcde"
    assert listed(of, "trending", "Olahraga", populer={"size": 1}) == "df", "the pin is of the list of all sections"
    of.edits = Edits(2, {**of.edits.edits, Subject("block", "", "", "f"): Block()})
    assert listed(of, "trending", populer=TWO) == "cde", "a blocked item is shown nowhere, pinned or not"


def test_previous_ranks_are_of_what_the_other_list_did_not_show_then() -> None:
    of = Site()
    of.see("old", NOW - 7 * 86_400.0)
    for item, before, lately in (("a", 50, 0), ("b", 40, 90), ("c", 30, 80)):
        of.see(item, NOW - 3900.0, before)
        of.see(item, NOW - 60.0, lately)
    names, ranking = ranking_of(of, "trending", populer={"size": 1, "half_life": "5m"}, trending={"minimum": 1})
    assert names == ["c"]
    assert ranking.previous is not None
    assert {of.history.items[row]: rank for row, rank in ranking.previous.items()} == {"b": 1, "c": 2}


@pytest.mark.parametrize("preset", ["mastodon", "hacker-news"])
def test_preset_keeps_what_a_list_leaves_out(preset: str) -> None:
    assert listed(site(), "trending", populer=TWO, trending={"preset": preset, "floor": 0})[:1] == "c"


def test_explanation_names_the_list_that_shows_an_item_and_how_many_others_made_room() -> None:
    found = why(site(), "a", populer=TWO)
    assert (found.rule, found.rank, found.place) == ("shown_elsewhere", None, 1)
    assert found.why == "it is shown in populer, and this list leaves out what that shows"
    below = why(site(), "c", populer=TWO)
    assert (below.rank, [(move.by, move.places) for move in below.moves]) == (1, [("without", 2)])


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"trending": {"without": "populis"}}, "names of other lists (populer, update), found 'populis'"),
        ({"trending": {"without": ["trending"]}}, "names of other lists (populer, update), found 'trending'"),
        ({"populer": {"without": "trending"}}, "no list that leaves this one out itself, found"),
        (
            {"a": {"without": "b"}, "b": {"without": "c"}, "c": {"without": "a"}},
            "no list that leaves this one out itself, found",
        ),
    ],
)
def test_settings_are_refused_when_a_list_leaves_out_itself_or_one_that_is_not_there(
    tables: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=r"lists\.\w+\.without: ") as caught:
        lists_of(**tables)
    assert sentence in str(caught.value)
