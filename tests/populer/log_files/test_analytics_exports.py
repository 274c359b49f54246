"""Raw events that analytics export are logs and catalogues: views count, what is beside views is left out."""

import csv
import json
from pathlib import Path

import pytest

from populer.log_files.files import Reading, read_events, read_items

VIEW_MS = 1_764_531_000_123
ADDRESS = "https://www.example.id/politik/berita-1"


def parsely(action: str, event: str, visitor: str) -> dict[str, object]:
    """A row of Parse.ly's Data Pipeline, of the fields that matter here and some that could be mistaken for them."""
    return {
        "action": action, "apikey": "example.id", "event_id": event, "ts_action": "2025-11-30 19:30:00",
        "timestamp_info": True, "timestamp_info_nginx_ms": VIEW_MS, "timestamp_info_pixel_ms": VIEW_MS + 900,
        "visitor": True, "visitor_site_id": visitor, "session": True, "session_id": 6, "slot": False,
        "url": f"{ADDRESS}?utm_source=x#top", "channel": "website", "metadata": True, "metadata_title": "Judul",
        "metadata_canonical_url": ADDRESS, "metadata_section": "Politik", "metadata_authors": ["Ani", "Budi"],
        "metadata_tags": ["pemilu"], "metadata_pub_date_tmsp": VIEW_MS - 3_600_000, "metadata_page_type": "post",
    }  # fmt: skip


ROWS = [
    parsely("pageview", "0x1", "r1"),
    parsely("heartbeat", "0x2", "r1"),
    parsely("pageview", "0x3", "r2"),
    parsely("videostart", "0x4", "r2"),
]


@pytest.fixture(params=["ndjson", "csv"])
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"pipeline.{request.param}"
    if request.param == "ndjson":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        return path
    with path.open("w", newline="") as target:
        writer = csv.DictWriter(target, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(
            {name: json.dumps(value) if isinstance(value, list) else value for name, value in row.items()}
            for row in ROWS
        )
    return path


def test_views_of_parsely_count_by_their_reader_and_moment_and_heartbeats_are_left_out(exported: Path) -> None:
    reading = Reading()
    events = [event for _, event in read_events(exported, None, reading)]
    assert [(each.kind, each.visitor, each.ts, each.id) for each in events] == [
        ("view", "r1", VIEW_MS / 1000, "0x1"),
        ("view", "r2", VIEW_MS / 1000, "0x3"),
    ]
    assert (reading.left_out, reading.unreadable.count) == ({"heartbeat": 1, "videostart": 1}, 0)


def test_rows_of_parsely_describe_their_articles(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.ndjson"
    path.write_text(json.dumps(ROWS[0]) + "\n")
    ((_, item),) = read_items(path)
    assert (item.title, item.url, item.section, item.authors, item.tags) == (
        "Judul", ADDRESS, "Politik", ("Ani", "Budi"), ("pemilu",)
    )  # fmt: skip
    assert item.published_at == VIEW_MS / 1000 - 3_600


def test_an_export_of_google_analytics_with_all_its_events_counts_the_views(tmp_path: Path) -> None:
    path = tmp_path / "ga4.csv"
    path.write_text(
        "event_timestamp,event_name,user_pseudo_id,page_location,ts\n"
        f"1,session_start,7.1,{ADDRESS},1764531000\n"
        f"2,page_view,7.1,{ADDRESS},1764531000\n"
        f"3,user_engagement,7.1,{ADDRESS},1764531004\n"
    )
    reading = Reading()
    ((_, event),) = read_events(path, None, reading)
    assert (event.kind, event.visitor, event.url, event.ts) == ("view", "7.1", ADDRESS, 1_764_531_000.0)
    assert reading.left_out == {"session_start": 1, "user_engagement": 1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "own.ndjson",
            '{"item": "a", "ts": "2025-11-30T19:30:00Z", "kind": "heartbeat"}\n{"item": "a", "ts": 1764531000}\n',
        ),
        ("own.csv", "ts,item,kind\n1764531000,a,heartbeat\n1764531000,a,\n"),
    ],
)
def test_kinds_of_a_site_keep_their_names(tmp_path: Path, name: str, content: str) -> None:
    path, reading = tmp_path / name, Reading()
    path.write_text(content)
    assert [event.kind for _, event in read_events(path, None, reading)] == ["heartbeat", "view"]
    assert reading.left_out == {}
