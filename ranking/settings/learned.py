"""Learned settings: what a list was set to by its site's own past, and the evidence for it, as the store keeps it.

A list whose half-life is "auto", or whose decay is a forecast, is ranked by the learned setting in effect and by
nothing else that changes: a ranking stays a function of counts, settings and a moment. One record is one night's
tuning. It says what was tried, on how many steps and days of which past, how each did, what was chosen and why, in
numbers that a page can draw and in a sentence. Times are epoch seconds, spans seconds, shares from 0 to 1.
"""

import msgspec

from ranking.times import format_duration


class Correction(msgspec.Struct, frozen=True):
    """What a forecast multiplies the sums of one half-life by, see `ranking.scoring.correction`.

    `horizon_s`: the span that it forecasts. `weights`: by a feature's name.
    """

    half_life_s: float
    horizon_s: float
    weights: dict[str, float]


class LearnedSetting(msgspec.Struct, frozen=True):
    """A list's half-life, since a moment, and what corrects it where its decay is a forecast that surely catches more.

    `reads`: the half-life is that of the traffic, these reads an hour of the ten most read; None: days have shown it.
    `why`: why it stands where it stands, in few words. `sections`: longer half-lives of small sections' own lists.
    """

    half_life_s: float
    since: float
    correction: Correction | None = None
    reads: float | None = None
    why: str = ""
    sections: dict[str, float] = {}


def in_words(learned: LearnedSetting) -> str:
    """The half-life and why it stands there, in few words; empty where it was not found.

    >>> in_words(LearnedSetting(14_400.0, 1.0, reads=38.0, why="by the traffic, 38 reads an hour of the ten most read"))
    'Half-life 4h, by the traffic, 38 reads an hour of the ten most read.'
    """
    return f"Half-life {format_duration(learned.half_life_s)}, {learned.why}." if learned.why else ""


class Trial(msgspec.Struct, frozen=True):
    """What one half-life would have done; None: the forecast, learned from the past of each step alone.

    `capture`: reads of the listed, over those of the best list that there could have been; `interval`: where its mean
    lies in 95 of 100 draws of days, None on too few days; `changed`: items an hour that the next list does not have.
    `age_s`: the median age of the listed, None where no publish time is known; `sections`: of how many they are.
    `on_front`: no other half-life is as good in all of capture, calm, freshness and variety, and better in one.
    """

    half_life_s: float | None
    capture: float
    changed: float
    interval: tuple[float, float] | None = None
    age_s: float | None = None
    sections: float = 0.0
    on_front: bool = False


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
