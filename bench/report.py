"""What every benchmark prints: `{"machine": …, "rows": […]}`, or the same as a table."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One measurement beside its baseline. `goal_met` is None where nothing is asked; `more` helps to judge it:
    `ratios` are those of the rounds.
    """

    name: str
    value: float
    unit: str
    baseline_name: str
    baseline_value: float
    ratio: float
    goal: str
    goal_met: bool | None
    more: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """As the contract has it."""
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "baseline": {"name": self.baseline_name, "value": _rounded(self.baseline_value)},
            "ratio": _rounded(self.ratio),
            "goal": self.goal,
            "goal_met": self.goal_met,
            **self.more,
            **({"ratios": [_rounded(each) for each in self.more["ratios"]]} if "ratios" in self.more else {}),
        }


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> list[float]:
    """How many times theirs ours is, round by round; 0 where there was nothing of theirs."""
    return [mine / other if other else 0.0 for mine, other in zip(ours, theirs, strict=True)]


def parser_of(document: str | None) -> argparse.ArgumentParser:
    """The parser of a benchmark whose docstring is `document`; every benchmark has `--json`."""
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def rounds_parser(document: str | None, rounds: int, seconds: float) -> argparse.ArgumentParser:
    """`parser_of` a benchmark that loads servers in rounds; `--only` picks what is measured."""
    parser = parser_of(document)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=float, default=seconds, help="of load, per server and round")
    parser.add_argument("--only", default="", metavar="TEXT", help="the parts whose names hold it")
    return parser


def machine() -> str:
    """This machine in a line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = named[0] if named else model
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, {python}"


def show(rows: list[Row], title: str, notes: str, *, as_json: bool) -> None:
    """Print the rows."""
    if as_json:
        print(json.dumps({"machine": machine(), "rows": [row.document() for row in rows]}, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{title} · {machine()}", title_justify="left", caption=notes, caption_justify="left")
    for name in ("", "value", "unit", "baseline", "its value", "ratio", "goal", "met", "answers"):
        table.add_column(name, justify="right" if name in ("value", "its value", "ratio") else "left")
    for row in rows:
        met = {None: "", True: "yes", False: "NO"}[row.goal_met]
        table.add_row(
            row.name, _shown(row.value), row.unit, row.baseline_name, _shown(row.baseline_value), f"{row.ratio:.2f}",
            row.goal, met, row.more.get("answers", ""),
        )  # fmt: skip
    Console(width=None if os.isatty(1) else 180).print(table)


def end_by(rows: Iterable[Row]) -> None:
    """End with 1 where an answer or a store was not what it must be."""
    if any(not row.more["answers"].startswith("all ") for row in rows):
        sys.exit(1)


def _rounded(value: float) -> float:
    return round(value) if value >= 1000 else float(f"{value:.4g}")


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
