"""A list that tunes itself moves to the half-life that its past speaks for, slowly, within bounds, and says why."""

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from planted import START, counted, rising, steady, wandering
from views import Site, list_of

from ranking.settings.learned import Correction, LearnedSetting, Tuned
from ranking.settings.lists import ListSettings
from ranking.tuning.nightly import FACTOR, suggestion

HOUR_S, DAY_S = 3600.0, 86_400.0
JAKARTA = ZoneInfo("Asia/Jakarta")
AFTER_ALL = START + 300 * HOUR_S
CORRECTION = Correction(7200.0, HOUR_S, {"age": 0.1})


def auto(**objective: Any) -> ListSettings:
    return list_of(half_life="auto", size=10, objective=objective)


def nights(site: Site, settings: ListSettings, first_s: float, number: int = 6) -> list[Tuned]:
    """Night after night on the same past, each from where the last one went."""
    learned, found = LearnedSetting(first_s, 1.0), []
    for night in range(number):
        found.append(suggestion(site, "populer", settings, learned, AFTER_ALL + night, JAKARTA))
        learned = found[-1].after
    return found


@pytest.fixture(scope="module")
def three_hours() -> Site:
    return wandering(3, hours=300)


@pytest.mark.parametrize("first_h", [0.25, 3.0, 24.0])
def test_suggestion_comes_to_the_planted_half_life_from_anywhere_and_stays(three_hours: Site, first_h: float) -> None:
    found = nights(three_hours, auto(), first_h * HOUR_S)
    captures = {trial.half_life_s: trial.capture for trial in found[-1].trials}
    assert captures[found[-1].after.half_life_s] > max(captures.values()) - 0.005
    assert not found[-1].moved
    assert found[-1].why.startswith("It stays at ")
    for each in found:
        assert max(each.before.half_life_s, each.after.half_life_s) <= FACTOR * min(
            each.before.half_life_s, each.after.half_life_s
        ), "a night is a factor of two at most"
        assert each.moved == (each.after.half_life_s != each.before.half_life_s)
        assert each.after.since == (each.at if each.moved else each.before.since)


def test_suggestion_has_its_evidence_in_numbers_and_words(three_hours: Site) -> None:
    (found,) = nights(three_hours, auto(), 24 * HOUR_S, 1)
    assert found.moved
    assert found.why.startswith("It goes to 12h, on its way to ")
    assert "of the traffic 93.0 %, which is more by at least 1.4 points" in found.why
    assert found.after.why.startswith("by 12 days: caught ")
    assert found.steps > 200
    assert found.days >= 10
    by_half_life = {trial.half_life_s: trial for trial in found.trials}
    assert found.suggested_s is not None
    assert by_half_life[found.suggested_s].capture > max(trial.capture for trial in found.trials) - 0.002
    assert {15 * 60.0, 24 * HOUR_S} <= by_half_life.keys()
    changed = [
        by_half_life[each].changed for each in sorted(h for h in by_half_life if h is not None and h <= 8 * HOUR_S)
    ]
    assert changed == sorted(changed, reverse=True)
    interval = by_half_life[found.suggested_s].interval
    assert interval is not None
    assert interval[0] <= by_half_life[found.suggested_s].capture <= interval[1]


def test_suggestion_moves_within_its_bounds_alone(three_hours: Site) -> None:
    for shortest, longest, expected in (("30m", "1h", HOUR_S), ("8h", "1d", 8 * HOUR_S)):
        found = nights(three_hours, auto(shortest=shortest, longest=longest), 8 * HOUR_S)
        assert found[-1].after.half_life_s == expected
        assert {trial.half_life_s for trial in found[-1].trials} <= {
            h * HOUR_S for h in (0.5, 0.75, 1, 8, 12, 18, 24)
        }, "and tries nothing else"


def test_suggestion_takes_the_best_that_changes_no_more_than_is_accepted(three_hours: Site) -> None:
    free = nights(three_hours, auto(), 3 * HOUR_S, 1)[0]
    limit = 0.6 * next(trial.changed for trial in free.trials if trial.half_life_s == free.after.half_life_s)
    found = nights(three_hours, auto(changes=limit), 3 * HOUR_S)[-1]
    accepted = [trial for trial in found.trials if trial.changed <= limit]
    assert found.accepted == limit
    assert found.after.half_life_s == max(accepted, key=lambda trial: trial.capture).half_life_s
    assert found.after.half_life_s > free.after.half_life_s


def test_suggestion_goes_to_the_calmest_when_none_is_as_calm_as_is_accepted(three_hours: Site) -> None:
    found = nights(three_hours, auto(changes=0.001), 12 * HOUR_S)
    calmest = min(found[-1].trials, key=lambda trial: trial.changed)
    assert found[-1].after.half_life_s == calmest.half_life_s
    assert calmest.changed > 0.001
    assert "no half-life within the bounds changes as little as the objective accepts" in found[0].why


def test_suggestion_stays_at_a_pin_and_says_what_it_would_be(three_hours: Site) -> None:
    settings = auto(pin="1d")
    assert settings.half_life_s == DAY_S, "from the first moment on"
    assert settings.under(LearnedSetting(3 * HOUR_S, 1.0)).half_life_s == DAY_S
    found = nights(three_hours, settings, 12 * HOUR_S, 2)
    assert [each.after.half_life_s for each in found] == [DAY_S, DAY_S]
    assert found[1].pinned
    assert not found[1].moved
    assert found[1].suggested_s is not None
    assert 2 * HOUR_S <= found[1].suggested_s <= 4 * HOUR_S
    assert found[1].why.startswith("It is pinned to 1d. ")


def test_suggestion_stays_with_the_traffic_until_seven_days_are_judged() -> None:
    site = wandering(3, hours=24 * 7)  # six days to judge by: the planted half-life is surely better on each
    before = LearnedSetting(900.0, 5.0, reads=6_000.0)
    found = suggestion(site, "populer", auto(), before, START + 24 * 7 * HOUR_S, JAKARTA)
    assert found.trials
    assert found.days < 7
    assert (found.after.half_life_s, found.after.since) == (900.0, 5.0)
    assert found.why == (
        "It stays at 15m: by the traffic, 5,864 reads an hour of the ten most read; 6 days say no more, it takes 7."
    )


def test_suggestion_stays_with_the_traffic_where_what_is_better_may_be_chance() -> None:
    draw = np.random.default_rng(4)
    site = counted(draw.poisson(0.05, (24 * 15, 300)).astype(np.float64))  # nothing is read more than anything else
    found = suggestion(site, "populer", auto(), LearnedSetting(7200.0, 0.0), START + 15 * DAY_S, JAKARTA)
    assert found.days >= 13
    assert max(trial.capture for trial in found.trials) > next(
        trial.capture for trial in found.trials if trial.half_life_s == found.after.half_life_s
    )
    assert found.after.reads is not None
    assert found.why.endswith("days nothing tried surely caught more.")


@pytest.mark.parametrize(
    ("hours", "sentence"),
    [
        (0, "It stays: there is no history: a warmup of 1d, 12 steps of 1h and a horizon of 1h take 1d12h."),
        (30, "It stays: the history is 1d6h long, and that is too short"),
    ],
)
def test_suggestion_stays_with_too_little_history_and_says_how_much_it_takes(hours: int, sentence: str) -> None:
    site = counted(np.full((hours, 3), 5.0)) if hours else Site()
    found = suggestion(site, "populer", auto(), LearnedSetting(7200.0, 0.0), START + 10 * DAY_S, JAKARTA)
    assert found.why.startswith(sentence)
    assert (found.after, found.moved, found.trials) == (LearnedSetting(7200.0, 0.0), False, ())


def test_suggestion_judges_only_the_days_of_the_objective(three_hours: Site) -> None:
    found = suggestion(three_hours, "populer", auto(history="3d"), LearnedSetting(7200.0, 0.0), AFTER_ALL, JAKARTA)
    assert found.first >= AFTER_ALL - 3 * DAY_S
    assert found.steps == 72


later = st.lists(st.tuples(st.integers(0, 199), st.integers(0, 90), st.integers(1, 10_000)), max_size=20)


@runs(deadline=None, max_examples=15)
@given(later, later, st.sampled_from(["auto", "forecast"]))
def test_suggestion_ignores_what_comes_later(
    one: list[tuple[int, int, int]], other: list[tuple[int, int, int]], kind: str
) -> None:
    settings = auto() if kind == "auto" else list_of(decay="forecast", size=10)
    found = []
    for future in (one, other):
        site = wandering(2, hours=110)
        at = START + 110 * HOUR_S
        for item, hour, n in future:
            site.see(f"item-{item:03}", at + hour * HOUR_S, n)
        site.see("item-000", at + 150 * HOUR_S)
        found.append(suggestion(site, "populer", settings, LearnedSetting(7200.0, 0.0), at, JAKARTA))
    assert found[0] == found[1]
    assert found[0].trials


def test_suggestion_says_which_half_lives_no_other_beats() -> None:
    found = suggestion(steady(), "populer", auto(longest="2d"), LearnedSetting(7200.0, 0.0), AFTER_ALL, JAKARTA)
    trials = {trial.half_life_s: trial for trial in found.trials}
    assert max(found.trials, key=lambda trial: trial.capture).on_front
    assert trials[172_800.0].on_front, "it changes least"
    assert not trials[900.0].on_front, "it catches less and changes more, and all items are equally old"


def test_suggestion_takes_a_forecast_that_surely_catches_more_and_says_what_it_is_worth() -> None:
    settings = list_of(decay="forecast", size=10)
    site, at = rising(260), START + 260 * HOUR_S
    found = suggestion(site, "populer", settings, LearnedSetting(7200.0, 0.0), at, JAKARTA)
    assert found.moved
    assert found.after.correction is not None
    assert found.after.correction.half_life_s == found.after.half_life_s
    assert "It is corrected by a forecast, which caught " in found.why
    assert [trial.half_life_s for trial in found.trials].count(None) == 1
    assert settings.under(found.after).correction == found.after.correction


@pytest.mark.parametrize(
    ("hours", "because"), [(220, "not surely more, so it is not used."), (110, "on 4 days, and it takes 7")]
)
def test_suggestion_keeps_to_the_half_life_where_a_forecast_surely_catches_no_more(hours: int, because: str) -> None:
    site, chance = Site(), np.random.default_rng(1)
    for hour in range(hours):
        for number, n in enumerate(chance.poisson(2.0, 30).tolist()):
            site.see(f"item-{number:03}", START + hour * HOUR_S, n)
    settings, before = list_of(decay="forecast", size=10), LearnedSetting(7200.0, 1.0, CORRECTION)
    found = suggestion(site, "populer", settings, before, START + hours * HOUR_S, JAKARTA)
    assert because in found.why
    assert found.after.correction is None
    assert found.moved
    alone = suggestion(site, "populer", auto(), before, START + hours * HOUR_S, JAKARTA)
    assert settings.under(found.after).half_life_s == alone.after.half_life_s, "it is that of a list without a forecast"


def test_suggestion_goes_to_longer_half_lives_night_after_night_when_nothing_changes() -> None:
    found = nights(steady(), auto(longest="2d"), HOUR_S, 4)
    assert [each.after.half_life_s / HOUR_S for each in found[:3]] == [2, 4, 8]


# As settings


def test_settings_take_what_a_list_has_learned_when_it_is_auto() -> None:
    settings = auto()
    assert (settings.auto, settings.learns, settings.half_life_s) == (True, True, 7200.0)
    assert settings.under(LearnedSetting(2700.0, 1.0)).half_life_s == 2700.0
    assert settings.under(None) == settings
    assert list_of(half_life="2h").under(LearnedSetting(2700.0, 1.0)).half_life_s == 7200.0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"half_life": "auto", "decay": "window"}, 'half_life: a duration, as "auto" is for kind = "ranked"'),
        ({"half_life": "auto", "kind": "burst"}, 'half_life: a duration, as "auto" is for kind = "ranked"'),
        ({"decay": "forecast", "kind": "burst"}, 'decay: not "forecast"'),
        ({"half_life": "auto", "objective": {"shortest": "2h", "longest": "1h"}}, "longest: not below shortest"),
        ({"half_life": "auto", "objective": {"changes": 0}}, "greater than 0"),
        ({"half_life": "auto", "objective": {"pin": "soon"}}, "a duration such as"),
    ],
)
def test_settings_refuse_what_cannot_be_learned(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        list_of(**settings)
