"""Catalogues as other programs export them: what becomes an item, what is left out, and what is said of the rest."""

from pathlib import Path

import pytest

from populer.log_files.files import Reading, read_items
from populer.log_files.rows import ItemRow
from ranking.errors import PopulerError

PUBLISHED = 1_764_530_940.0


def read(folder: Path, name: str, text: str | bytes) -> tuple[list[tuple[int, ItemRow]], Reading]:
    """The items of a file, and what its reader noted."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    reading = Reading()
    return list(read_items(path, None, reading)), reading


def test_export_of_wordpress_leaves_out_drafts_and_names_the_columns_that_nobody_knows(tmp_path: Path) -> None:
    text = (
        "ID,Title,Permalink,Date,Categories,Status,Slug\n"
        "1,Konsep,https://koran.example/1,2025-12-01T02:29:00+07:00,Politik,draft,x\n"
        "2,Terbit,https://koran.example/2,2025-12-01T02:29:00+07:00,Politik|Nasional,publish,y\n"
        "3,Besok,https://koran.example/3,2025-12-02T02:29:00+07:00,,future,z\n"
    )
    items, reading = read(tmp_path, "wp.csv", text)

    assert items == [
        (
            3,
            ItemRow(
                id="2", title="Terbit", url="https://koran.example/2", section="Politik",
                sections=("Politik", "Nasional"), published_at=PUBLISHED,
            ),
        ),
        (4, ItemRow(id="3", title="Besok", url="https://koran.example/3", published_at=PUBLISHED + 86_400)),
    ]  # fmt: skip
    assert reading.left_out == {"status draft": 1}
    assert reading.unread == {"Slug"}


@pytest.mark.parametrize("name", ["posts.json", "posts", "posts.txt"])
def test_json_array_reads_as_one_object_a_line_and_names_the_line_of_a_bad_one(tmp_path: Path, name: str) -> None:
    text = """[
 {"id": 101, "title": {"rendered": "Harga &#8220;beras&#8221;"}, "link": "https://koran.example/1",
  "date": "2025-12-01T02:29:00+07:00", "status": "publish", "categories": [7], "tags": ["beras"]},
 {"id": true},
 {"headline": "Dua", "url": "https://koran.example/2", "section": ["Ekonomi", "Pangan"], "premium": "ya"},
 {"id": "3", "status": "private"}, 7
]"""
    items, reading = read(tmp_path, name, text)

    assert items == [
        (
            2,
            ItemRow(
                id="101", title="Harga “beras”", url="https://koran.example/1", published_at=PUBLISHED, tags=("beras",)
            ),
        ),
        (
            5,
            ItemRow(
                title="Dua",
                url="https://koran.example/2",
                section="Ekonomi",
                sections=("Ekonomi", "Pangan"),
                premium=True,
            ),
        ),
    ]
    assert [fault.partition(" ")[0] for fault in reading.unreadable.first] == [f"{name}:4:", f"{name}:6:"]
    assert reading.left_out == {"status private": 1}


def test_ndjson_takes_the_names_that_csv_takes(tmp_path: Path) -> None:
    line = '{"id": 7, "headline": "Judul", "link": "https://koran.example/7", "category": "Ekonomi", "color": "red"}\n'
    items, reading = read(tmp_path, "a.ndjson", line)

    assert items == [(1, ItemRow(id="7", title="Judul", url="https://koran.example/7", section="Ekonomi"))]
    assert reading.unread == {"color"}


@pytest.mark.parametrize("text", ["[", "[1,", '[{"id": "a"}'])
def test_json_array_that_breaks_off_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PopulerError, match="JSON array that cannot be read"):
        read(tmp_path, "a.json", text)


def test_feed_gives_its_entries_by_their_place_and_says_what_it_cannot_use(tmp_path: Path) -> None:
    text = (
        "<rss version='2.0'><channel>"
        "<item><title>Satu</title><link>https://koran.example/1</link><category>A</category><category>B</category></item>"
        "<item><link>https://koran.example/2</link></item></channel></rss>"
    )
    items, reading = read(tmp_path, "feed.rss", text)

    assert items == [(1, ItemRow(title="Satu", url="https://koran.example/1", section="A", tags=("B",)))]
    assert reading.unreadable.first == ["feed.rss:2: entry 2 has no title"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_feed_of_another_encoding_is_known_by_its_first_bytes(tmp_path: Path, encoding: str) -> None:
    text = (
        "\ufeff<?xml version='1.0' encoding='utf-16'?><rss version='2.0'><channel>"
        "<item><title>Satu</title><link>https://koran.example/1</link></item></channel></rss>"
    )
    items, _ = read(tmp_path, "feed.rss", text.encode(encoding))
    assert items == [(1, ItemRow(title="Satu", url="https://koran.example/1"))]


@pytest.mark.parametrize("text", ["<html><body>Masuk</body></html>", "<!DOCTYPE r [<!ENTITY a 'b'>]><rss/>", "<x/>"])
def test_xml_that_is_no_feed_is_refused_by_the_name_of_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(PopulerError, match=r"a\.xml (is|defines)"):
        read(tmp_path, "a.xml", text)
