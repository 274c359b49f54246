"""The memory of places: it lasts two hours, and is bounded however much the lists move."""

import pytest

from api.serving import shown_places
from api.serving.shown_places import KEPT_S, SHIFT, ShownPlaces

NOW = 1_764_532_140.0


def test_a_place_lasts_from_when_it_was_left() -> None:
    places = ShownPlaces()
    places.put("populer", {"": list("abcdefgh")}, NOW)
    places.put("populer", {"": list("hbcdefga")}, NOW + 3 * KEPT_S)
    for second, seen in ((0.0, True), (KEPT_S, True), (KEPT_S + 1, False)):
        assert places.has("populer", "h", 8, NOW + 3 * KEPT_S + second) is seen
    assert places.has("populer", "h", 1, NOW + 9 * KEPT_S)
    assert not places.has("populer", "b", 8, NOW)
    assert not places.has("other", "a", 1, NOW)


@pytest.mark.parametrize(("position", "seen"), [(9, False), (8, True), (8 - SHIFT, True), (7 - SHIFT, False)])
def test_an_item_may_have_been_seen_a_few_places_further_up(position: int, seen: bool) -> None:
    places = ShownPlaces()
    places.put("populer", {"": list("abcdefgh")}, NOW)
    assert places.has("populer", "h", position, NOW) is seen
    places.put("populer", {"": list("abcdefg")}, NOW)
    assert places.has("populer", "h", position, NOW) is seen
    assert places.has("populer", "h", None, NOW)


def test_each_section_has_places_of_its_own() -> None:
    places = ShownPlaces()
    places.put("populer", {"": list("abcdefgh"), "Ekonomi": list("gh")}, NOW)
    assert places.has("populer", "h", 2, NOW)
    assert not places.has("populer", "h", 4, NOW)
    places.put("populer", {"": list("abcdefgh")}, NOW)
    assert places.has("populer", "h", 2, NOW + KEPT_S)
    assert not places.has("populer", "h", 2, NOW + KEPT_S + 1)


def test_a_list_that_moves_without_end_takes_a_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_places, "MAX_LEFT", 1_000)
    places = ShownPlaces()
    for turn in range(100):
        places.put("populer", {"": [f"{turn}-{place}" for place in range(50)]}, NOW + turn)
        assert places._lists["populer"].count <= 1_000 + 50
    assert places.has("populer", "98-7", 8, NOW + 99)
    assert places.has("populer", "90-7", 8, NOW + 99)
    assert not places.has("populer", "3-7", 8, NOW + 99)
