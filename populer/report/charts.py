"""Charts as SVG: numbers in, markup out. Colours and fonts are the page's, by class, so that they follow its theme.

Every chart has a size of its own in user units and scales with its place. Labels are put where they cover neither a
point nor another label; one that finds no place is left to the point's tooltip.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import NamedTuple

CHAR_WIDTH = 6.4  # of the page's 11 px labels, on average
LABEL_HEIGHT = 14.0
ROOM = 0.08  # on both sides of what is shown, as a share of it

Scale = Callable[[float], float]


class Frame(NamedTuple):
    """The size of a chart and its margins, in user units."""

    width: float
    height: float
    left: float = 52.0
    right: float = 20.0
    top: float = 18.0
    bottom: float = 40.0

    @property
    def x_end(self) -> float:
        """Where the plot ends to the right."""
        return self.width - self.right

    @property
    def y_end(self) -> float:
        """Where the plot ends below."""
        return self.height - self.bottom


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """From `low` … `high` to `start` … `end`.

    >>> linear(0, 2, 100, 0)(0.5)
    75.0
    """
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers within `low` … `high`: steps of 1, 2 or 5 times a power of ten.

    >>> ticks(0.13, 0.77)
    [0.2, 0.4, 0.6]
    """
    raw = ((high - low) or 1.0) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def around(values: Iterable[float], least: float = 0.0, most: float = 1.0) -> tuple[float, float]:
    """The range of `values` with some room on both sides, within `least` … `most`; NaN is no value."""
    known = [value for value in values if not math.isnan(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    margin = (high - low) * ROOM or ROOM
    return max(least, low - margin), min(most, high + margin)


def svg(frame: Frame, title: str, parts: Iterable[str]) -> str:
    """A chart of some parts; `title` is what it shows, for who cannot see it."""
    size = f"0 0 {_n(frame.width)} {_n(frame.height)}"
    return "\n".join((f'<svg viewBox="{size}" role="img" aria-label="{escape(title)}">', *parts, "</svg>"))


def axes(
    frame: Frame, *, x: Iterable[tuple[float, str]], y: Iterable[tuple[float, str]], x_name: str = "", y_name: str = ""
) -> list[str]:
    """Grid lines at `y`, tick labels at both (places in user units), and the names of the axes."""
    parts = []
    for at, text in y:
        parts.append(f'<line class="grid" x1="{_n(frame.left)}" x2="{_n(frame.x_end)}" y1="{_n(at)}" y2="{_n(at)}"/>')
        parts.append(text_at(frame.left - 8, at + 4, text, "tick end"))
    parts += [text_at(at, frame.y_end + 18, text, "tick middle") for at, text in x]
    if x_name:
        parts.append(text_at(frame.x_end, frame.height - 4, x_name, "axis end"))
    if y_name:
        parts.append(text_at(0, frame.top - 6, y_name, "axis"))
    return parts


def text_at(x: float, y: float, text: str, of_class: str) -> str:
    """A label; `of_class` says how it looks, and where it is anchored."""
    return f'<text x="{_n(x)}" y="{_n(y)}" class="{of_class}">{escape(text)}</text>'


def line(points: Iterable[tuple[float, float]], of_class: str) -> str:
    """A line through points, broken where one has no height."""
    parts, pen_up = [], True
    for x, y in points:
        if not math.isnan(y):
            parts.append(f"{'M' if pen_up else 'L'}{_n(x)} {_n(y)}")
        pen_up = math.isnan(y)
    return f'<path class="{of_class}" d="{"".join(parts)}"/>'


def band(points: Iterable[tuple[float, float, float]], of_class: str) -> str:
    """The area between two heights, one piece for each run of points that have both."""
    pieces: list[list[tuple[float, float, float]]] = [[]]
    for point in points:
        if math.isnan(point[1]) or math.isnan(point[2]):
            pieces.append([])
        else:
            pieces[-1].append(point)
    parts = []
    for piece in filter(None, pieces):
        there = [f"{_n(x)} {_n(low)}" for x, low, _ in piece]
        back = [f"{_n(x)} {_n(high)}" for x, _, high in reversed(piece)]
        parts.append(f"M{'L'.join([*there, *back])}Z")
    return f'<path class="{of_class}" d="{"".join(parts)}"/>'


def dot(x: float, y: float, radius: float, of_class: str, title: str = "") -> str:
    """A point; `title` shows under the pointer."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f'<circle class="{of_class}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}">{inside}</circle>'


class Label(NamedTuple):
    """What to write beside a point of some radius."""

    x: float
    y: float
    text: str
    of_class: str
    radius: float = 5.0


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Box") -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not beside and self.top < other.bottom and other.top < self.bottom


def placed(labels: Sequence[Label], frame: Frame) -> list[str]:
    """Labels beside their points, the first ones first; who finds no free place is left out."""
    taken = [_Box(x - radius, y - radius, x + radius, y + radius) for x, y, _, _, radius in labels]
    parts = []
    for label in labels:
        for x, y, anchor in _places(label):
            box = _box(x, y, anchor, label.text)
            inside = box.left >= 0 and box.right <= frame.width and box.top >= 0 and box.bottom <= frame.y_end
            if inside and not any(box.meets(other) for other in taken):
                taken.append(box)
                parts.append(text_at(x, y, label.text, f"{label.of_class} {anchor}"))
                break
    return parts


def _places(label: Label) -> Iterable[tuple[float, float, str]]:
    x, y, away = label.x, label.y, label.radius + 5
    yield x, y - away, "middle"
    yield x + away, y + 4, "start"
    yield x - away, y + 4, "end"
    yield x, y + away + 9, "middle"
    for dx, anchor in ((away - 2, "start"), (2 - away, "end")):
        yield x + dx, y - away + 2, anchor
        yield x + dx, y + away + 6, anchor


def _box(x: float, y: float, anchor: str, text: str) -> _Box:
    width = CHAR_WIDTH * len(text)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return _Box(left, y - LABEL_HEIGHT + 3, left + width, y + 3)


def _n(number: float) -> str:
    """A number as short as it shows."""
    return f"{number:.1f}".removesuffix(".0")
