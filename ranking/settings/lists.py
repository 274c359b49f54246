"""Settings of a list: which ranking it is, how long it is, and how it forgets."""

import math
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from ranking.calendar import NO_PERIOD, Period, WeekStart
from ranking.intake.events import DEFAULT_KIND, channel_kind
from ranking.intake.item_filter import ItemFilter, Names, names_of
from ranking.intake.patterns import url_pattern
from ranking.settings.decays import AGINGS, DECAYS, FORECAST
from ranking.settings.learned import Correction, LearnedSetting
from ranking.settings.objective import AUTO, Objective
from ranking.settings.presets import NO_PRESET, checked_preset, preset_settings, replaced_by
from ranking.settings.types import UNKNOWN_SETTING, Kind, Seconds, SecondsOrNone, SecondsOrOff, Table, expected, one_of
from ranking.settings.uses import KINDS, METHODS, idle_reasons, without_idle
from ranking.settings.without import as_names
from ranking.times import DAY_S, HOUR_S, MINUTE_S, NO_LIMIT

MIN_HALF_LIFE_S = 1.0
MIN_OFFSET_S = float(MINUTE_S)
MAX_LISTED = 1_000
MAX_WEIGHT = 1e6
MIN_TENURE_S = 10.0 * MINUTE_S
MAX_SPANS = 1_000
MAX_HOLD_S = 30.0 * DAY_S

#: Default weights of a burst list: how far chance moves a number is known of a plain count only.
BURST_WEIGHTS = {DEFAULT_KIND: 1.0}

#: The events that a weight is for: of a kind, or of a kind from one source.
Weighed = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}(@[A-Za-z0-9_.:-]{1,64})?$")]
Weights = dict[Weighed, Annotated[float, Field(ge=0, le=MAX_WEIGHT)]]
CountOrNone = Annotated[int, BeforeValidator(lambda value: 0 if value == NO_LIMIT else value)]

#: The decays that have a half-life to tune: of a forecast the one that it corrects.
TUNED_DECAYS = ("half-life", FORECAST)


class ItemRules(Table):
    """lists.NAME.allow and lists.NAME.deny: what descriptions say of the items that a list takes, or does not."""

    sections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    premium: bool | None = None
    url: str = ""

    @field_validator("url")
    @classmethod
    def _is_pattern(cls, text: str) -> str:
        try:
            url_pattern(text)
        except ValueError as error:
            raise ValueError(str(error).removeprefix("must be ")) from None
        return text

    @cached_property
    def names(self) -> Names:
        """What is named, as filters compare it."""
        named = (self.sections, self.tags, self.authors, self.types, self.languages)
        return names_of(*named, self.premium, self.url)


def _usual_minimum(given: dict[str, Any]) -> float:
    """Events that a row of a burst list has at least: few where the method knows what is chance, by the traffic."""
    return 2.0 if given.get("method") == "excess" else 5.0


class ListSettings(Table):
    """[lists.NAME]: one ranking. No allowed value makes a score infinite: see the bounds of each."""

    preset: Annotated[str, AfterValidator(checked_preset)] = NO_PRESET
    kind: Annotated[str, BeforeValidator(one_of(KINDS))] = "ranked"
    title: str = ""
    size: int = Field(10, ge=1, le=MAX_LISTED)
    depth: int = Field(200, ge=1, le=MAX_LISTED)

    weights: Weights = Field({DEFAULT_KIND: 1.0, "click": 3.0})
    self_click_weight: float = Field(1.0, ge=0, le=1_000)
    position_bias: float = Field(0.0, ge=0, le=4)
    position_cap: int = Field(10, ge=1, le=1_000)
    bonus_kinds: tuple[Kind, ...] = ()

    decay: Annotated[str, BeforeValidator(one_of(DECAYS))] = "half-life"
    half_life_s: SecondsOrNone = Field(2.0 * HOUR_S, alias="half_life", ge=MIN_HALF_LIFE_S)
    auto: bool = False
    objective: Objective = Objective()
    window_s: SecondsOrNone = Field(math.inf, alias="window")
    period: Period = NO_PERIOD
    week_start: WeekStart = "monday"
    power: float = Field(1.0, gt=0, le=10)
    power_scale_s: Seconds = Field(float(HOUR_S), alias="power_scale", ge=MIN_OFFSET_S)
    daily: float = Field(0.8, gt=0, le=1)

    shape: Literal["plain", "minus-one", "plus-one", "log", "discourse-top"] = "plain"
    exponent: float = Field(1.0, gt=0, le=4)

    aging: Annotated[str, BeforeValidator(one_of(AGINGS))] = "none"
    aging_half_life_s: SecondsOrNone = Field(6.0 * HOUR_S, alias="aging_half_life", ge=MIN_HALF_LIFE_S)
    gravity: float = Field(1.8, gt=0, le=10)
    gravity_offset_s: Seconds = Field(2.0 * HOUR_S, alias="gravity_offset", ge=MIN_OFFSET_S)
    max_age_s: SecondsOrNone = Field(math.inf, alias="max_age")
    min_age_s: SecondsOrOff = Field(0.0, alias="min_age")

    revival_s: SecondsOrOff = Field(0.0, alias="revival")
    revival_weights: Weights = Field({})

    listed: Literal["known", "described", "all"] = "known"
    allow: ItemRules = ItemRules()
    deny: ItemRules = ItemRules()
    sections: bool = True
    without: Annotated[tuple[str, ...], BeforeValidator(as_names)] = ()
    min_count: float = Field(0.0, ge=0, le=1e12)
    floor: float = Field(0.0, ge=0, le=1e12)

    scale: Literal["none", "section-activity", "section-best"] = "none"
    section_floor: float = Field(0.0, ge=0, lt=100)
    section_minimum: float = Field(5.0, ge=0, le=1e12)
    max_per_section: CountOrNone = Field(0, ge=0)
    max_tenure_s: SecondsOrNone = Field(math.inf, alias="max_tenure", ge=MIN_TENURE_S)
    hysteresis: float = Field(0.0, ge=0, le=1)
    fill: Literal["none", "widen", "latest"] = "none"
    movement_s: Seconds = Field(float(HOUR_S), alias="movement")

    method: Annotated[str, BeforeValidator(one_of(METHODS))] = "excess"
    short_s: Seconds = Field(float(HOUR_S), alias="short")
    baseline_s: Seconds = Field(7.0 * DAY_S, alias="baseline")
    minimum: float = Field(default_factory=_usual_minimum, ge=0, le=1e9)
    poisson_floor: bool = True
    hold_s: SecondsOrOff = Field(0.0, alias="hold", le=MAX_HOLD_S)
    peak_half_life_s: Seconds = Field(8.0 * HOUR_S, alias="peak_half_life", ge=MIN_HALF_LIFE_S)

    #: What a reader asks of it; no setting.
    _choice: ItemFilter | None = PrivateAttr(None)
    #: Half-lives in seconds that lists of sections have learned for themselves.
    _section_half_lives: dict[str, float] = PrivateAttr(default_factory=dict)
    #: What a forecast has learned, while it is in effect.
    _correction: Correction | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _of_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        table = {**preset_settings(given.get("preset")), **given}
        return _begun(table) if _is_auto(table) else table

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "burst":
            if "weights" not in self.model_fields_set:
                object.__setattr__(self, "weights", BURST_WEIGHTS)  # stays out of the fields that were set
            self._fits_burst()
        if self.auto and (self.kind != "ranked" or self.decay not in TUNED_DECAYS):
            raise ValueError('half_life: a duration, as "auto" is for kind = "ranked" with decay = "half-life"')
        if self.decay == FORECAST and self.kind != "ranked":
            raise ValueError('decay: not "forecast", which is for kind = "ranked"')
        if self.decay == "linear" and math.isinf(self.window_s):
            raise ValueError('window: a duration such as 1d, over which decay = "linear" falls to nothing')
        if self.exponent != 1.0 and self.shape not in ("plain", "minus-one"):
            raise ValueError('exponent: 1, or shape = "plain" or "minus-one", the shapes that have one')
        if self.hysteresis and self.kind == "latest":
            raise ValueError("hysteresis: 0 in a latest list, which has no scores to compare")
        if self.hysteresis and self.scale != "none":
            raise ValueError('hysteresis: 0, or scale = "none", as sections cannot be scaled in a replay')
        if self.hysteresis and self.hold_s:
            raise ValueError('hysteresis: 0, or hold = "0s", which keeps an item by itself')
        return self

    @cached_property
    def item_filter(self) -> ItemFilter | None:
        """What `allow` and `deny` say of items; None: nothing."""
        found = ItemFilter(self.allow.names, self.deny.names)
        return None if found == ItemFilter() else found

    @property
    def filters(self) -> tuple[ItemFilter, ...]:
        """All that an item must pass: the list's own filter, and a reader's."""
        return tuple(each for each in (self.item_filter, self._choice) if each is not None)

    def with_choice(self, choice: ItemFilter) -> Self:
        """The list of the items that a reader's filter takes, over all sections."""
        found = self.model_copy(update={"sections": False})
        found._choice = choice
        return found

    @property
    def shows(self) -> str:
        """Which items may be listed, as `listed` has it; a latest list goes by what descriptions say."""
        return "described" if self.kind == "latest" else self.listed

    @property
    def scored_by_any_event(self) -> bool:
        """Whether an item with any event that weighs has a score, however old it is."""
        whole = math.isinf(self.window_s) and self.period == NO_PERIOD and self.shape == "plain"
        return whole and self.kind == "ranked" and self.decay in ("half-life", FORECAST, "power")

    @property
    def widens(self) -> bool:
        """Whether `fill = "widen"` finds anything that the list would not have without it."""
        limits = (self.min_count, self.floor, self.section_floor, math.isfinite(self.max_age_s))
        return self.fill == "widen" and (not self.scored_by_any_event or any(limits))

    @property
    def by_calendar(self) -> bool:
        """Whether its weights depend on the site's days and hours."""
        return self.period != NO_PERIOD or DECAYS[self.decay].by_calendar

    @property
    def learns(self) -> bool:
        """Whether it is tuned every night."""
        return self.auto or self.decay == FORECAST

    def under(self, learned: LearnedSetting | None) -> Self:
        """The list with its learned half-life in place of the file's, and what corrects it."""
        if learned is None or not self.learns:
            return self
        if self.auto and self.objective.pinned:
            return self
        half_life_s = learned.half_life_s if self.auto else self.half_life_s
        found = self.model_copy(update={"half_life_s": half_life_s})
        if self.auto:
            found._section_half_lives = learned.sections
        return found.corrected(learned.correction)

    def corrected(self, correction: Correction | None) -> Self:
        """A forecast with what it has learned of its half-life; without that, it is the half-life."""
        found = self.model_copy()
        fits = correction is not None and correction.half_life_s == self.half_life_s and self.decay == FORECAST
        found._correction = correction if fits else None
        return found

    @property
    def correction(self) -> Correction | None:
        """What its half-life is corrected by; None: nothing."""
        return self._correction

    @property
    def section_half_lives(self) -> Mapping[str, float]:
        """Half-lives in seconds of the sections whose lists have one of their own."""
        return self._section_half_lives

    @cached_property
    def levels(self) -> Mapping[float, Self]:
        """The list under each half-life that lists of sections have, always the same objects."""
        found = {}
        for each in sorted(set(self._section_half_lives.values())):
            found[each] = self.model_copy(update={"half_life_s": each})
            found[each]._section_half_lives = {}
            found[each]._correction = None
        return found

    def in_section(self, section: str) -> Self:
        """The list as it is ranked for one section, or for all."""
        half_life_s = self._section_half_lives.get(section)
        return self if half_life_s is None else self.levels[half_life_s]

    def _fits_burst(self) -> None:
        if self.baseline_s <= self.short_s:
            raise ValueError("baseline: longer than short")
        if self.method in ("z-score", "ewma") and self.baseline_s > MAX_SPANS * self.short_s:
            raise ValueError(
                f'baseline: at most {MAX_SPANS:,} times short, as method = "{self.method}" looks at every one'
            )
        by_span = self.method in ("chi-square", "share", "excess")
        if self.hold_s and not by_span:
            raise ValueError('hold: 0s, or method = "chi-square", "share" or "excess", whose peaks can be found again')
        if self.period == "yesterday" or (self.period != NO_PERIOD and not by_span):
            raise ValueError(
                'period: none, or today, this week or this month with method = "chi-square", "share" or "excess"'
            )


def _is_auto(table: Mapping[str, Any]) -> bool:
    """Whether a list tunes itself: its half-life is "auto", or nothing is said of one that it would use."""
    if "half_life" in table or "half_life_s" in table or "auto" in table:
        return table.get("half_life") == AUTO
    tuned = table.get("decay", "half-life") in TUNED_DECAYS
    return table.get("kind", "ranked") == "ranked" and tuned


def _begun(given: dict[str, Any]) -> dict[str, Any]:
    """The table of a list whose half-life is tuned: it begins at its pin, or at the default."""
    objective = given.get("objective")
    pin = objective.get("pin", NO_LIMIT) if isinstance(objective, dict) else NO_LIMIT
    begins = {} if pin in (NO_LIMIT, math.inf) else {"half_life": pin}
    return {**{key: value for key, value in given.items() if key != "half_life"}, **begins, "auto": True}


DEFAULT_LISTS: dict[str, dict[str, Any]] = {
    "populer": {"title": "Populer", "size": 7, "fill": "widen"},
    "trending": {"title": "Trending", "kind": "burst", "size": 7, "without": ["populer"]},
    "update": {"title": "UPDATE", "kind": "latest", "size": 10},
}


#: Settings beside which a list is not filled up by default, unless they say one of UNSET.
SELECTIVE = (
    "preset", "kind", "decay", "window", "period", "max_age", "shape", "scale", "section_floor",
    "max_per_section", "max_tenure", "hysteresis", "revival", "without",
)  # fmt: skip
UNSET: tuple[Any, ...] = ("none", "ranked", "half-life", "plain", "0s", "0", 0, math.inf, [], ())


def with_defaults(name: str, table: dict[str, Any]) -> dict[str, Any]:
    """A list's table over its preset's settings, over the defaults of a list of this name."""
    default = {"title": name.capitalize(), **DEFAULT_LISTS.get(name, {})}
    if any(table[key] not in UNSET for key in SELECTIVE if key in table):  # what they leave out is meant
        default.pop("fill", None)
    whole = {**default, **preset_settings(table.get("preset")), **table}
    if whole.get("period", NO_PERIOD) != NO_PERIOD:
        whole.setdefault("decay", "window")  # the most read of today are counted, unless the table names a decay
    return whole


def only_used(name: str, table: dict[str, Any], changed: Collection[str]) -> dict[str, Any]:
    """A list's table after some changes, without what they leave without effect; what `changed` names itself stays.

    A table that cannot be used stays as it is, for the check that says why.
    """
    try:
        settings = ListSettings.model_validate(with_defaults(name, table))
    except ValidationError:
        return table
    return without_idle(settings, table, changed)


def changed_table(
    name: str, table: Mapping[str, Any], changes: Mapping[str, Any], required: Collection[str] | None = None
) -> dict[str, Any]:
    """A list's table with changes, as a file would say it to the same effect: one way for previews and dry runs.

    A preset among the changes takes the place of what the table says, but for its weights. What the changes leave
    without effect is dropped. `required`: the changes that stay all the same, to be refused; None: all.
    """
    replaced = replaced_by(changes.get("preset"))
    kept = {key: value for key, value in table.items() if key not in replaced}
    return only_used(name, {**kept, **changes}, changes if required is None else required)


def with_changes(name: str, table: Mapping[str, Any], changes: Mapping[str, Any]) -> ListSettings:
    """The settings of the list `name` with its own `table` and changes by their names in the file; see `changed_table`.

    Raises:
        ValueError: naming the setting, what was expected and what was found.
    """
    try:
        changed = ListSettings.model_validate(with_defaults(name, changed_table(name, table, changes)))
    except ValidationError as error:
        fault = error.errors()[0]
        setting = ".".join(str(step) for step in fault["loc"])
        if fault["type"] in UNKNOWN_SETTING:
            raise ValueError(f"{setting}: is not a setting of a list") from None
        raise ValueError(expected(fault)) from None
    for setting, reason in idle_reasons(changed, changes).items():
        raise ValueError(f"{setting}: {reason}")
    return changed


def unknown_kind(settings: ListSettings, known: AbstractSet[str]) -> tuple[str, str] | None:
    """A setting of the list, and a kind in it that is none of `known`: a misspelt one, as no event can be of it."""
    named = {
        "weights": settings.weights, "revival_weights": settings.revival_weights, "bonus_kinds": settings.bonus_kinds,
    }  # fmt: skip
    of_preset = {kind for key in named for kind in preset_settings(settings.preset).get(key, ())}
    expected_kinds = known | ListSettings().weights.keys() | of_preset
    return next(
        (
            (setting, kind)
            for setting, kinds in named.items()
            for kind in kinds
            if channel_kind(kind) not in expected_kinds
        ),
        None,
    )
