"""The report's charts, from evidence."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from populer.report import charts
from populer.report.charts import Frame, Label
from ranking.counts.arrays import FloatArray
from ranking.settings.types import as_seconds_or_none
from ranking.tuning.evidence import Evidence, Measured
from ranking.tuning.measures import draws_of_days, interval

MOST_DAY_TICKS = 7
SPREAD = (10, 90)  # per cent of a day's steps
NO_BOUNDS = math.nan, math.nan
WIDE, NARROW = Frame(760, 430), Frame(370, 400, left=44, right=12)
CLASSES = "ours", "theirs"

Steps = npt.NDArray[np.bool_]


class Pair(NamedTuple):
    """The two lists that are looked at closely: the one as it is (or the next best), and the best (or that next)."""

    ours: Measured
    theirs: Measured

    def both(self) -> Iterable[tuple[Measured, str]]:
        """Each with the class of its colour."""
        return zip(self, CLASSES, strict=True)


def pair_of(evidence: Evidence) -> Pair:
    """What to compare: what there is against the best; the best against the next where it is what there is."""
    best = sorted(evidence.measured, key=lambda each: -each.capture)
    ours = evidence.current or best[min(1, len(best) - 1)]
    theirs = next((each for each in (evidence.best, *best) if each is not ours), ours)
    return Pair(ours, theirs)


def short_name(one: Measured) -> str:
    """A candidate's name, less the word for what is nearly always tried."""
    changes = one.candidate.changes
    if len(changes) == 1 and changes.keys() <= {"half_life", "preset", "short"}:
        return next(iter(changes.values()))
    return changes["half_life"] if changes.keys() == {"decay", "half_life"} else one.candidate.name


def trade_off(evidence: Evidence, pair: Pair, frame: Frame = WIDE) -> str:
    """Capture against how much the list changes; half-lives joined in their order."""
    measured = evidence.measured
    curve = _curve(measured)
    whiskers = [bound for each in curve for bound in each.interval or ()]
    x_low, x_high = charts.around((each.changed for each in measured), 0.0, math.inf)
    y_low, y_high = charts.around([*whiskers, *(each.capture for each in measured)])
    x = charts.linear(x_low, x_high, frame.left, frame.x_end)
    y = charts.linear(y_low, y_high, frame.y_end, frame.top)
    parts = charts.axes(
        frame,
        x=[(x(at), f"{at:g}") for at in charts.ticks(x_low, x_high)],
        y=[(y(at), f"{100 * at:g} %") for at in charts.ticks(y_low, y_high)],
        x_name="items that change from one list to the next → livelier",
        y_name="capture ↑ better",
    )
    for each in curve:
        parts += [charts.line([(x(each.changed), y(bound)) for bound in each.interval or ()], "whisker")]
    parts.append(charts.line([(x(each.changed), y(each.capture)) for each in curve], "curve"))
    labels = []
    first = list(pair)
    rest = [each for each in measured if each not in curve]
    for each in _once([*first, *curve, *rest]):
        of_class = "theirs" if each is pair.theirs else "ours" if each is pair.ours else _minor(each, curve)
        radius = {"theirs": 7.0, "ours": 7.0, "tried": 4.5}.get(of_class, 3.5)
        told = f"{each.candidate.name}: capture {100 * each.capture:.1f} %, {each.changed:.1f} items change"
        parts.append(charts.dot(x(each.changed), y(each.capture), radius, f"point {of_class}", told))
        text = f"{short_name(each)}{' (yours)' if each is evidence.current else ''}"
        labels.append(Label(x(each.changed), y(each.capture), text, f"label {of_class}", radius))
    return charts.svg(frame, "Capture against turnover of every candidate", [*parts, *charts.placed(labels, frame)])


def _minor(each: Measured, curve: Sequence[Measured]) -> str:
    return "tried" if any(each is other for other in curve) else "others"


def _once(some: Iterable[Measured]) -> list[Measured]:
    return list({id(each): each for each in some}.values())


def _curve(measured: Sequence[Measured]) -> list[Measured]:
    """Candidates that differ in one duration alone, from the shortest on; the rankings of others are not among them."""
    timed = []
    for each in measured:
        changes = each.candidate.changes
        key = next((key for key in ("half_life", "short") if key in changes), None)
        if key is not None and len(changes.keys() - {"decay"}) == 1:
            timed.append((as_seconds_or_none(changes[key]), each))
    return [each for _, each in sorted(timed, key=lambda pair: pair[0])]


class Share(NamedTuple):
    """What both lists caught, on average, at some steps that go by one name: an hour of the day, or a day.

    `means` and `bounds` are ours and theirs, NaN where nobody read anything; `reads` a mean over the steps. `place`:
    where on the axis.
    """

    place: int
    name: str
    means: tuple[float, float]
    bounds: tuple[tuple[float, float], tuple[float, float]]
    reads: float


def hours(evidence: Evidence, pair: Pair, zone: ZoneInfo) -> list[Share]:
    """By hour of the local day; bounds are intervals over days."""
    of_step = np.array([datetime.fromtimestamp(at, zone).hour for at in evidence.plan.moments])
    draws = draws_of_days(int(evidence.day[-1]) + 1)

    def bounds(one: Measured, steps: Steps) -> tuple[float, float]:
        return interval(one.trace.capture[steps], evidence.day[steps], draws) or NO_BOUNDS

    return [_share(evidence, pair, hour, f"{hour:02}:00", of_step == hour, bounds) for hour in np.unique(of_step)]


def days(evidence: Evidence, pair: Pair, zone: ZoneInfo) -> list[Share]:
    """By local day; bounds are where the middle four fifths of its steps lie."""

    def bounds(one: Measured, steps: Steps) -> tuple[float, float]:
        return _spread(one.trace.capture[steps])

    found = []
    for number in np.unique(evidence.day):
        steps = evidence.day == number
        date = datetime.fromtimestamp(evidence.plan.moments[int(np.argmax(steps))], zone)
        found.append(_share(evidence, pair, number, f"{date:%d %b}", steps, bounds))
    return found


def _share(
    evidence: Evidence,
    pair: Pair,
    place: int,
    name: str,
    steps: Steps,
    bounds: Callable[[Measured, Steps], tuple[float, float]],
) -> Share:
    ours, theirs = pair
    means = _mean(ours.trace.capture[steps]), _mean(theirs.trace.capture[steps])
    reads = _mean(evidence.backtest.reads[steps])
    return Share(int(place), name, means, (bounds(ours, steps), bounds(theirs, steps)), reads)


def by_hour(shares: Sequence[Share]) -> str:
    """Capture by hour of the day, with its interval, above the reads of that hour."""
    frame = Frame(500, 290, left=48)
    x = charts.linear(0, 23, frame.left + 10, frame.x_end - 10)
    ticks = [(x(hour), f"{hour:02}") for hour in range(0, 24, 3)]
    parts = _bars([(x(each.place), each.reads) for each in shares], frame)
    parts += _lines(shares, x, ticks, frame, "hour of the day; bars: reads")
    return charts.svg(frame, "Capture by hour of the day, of both lists", parts)


def by_day(shares: Sequence[Share]) -> str:
    """Capture by day, with its spread."""
    frame = Frame(500, 290, left=48)
    x = charts.linear(0, max(shares[-1].place, 1), frame.left + 16, frame.x_end - 16)
    every = math.ceil(len(shares) / MOST_DAY_TICKS)
    parts = _lines(shares, x, [(x(each.place), each.name) for each in shares[::every]], frame)
    for number, of_class in enumerate(CLASSES):
        points = [(x(each.place), each.means[number]) for each in shares if not math.isnan(each.means[number])]
        parts += [charts.dot(at, _height(shares, frame)(mean), 3.0, f"point {of_class}") for at, mean in points]
    return charts.svg(frame, "Capture by day, of both lists", parts)


def _height(shares: Sequence[Share], frame: Frame) -> charts.Scale:
    low, high = _range(shares)
    return charts.linear(low, high, frame.y_end, frame.top)


def _range(shares: Sequence[Share]) -> tuple[float, float]:
    return charts.around(value for each in shares for value in (*each.means, *chain.from_iterable(each.bounds)))


def _lines(
    shares: Sequence[Share], x: charts.Scale, ticks: Sequence[tuple[float, str]], frame: Frame, x_name: str = ""
) -> list[str]:
    """Axes, and a line within its band for both lists."""
    y = _height(shares, frame)
    heights = [(y(at), f"{100 * at:g} %") for at in charts.ticks(*_range(shares), 8)]
    parts = charts.axes(frame, x=ticks, y=heights, x_name=x_name)
    for number, of_class in enumerate(CLASSES):
        points = [(x(each.place), y(low), y(high)) for each in shares for low, high in (each.bounds[number],)]
        parts.append(charts.band(points, f"band {of_class}"))
    for number, of_class in enumerate(CLASSES):
        parts.append(charts.line([(x(each.place), y(each.means[number])) for each in shares], f"line {of_class}"))
    return parts


def over_time(evidence: Evidence, pair: Pair) -> tuple[str, Frame]:
    """Capture at every step: a strip under the slider, whose cursor the page's script moves."""
    frame = Frame(1080, 110, left=0, right=0, top=6, bottom=6)
    y_low, y_high = charts.around(value for each, _ in pair.both() for value in each.trace.capture.tolist())
    y = charts.linear(y_low, y_high, frame.y_end, frame.top)
    x = charts.linear(0, max(evidence.plan.steps - 1, 1), 0, frame.width)
    parts = []
    for one, of_class in pair.both():
        points_of = [(x(step), y(share)) for step, share in enumerate(one.trace.capture.tolist())]
        parts.append(charts.line(points_of, f"line thin {of_class}"))
    cursor = f'<line id="cursor" class="cursor" x1="0" x2="0" y1="0" y2="{frame.height:g}"/>'
    return charts.svg(frame, "Capture at every step, of both lists", [*parts, cursor]), frame


def _bars(bars: Sequence[tuple[float, float]], frame: Frame) -> list[str]:
    """Bars at places of the x axis, the highest of them three tenths of the plot."""
    scale = charts.linear(0, max(value for _, value in bars), 0, (frame.y_end - frame.top) * 0.3)
    tops = [(at, scale(value)) for at, value in bars]
    return [
        f'<rect class="bar" x="{at - 5:.1f}" width="10" y="{frame.y_end - height:.1f}" height="{height:.1f}"/>'
        for at, height in tops
    ]


def _mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _spread(values: FloatArray) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return NO_BOUNDS
    low, high = np.percentile(known, SPREAD)
    return float(low), float(high)
