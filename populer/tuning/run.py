"""`populer tune`: evidence for a decay, from the live store or from logs.

Reads a site's past and has `ranking.tuning.evidence` judge the candidates on it. A number without evidence is not
given: a candidate that lists nothing, or ranks by publish times that no item has, is named in a note, with a remedy.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from populer.stores import opened_store
from populer.tuning.candidates import GridBase, candidates
from populer.tuning.weights import GRID, BestWeight, best_weight, clicks_of
from ranking.counts.fields import is_shadow
from ranking.errors import NotEnoughError, PopulerError, unknown_section
from ranking.intake.events import DEFAULT_KIND, channel_kind
from ranking.intake.items import Item
from ranking.lists.ranker import View
from ranking.published.snapshot import WHOLE_SITE
from ranking.refreshing.site_view import SiteView
from ranking.scoring.channel_weights import ChannelWeights
from ranking.settings.decays import FORECAST
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import ListSettings
from ranking.settings.objective import Objective
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.settings.types import as_seconds_or_none
from ranking.times import format_duration
from ranking.tuning.evidence import TRY, Candidate, Evidence, evidence_of, measured_of, percent
from ranking.tuning.measures import draws_of_days
from ranking.tuning.nightly import judged_of
from ranking.tuning.outcome import Judging
from ranking.tuning.shrinking import MIN_DAYS, gains
from ranking.tuning.tried import WAYS, served_lists
from ranking.tuning.walk_forward import Plan, Wanted, plan_walk

#: Reads that follow a list, per place, below which most of what it catches is chance.
FEW_READS = 1.0
#: So many values of one setting are a row that has ends.
MIN_ROW = 3


class TuneRequest(NamedTuple):
    """What `populer tune` is to do. `reads`: kinds of events that are reads; none named: views.

    `dated_only`: items whose publish time is unknown are in no ranking by publication, instead of being published when
    they were first seen. `weights`: try weights of a click instead of a grid. `ways`: "forecast", or some of
    `tried.WAYS`, to be tried night by night.
    """

    base: GridBase
    wanted: Wanted
    k: int = 10
    grids: Sequence[str] = ()
    presets: Sequence[str] = ()
    section: str = WHOLE_SITE
    reads: Sequence[str] = ()
    dated_only: bool = False
    weights: bool = False
    objective: Objective = Objective()
    ways: Sequence[str] = ()


class EventCounts(NamedTuple):
    """How many events logs have, and how many of them count."""

    read: int
    counted: int


class Tuning(NamedTuple):
    """A request, the evidence for it, and notes to print beside it. `events`: of logs; None: from the store."""

    request: TuneRequest
    evidence: Evidence
    notes: list[str]
    events: EventCounts | None = None
    weight: BestWeight | None = None


class Stored(NamedTuple):
    """What the store has of a site, and what its lists have learned."""

    view: SiteView
    learned: Mapping[str, LearnedSetting]


async def read_site(settings: Settings, url: str, site: SiteSettings, now: float) -> Stored:
    """What the store has of a site.

    Raises:
        PopulerError: the store does not answer.
    """
    view = SiteView(site.id, filters=settings.item_filters)
    async with opened_store(settings, url) as store:
        await view.update(store, now - settings.retention.keep_s)
        return Stored(view, await store.findings.in_effect(site.id))


async def read_details(settings: Settings, url: str, view: SiteView, rows: Iterable[int]) -> Mapping[int, Item]:
    """What to show of some items that the store has."""
    async with opened_store(settings, url) as store:
        return await view.details(store, rows)


def kinds_of(view: View) -> list[str]:
    """The kinds of events that a site has counts of, by name."""
    return sorted({channel_kind(name) for name in view.history.channels if not is_shadow(name)})


def tune(
    view: View, request: TuneRequest, zone: ZoneInfo, known_until: float, on_plan: Callable[[Plan], Callable[[], None]]
) -> Tuning:
    """Walk through a site's past with all candidates. `on_plan` is given the plan and returns what each step calls.

    Raises:
        PopulerError: an option cannot be used, or the past is too short; the sentence says how much it takes.
    """
    clicks = clicks_of(view)
    if request.weights and not (clicks and request.base.list.kind == "ranked"):
        raise NotEnoughError("--weights: expected clicks, and a list of kind ranked; there are none")
    grids = [GRID] if request.weights else request.grids
    columns = view.history.columns()
    plan = plan_walk(columns, request.wanted, known_until)
    walked = columns.start_s + columns.width_s > plan.first
    tried = candidates(request.base, grids, request.presets, float(columns.width_s[walked].min()))
    judging = Judging(request.k, _reads(view, request), _section(view, request.section), request.dated_only)
    tried, notes = _dated(view, request, judging.kinds, tried)
    _check_ways(request)
    evidence = evidence_of(view, tried, request.base.list, plan, judging, zone, on_plan(plan))
    if evidence.empty:
        notes.append(f"left out, as they listed nothing: {_names(evidence.empty)}")
    notes += _mixed(view, request, judging.kinds) + _at_the_edge(evidence, request.grids) + _uncertain(evidence)
    if ways := [way for way in WAYS if way in request.ways]:
        evidence, words = _with_served(view, request, evidence, ways, zone)
        notes += words
    return Tuning(request, evidence, notes, weight=best_weight(evidence, clicks) if request.weights else None)


def _uncertain(evidence: Evidence) -> list[str]:
    """What is less sure than it looks: how far reads so few can tell, and the best for having been picked."""
    reads, k = float(evidence.backtest.reads.mean()), evidence.judging.k
    notes = []
    if reads < FEW_READS * k:
        notes.append(
            f"{reads:.1f} reads followed a list on average: of so few most is chance, and what the best {k} had is the "
            "luck of that hour in part. Look at the intervals, and rather take a longer half-life"
        )
    settled = [each for each in evidence.measured if TRY not in each.candidate.changes]
    if evidence.current is None or evidence.gain is None or evidence.gain.low <= 0 or evidence.days < MIN_DAYS:
        return notes
    half_lives = [each.candidate.settings.half_life_s for each in settled]
    judged = judged_of(half_lives, [each.trace for each in settled], evidence.day)
    sure = gains(judged, settled.index(evidence.current)).sure[settled.index(evidence.best)]
    if sure <= 0:
        notes.append(
            f"{evidence.best.candidate.name} is the best of {len(settled)} that were tried: with that in mind it may "
            "be no better than what you have"
        )
    return notes


def _check_ways(request: TuneRequest) -> None:
    """Refuse what cannot be tried night by night.

    Raises:
        PopulerError: a way that there is not, or a list that has none.
    """
    if unknown := [way for way in request.ways if way not in WAYS]:
        raise PopulerError(f"--try: expected {', '.join(WAYS)}, found {unknown[0]!r}")
    kind = request.base.list.kind
    if request.ways and kind != "ranked":
        raise PopulerError(f"--try: {request.base.name} is of kind {kind!r}: only ranked lists learn")


def _with_served(
    view: View, request: TuneRequest, evidence: Evidence, ways: Sequence[str], zone: ZoneInfo
) -> tuple[Evidence, list[str]]:
    """The evidence with what would have been served by some ways, and where each has ended, in words."""
    settings = request.base.list.model_copy(update={"decay": "half-life"})
    found = served_lists(view, settings, evidence.plan, evidence.judging, zone, ways)
    draws = draws_of_days(int(evidence.day[-1]) + 1)
    measured = [
        measured_of(Candidate({TRY: way}, settings), each.trace, evidence.backtest, evidence.day, draws)
        for way, each in found.items()
    ]
    words = [f"{way} ends at {format_duration(each.last.half_life_s)}, {each.last.why}" for way, each in found.items()]
    if FORECAST in found:
        words.append(
            f"a forecast was in effect at {percent(found[FORECAST].corrected)} of the steps, at others auto's half-life"
        )
    return evidence._replace(measured=[*evidence.measured, *measured]), words


def _reads(view: View, request: TuneRequest) -> tuple[str, ...]:
    """The kinds that are reads: those of the request, else views, else what the list weighs."""
    there, base = kinds_of(view), request.base
    if there and not base.counts(view.history.channels):
        raise NotEnoughError(
            f"the list {base.name} counts none of the events, which are {', '.join(there)}: "
            f"give them a weight, as --set weights.{there[0]}=1 does"
        )
    if request.reads:
        if missing := [kind for kind in request.reads if kind not in there]:
            raise NotEnoughError(f"--reads: there are no events of {', '.join(missing)}, only {', '.join(there)}")
        return tuple(request.reads)
    return (DEFAULT_KIND,) if DEFAULT_KIND in there else tuple(kind for kind in there if base.counts([kind]))


def _mixed(view: View, request: TuneRequest, kinds: Sequence[str]) -> list[str]:
    """That kinds of events which nobody named are one sort of reads, and how many each has."""
    if request.reads or len(kinds) < 2:
        return []
    columns, channels = view.history.columns(), view.history.channels
    by_channel = np.bincount(columns.cell_channel[columns.cell], weights=columns.counts, minlength=len(channels))
    counts = {
        kind: sum(n for name, n in zip(channels, by_channel, strict=True) if channel_kind(name) == kind)
        for kind in kinds
    }
    mixed = " and ".join(f"{kind} ({n:,.0f})" for kind, n in counts.items())
    return [
        f"reads are {mixed} alike: --reads {kinds[0]} judges by one of them, --set weights.{kinds[-1]}=0 leaves it out"
    ]


def _section(view: View, name: str) -> int | None:
    if name == WHOLE_SITE:
        return None
    number = view.catalogue.section_number(name)
    if number is None:
        raise unknown_section(name, view.catalogue.sections)
    return number


def _dated(
    view: View, request: TuneRequest, kinds: Sequence[str], tried: list[Candidate]
) -> tuple[list[Candidate], list[str]]:
    """The candidates that can be judged with the publish times that are known, and what is to be said of them."""
    by_publication = [each for each in tried if _by_publication(each.settings)]
    share = _dated_share(view, kinds)
    if not by_publication or share == 1.0:
        return tried, []
    if request.dated_only and share == 0.0:
        note = f"left out, as they rank by publish times and no item that was read has one: {_names(by_publication)}"
        left = [each for each in tried if each not in by_publication]
        if not left:
            raise NotEnoughError(f"{note}; name a catalogue that has them (--items), or take --undated first-seen")
        return left, [note]
    what = "are in no ranking by publication" if request.dated_only else "count as published when they were first seen"
    return tried, [f"{100 * (1 - share):.0f} % of the reads are on items without a publish time, which {what}"]


def _at_the_edge(evidence: Evidence, grids: Sequence[str]) -> list[str]:
    """That the best of a row of values is its first or last one: what lies beyond may be better still."""
    changes = evidence.best.candidate.changes
    if len(changes) != 1 or len(grids) > 1:
        return []
    (key, value), tried = next(iter(changes.items())), {}
    for each in evidence.measured:
        if each.candidate.changes.keys() == {key}:
            with contextlib.suppress(ValueError):
                text = each.candidate.changes[key]
                tried[text] = as_seconds_or_none(text)
    if len(tried) < MIN_ROW or value not in tried or tried[value] not in (min(tried.values()), max(tried.values())):
        return []
    end = "shortest" if tried[value] == min(tried.values()) else "longest"
    return [f"{key} = {value} is the {end} that was tried: what lies beyond may be better still (--grid {key}=…)"]


def _by_publication(settings: ListSettings) -> bool:
    return settings.aging != "none" or settings.min_age_s > 0 or np.isfinite(settings.max_age_s)


def _dated_share(view: View, kinds: Sequence[str]) -> float:
    """The share of all reads that are on items whose publish time is known."""
    columns = view.history.columns()
    channel_weights = ChannelWeights(dict.fromkeys(kinds, 1.0)).per_channel(view.history.channels)
    reads = columns.counts * channel_weights[columns.cell_channel[columns.cell]]
    dated = ~view.catalogue.undated[columns.cell_item[columns.cell]]
    return float(reads[dated].sum() / max(reads.sum(), 1.0))


def _names(some: Iterable[Candidate]) -> str:
    return "; ".join(each.name for each in some)
