"""Bars as SVG: labels, values and a scale, in a form that reads on light and dark pages."""

import math
from html import escape
from typing import NamedTuple

ROW, LABEL, BAR, END, HEAD = 24, 330, 420, 110, 40
OURS, OTHERS = "#0d7a5f", "#8a8f98"


class Bar(NamedTuple):
    """One bar; `ours` has the colour of the house."""

    label: str
    value: float
    ours: bool


def bars(title: str, unit: str, shown: list[Bar]) -> str:
    """A drawing of bars on a scale of powers of ten where they differ by more than fifty times, else from 0."""
    values = [bar.value for bar in shown if bar.value > 0]
    most, least = max(values, default=1.0), min(values, default=1.0)
    by_powers = most > 50 * least
    floor = 10 ** math.floor(math.log10(least) - 0.3) if by_powers else 0.0

    def length(value: float) -> float:
        if value <= floor:
            return 1.0
        return BAR * (math.log10(value / floor) / math.log10(most / floor) if by_powers else value / most)

    scale = "scale of powers of ten" if by_powers else "scale from 0"
    height = HEAD + ROW * len(shown) + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABEL + BAR + END} {height}" role="img"'
        f' font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" fill="#fff"/><text x="8" y="18" font-size="14" font-weight="600">'
        f'{escape(title)}</text><text x="8" y="33" fill="#555">{escape(unit)}, {scale}</text>',
    ]
    for number, bar in enumerate(shown):
        top = HEAD + ROW * number
        lines.append(
            f'<text x="{LABEL - 8}" y="{top + 15}" text-anchor="end">{escape(bar.label)}</text>'
            f'<rect x="{LABEL}" y="{top + 3}" width="{length(bar.value):.1f}" height="{ROW - 8}"'
            f' fill="{OURS if bar.ours else OTHERS}"/>'
            f'<text x="{LABEL + length(bar.value) + 6:.1f}" y="{top + 15}">{value_text(bar.value)}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def value_text(value: float) -> str:
    """A number with as many digits as it has meaning: 13,055 or 0.000464."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
