"""How a list forgets is said in words and drawn as a curve; both are the formula's own numbers."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.scoring.describe import MOST_SPAN_S, POINTS, ages_for, curve, in_words, weights
from ranking.settings.lists import DEFAULT_LISTS, ListSettings, with_defaults
from ranking.settings.presets import PRESETS
from ranking.settings.written import as_written
from ranking.times import exact_duration

HOUR_S, DAY_S = 3600.0, 86_400.0


def of_list(**table: Any) -> ListSettings:
    return ListSettings.model_validate(table)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"half_life": "6h"}, "After 6 h a view counts half, after 24 h 6 %."),
        ({"half_life": "2h"}, "After 2 h a view counts half, after 6 h 12 %."),
        ({"half_life": "20m"}, "After 20 min a view counts half, after 1 h 12 %."),
        ({"half_life": "90m"}, "After 1 h 30 min a view counts half, after 6 h 6 %."),
        ({"half_life": "none"}, "A view counts the same however old it is."),
        ({"decay": "daily", "daily": 0.5}, "After 24 h a view counts half, after 3 d 12 %."),
        ({"decay": "window", "period": "today"}, "Views of today count, by the site's calendar."),
        ({"kind": "latest"}, "The newest item stands first, whatever is read."),
        ({"kind": "burst"}, "Views of the last 1 h are held against what the 7 d before let expect."),
    ],
)
def test_a_list_says_how_it_forgets(table: dict[str, Any], words: str) -> None:
    assert in_words(of_list(**table)) == words


def test_a_window_cuts_what_a_half_life_leaves() -> None:
    assert in_words(of_list(half_life="2h", window="4h")) == "After 2 h a view counts half, after 4 h nothing."
    assert in_words(of_list(half_life="none", window="4h")) == "A view counts in full for 4 h, then not at all."


def test_the_age_of_items_is_said_too() -> None:
    said = in_words(of_list(half_life="6h", aging="half-life", aging_half_life="12h", max_age="3d"))
    assert said.endswith("An item counts half when it is 12 h old. Items over 3 d are left out.")


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_has_words_and_a_curve_or_none(preset: str) -> None:
    settings = with_defaults("of_others", {"preset": preset})
    of_others = ListSettings.model_validate(settings)
    assert in_words(of_others).endswith(".")
    drawn = curve(of_others, ages_for(of_others))
    assert drawn is None or (len(drawn) == POINTS and drawn[0] == 1)


@given(
    st.floats(60, 30 * DAY_S),
    st.one_of(st.just(math.inf), st.floats(60, 30 * DAY_S)),
    st.sampled_from(["half-life", "power", "daily", "window"]),
)
def test_a_curve_starts_at_one_and_never_rises(half_life_s: float, window_s: float, decay: str) -> None:
    settings = of_list(half_life=exact_duration(half_life_s), window=exact_duration(window_s), decay=decay)
    ages = ages_for(settings)
    assert ages[0] == 0
    assert HOUR_S <= ages[-1] <= MOST_SPAN_S
    found = weights(settings, ages)
    assert found is not None
    assert found[0] == 1
    assert (np.diff(found) <= 1e-12).all()
    assert in_words(settings)


@given(st.floats(60, 7 * DAY_S))
def test_after_a_half_life_the_curve_is_at_a_half(half_life_s: float) -> None:
    found = weights(of_list(half_life=exact_duration(half_life_s)), np.array([half_life_s]))
    assert found is not None
    assert math.isclose(float(found[0]), 0.5)


@pytest.mark.parametrize("name", DEFAULT_LISTS)
def test_settings_are_written_as_the_file_would_take_them(name: str) -> None:
    settings = ListSettings.model_validate(with_defaults(name, {}))
    assert ListSettings.model_validate(as_written(settings)) == settings
