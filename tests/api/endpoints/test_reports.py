"""Reports over HTTP: the numbers of what counted, as JSON and CSV, for editors, and a sentence for what cannot be."""

import csv
import io
import random
from collections import Counter
from typing import Any

import pytest
import servers
from conftest import Serve
from servers import ADMIN, ADMIN_KEY, NOW, SITE, WRITE_KEY, WRITER, Service, answering

BUCKET_S, MINUTE_S, HOUR_S = 300, 60, 3600
SPAN_S = 30 * MINUTE_S
EDITOR_KEY = "editor-key-of-the-koran"
ITEMS = [
    {"id": "banjir", "title": "=HYPERLINK(1)", "url": "https://koran.example/banjir", "section": "Nasional",
     "author": "Siti", "tags": ["jakarta", "cuaca"], "published_at": NOW - 9 * HOUR_S},
    {"id": "gol", "title": "Gol \"emas\", menit akhir", "section": "Olahraga", "author": "Budi"},
    {"id": "pasar", "title": "Pasar pagi"},
]  # fmt: skip


async def top(service: Service, headers: dict[str, str] = ADMIN, **params: Any) -> Any:
    answer = await service.http.get("/v1/reports/top", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def bucket(ts: float) -> float:
    return ts // BUCKET_S * BUCKET_S


async def test_top_equals_a_plain_count_of_random_events_with_repeats_and_voids(serve: Serve) -> None:
    service = await serve(ingest={"dedupe_window": "30m", "network_allowance": 0})
    await service.put(*ITEMS)
    draw = random.Random(17)
    ids = [item["id"] for item in ITEMS]
    events = [
        {
            "item": draw.choice(ids),
            "kind": draw.choice(["view", "view", "click"]),
            "source": draw.choice([None, "list:populer", "amp"]),
            "visitor": draw.choice("abcdefgh"),
            "ts": NOW - draw.randrange(1, 30 * HOUR_S),
        }
        for _ in range(900)
    ]
    events.sort(key=lambda event: event["ts"])
    counted, last = [], dict[tuple[str, str, str], float]()
    for event in events:
        pair = event["visitor"], event["item"], event["kind"]
        if event["ts"] - last.get(pair, -1e9) >= SPAN_S:
            last[pair] = event["ts"]
            counted.append(event)
    answer = await service.http.post("/v1/events", json=events, headers=WRITER)
    assert answer.json()["accepted"] == len(counted) < len(events)
    void = {"from": NOW - 8 * HOUR_S, "to": NOW - 6 * HOUR_S, "kinds": ["view"]}
    made = (await service.http.post("/v1/items/gol/voids", json=void, headers=ADMIN)).json()
    counted = [
        event
        for event in counted
        if event["item"] != "gol" or event["kind"] != "view" or not made["from"] <= bucket(event["ts"]) < made["to"]
    ]
    by = {
        "item": lambda event: event["item"],
        "section": lambda event: {"banjir": "Nasional", "gol": "Olahraga"}.get(event["item"]),
        "author": lambda event: {"banjir": "Siti", "gol": "Budi"}.get(event["item"]),
        "source": lambda event: event["source"],
    }
    async with answering(service):
        for first, until in ((NOW - 29 * HOUR_S, NOW), (NOW - 7 * HOUR_S, NOW - HOUR_S)):
            inside = [event for event in counted if bucket(first) <= bucket(event["ts"]) < until]
            for name, group in by.items():
                found = await top(service, by=name, **{"from": first, "to": until})
                assert found["from"] == bucket(first)
                views, clicks = (
                    Counter(group(event) for event in inside if event["kind"] == kind) for kind in ("view", "click")
                )
                key = "id" if name == "item" else "name"
                assert {row[key]: (row["views"], row["clicks"]) for row in found["rows"]} == {
                    each: (views[each], clicks[each]) for each in {**views, **clicks}
                }, (name, first)
                assert found["total"] == {"views": views.total(), "clicks": clicks.total()}
        of_list = await top(service, list="populer")
        from_list = [event for event in counted if event["source"] == "list:populer" and event["ts"] > NOW - 24 * 3600]
        assert of_list["list"] == "populer"
        assert abs(sum(of_list["total"].values()) - len(from_list)) <= 5  # the first bucket is whole


SITES = [
    {"id": SITE, "timezone": "Asia/Jakarta", "keys": {"write": WRITE_KEY, "admin": ADMIN_KEY, "editor": EDITOR_KEY}}
]


@pytest.fixture
async def read(serve: Serve) -> Service:
    service = await serve(sites=SITES)
    await service.put(*ITEMS)
    await service.view(banjir=5, gol=3, unknown=2)
    return service


async def test_rows_say_which_article_it_is_and_leave_out_what_nobody_described(read: Service) -> None:
    async with answering(read):
        found = await top(read, {"authorization": f"Bearer {EDITOR_KEY}"})
        tags = await top(read, by="tag")
    assert found["rows"][0] == {
        "id": "banjir",
        "title": "=HYPERLINK(1)",
        "url": "https://koran.example/banjir",
        "section": "Nasional",
        "author": "Siti",
        "published_at": NOW - 9 * HOUR_S,
        "views": 5,
        "clicks": 0,
    }
    assert [row["id"] for row in found["rows"]] == ["banjir", "gol"]
    assert found["unknown"] == {"items": 1, "views": 2, "clicks": 0}
    # An item counts for each of its tags; what has none has no name.
    assert tags["rows"] == [
        {"name": "cuaca", "views": 5, "clicks": 0},
        {"name": "jakarta", "views": 5, "clicks": 0},
        {"name": None, "views": 3, "clicks": 0},
    ]


async def test_csv_has_a_header_times_of_the_site_and_no_formula(read: Service) -> None:
    async with answering(read):
        answer = await read.http.get("/v1/reports/top", params={"format": "csv"}, headers=ADMIN)
        sections = await read.http.get("/v1/reports/top?format=csv&by=section", headers=ADMIN)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="populer-item-')
    header, first, second = csv.reader(io.StringIO(answer.text))
    assert header == ["id", "title", "url", "section", "author", "published_at", "views", "clicks"]
    assert first[:2] == ["banjir", "'=HYPERLINK(1)"]
    assert first[5] == "2025-11-30T17:49:00+07:00"
    assert second[1] == 'Gol "emas", menit akhir'
    assert sections.text == "name,views,clicks\r\nNasional,5,0\r\nOlahraga,3,0\r\n"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("by=titel", "by: expected one of item, section, author, tag, source, found 'titel'"),
        ("format=xls", "format: expected one of json, csv, found 'xls'"),
        ("list=other", "list: expected one of populer, trending, update, found 'other'"),
        ("limit=0", "limit: expected a whole number from 1 to 1000, found '0'"),
        ("limit=0000009999", "limit: expected a whole number from 1 to 1000, found '0000009999'"),
        ("from=kemarin", "from: expected epoch seconds or ISO 8601 such as"),
        ("from=2025-12-02&to=2025-12-03", "from: expected a moment before `to` and before now"),
        ("from=1764532140&to=1764532140", "from: expected a moment before `to` and before now"),
        ("to=2025-10-01", "to: expected a moment of the last 30d"),
        ("form=csv", "'form' is no parameter here; did you mean format?"),
    ],
)
async def test_bad_parameters_are_refused_with_what_is_known(serve: Serve, query: str, sentence: str) -> None:
    service = await serve(sites=SITES, retention={"keep": "30d"})
    answer = await service.http.get(f"/v1/reports/top?{query}", headers=ADMIN)
    assert answer.status_code == 400, answer.text
    assert sentence in answer.json()["detail"]


@pytest.mark.parametrize("address", ["/v1/reports/top", "/v1/reports/today", "/v1/items/a/history", "/v1/items"])
async def test_a_parameter_that_nobody_knows_is_refused(service: Service, address: str) -> None:
    answer = await service.http.get(f"{address}?senyap=1", headers=ADMIN)
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"].startswith("'senyap' is no parameter here; ")


async def test_dates_are_days_of_the_site_and_a_range_begins_with_what_is_kept(serve: Serve) -> None:
    service = await serve(sites=SITES, retention={"keep": "30d"})
    async with answering(service):
        day = await top(service, **{"from": "2025-12-01"})
        month = await top(service, **{"from": "2025-09-01"})
    assert day["from"] == 1_764_522_000  # midnight in Jakarta
    assert month["from"] == bucket(NOW - 30 * 24 * HOUR_S)


@pytest.mark.parametrize("address", ["/v1/reports/top", "/v1/reports/today", "/v1/items/gol/history"])
async def test_only_editors_may_ask(read: Service, address: str) -> None:
    assert (await read.http.get(address)).status_code == 401
    assert (await read.http.get(address, headers=WRITER)).status_code == 403


async def test_history_has_reads_by_source_ranks_by_the_hour_and_voids(read: Service) -> None:
    await read.http.put("/v1/lists/populer/pins/gol", json={"position": 1}, headers=ADMIN)
    await read.refresh()  # pinned above the more read
    read.clock.now += HOUR_S
    await read.view(banjir=9)
    click = {"item": "gol", "kind": "click", "source": "list:populer", "position": 1, "ts": read.clock.now}
    assert (await read.http.post("/v1/events", json=[click], headers=WRITER)).json()["accepted"] == 1
    await read.http.delete("/v1/lists/populer/pins/gol", headers=ADMIN)
    void = {"from": NOW - 2 * HOUR_S, "to": NOW - HOUR_S}
    await read.http.post("/v1/items/gol/voids", json=void, headers=ADMIN)
    async with answering(read):
        answer = await read.http.get("/v1/items/gol/history", headers=ADMIN)
        text = (await read.http.get("/v1/items/gol/history?format=csv&step=day", headers=ADMIN)).text
        unknown = await read.http.get("/v1/items/nobody/history", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["title"], found["section"], found["step"]) == ('Gol "emas", menit akhir', "Olahraga", "hour")
    assert (found["views"], found["clicks"], found["total"]) == ([3, 0], [0, 1], {"views": 3, "clicks": 1})
    assert found["sources"] == [
        {"name": None, "views": [3, 0], "clicks": [0, 0]},
        {"name": "list:populer", "views": [0, 0], "clicks": [0, 1]},
    ]
    assert [place["rank"] for place in found["ranks"]["populer"]] == [1, 2]
    assert [void["void"] for void in found["voids"]] == [1]
    assert text == (
        "from,views,clicks,views no source,clicks no source,views list:populer,clicks list:populer\r\n"
        "2025-12-01T00:00:00+07:00,3,1,3,0,0,1\r\n"
    )
    assert (unknown.status_code, unknown.json()["detail"][:30]) == (404, "nothing is known of item 'nobo")


async def test_history_says_which_steps_there_are(serve: Serve) -> None:
    service = await serve(sites=SITES)
    answer = await service.http.get("/v1/items/gol/history?step=minute", headers=ADMIN)
    assert (answer.status_code, answer.json()["detail"]) == (400, "step: expected one of hour, day, found 'minute'")


async def test_today_names_the_articles_that_it_speaks_of(read: Service) -> None:
    await read.http.put("/v1/blocks/banjir", json={}, headers=ADMIN)
    click = {"item": "gol", "kind": "click", "source": "list:populer", "position": 2, "ts": NOW - 10 * MINUTE_S}
    views = [{"item": item, "ts": NOW - 10 * MINUTE_S} for item in ("banjir", "banjir", "gol", "gol")]
    await read.http.post("/v1/events", json=[click, *views], headers=WRITER)
    async with answering(read):
        answer = await read.http.get("/v1/reports/today", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["hour"]["views"], found["hour"]["clicks"], found["hour"]["week_ago"]) == (4, 1, None)
    assert {each["name"]: each["views"] for each in found["sections"]} == {"Nasional": 2, "Olahraga": 2}
    assert [each["name"] for each in found["lists"]] == ["populer", "trending", "update"]
    (unlisted,) = found["unlisted"]
    assert (unlisted["title"], unlisted["section"], unlisted["views"]) == ("=HYPERLINK(1)", "Nasional", 2)
    assert unlisted["reasons"]["update"] == {"rule": "blocked", "why": "an editor has blocked it", "rank": None}
    populer = found["lists"][0]
    assert populer["clicks"]["places"] == [{"place": 2, "clicks": 1, "share": 1.0}]


async def test_views_are_told_apart_by_where_visits_began_and_no_host_is_kept(
    serve: Serve, server: servers.Valkey
) -> None:
    service = await serve(sites=[{**SITES[0], "referrers": True, "hosts": ["koran.example"]}])
    await service.put(*ITEMS)
    hosts = ["www.google.co.id", "duckduckgo.com", "l.facebook.com", "rahasia.example", "", "www.koran.example", None]
    events = [{"item": "gol"} | ({} if host is None else {"ref": host}) for host in hosts]
    for event in events:
        assert (await service.http.post("/v1/events", json=event)).json()["accepted"] == 1
    async with answering(service):
        by_source = await top(service, by="source")
        by_item = await top(service)
        history = (await service.http.get("/v1/items/gol/history", headers=ADMIN)).json()
        why = (await service.http.get("/v1/items/gol/explain", headers=ADMIN)).json()
    expected = {None: 2, "ref:search": 2, "ref:social": 1, "ref:other": 1, "ref:direct": 1}
    assert {row["name"]: row["views"] for row in by_source["rows"]} == expected
    assert {each["name"]: sum(each["views"]) for each in history["sources"]} == expected
    assert by_source["total"]["views"] == by_item["rows"][0]["views"] == sum(history["views"]) == len(events)
    assert [(each["channel"], each["events"]) for each in why["channels"]] == [("view", len(events))]
    kept = b"".join(server.admin.dump(key) or b"" for key in server.admin.scan_iter(count=1000) if b":items" not in key)
    assert b"ref:search" in kept
    assert b"rahasia" not in kept
    assert b"google" not in kept
