"""How long a report takes: the top of a range, as the process that ranks answers it.

`python bench/reports.py [--json] [--cells N]`; about three minutes with the default of 10^7 counts.

A made-up month (readership.py: a tenth as many described items, 20 sections) is held as the process that ranks holds
it, and asked for the top twenty of all of it, and of its last day. Three items have voids in "with voids". Ours is the
median of ROUNDS rounds; the baseline, which takes seconds, is measured once. The titles of the twenty items are left
out on both sides.

The baseline is what one writes by hand on Redis: a sorted set for each hour, ZUNIONSTORE over those of the range, and
the first twenty; it is on the same Valkey as the service starts it, and its answer is held to be the same. By section
it is a walk over all of the union in Python.
"""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import servers  # isort: skip - it makes a checkout importable
import readership
import steady
from redis import Redis
from refresh_rivals import fill_hours
from report import Row, parser_of, show

from ranking.published.edits import Edits, Subject, Void
from ranking.reporting.top import TopOfRange, TopRow, top_of_range
from ranking.times import DAY_S, HOUR_S

ROUNDS = 7
CELLS = 10_000_000
TOP = 20
GOAL_MS = 300.0


class Asked(NamedTuple):
    """A report: its name, how many days it is of, and by what."""

    name: str
    days: int
    by: str
    voids: bool = False


REPORTS = (
    Asked("items of 30 days", 30, "item"),
    Asked("items of 30 days, with voids", 30, "item", True),
    Asked("items of a day", 1, "item"),
    Asked("sections of 30 days", 30, "section"),
    Asked("sources of 30 days", 30, "source"),
)


def by_redis(client: Redis, days: int, by: str, section_of: dict[str, str], end_s: int) -> list[tuple[str, int]]:
    """The top of the last days by the sorted sets."""
    hours = range((end_s - days * DAY_S) // HOUR_S, -(-end_s // HOUR_S))
    client.zunionstore("union", [f"hour:{number}" for number in hours])
    if by == "item":
        return [(name.decode(), int(score)) for name, score in client.zrevrange("union", 0, TOP - 1, withscores=True)]
    totals: dict[str, int] = {}
    for name, score in client.zrange("union", 0, -1, withscores=True):
        section = section_of[name.decode()] if by == "section" else ""
        totals[section] = totals.get(section, 0) + int(score)
    return sorted(totals.items(), key=lambda each: (-each[1], each[0]))[:TOP]


def median_ms(call: Callable[[], object], rounds: int) -> float:
    """Milliseconds of a call."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        found.append(1e3 * (time.perf_counter() - started))
    return statistics.median(found)


def rows(url: str, cells: int, end_s: int) -> list[Row]:
    """All measurements."""
    client = Redis.from_url(url, socket_timeout=None)
    fill_hours(client, cells, end_s, {"view": 1.0})
    site = steady.Site(cells, end_s, steady=False)
    counts = len(site.history.columns().counts)
    section_of = {name: f"Rubrik {number % readership.SECTIONS}" for number, name in enumerate(site.history.items)}
    voids = {
        Subject("void", "", str(number), site.history.items[-number]): Void(end_s - 2 * DAY_S, end_s - DAY_S)
        for number in (1, 2, 3)
    }
    found, baselines = list[Row](), dict[tuple[int, str], tuple[float, list[int]]]()
    for name, days, by, voided in REPORTS:
        site.edits = Edits(1, dict(voids)) if voided else Edits()
        question = TopOfRange("bench", end_s - days * DAY_S, end_s, by, limit=TOP)

        def ours(question: TopOfRange = question) -> list[TopRow]:
            return top_of_range(site, question, end_s, readership.WIDTH_S)[1]

        if (days, by) not in baselines:
            started = time.perf_counter()
            answer = by_redis(client, days, by, section_of, end_s)
            baselines[days, by] = 1e3 * (time.perf_counter() - started), sorted(views for _, views in answer)
        ours_ms, (theirs_ms, theirs) = median_ms(ours, ROUNDS), baselines[days, by]
        same = "the same" if theirs == sorted(row.views for row in ours()) else "NOT the same"
        more = {"counts": counts, "answers": "" if voided else same}
        found.append(
            Row(
                f"{name}, {counts:.1e} counts", ours_ms, "ms", "ZUNIONSTORE over hours", theirs_ms, theirs_ms / ours_ms,
                f"< {GOAL_MS:g} ms", ours_ms < GOAL_MS, more,
            )
        )  # fmt: skip
    client.close()
    return found


def main() -> None:
    """Run everything and print it."""
    parser = parser_of(__doc__)
    parser.add_argument("--cells", type=int, default=CELLS, help="about how many counts")
    given = parser.parse_args()
    servers.stop_on_sigterm()
    end_s = int(time.time()) // HOUR_S * HOUR_S
    with servers.valkey() as url:
        found = rows(url, given.cells, end_s)
    show(found, "Reports", f"medians of {ROUNDS} rounds", as_json=given.json)


if __name__ == "__main__":
    main()
