"""A setting that has no effect in its list is refused, with the reason and one way out."""

from typing import Any, Literal

import pytest
from pydantic import ValidationError

from ranking.settings.decays import AGINGS, DECAYS
from ranking.settings.lists import DEFAULT_LISTS, ListSettings, only_used, with_changes, with_defaults
from ranking.settings.presets import PRESETS
from ranking.settings.service import Settings
from ranking.settings.uses import KINDS, METHODS, idle_reasons

SETTINGS = {field.alias or name for name, field in ListSettings.model_fields.items()}
#: A value other than the default for each setting that some choice governs.
VALUES: dict[str, Any] = {
    "half_life": "3h", "auto": False, "objective": {"horizon": "2h"}, "window": "2d", "period": "today",
    "power": 2, "power_scale": "2h", "daily": 0.5, "aging_half_life": "3h", "gravity": 2, "gravity_offset": "3h",
    "short": "30m", "baseline": "3d", "poisson_floor": False,
}  # fmt: skip


def reasons(**table: Any) -> dict[str, str]:
    """Setting -> why it has no effect, as a file with this table is refused."""
    try:
        Settings.model_validate({"lists": {"it": table}})
    except ValidationError as error:
        (fault,) = error.errors()
        assert fault["type"] == "idle_setting", fault
        return {name.removeprefix("it."): reason for name, reason in fault["ctx"]["reasons"].items()}
    return {}


@pytest.mark.parametrize(
    ("table", "idle"),
    [
        ({"kind": "latest", "half_life": "1h"}, {"half_life"}),
        ({"kind": "latest", "weights": {"view": 1}, "movement": "2h"}, {"weights", "movement"}),
        ({"kind": "ranked", "method": "z-score", "short": "10m"}, {"method", "short"}),
        ({"kind": "burst", "decay": "linear", "window": "1d"}, {"decay", "window"}),
        ({"kind": "burst", "half_life": "1h"}, {"half_life"}),
        ({"kind": "burst", "method": "acceleration", "baseline": "1d"}, {"baseline"}),
        ({"kind": "burst", "method": "chi-square", "poisson_floor": False}, {"poisson_floor"}),
        ({"kind": "burst", "period": "today", "short": "30m"}, {"short"}),
        ({"kind": "burst", "peak_half_life": "1h"}, {"peak_half_life"}),
        ({"decay": "window", "half_life": "1h"}, {"half_life"}),
        ({"decay": "day-blend", "window": "1d", "period": "today"}, {"window", "period"}),
        ({"period": "today", "half_life": "1h"}, {"half_life"}),
        ({"period": "today", "week_start": "sunday"}, {"week_start"}),
        ({"gravity": 3}, {"gravity"}),
        ({"aging": "half-life", "gravity_offset": "3h"}, {"gravity_offset"}),
        ({"half_life": "2h", "objective": {"horizon": "2h"}}, {"objective"}),
        ({"revival_weights": {"view": 1}}, {"revival_weights"}),
        ({"position_cap": 5}, {"position_cap"}),
        ({"section_minimum": 3}, {"section_minimum"}),
        ({"preset": "reddit", "half_life": "1h"}, {"half_life"}),
    ],
)
def test_settings_without_effect_are_refused(table: dict[str, Any], idle: set[str]) -> None:
    assert reasons(**table).keys() == idle


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "burst", "method": "ewma", "half_life": "1h", "poisson_floor": False},
        {"kind": "burst", "hold": "1d", "peak_half_life": "1h"},
        {"kind": "latest", "max_age": "2d", "min_age": "1m", "max_per_section": 2, "fill": "latest"},
        {"kind": "latest", "fill": "widen", "half_life": "1h", "weights": {"view": 2}},
        {"half_life": "auto", "objective": {"pin": "1h"}, "window": "7d", "auto": True},
        {"decay": "forecast", "half_life": "1h", "objective": {"horizon": "2h"}},
        {"decay": "linear", "window": "1d", "period": "today"},
        {"kind": "burst", "period": "this week", "week_start": "sunday"},
        {"revival": "1d", "revival_weights": {"view": 1}, "gravity": 2, "gravity_offset": "1h"},
        {"aging": "gravity", "gravity": 2},
        {"decay": "day-blend", "fill": "widen", "window": "2d"},
        {"position_bias": 1, "position_cap": 5, "section_floor": 50, "section_minimum": 3},
        {"preset": "hacker-news", "gravity": 1.5},
    ],
)
def test_settings_with_an_effect_are_not_refused(table: dict[str, Any]) -> None:
    assert reasons(**table) == {}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", [*DEFAULT_LISTS, "another"])
def test_presets_and_defaults_may_carry_what_their_list_does_not_use(preset: str, name: str) -> None:
    assert Settings.model_validate({"lists": {name: {"preset": preset}}}).lists[name].preset == preset


def test_a_reason_names_the_choice_its_preset_and_the_ways_out() -> None:
    assert reasons(decay="window", half_life="1h") == {
        "half_life": 'has no effect with decay = "window". Remove it, or set decay = "half-life" or decay = "forecast".'
    }
    assert reasons(preset="reddit", gravity=2) == {
        "gravity": 'has no effect with aging = "half-life" (of preset reddit). Remove it, or set aging = "gravity".'
    }
    assert reasons(position_cap=5) == {
        "position_cap": "has no effect with position_bias = 0. Remove it, or set position_bias."
    }


@pytest.mark.parametrize(
    ("choice", "values"), [("decay", list(DECAYS)), ("aging", list(AGINGS)), ("method", list(METHODS))]
)
def test_every_setting_that_a_choice_governs_has_an_effect_with_some_value_and_none_with_another(
    choice: Literal["decay", "aging", "method"], values: list[str]
) -> None:
    kind = "burst" if choice == "method" else "ranked"
    uses = {"decay": {name: row.uses for name, row in DECAYS.items()}, "aging": AGINGS, "method": METHODS}[choice]
    for setting in {name for names in uses.values() for name in names} - {"objective", "period"}:
        for value in values:
            table = {"kind": kind, choice: value, setting: VALUES[setting]}
            if value == "linear":
                table.setdefault("window", "1d")
            assert (setting in reasons(**table)) == (setting not in uses[value]), (setting, value)


def test_every_setting_of_a_list_is_used_by_some_kind() -> None:
    assert KINDS["ranked"] | KINDS["burst"] | KINDS["latest"] == SETTINGS
    assert {name for row in DECAYS.values() for name in (*row.uses, *row.identity)} <= SETTINGS
    assert all(set(row.slides) <= set(row.uses) for row in DECAYS.values())


def test_a_preview_refuses_what_it_names_and_drops_what_it_leaves_without_effect() -> None:
    table = {"half_life": "3h", "weights": {"vote": 1}}
    assert with_changes("it", table, {"decay": "window", "window": "1d"}).window_s == 86_400
    assert with_changes("it", table, {"preset": "lobsters"}).weights == {"vote": 1}
    assert with_changes("it", {**table, "preset": "reddit"}, {"half_life": "2h", "decay": "half-life"})
    for changes, sentence in (
        ({"gravity": 2}, 'gravity: has no effect with aging = "none". Remove it, or set aging = "gravity".'),
        ({"half_life": 2}, 'half_life: expected a duration such as "2h", found the number 2. '),
        ({"kind": "latest", "half_life": "1h"}, 'half_life: has no effect with kind = "latest". '),
    ):
        with pytest.raises(ValueError, match=r"^half_life|^gravity") as refused:
            with_changes("it", table, changes)
        assert str(refused.value).startswith(sentence)


def test_a_preview_of_another_preset_takes_the_weights_of_the_first_with_it() -> None:
    assert (
        with_changes("it", {"preset": "lobsters"}, {"preset": "discourse-top"}).weights
        == PRESETS["discourse-top"].settings["weights"]
    )


def test_a_preview_of_a_period_counts_all_alike_and_one_without_it_forgets_again() -> None:
    today = with_changes("it", {"half_life": "3h"}, {"period": "today"})
    assert (today.period, today.decay) == ("today", "window")
    assert with_changes("it", {"period": "today"}, {"period": "none"}).decay == "half-life"
    assert with_changes("it", {"decay": "half-life"}, {"period": "today"}).decay == "half-life", "it is named"


def test_settings_know_the_table_of_a_list_as_it_is_written() -> None:
    settings = Settings.model_validate({"lists": {"it": {"half_life": "3h"}}})
    assert (settings.table("it"), settings.table("populer")) == ({"half_life": "3h"}, {})
    assert settings.model_copy(update={"lists": settings.lists}).table("it") == {"half_life": "3h"}


def test_a_table_that_cannot_be_used_is_left_for_the_check_that_says_why() -> None:
    assert only_used("it", {"decay": "wrong", "half_life": "1h"}, ()) == {"decay": "wrong", "half_life": "1h"}


def test_a_list_as_it_is_uses_every_default_it_was_given() -> None:
    for name in DEFAULT_LISTS:
        settings = ListSettings.model_validate(with_defaults(name, {}))
        assert idle_reasons(settings, DEFAULT_LISTS[name]) == {}
