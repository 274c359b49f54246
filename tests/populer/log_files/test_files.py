"""Readers take every row that can be read, name the line of every other, and say what is wrong with a file."""

import csv
import gzip
import io
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from populer.log_files.files import Reading, read_events, read_items
from populer.log_files.rows import EventRow, Faults, ItemRow
from ranking.errors import PopulerError
from ranking.times import LATEST_EPOCH_S, in_seconds

HEADER = "ts_epoch_seconds,item_id,visitor_id,kind,section\n"
REAL_LOG = Path(__file__).parents[4] / "shared/data/article-reads/events.csv.gz"


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(path: Path, format: str | None = None) -> tuple[list[tuple[int, EventRow]], Faults]:
    reading = Reading()
    return list(read_events(path, format, reading)), reading.unreadable


def items(path: Path, format: str | None = None) -> tuple[list[tuple[int, ItemRow]], Faults]:
    reading = Reading()
    return list(read_items(path, format, reading)), reading.unreadable


def test_a_csv_row_becomes_an_event_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "log.csv", HEADER + "1541343601,a,v1,view,x\n1541343602,b,,click,\n")
    assert rows(path) == (
        [
            (2, EventRow(item="a", ts=1541343601.0, visitor="v1")),
            (3, EventRow(item="b", ts=1541343602.0, kind="click")),
        ],
        Faults(),
    )


def test_unknown_fields_are_left_out_of_the_encoded_event(tmp_path: Path) -> None:
    path = written(tmp_path, "log.csv", HEADER + "1541343601,a,,,x\n")
    [(_, event)] = read_events(path)
    assert msgspec.json.encode(event) == b'{"item":"a","ts":1541343601.0}'


def test_columns_are_found_by_name_in_any_order_and_case(tmp_path: Path) -> None:
    text = "Visitor;URL;position;source;TIMESTAMP;event_id\nv;https://e.example/a;3;list:populer;12.5;e1\n"
    [(line, event)] = read_events(written(tmp_path, "log.csv", text))
    assert line == 2
    assert event == EventRow(
        ts=12.5, visitor="v", url="https://e.example/a", position=3, source="list:populer", id="e1"
    )


def test_a_time_may_be_iso_8601_and_an_empty_one_is_unknown(tmp_path: Path) -> None:
    path = written(tmp_path, "log.csv", "time,item\n2018-11-17T12:00:00+09:00,a\n,b\n")
    assert [event.ts for _, event in read_events(path)] == [1542423600.0, None]


def test_ndjson_lines_are_events_as_the_service_takes_them(tmp_path: Path) -> None:
    path = written(
        tmp_path, "log.jsonl", '{"item":"a","ts":5,"more":[1]}\n\n{"url":"/x","kind":"click","position":2}\n'
    )
    assert rows(path) == (
        [(1, EventRow(item="a", ts=5.0)), (3, EventRow(url="/x", kind="click", position=2))],
        Faults(),
    )


@pytest.mark.parametrize("name", ["log.csv.gz", "log.gz", "log", "log.csv"])
def test_gzip_is_told_by_its_first_bytes_and_reads_as_plain(tmp_path: Path, name: str) -> None:
    text = HEADER + "".join(f"{1541343600 + n},item-{n},v{n},view,\n" for n in range(500))
    plain = rows(written(tmp_path, "plain.csv", text))
    assert rows(written(tmp_path, name, gzip.compress(text.encode()))) == plain
    assert len(plain[0]) == 500


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "ts,item\n1,a\n"),
        ("a.txt", "ts,item\n1,a\n"),
        ("a.csv", "\ufeff\n\nts\titem\r\n1\ta\r\n"),
        ("a.ndjson", '{"ts":1,"item":"a"}'),
        ("a", '\n  {"ts":1,"item":"a"}\n'),
    ],
)
def test_the_format_is_guessed_from_the_name_else_the_first_line(tmp_path: Path, name: str, text: str) -> None:
    assert [event for _, event in read_events(written(tmp_path, name, text))] == [EventRow(item="a", ts=1.0)]


def test_a_format_that_is_named_wins_over_the_name(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", '{"ts":1,"item":"a"}')
    assert [event for _, event in read_events(path, "ndjson")] == [EventRow(item="a", ts=1.0)]


def test_a_bad_csv_row_is_counted_with_its_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    text = "ts,item,position\n1,a,\n2,b\nyesterday,c,\n-5,d,\nnan,e,\n\n3,f,first\n4,,\n5,z,1\n"
    read, faults = rows(written(tmp_path, "log.csv", text))
    assert [(line, event.item) for line, event in read] == [(2, "a"), (10, "z")]
    assert faults.count == 6
    wanted = "ts: must be epoch seconds or ISO 8601 such as 2025-12-01T02:29:00+07:00, not"
    assert faults.first == [
        "log.csv:3: has 2 columns where the header has 3",
        f"log.csv:4: {wanted} 'yesterday'",
        f"log.csv:5: {wanted} '-5'",
        f"log.csv:6: {wanted} 'nan'",
        "log.csv:8: position: must be a whole number, not 'first'",
    ]


def test_a_bad_ndjson_line_is_counted_with_its_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    text = '{"item":"a"}\n{"item":[7]}\n{"item":\n{}\n{"item":"b","ts":-5}\n{"item":"z"}\n'
    read, faults = rows(written(tmp_path, "log.ndjson", text))
    assert [(line, event.item) for line, event in read] == [(1, "a"), (6, "z")]
    assert [text.split(":")[1] for text in faults.first] == ["2", "3", "4", "5"]
    assert "$.item" in faults.first[0]
    assert "neither an item nor a url" in faults.first[2]
    assert faults.first[3] == "log.ndjson:5: ts: must be a time since the epoch, not -5"


@given(st.integers(300_000_000, 4_000_000_000), st.sampled_from([1, 1_000, 1_000_000, 1_000_000_000]))
def test_a_time_is_the_same_in_seconds_milliseconds_and_finer(seconds: int, per_second: int) -> None:
    assert in_seconds(float(seconds * per_second)) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "Timestamp,Article ID,user-id,Event Type\n{ms},7,v,click\n"),
        ("b.csv", "user_id;event;created_at;article_id\nv;click;{iso};7\n"),
        ("a.ndjson", '{{"timestamp":{ms},"article_id":7,"user_id":"v","event_type":"click"}}\n'),
        ("b.ndjson", '{{"item":"7","ts":{s},"visitor":"v","Event-Type":"click"}}\n'),
        ("c.ndjson", '{{"event":"click","created_at":"{iso}","article_id":"7","session_id":"v"}}\n'),
    ],
)
def test_logs_of_others_are_read_by_the_names_they_use(tmp_path: Path, name: str, text: str) -> None:
    log = written(tmp_path, name, text.format(s=1541343601, ms=1541343601000, iso="2018-11-04T15:00:01Z"))
    read, faults = rows(log)
    assert [event for _, event in read] == [EventRow(item="7", ts=1541343601.0, visitor="v", kind="click")]
    assert faults.count == 0


def test_a_publish_time_may_be_in_milliseconds(tmp_path: Path) -> None:
    text = "article_id,headline,publish_date\na,A,1541343601000\nb,B,2018-11-04T15:00:01Z\n"
    read, _ = items(written(tmp_path, "items.csv", text))
    assert [(item.id, item.title, item.published_at) for _, item in read] == [
        ("a", "A", 1541343601.0),
        ("b", "B", 1541343601.0),
    ]


def test_an_unclosed_quote_costs_one_row(tmp_path: Path) -> None:
    text = 'ts,item\n1,a\n2,"b\n3,c\n4,"d, e"\n5,"f\ng"\n6,h\n'
    read, faults = rows(written(tmp_path, "log.csv", text))
    assert [(line, event.item) for line, event in read] == [
        (2, "a"),
        (4, "c"),
        (5, "d, e"),
        (6, "f\ng"),
        (8, "h"),
    ]
    assert faults.count == 1
    assert faults.first[0].startswith("log.csv:3: ")


def test_a_quote_that_never_closes_does_not_swallow_the_file(tmp_path: Path) -> None:
    text = 'ts,item\n1,"a\n' + "".join(f"{n},b\n" for n in range(300))
    read, faults = rows(written(tmp_path, "log.csv", text))
    assert len(read) == 300
    assert faults.first == ["log.csv:2: a quote opens and does not close"]


def test_items_of_a_csv_have_their_times_in_epoch_seconds(tmp_path: Path) -> None:
    text = (
        "item_id,published_epoch,title,section,url,image,author,tags\n"
        'a,1759759380,"Tersangka Korupsi Rp 1,3 T",berita,https://e.example/a,/a.jpg,Ani,politik | hukum\n'
        "b,2025-12-01T02:29:00+07:00,,,,,,\n"
        "c,,C,,,,,\n"
    )
    assert items(written(tmp_path, "items.csv", text)) == (
        [
            (
                2,
                ItemRow(
                    id="a",
                    title="Tersangka Korupsi Rp 1,3 T",
                    url="https://e.example/a",
                    section="berita",
                    published_at=1759759380.0,
                    image="/a.jpg",
                    author="Ani",
                    tags=("politik", "hukum"),
                ),
            ),
            (3, ItemRow(id="b", published_at=1764530940.0)),
            (4, ItemRow(id="c", title="C")),
        ],
        Faults(),
    )


def test_items_of_ndjson_read_as_those_of_csv(tmp_path: Path) -> None:
    text = (
        '{"id":"a","title":"A","published_at":"2025-12-01T02:29:00+07:00","tags":["x"]}\n{"id":"b","published_at":9}\n'
    )
    assert items(written(tmp_path, "items.ndjson", text))[0] == [
        (1, ItemRow(id="a", title="A", published_at=1764530940.0, tags=("x",))),
        (2, ItemRow(id="b", published_at=9.0)),
    ]


def test_a_bad_item_is_counted_with_its_line(tmp_path: Path) -> None:
    text = "id,published_at,title\n,1,A\nb,soon,B\nc,1,C\n"
    read, faults = items(written(tmp_path, "items.csv", text))
    assert [(line, item.published_at) for line, item in read] == [(3, "soon"), (4, 1.0)], "the service leaves it out"
    assert faults.first == ["items.csv:2: has neither an id nor a url"]


def test_a_file_that_is_wrong_as_a_whole_says_what_to_do(tmp_path: Path) -> None:
    packed = gzip.compress((HEADER + "".join(f"{n},item-{n * 7919},,,\n" for n in range(5000))).encode())
    cases = [
        (tmp_path / "none.csv", "does not exist"),
        (tmp_path, "is a folder"),
        (written(tmp_path, "empty.csv", ""), "is empty"),
        (written(tmp_path, "empty.gz", gzip.compress(b"\n\n")), "is empty"),
        (written(tmp_path, "cut.csv.gz", packed[: len(packed) // 2]), "breaks off"),
        (written(tmp_path, "flipped.csv.gz", packed[:400] + b"\0" * 40 + packed[440:]), "breaks off or is damaged"),
        (written(tmp_path, "latin.csv", "ts,item\n1,café\n".encode("latin-1")), "is not UTF-8 text"),
        (written(tmp_path, "utf16.csv", "ts,item\n1,a\n".encode("utf-16")), "is not UTF-8 text"),
        (
            written(tmp_path, "noitem.csv", "ts,what\n1,a\n"),
            "name a column item or item_id or url or page_url; it has ts, what",
        ),
        (written(tmp_path, "nots.csv", "when,item\n1,a\n"), "name a column ts or ts_epoch_seconds"),
        (written(tmp_path, "array.json", '[{"item":"a"}]'), "one JSON array"),
        (written(tmp_path, "feed.xml", "<rss/>"), "XML"),
    ]
    for path, sentence in cases:
        with pytest.raises(PopulerError, match=sentence) as caught:
            list(read_events(path))
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(PopulerError, match="'rss' is not known here: use csv or ndjson or json or feed"):
        list(read_items(written(tmp_path, "a.csv", "id\na\n"), "rss"))


def test_what_was_read_of_the_file_is_known_in_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, "log.csv.gz", gzip.compress((HEADER + "1,a,,,\n" * 10).encode()))
    reading = Reading()
    assert sum(1 for _ in read_events(path, None, reading)) == 10
    assert reading.bytes_read == path.stat().st_size


#: A carriage return alone ends a line of a text file, as csv means it; a surrogate is not UTF-8.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=20)
events = st.builds(
    EventRow,
    item=texts.filter(bool),
    ts=st.none() | st.floats(0, LATEST_EPOCH_S),
    visitor=texts.map(lambda text: text or None),
    kind=st.sampled_from(["view", "click"]),
    source=texts.map(lambda text: text or None),
    position=st.none() | st.integers(),
    url=texts.map(lambda text: text or None),
    id=texts.map(lambda text: text or None),
)


@given(st.lists(events, max_size=20), st.sampled_from(",;\t"), st.booleans())
def test_events_written_as_csv_come_back(written_events: list[EventRow], delimiter: str, packed: bool) -> None:
    names = EventRow.__struct_fields__
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        with io.StringIO(newline="") as file:
            out = csv.writer(file, delimiter=delimiter)
            out.writerow(names)
            for event in written_events:
                out.writerow("" if (cell := getattr(event, name)) is None else cell for name in names)
            content = file.getvalue().encode()
        path.write_bytes(gzip.compress(content, 1) if packed else content)
        read, faults = rows(path)
    assert [event for _, event in read] == written_events
    assert faults == Faults()


@given(st.lists(events, max_size=20))
def test_events_written_as_ndjson_come_back(written_events: list[EventRow]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.ndjson"
        path.write_bytes(b"\n" + msgspec.json.Encoder().encode_lines([EventRow(item="first"), *written_events]))
        read, faults = rows(path)
    assert [(number, event) for number, (_, event) in enumerate(read)] == list(
        enumerate([EventRow(item="first"), *written_events])
    )
    assert [line for line, _ in read] == list(range(2, len(written_events) + 3))
    assert faults == Faults()


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_LOG.exists(), reason=f"the real log is not at {REAL_LOG}")
def test_the_real_log_reads_to_its_last_row() -> None:
    reading = Reading()
    count = sum(1 for _ in read_events(REAL_LOG, None, reading))
    assert (count, reading.unreadable.count) == (1_877_686, 0)
