"""What `make bench` writes, and what `make bench-check` calls worse."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))

import results
import suite

BENCH = Path(__file__).parents[1] / "bench"
PROJECT = {"ranking", "api", "jobs", "populer"}


def row(ratio: float, *, unit: str = "requests/s", rounds: tuple[float, ...] = (1.0, 1.0)) -> dict[str, Any]:
    """A row whose value is `ratio` times that of its baseline."""
    found = {"name": "single events, commit", "value": 1_000 * ratio, "unit": unit, "ratio": ratio, "goal": ""}
    baseline = {"name": "bare ASGI", "value": 1_000.0}
    return {**found, "baseline": baseline, "goal_met": None, "ratios": [ratio * each for each in rounds]}


def run_of(*rows: dict[str, Any]) -> dict[str, Any]:
    part = {
        "name": "acks",
        "title": "Ways",
        "arguments": [],
        "took_s": 1,
        "left_out": [],
        "failed": [],
        "rows": list(rows),
    }
    return {"machine": "a machine", "made_at": "2025-12-01", "versions": {"nginx": "1.22"}, "parts": [part]}


@pytest.mark.parametrize(
    ("before", "now", "unit", "worse"),
    [
        (0.5, 0.3, "requests/s", True),
        (0.5, 0.45, "requests/s", False),
        (0.5, 0.9, "requests/s", False),
        (2.0, 3.0, "ms", True),
        (2.0, 1.0, "ms", False),
    ],
)
def test_compared_names_a_ratio_that_is_worse_beyond_the_noise(
    before: float, now: float, unit: str, worse: bool
) -> None:
    found, count = suite.compared(run_of(row(before, unit=unit)), run_of(row(now, unit=unit)))
    assert (bool(found), count) == (worse, 1)


def test_compared_allows_what_the_rounds_differ_by() -> None:
    found, _ = suite.compared(run_of(row(0.5, rounds=(0.4, 1.6))), run_of(row(0.35)))
    assert found == []


def test_compared_counts_no_row_that_was_measured_once() -> None:
    assert suite.compared(run_of(row(0.5, rounds=(1.0,))), run_of(row(0.1))) == ([], 0)


def test_worse_takes_how_many_times_as_fast_for_more() -> None:
    fast = {**row(10.0, unit="s"), "value": 0.1, "baseline": {"name": "DuckDB", "value": 1.0}}
    assert suite.worse(fast, {**fast, "ratio": 5.0}) == pytest.approx(1.0)


def test_page_has_a_line_for_a_row_and_says_what_was_left_out() -> None:
    run = run_of(row(0.5))
    run["parts"][0]["left_out"] = ["granian is not installed and is left out"]
    text = results.page(run)
    assert "| single events, commit | 500 requests/s | bare ASGI | 1,000 | 0.5 (0.5 to 0.5) |  |" in text
    assert "- granian is not installed and is left out" in text
    assert "../bench/results/ingest.svg" in text


def test_plots_draw_the_value_and_its_baseline() -> None:
    drawing = results.plots(run_of(row(0.5)))["ingest"]
    assert drawing.count("<rect") == 3
    assert "bare ASGI" in drawing


@pytest.mark.parametrize("file", sorted(BENCH.glob("*.py")), ids=lambda file: file.name)
def test_what_a_benchmark_imports_of_the_project_is_there(file: Path) -> None:
    """Also what it imports late, which no checker of types looks at."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PROJECT:
            module = importlib.import_module(node.module)
            for each in node.names:
                if not hasattr(module, each.name):
                    importlib.import_module(f"{node.module}.{each.name}")


def test_every_benchmark_can_be_imported() -> None:
    """In a process of its own: here the helpers of the tests have the names of those of the benchmarks."""
    modules = ", ".join(file.stem for file in BENCH.glob("*.py"))
    done = subprocess.run(
        [sys.executable, "-c", f"import {modules}"], cwd=BENCH, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
