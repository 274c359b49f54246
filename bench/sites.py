"""What sites cost that are there and hardly read: how fresh their lists are, and what one takes of the leader.

`python bench/sites.py [--sites 1,50,200,500] [--json]`: for each number of sites a service of its own (one worker, the
bundled store, settings as shipped), ten described items and a few reads on each site, then half a minute of quiet in
which the age of every site's list is read over HTTP, all of them again and again. Takes about a minute for each number.

Honest: every list is looked at, not a sample; ages are those that readers get; memory is of the leader by the system's
count after the quiet, less that with one site; all lines of the log above `info` count.

`--lists 200`: one site with so many lists, every second of them with twenty sections, of 2,000 items that were read;
the longest of some refreshes as the jobs process notes them, sending included.
"""

import json
import re
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from report import Row, parser_of, show
from servers import Server, service, stop_on_sigterm, usage

BEAT_S = 5.0
QUIET_S = 30.0
PATIENCE_S = 180.0
ITEMS, MANY_ITEMS = 10, 2_000
REFRESHES = 5
KEY = "write-0123456789abcdef"
KIB = 1024.0


class Figures(NamedTuple):
    """One number of sites. `oldest_s`: the oldest list that was seen; `terms`: how often sites were taken."""

    sites: int
    start_s: float
    oldest_s: float
    terms: int
    complaints: int
    leader_rss: int
    leader_cores: float
    worker_cores: float


def measured(sites: int, folder: Path) -> Figures:
    """Run a service with that many sites."""
    names = [f"site-{number}" for number in range(sites)]
    config = "".join(
        f'[[sites]]\nid = "{name}"\nhosts = ["x.example"]\norigins = ["https://x.example"]\n'
        f'[sites.keys]\nwrite = "{KEY}"\nadmin = "admin-{KEY}"\n'
        for name in names
    )
    began = time.monotonic()
    with service(folder, config) as server:
        start_s = time.monotonic() - began
        for name in names:
            _filled(server, name)
        _wait_for_lists(server, names)
        leader, worker = _leader(server), _worker(server)
        before, at = (usage(leader).cpu_s, usage(worker).cpu_s), time.monotonic()
        oldest_s = 0.0
        while time.monotonic() < at + QUIET_S:
            oldest_s = max(oldest_s, *(_age(server, name) for name in names))
            time.sleep(0.5)
        took_s = time.monotonic() - at
        cores = [(usage(pid).cpu_s - was) / took_s for pid, was in zip((leader, worker), before, strict=True)]
        rss = usage(leader).rss
    log = (folder / "service.log").read_text()
    complaints = len(re.findall(r"\[(?:warning|error|critical) *\]", log))
    return Figures(
        sites, start_s, oldest_s, log.count("This process works for more sites now."), complaints, rss, *cores
    )


def refresh_of(lists: int, folder: Path) -> float:
    """Seconds of the longest of some refreshes of a site with that many lists."""
    config = '[[sites]]\nid = "site-0"\nhosts = ["x.example"]\norigins = ["https://x.example"]\n[sites.keys]\n'
    config += f'write = "{KEY}"\nadmin = "admin-{KEY}"\n'
    config += "".join(
        f'[lists.list-{number}]\nhalf_life = "{10 + number}m"\nsections = {"true" if number % 2 else "false"}\n'
        for number in range(lists)
    )
    with service(folder, config) as server:
        for first in range(0, MANY_ITEMS, 500):
            some = range(first, first + 500)
            items = [
                {
                    "id": f"item-{n}",
                    "title": f"Judul {n}",
                    "url": f"https://x.example/{n}",
                    "section": f"Rubrik {n % 20}",
                }
                for n in some
            ]
            _sent(server, "PUT", "/v1/items?site=site-0", items)
            _sent(server, "POST", "/v1/events?site=site-0", [{"item": f"item-{n}"} for n in some])
        _wait_for_lists(server, ["site-0"])
        seen: dict[float, float] = {}
        while len(seen) < REFRESHES + 1:
            run = next(run for run in _state(server)["jobs"] if run["job"] == "refresh")
            seen[run["at"]] = run["took_s"]
            time.sleep(0.5)
    return max([*seen.values()][1:])


def _filled(server: Server, site: str) -> None:
    _sent(server, "PUT", f"/v1/items?site={site}", [_item(n, 3) for n in range(ITEMS)])
    _sent(server, "POST", f"/v1/events?site={site}", [{"item": f"item-{n % ITEMS}"} for n in range(20)])


def _item(n: int, sections: int) -> dict[str, str]:
    section = f"Rubrik {n % sections}"
    return {"id": f"item-{n}", "title": f"Judul {n}", "url": f"https://x.example/{n}", "section": section}


def _wait_for_lists(server: Server, sites: Sequence[str]) -> None:
    end = time.monotonic() + PATIENCE_S
    for site in sites:
        while len(_list(server, site).get("items", [])) < ITEMS - 3:
            if time.monotonic() > end:
                raise SystemExit(f"{site} has no list after {PATIENCE_S:.0f} s")
            time.sleep(0.1)


def _age(server: Server, site: str) -> float:
    return float(_list(server, site)["age_s"])


def _list(server: Server, site: str) -> dict[str, Any]:
    with urllib.request.urlopen(_address(server, f"/v1/lists/populer?site={site}"), timeout=30) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


def _sent(server: Server, method: str, path: str, body: object) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    asked = urllib.request.Request(_address(server, path), json.dumps(body).encode(), headers, method=method)  # noqa: S310
    with urllib.request.urlopen(asked, timeout=30):  # noqa: S310
        pass


def _address(server: Server, path: str) -> str:
    return f"http://{server.host}:{server.port}{path}"


def _state(server: Server) -> dict[str, Any]:
    asked = urllib.request.Request(_address(server, "/v1/ops/state"), headers={"authorization": f"Bearer admin-{KEY}"})  # noqa: S310
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


def _leader(server: Server) -> int:
    holder: str = _state(server)["leader"]["holder"]
    return int(holder.split(":")[1])


def _worker(server: Server) -> int:
    (worker,) = set(server.pids()) - {_leader(server)}
    return worker


def rows_of(figures: Sequence[Figures]) -> list[Row]:
    """The figures as rows, beside the beat and the first number of sites."""
    rows = list[Row]()
    for each in figures:
        first = figures[0]
        name, fine = f"{each.sites} sites", each.complaints == 0 and each.terms == 1
        more = {"start_s": round(each.start_s, 1), "complaints": each.complaints, "terms": each.terms}
        rows.append(
            Row(
                f"{name}: oldest list", each.oldest_s, "s", "the beat", BEAT_S, each.oldest_s / BEAT_S,
                "at most two beats, no complaint, one term", fine and each.oldest_s <= 2 * BEAT_S, more,
            )
        )  # fmt: skip
        rows.append(
            Row(
                f"{name}: CPU of the leader", each.leader_cores, "cores", "the worker", each.worker_cores,
                each.leader_cores / max(each.worker_cores, 1e-3), "", None, {},
            )
        )  # fmt: skip
        if each.sites > first.sites:
            per_site = (each.leader_rss - first.leader_rss) / (each.sites - first.sites) / KIB
            rows.append(
                Row(
                    f"{name}: memory of the leader for one", per_site, "KiB", f"all of it, {first.sites} sites",
                    first.leader_rss / KIB, per_site * KIB / first.leader_rss, "under 100", per_site < 100, {},
                )
            )  # fmt: skip
    return rows


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--sites", default="1,50,200,500", help="numbers of sites, the least first")
    parser.add_argument("--lists", default="200", help="numbers of lists of one site; none: an empty text")
    options = parser.parse_args()
    stop_on_sigterm()
    numbers = sorted(map(int, filter(None, options.sites.split(","))))
    with tempfile.TemporaryDirectory(prefix="populer-bench-") as folder:
        figures = []
        for number in numbers:
            print(f"{number} sites …", file=sys.stderr)
            figures.append(measured(number, Path(folder) / str(number)))
        rows = rows_of(figures)
        for number in map(int, filter(None, options.lists.split(","))):
            print(f"{number} lists …", file=sys.stderr)
            took_s = refresh_of(number, Path(folder) / f"lists-{number}")
            third_s = BEAT_S / 3
            rows.append(
                Row(
                    f"{number} lists: a refresh", took_s, "s", "a third of the beat", third_s, took_s / third_s,
                    "at most that", took_s <= third_s, {},
                )
            )  # fmt: skip
    show(rows, "Sites", "One worker, the bundled store.", as_json=options.json)


if __name__ == "__main__":
    main()
