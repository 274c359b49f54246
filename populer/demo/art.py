"""Pictures for articles: one drawn motif per section, varied by the article's id.

The newsroom must look like one without shipping photographs or asking another host for them. A picture is a
few hundred bytes of SVG with presentation attributes only, so that a page may forbid inline styles.
The same id always draws the same picture.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from markupsafe import Markup

WIDTH, HEIGHT = 320, 180


class Palette(NamedTuple):
    sky: str
    far: str
    near: str
    spark: str


PALETTES: dict[str, Palette] = {
    "Nasional": Palette("#dcebf3", "#7fb0cc", "#1d5b8f", "#f2b33d"),
    "Politik": Palette("#f3e6ea", "#c795a8", "#7a2e4d", "#e9a23b"),
    "Ekonomi": Palette("#e3efe6", "#8dbb9b", "#2c6e49", "#f0bf4c"),
    "Olahraga": Palette("#fbe7db", "#eb9c6f", "#b5460f", "#fff6e8"),
    "Teknologi": Palette("#e6e6f5", "#9d9bd6", "#43429a", "#5fd0c5"),
    "Gaya Hidup": Palette("#f8edd6", "#d9b25f", "#8a5f00", "#b7442f"),
    "Daerah": Palette("#dff0ec", "#79b9ae", "#0f665f", "#f3c552"),
}

Drawing = Callable[[Palette, Iterator[float]], list[str]]


def _chances(seed: str) -> Iterator[float]:
    """An endless run of numbers in [0, 1) that depends on the seed alone."""
    digest = hashlib.sha256(seed.encode()).digest()
    while True:
        yield from (byte / 256 for byte in digest)
        digest = hashlib.sha256(digest).digest()


def _circle(x: float, y: float, radius: float, fill: str) -> str:
    return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.1f}" fill="{fill}"/>'


def _mix(one: str, other: str, share: float) -> str:
    """The colour that lies `share` of the way from one `#rrggbb` to another.

    >>> _mix("#000000", "#ff8000", 0.5)
    '#804000'
    """
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _wave(base: float, swell: float, phase: float, fill: str) -> str:
    """A band of water or land from `base` down to the lower edge.

    The crest is a sine drawn with cubic Bézier curves, whose controls follow the sine's slope: eight pieces
    are smooth at any size.
    """
    step, length = WIDTH / 8, 42.0

    def crest(x: float) -> float:
        return base + swell * math.sin(x / length + phase)

    def slope(x: float) -> float:
        return swell / length * math.cos(x / length + phase)

    curves = []
    for piece in range(8):
        x, to = piece * step, (piece + 1) * step
        curves.append(
            f"C{x + step / 3:.0f} {crest(x) + slope(x) * step / 3:.1f} "
            f"{to - step / 3:.0f} {crest(to) - slope(to) * step / 3:.1f} {to:.0f} {crest(to):.1f}"
        )
    return f'<path d="M0 {crest(0):.1f} {" ".join(curves)} V{HEIGHT} H0Z" fill="{fill}"/>'


def _sea(palette: Palette, chance: Iterator[float]) -> list[str]:
    sun = _circle(60 + 200 * next(chance), 58 + 22 * next(chance), 22 + 14 * next(chance), palette.spark)
    bands = [
        _wave(
            76 + 24 * depth,
            6 + 6 * next(chance),
            6 * next(chance),
            _mix(palette.far, palette.near, depth / 4) if depth else _mix(palette.sky, palette.far, 0.6),
        )
        for depth in range(5)
    ]
    return [sun, *bands]


def _assembly(palette: Palette, chance: Iterator[float]) -> list[str]:
    seats = []
    lit = next(chance) * math.pi
    for row in range(6):
        radius = 46 + 19 * row
        count = 9 + 4 * row
        for seat in range(count):
            angle = math.pi * seat / (count - 1)
            spoken_for = abs(angle - lit) < 0.34
            fill = palette.spark if spoken_for else (palette.near if row % 2 else palette.far)
            seats.append(_circle(160 - radius * math.cos(angle) * 1.05, 166 - radius * math.sin(angle), 5.4, fill))
    return seats


def _market(palette: Palette, chance: Iterator[float]) -> list[str]:
    tops = []
    bars = []
    level = 38 + 20 * next(chance)
    for column in range(9):
        level = min(max(level + 34 * next(chance) - 11, 24), 140)
        x = 14 + column * 33
        bars.append(
            f'<rect x="{x}" y="{HEIGHT - level:.0f}" width="21" height="{level:.0f}" '
            f'fill="{palette.near if column % 3 == 2 else palette.far}"/>'
        )
        tops.append((x + 10, HEIGHT - level - 16))
    line = " ".join(f"{x} {y:.0f}" for x, y in tops)
    bars.append(
        f'<polyline points="{line}" fill="none" stroke="{palette.spark}" stroke-width="5" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
    )
    bars.append(_circle(tops[-1][0], tops[-1][1], 7, palette.near))
    return bars


def _track(palette: Palette, chance: Iterator[float]) -> list[str]:
    centre_x, centre_y = 40 + 240 * next(chance), 190 + 30 * next(chance)
    lanes = [_circle(centre_x, centre_y, 196, palette.near), _circle(centre_x, centre_y, 74, palette.far)]
    lanes += [
        f'<circle cx="{centre_x:.0f}" cy="{centre_y:.0f}" r="{radius}" fill="none" '
        f'stroke="{palette.sky}" stroke-width="2.5" opacity="0.85"/>'
        for radius in range(74, 190, 24)
    ]
    angle = -math.pi * (0.3 + 0.4 * next(chance))
    lanes.append(_circle(centre_x + 134 * math.cos(angle), centre_y + 134 * math.sin(angle), 13, palette.spark))
    return lanes


def _network(palette: Palette, chance: Iterator[float]) -> list[str]:
    nodes = [
        (24 + 68 * column + 24 * next(chance), 26 + 58 * row + 22 * next(chance))
        for row in range(3)
        for column in range(5)
    ]
    drawn = []
    for index, (x, y) in enumerate(nodes):
        for neighbour in (index + 1, index + 5):
            same_row = neighbour == index + 1 and neighbour % 5
            if neighbour < len(nodes) and (same_row or neighbour == index + 5) and next(chance) > 0.22:
                to_x, to_y = nodes[neighbour]
                drawn.append(
                    f'<path d="M{x:.0f} {y:.0f} H{to_x:.0f} V{to_y:.0f}" fill="none" '
                    f'stroke="{palette.far}" stroke-width="3"/>'
                )
    for x, y in nodes:
        bright = next(chance) > 0.78
        drawn.append(_circle(x, y, 10 if bright else 6.5, palette.spark if bright else palette.near))
    return drawn


def _kawung(palette: Palette, chance: Iterator[float]) -> list[str]:
    """The four-petalled batik pattern."""
    petals: list[str] = []
    step = 46 + 16 * next(chance)
    shift = step * next(chance)
    columns, rows = math.ceil(WIDTH / step) + 2, math.ceil(HEIGHT / step) + 2
    for row in range(rows):
        for column in range(columns):
            x, y = column * step - shift, row * step - shift / 2
            fill = palette.spark if next(chance) > 0.88 else (palette.near, palette.far)[(row + column) % 2]
            petals.extend(
                f'<ellipse cx="{x:.0f}" cy="{y:.0f}" rx="{step * 0.33:.1f}" ry="{step * 0.17:.1f}" '
                f'fill="{fill}" transform="rotate({turn} {x:.0f} {y:.0f}) translate({step * 0.35:.1f} 0)"/>'
                for turn in (45, 135, 225, 315)
            )
            petals.append(_circle(x + step / 2, y, step * 0.06, palette.near))
    return petals


def _terraces(palette: Palette, chance: Iterator[float]) -> list[str]:
    peak = 70 + 180 * next(chance)
    summit = 26 + 22 * next(chance)
    land = [
        _circle((peak + 130 + 60 * next(chance)) % WIDTH, 46, 19, palette.spark),
        f'<path d="M{peak - 150:.0f} 150 L{peak:.0f} {summit:.0f} L{peak + 150:.0f} 150Z" '
        f'fill="{_mix(palette.sky, palette.far, 0.7)}"/>',
    ]
    phase = 6 * next(chance)
    land.extend(
        _wave(98 + 15 * step, 11 - step, phase + step * 0.35, _mix(palette.far, palette.near, step / 5))
        for step in range(6)
    )
    return land


DRAWINGS: dict[str, Drawing] = {
    "Nasional": _sea,
    "Politik": _assembly,
    "Ekonomi": _market,
    "Olahraga": _track,
    "Teknologi": _network,
    "Gaya Hidup": _kawung,
    "Daerah": _terraces,
}


def picture(section: str, seed: str) -> Markup:
    """The article's picture as inline SVG; decorative, hence hidden from screen readers."""
    palette = PALETTES.get(section, PALETTES["Nasional"])
    shapes = "".join(DRAWINGS.get(section, _sea)(palette, _chances(seed)))
    # Every part of the text above is a number or a colour from this file: nothing in it needs escaping.
    return Markup(  # noqa: S704
        f'<svg class="art" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="xMidYMid slice" '
        f'aria-hidden="true" focusable="false"><rect width="{WIDTH}" height="{HEIGHT}" '
        f'fill="{palette.sky}"/>{shapes}</svg>'
    )
