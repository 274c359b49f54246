"""`populer export` writes tables that `populer tune` and DuckDB read again."""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import servers
from manual import block

sys.path.append(str(Path(__file__).parents[1]))

from service import run

from ranking.counts.buckets import Bucket
from ranking.intake.items import Item
from ranking.published.edits import Block, Subject
from ranking.refreshing.sealer import Sealer
from ranking.settings.service import RetentionSettings
from ranking.store.counts import Batch

OwnServer = Callable[..., servers.Valkey]
DAY_S = 86_400
TABLES = ("counts", "items", "edits")
START = 1_764_460_800  # 30 November 2025, 00:00 UTC
HOURS = 72
SETTINGS = """
[redis]
url = "{url}"
[[sites]]
id = "koran"
[retention]
keep = "36500d"
[lists.populer]
listed = "all"
half_life = "2h"
"""
KEEP = RetentionSettings.model_validate({"keep": "36500d"})


async def recorded(url: str) -> None:
    """Three days in which items take turns, sealed and by the hour in part; clicks in a list; an edit; a robot."""
    async with servers.opened(url) as store:
        counts: dict[Bucket, dict[str, int]] = {}
        for hour in range(HOURS):
            for item in range(12):
                bucket = Bucket(300, START + 3600 * hour + 300 * (item % 12))
                reads = 1 + (hour * 7 + item * 5) % 23
                counts[bucket] = {f"view|berita-{item}": reads, "!robot|berita-0": 2}
        counts[bucket]["click@list:populer#3|berita-1"] = 4
        counts[bucket]["view|=1+1"] = 1
        await store.counts.record(Batch("koran", 0, "writer", 1, counts), KEEP.keep_s)
        items = [
            Item(f"berita-{n}", title=f"Berita, nomor {n}", url=f"https://koran.example/{n}", section="Politik",
                 tags=("a", "b"), published_at=START + 3600.0 * n, first_seen=START)
            for n in range(12)
        ]  # fmt: skip
        await store.items.put_items("koran", items)
        for edit in (Block("salah"), None):
            await store.edits.change("koran", {Subject("block", "", "", "berita-7"): edit}, "siti")
        await Sealer(store, KEEP, "koran").seal(START + 10 * DAY_S)


@pytest.fixture
async def options(own_server: OwnServer, tmp_path: Path) -> tuple[str, ...]:
    server, file = own_server(), tmp_path / "populer.toml"
    await recorded(server.url)
    file.write_text(SETTINGS.format(url=server.url))
    return "--config", str(file), "--data", str(tmp_path / "data")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def tuned(*arguments: str) -> Any:
    done = run("tune", "--json", "--warmup", "1d", "--grid", "half_life=1h,6h,1d", *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return [(each["settings"], each["capture"]) for each in found["candidates"]], found["steps"]


def test_counts_are_those_that_rank_and_of_the_span_asked_for(options: tuple[str, ...]) -> None:
    done = run("export", "counts", "--from", "2025-12-02T00:00:00Z", *options)
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    assert {row["ts"][:10] for row in found} == {"2025-12-02"}
    assert {(row["kind"], row["source"], row["position"]) for row in found} == {
        ("view", "", ""),
        ("click", "list:populer", "3"),
    }
    assert sum(int(row["events"]) for row in found if row["kind"] == "click") == 4
    whole = rows(run("export", "counts", *options).stdout)
    expected = sum(1 + (hour * 7 + item * 5) % 23 for hour in range(HOURS) for item in range(12)) + 4 + 1 - 23
    assert abs(sum(int(row["events"]) for row in whole) - expected) <= 23
    assert "'=1+1" in {row["item"] for row in whole}, "a spreadsheet must not compute it"


def test_items_and_edits_have_a_column_for_each_field(options: tuple[str, ...]) -> None:
    items = rows(run("export", "items", "--to", str(START + 3 * 3600), *options).stdout)
    assert [row["id"] for row in items] == ["berita-0", "berita-1", "berita-2"]
    assert items[0]["title"] == "Berita, nomor 0"
    assert (items[0]["published_at"], items[0]["tags"]) == ("2025-11-30T00:00:00Z", "a|b")
    made, lifted = rows(run("export", "edits", *options).stdout)
    assert (made["editor"], made["action"], made["item"]) == ("siti", "block", "berita-7")
    assert json.loads(made["after"])["reason"] == json.loads(lifted["before"])["reason"] == "salah"


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_tune_and_rank_find_in_the_files_what_they_find_in_the_store(
    options: tuple[str, ...], tmp_path: Path, form: str
) -> None:
    if form == "parquet":
        pytest.importorskip("duckdb")
    counts, items = tmp_path / f"counts.{form}", tmp_path / f"items.{form}"
    for table, file in (("counts", counts), ("items", items)):
        done = run("export", table, "--format", form, "--out", str(file), *options)
        assert done.returncode == 0, done.stderr
    at = "2025-12-01T12:02:00Z"
    ranked = run("rank", "--json", "--at", at, "--events", str(counts), "--items", str(items), *options)
    assert ranked.returncode == 0, ranked.stderr
    found = json.loads(ranked.stdout)
    assert len(found["items"]) == 10
    assert found == json.loads(run("rank", "--json", "--at", at, *options).stdout)
    of_files = tuned("--events", str(counts), "--items", str(items), "--undated", "first-seen", *options)
    assert of_files == tuned("--step", "1h", *options)
    refused = run("replay", str(counts), "--key", "any", *options)
    assert (refused.returncode, "counts that were exported" in refused.stderr) == (1, True), refused.stderr


def test_rank_says_what_it_cannot_do_by_files(options: tuple[str, ...], tmp_path: Path) -> None:
    counts, empty = tmp_path / "counts.csv", tmp_path / "empty.csv"
    counts.write_text("ts,until,item,kind,events\n2025-12-01T00:00:00Z,2025-12-01T00:05:00Z,a,view,3\n")
    empty.write_text("ts,item\n")
    done = run("rank", "--json", "--events", str(counts), *options)
    assert [(each["id"], each["views"]) for each in json.loads(done.stdout)["items"]] == [("a", 3)]
    for arguments, said in (
        (("--items", str(counts)), "--items: goes with --events"),
        (("--events", str(counts), "--tag", "bola"), "--tag: goes without --events"),
        (("--events", str(empty)), "--events: no event in"),
        (("--events", str(tmp_path / "none.csv")), "none.csv"),
    ):
        done = run("rank", *arguments, *options)
        assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr


def test_duckdb_reads_what_is_written(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb = pytest.importorskip("duckdb")
    for table in TABLES:
        done = run("export", table, "--format", "parquet", "--out", str(tmp_path / f"{table}.parquet"), *options)
        assert done.returncode == 0, done.stderr
    done = run("export", "edits", "--format", "parquet", "--out", str(tmp_path), *options)
    assert (done.returncode, "cannot be written as Parquet" in done.stderr, done.stderr.count("\n")) == (1, True, 1)
    counts, items, edits = (duckdb.read_parquet(str(tmp_path / f"{name}.parquet")) for name in TABLES)
    clicks = counts.filter("kind = 'click'").join(items, "item = id").aggregate("title, sum(events), min(ts)")
    assert [(title, int(n), at.year) for title, n, at in clicks.fetchall()] == [("Berita, nomor 1", 4, 2025)]
    assert edits.project("editor, action").fetchall() == [("siti", "block"), ("siti", "unblock")]
    assert counts.filter("item = '=1+1'").aggregate("sum(events)").fetchall() == [(1,)]
    monkeypatch.chdir(tmp_path)
    found = duckdb.sql(block("docs/ops.md", "sql")).fetchall()
    views = {title: int(n) for title, n in found}
    assert len(found) == 10
    assert list(views.values()) == sorted(views.values(), reverse=True)
    assert views["Berita, nomor 5"] == sum(1 + (hour * 7 + 5 * 5) % 23 for hour in range(HOURS))


def test_what_cannot_be_exported_is_said(options: tuple[str, ...], tmp_path: Path) -> None:
    for arguments, said in (
        (("visitors",), "expected counts, items, edits"),
        (("counts", "--format", "xml"), "--format: expected parquet or csv"),
        (("counts", "--format", "parquet"), "needs --out"),
        (("counts", "--from", "yesterday"), "--from: expected"),
        (("items", "--from", "2025-12-02", "--to", "2025-12-01"), "--from 2025-12-02: expected a moment before --to"),
        (("counts", "--out", str(tmp_path / "no" / "file")), "cannot be written"),
        (("counts", "--out", "/dev/full"), "/dev/full: cannot be written (No space left on device)"),
    ):
        done = run("export", *arguments, *options)
        assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr


def test_an_export_leaves_what_was_exported_before_where_the_store_is_away(tmp_path: Path) -> None:
    kept = tmp_path / "counts.csv"
    kept.write_text("kept")
    for out in (("--out", str(kept)), ()):
        done = run("export", "counts", "--data", str(tmp_path / "nothing"), *out)
        assert (done.returncode, done.stdout) == (1, "")
        assert "start `populer serve` first" in done.stderr
    assert kept.read_text() == "kept"
