"""All that docs/benchmarks.md shows, by one command on one machine: `make bench`, about 25 minutes on two cores.

`python bench/suite.py [--only TEXT] [--check] [--quick] [--day SECONDS]`. Each part is a script of its own (see its
head) and runs alone, its peers and limits beside the service in the same rounds. What it prints is kept as
bench/results/results.json, as Markdown tables in docs/benchmarks.md, and as plots. A part that fails is named and takes
nothing else with it; a peer that is not installed is named. `--only` replaces these parts and keeps the others.

`--check` measures again and writes nothing: it compares the ratios of rows that have several rounds with those of the
committed run, and fails where one is worse by more than the noise, which is stated beside it: NOISE, or the spread of
the rounds of either run where that is more. Both runs want a machine that nobody else uses meanwhile. `--quick` is for
trying it out: small sizes, no result to keep.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from results import machine_facts, page, plots

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).with_name("results")
RESULTS = FOLDER / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"
NOISE = 0.25
PART_S = 1_800.0
LESS_IS_BETTER = {"s", "ms", "µs", "µs/request", "bytes", "MiB"}


class Part(NamedTuple):
    """A script, its arguments, and those of a quick run."""

    script: str
    title: str
    arguments: list[str]
    quick: list[str]


PARTS = [
    Part("ingest", "Taking events in", ["--rounds", "3", "--seconds", "2"], ["--rounds", "1", "--seconds", "0.5"]),
    Part("acks", "Ways of taking events in", ["--rounds", "3", "--seconds", "1.5"],
         ["--rounds", "1", "--seconds", "0.5"]),
    Part("day", "One machine's day", [], ["--seconds", "5", "--rate", "3000"]),
    Part("refresh", "Ranking", [], ["--cells", "100000"]),
    Part("serve", "Serving", ["--seconds", "1"], ["--rounds", "1", "--seconds", "0.3"]),
    Part("storage", "Storage", [], ["--cells", "50000"]),
    Part("logs", "Logs", [], ["--lines", "50000", "--rounds", "1"]),
    Part("quality", "Quality of lists on real logs", [], ["--logs", "absent"]),
]  # fmt: skip


def run(part: Part, given: argparse.Namespace) -> dict[str, Any]:
    """What a part has printed, how long it took, and what it had to leave out."""
    arguments = part.quick if given.quick else part.arguments
    if part.script == "day" and given.day:
        arguments = [*arguments, "--seconds", f"{given.day:g}"]
    script = Path(__file__).with_name(f"{part.script}.py")
    print(f"{part.script} {' '.join(arguments)} …", file=sys.stderr, flush=True)
    began_s = time.monotonic()
    command = [sys.executable, str(script), "--json", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PART_S + (given.day or 0.0), cwd=ROOT
        )
        printed, said = done.stdout, done.stderr.splitlines()
    except subprocess.TimeoutExpired:
        printed, said = "", ["it did not end in time"]
    rows = json.loads(printed)["rows"] if printed.startswith("{") else []
    if not rows and part.script != "quality":
        print("\n".join(said[-10:]), file=sys.stderr)
    return {
        "name": part.script,
        "title": part.title,
        "arguments": arguments,
        "took_s": round(time.monotonic() - began_s),
        "left_out": sorted({line for line in said if " left out" in line}),
        "failed": said[-1:] if not rows else [],
        "rows": rows,
    }


def key_of(part: dict[str, Any], row: dict[str, Any]) -> tuple[str, str, str]:
    """By what a row is found in another run; sizes that are measured differ in their last digit, and are left as is."""
    return part["name"], row["name"], row["baseline"]["name"]


def spread(row: dict[str, Any]) -> float:
    """Half of what its rounds differ by, as a share of the ratio."""
    ratios = row.get("ratios", [])
    return (max(ratios) - min(ratios)) / 2 / row["ratio"] if ratios and row["ratio"] else 0.0


def worse(before: dict[str, Any], now: dict[str, Any]) -> float:
    """By what share a row's ratio is worse than before; below 0: better."""
    if not before["ratio"] or not now["ratio"]:
        return 0.0
    value, baseline = before["value"], before["baseline"]["value"]
    # A ratio says how many times as fast, or how many times as much.
    as_much = abs(before["ratio"] * baseline - value) <= abs(before["ratio"] * value - baseline)
    less = before["unit"] in LESS_IS_BETTER and as_much
    return (now["ratio"] / before["ratio"] if less else before["ratio"] / now["ratio"]) - 1


def compared(before: dict[str, Any], now: dict[str, Any]) -> tuple[list[str], int]:
    """What is worse beyond the noise, a line each, and how many rows were compared."""
    known = {
        key_of(part, row): row for part in before["parts"] for row in part["rows"] if len(row.get("ratios", ())) > 1
    }
    found, count = [], 0
    for part in now["parts"]:
        for row in part["rows"]:
            old = known.get(key_of(part, row))
            if old is None or "ratios" not in row:
                continue
            count += 1
            noise = max(NOISE, spread(old), spread(row))
            if (by := worse(old, row)) > noise:
                found.append(
                    f"{part['name']}: {row['name']} against {row['baseline']['name']}: ratio {old['ratio']:g} before,"
                    f" {row['ratio']:g} now, worse by {100 * by:.0f} %, noise {100 * noise:.0f} %"
                )
    return found, count


def main() -> None:
    """Run the parts; keep what they print, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="the parts whose names hold it")
    parser.add_argument("--check", action="store_true", help="compare with the committed run")
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing is written")
    parser.add_argument("--day", type=float, default=0.0, metavar="SECONDS", help="of one machine's day: 600")
    given = parser.parse_args()
    from servers import stop_on_sigterm

    stop_on_sigterm()
    chosen = [part for part in PARTS if given.only in part.script]
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"parts": []}
    if given.check and not before["parts"]:
        sys.exit("There is no committed run to compare with. Run: make bench")
    now = {**machine_facts(), "parts": [run(part, given) for part in chosen]}
    failed = [part["name"] for part in now["parts"] if part["failed"]]
    if given.check:
        found, count = compared(before, now)
        print("\n".join(found) or f"{count} ratios are as in the committed run, within the noise")
        sys.exit(bool(found or failed))
    if given.quick:
        print(page(now))
        sys.exit(bool(failed))
    measured = {part["name"]: part for part in (*before["parts"], *now["parts"])}
    now["parts"] = [measured[part.script] for part in PARTS if part.script in measured]
    FOLDER.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n")
    for old in FOLDER.glob("*.svg"):
        old.unlink()
    for name, drawing in plots(now).items():
        (FOLDER / f"{name}.svg").write_text(drawing)
    PAGE.write_text(page(now))
    print(f"{PAGE.relative_to(ROOT)} and {FOLDER.relative_to(ROOT)} are written", file=sys.stderr)
    sys.exit(f"These parts failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
