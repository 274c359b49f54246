"""Learned: what a list has been set to by its site's own past, and the evidence for it, as the store keeps it.

A list whose half-life is "auto", or whose decay is a forecast, goes by what is in effect here, and by nothing else that
changes: a ranking stays a function of counts, settings and a moment. One record is one night's tuning. It says what was
tried, on how many steps and days of which past, how each did, what was chosen and why, in numbers that a page can draw
and in a sentence. Times are epoch seconds, spans seconds, shares from 0 to 1.
"""

import msgspec


class MixPart(msgspec.Struct, frozen=True):
    """Half-lives (`30m`) and what an event counts by each, for some items at some hours.

    It holds from the local hour `from_hour` until another part's; of those that hold, an item goes by the one with the
    highest `from_age_s`, seconds since its publication, that it has reached.
    """

    weights: dict[str, float]
    from_age_s: float = 0.0
    from_hour: int = 0


class LearnedSetting(msgspec.Struct, frozen=True):
    """What a list goes by, since a moment. `mix` is empty unless its decay is a forecast that has learned something."""

    half_life_s: float
    since: float
    mix: tuple[MixPart, ...] = ()


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

    It looked at the past up to `at`, at `steps` lists on `days` days of `k` places each, from `first` on, each judged
    by the `horizon_s` after it. `moved`: `after` is not `before`; `pinned`: it stays, whatever was found. `accepted`:
    items an hour that may change, None: any number. `suggested_s` is what it would go by unless it were pinned or may
    not move so far at once; `why` says all of it in a sentence. Without `trials` there was too little to go by.
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
