"""Learned settings: what a list was set to by its site's own past, and the evidence for it, as the store keeps it.

A list whose half-life is "auto", or whose decay is a forecast, is ranked by the learned setting in effect and by
nothing else that changes: a ranking stays a function of counts, settings and a moment. One record is one night's
tuning. It says what was tried, on how many steps and days of which past, how each did, what was chosen and why, in
numbers that a page can draw and in a sentence. Times are epoch seconds, spans seconds, shares from 0 to 1.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, ConfigDict, Field

from ranking.settings.types import SecondsOrOff
from ranking.times import format_duration, parse_duration


def _as_duration(text: Any) -> Any:
    if isinstance(text, str) and parse_duration(text) > 0:
        return text
    raise ValueError("a duration such as 90s, 15m, 6h or 7d")


_HalfLife = Annotated[str, BeforeValidator(_as_duration)]
_Weight = Annotated[float, Field(gt=0, le=1e6)]


@dataclass(frozen=True)
class MixPart:
    """Half-lives (`30m`) and what an event counts by each, for some items at some hours.

    It holds from the local hour `from_hour` until another part's; of those that hold, the one with the highest
    `from_age_s`, seconds since publication, that an item has reached counts for it. A setting and a learned value are
    the same class: pydantic checks it in a file, msgspec keeps it in the store.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    weights: Annotated[dict[_HalfLife, _Weight], Field(min_length=1)]
    from_age_s: Annotated[SecondsOrOff, Field(alias="from_age")] = 0.0
    from_hour: Annotated[int, Field(ge=0, le=23)] = 0


class LearnedSetting(msgspec.Struct, frozen=True):
    """A list's half-life or mix, since a moment. `mix` is empty unless its decay is a forecast that has learned.

    `reads`: the half-life is that of the traffic, these reads an hour of the ten most read; None: days have shown it.
    `why`: why it stands where it stands, in few words. `sections`: longer half-lives of small sections' own lists.
    """

    half_life_s: float
    since: float
    mix: tuple[MixPart, ...] = ()
    reads: float | None = None
    why: str = ""
    sections: dict[str, float] = {}


def in_words(learned: LearnedSetting) -> str:
    """The half-life and why it stands there, in few words; empty where it was neither found nor mixed.

    >>> in_words(LearnedSetting(14_400.0, 1.0, reads=38.0, why="by the traffic, 38 reads an hour of the ten most read"))
    'Half-life 4h, by the traffic, 38 reads an hour of the ten most read.'
    """
    return f"Half-life {format_duration(learned.half_life_s)}, {learned.why}." if learned.why else ""


class Trial(msgspec.Struct, frozen=True):
    """What one half-life would have done; None: the mix that was learned, from the past of each step alone.

    `capture`: reads of the listed, over those of the best list that there could have been; `interval`: where its mean
    lies in 95 of 100 draws of days, None on too few days; `changed`: items an hour that the next list does not have.
    """

    half_life_s: float | None
    capture: float
    changed: float
    interval: tuple[float, float] | None = None


class Tuned(msgspec.Struct, frozen=True):
    """One night's tuning of one list.

    It covers the past up to `at`: `steps` lists on `days` days of `k` places each, from `first` on, each judged by the
    `horizon_s` after it. `moved`: `after` is not `before`; `pinned`: it stays, whatever the evidence. `accepted`: items
    an hour that may change, None: any number. `suggested_s` is the half-life that the evidence favours, if it were not
    pinned and might move so far at once; `why` says all of it in a sentence. Without `trials` the past was too short.
    """

    list: str
    at: float
    before: LearnedSetting
    after: LearnedSetting
    moved: bool
    why: str
    pinned: bool = False
    suggested_s: float | None = None
    horizon_s: float = 0.0
    step_s: float = 0.0
    k: int = 0
    first: float = 0.0
    steps: int = 0
    days: int = 0
    accepted: float | None = None
    bounds_s: tuple[float, float] | None = None
    trials: tuple[Trial, ...] = ()
