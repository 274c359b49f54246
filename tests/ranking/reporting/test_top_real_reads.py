"""On real reads, a report has the figures of a walk over the raw log, repeats of a visitor left out."""

import csv
import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import servers
from servers import ADMIN, WRITER, Service, answering

REAL = Path(__file__).parents[4] / "shared" / "data" / "article-reads" / "events.csv.gz"
SPAN_S, BUCKET_S, HOUR_S, DAY_S = 1800, 300, 3600, 86_400
SENT_AT_ONCE = 5_000

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not REAL.exists(), reason=f"the real reads are not at {REAL}"),
    pytest.mark.timeout(300),
]
Rows = list[tuple[float, str, str, str]]  # time, item, visitor, section


def first_day() -> Rows:
    rows: Rows = []
    with gzip.open(REAL, "rt") as lines:
        for row in csv.DictReader(lines):
            at = float(row["ts_epoch_seconds"])
            if rows and at >= rows[0][0] + DAY_S:
                break
            rows.append((at, row["item_id"], row["visitor_id"], row["section"]))
    return rows


def counted(rows: Rows) -> Rows:
    """Those that are no repeat of a visitor's read of that item that counted less than the span before."""
    last: dict[tuple[str, str], float] = {}
    found = []
    for row in rows:
        at, item, visitor, _ = row
        if at - last.get((visitor, item), -SPAN_S) >= SPAN_S:
            last[visitor, item] = at
            found.append(row)
    return found


async def test_top_of_real_reads_equals_a_walk_over_the_log(server: servers.Valkey) -> None:
    rows, kept = first_day(), counted(first_day())
    assert len(kept) < 0.8 * len(rows)  # a third of them are repeats
    settings, clock = servers.settings(ingest={"dedupe_window": "30m"}), servers.Clock(rows[-1][0] + 60)
    async with servers.serving(server, settings, clock) as service:
        await send(service, rows)
        async with answering(service):
            begin = rows[0][0]
            await hold(service, kept, begin, clock.now)
            await hold(service, kept, begin + 8 * HOUR_S + 77, begin + 9 * HOUR_S)
            for item, _ in Counter(row[1] for row in kept).most_common(3):
                answer = await service.http.get(f"/v1/items/{item}/history", headers=ADMIN)
                found = answer.json()
                reads = Counter(row[0] // HOUR_S for row in kept if row[1] == item)
                assert found["views"] == [reads[at // HOUR_S] for at in found["steps"]]
                assert sum(found["views"]) == reads.total()


async def send(service: Service, rows: Rows) -> None:
    for first in range(0, len(rows), SENT_AT_ONCE):
        part = rows[first : first + SENT_AT_ONCE]
        sections = {item: section for _, item, _, section in part}
        described = [{"id": item, "section": name} for item, name in sections.items()]
        assert (await service.http.put("/v1/items", json=described, headers=WRITER)).status_code == 200
        events = [{"item": item, "visitor": visitor, "ts": at} for at, item, visitor, _ in part]
        answer = await service.http.post("/v1/events", json=events, headers=WRITER)
        assert answer.json()["invalid"] == [], answer.text


async def hold(service: Service, kept: Rows, since: float, until: float) -> None:
    for by, column, key in (("item", 1, "id"), ("section", 3, "name")):
        params: dict[str, Any] = {"from": since, "to": until, "by": by, "limit": 1000}
        found = (await service.http.get("/v1/reports/top", params=params, headers=ADMIN)).json()
        reads = Counter(row[column] for row in kept if found["from"] <= row[0] < found["to"])
        assert found["total"]["views"] == reads.total() > 0
        top = {row[key]: row["views"] for row in found["rows"]}
        assert top == {name: reads[name] for name in top}
        assert sorted(top.values(), reverse=True) == sorted(reads.values(), reverse=True)[:1000]
