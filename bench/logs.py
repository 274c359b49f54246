"""How fast an access log is counted: `populer replay --format combined` beside GoAccess, on the same lines.

`python bench/logs.py [--json] [--lines N] [--rounds N]`; about a minute and a half with the default of a million lines.

What is measured: a log of article reads in the combined format, made up as traffic.py's readers, a day long, in a file.
`populer replay` reads it, leaves out robots and repeats, and records it through a running `populer serve --workers 1`
as shipped, answered when counted; GoAccess (Debian's) reads it into its own tables and writes a JSON report. They do
not do the same: the service can rank by these counts at any half-life, GoAccess has panels that the service lacks.

What makes it honest: replay's own sums must be those of the log, and GoAccess must have taken every line as valid. Each
round has a service of its own, so that nothing of a log is known from before.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import servers
from report import Row, parser_of, ratios, show
from traffic import Read, of_readers

LINES_MADE = 1_000_000
DAY_S = 86_400
SEED = 4


def write_log(file: Path, lines: int) -> None:
    """A day of reads up to now, in the combined format, in the order of time."""
    reads = of_readers("l", min(lines, 100_000))
    draw, began_s = random.Random(SEED), time.time() - DAY_S
    with file.open("w", encoding="utf-8") as to:
        for number in range(lines):
            read: Read = reads[draw.randrange(len(reads))]
            when = datetime.fromtimestamp(began_s + DAY_S * number / lines, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
            to.write(
                f'{read.address} - - [{when}] "GET /{read.item} HTTP/1.1" 200 {20_000 + number % 7_000}'
                f' "https://www.google.com/" "{read.agent}"\n'
            )


def replayed(file: Path, folder: Path, lines: int) -> tuple[float, str]:
    """Seconds of a replay, and what was wrong with it (empty: nothing)."""
    with servers.service(folder, servers.AS_SHIPPED) as server:
        environment = {**os.environ, "PYTHONPATH": str(servers.ROOT), "POPULER_KEY": servers.write_key(folder)}
        command = [sys.executable, "-m", "populer", "replay", str(file), "--to", f"http://{server.host}:{server.port}"]
        command += ["--format", "combined", "--base", "https://koran.example"]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        seconds = time.perf_counter() - started
        counts = servers.counts_of_service(folder)
    kept = sum(sum(each.values()) for each in counts)
    wrong = "" if done.returncode == 0 else f"replay ended with {done.returncode}: {done.stderr[-200:]}"
    if kept != lines:
        wrong = f"{wrong} the store has {kept:,} of {lines:,} lines: {done.stdout[-400:]}".strip()
    return seconds, wrong


def by_goaccess(program: str, file: Path, folder: Path, lines: int) -> tuple[float, str]:
    """Seconds of GoAccess, and what was wrong with it."""
    report = folder / "goaccess.json"
    command = [program, str(file), "--no-global-config", "--log-format=COMBINED", "--no-progress", "-o", str(report)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    valid = json.loads(report.read_text())["general"]["valid_requests"] if done.returncode == 0 else 0
    return seconds, "" if valid == lines else f"GoAccess took {valid:,} of {lines:,} lines"


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--lines", type=int, default=LINES_MADE)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    servers.stop_on_sigterm()
    program = shutil.which("goaccess")
    if program is None:
        print("GoAccess is not installed and is left out: apt-get install goaccess", file=sys.stderr)
    ours, theirs, wrong = [], [], []
    with tempfile.TemporaryDirectory(prefix="populer-bench-") as name:
        folder, file = Path(name), Path(name) / "access.log"
        write_log(file, given.lines)
        for number in range(given.rounds):
            found = replayed(file, folder / f"service-{number}", given.lines)
            other = by_goaccess(program, file, folder, given.lines) if program else found
            for (seconds, trouble), into in ((found, ours), (other, theirs)):
                into.append(given.lines / seconds)
                wrong += [trouble] if trouble else []
    found = ratios(ours, theirs)
    row = Row(
        "lines of a combined log", statistics.median(ours), "lines/s", "GoAccess" if program else "itself",
        statistics.median(theirs), statistics.median(found), "", None,
        {"answers": "; ".join(wrong) or f"all {given.lines:,} lines are in the store", "ratios": found,
         "rounds": ours},
    )  # fmt: skip
    show([row], "Logs", f"medians of {given.rounds} rounds", as_json=given.json)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
