"""An access log's page views become events; every other line is counted under the reason why it is none."""

import gzip
import io
import re
import string
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_replay import KEY, NOW, serving
from typer.testing import CliRunner

from api.endpoints import embed
from populer.cli import app
from populer.commands.replay import replay
from populer.commands.replay_report import ReplayReport, render_report
from populer.log_files.access_log import MAX_LINE_BYTES, combined_request, page_views
from populer.log_files.files import Reading, read_events, read_items
from populer.log_files.page_requests import LISTING, REASONS, PageRules, page_rules, visitor_key
from populer.log_files.rows import EventRow, Faults
from ranking.errors import PopulerError
from ranking.intake.urls import item_pattern

REAL_LOG = Path(__file__).parents[4] / "shared/data/weblog/access.log.gz"
TS = 1764530940.0
STAMP = b"[01/Dec/2025:02:29:00 +0700]"
FIREFOX = b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Named:
    """Takes whoever says so for a robot, and whoever says nothing."""

    def reason(self, user_agent: bytes | None) -> str | None:
        return "robot" if user_agent is None or b"bot" in user_agent else None


RULES = PageRules(robots=Named(), key=visitor_key("key"))


def line(
    request: bytes = b"GET /a HTTP/1.1",
    *,
    status: bytes = b"200",
    agent: bytes = FIREFOX,
    address: bytes = b"203.0.113.7",
    stamp: bytes = STAMP,
) -> bytes:
    return b'%b - - %b "%b" %b 512 "https://example.com/" "%b"' % (address, stamp, request, status, agent)


def read(*lines: bytes, rules: PageRules = RULES) -> tuple[list[tuple[int, EventRow]], Faults, dict[str, int]]:
    unreadable, left_out = Faults(), dict[str, int]()
    content = io.BytesIO(b"\n".join(lines))
    return (
        list(page_views(Path("access.log"), content, rules, unreadable, left_out, combined_request)),
        unreadable,
        left_out,
    )


def view(text: bytes, rules: PageRules = RULES) -> EventRow:
    found, unreadable, left_out = read(text, rules=rules)
    assert len(found) == 1, (unreadable, left_out)
    return found[0][1]


def reason(text: bytes, rules: PageRules = RULES) -> str:
    found, unreadable, left_out = read(text, rules=rules)
    assert not found
    if unreadable.count:
        return unreadable.first[0].removeprefix("access.log:1: ")
    [why] = left_out
    assert why in REASONS
    return why


# lines that count


def test_a_line_becomes_a_view_at_its_own_time() -> None:
    event = view(line())
    assert (event.item, event.ts, event.kind) == ("/a", TS, "view")


@pytest.mark.parametrize(
    "text",
    [
        b'203.0.113.7 - - %b "GET /a HTTP/1.1" 200 512 "-" "%b"',
        b'203.0.113.7 - frank %b "GET /a HTTP/1.1" 304 - "-" "%b"',
        b'203.0.113.7 - john smith %b "GET /a HTTP/2.0" 200 512 "-" "%b"',
        b'203.0.113.7 ident frank %b "GET /a HTTP/1.1" 200 512 "-" "%b"',
        b'203.0.113.7 - - %b "GET /a" 200 512 "-" "%b"',
        b'2001:db8::7 - - %b "GET /a HTTP/1.1" 200 512 "-" "%b"',
        b'203.0.113.7 - - %b "GET /a HTTP/1.1" 200 512 - "%b"',
        b'203.0.113.7 - - %b "GET /a HTTP/1.1" 200 512 "a \\"quoted\\" one" "%b"',
        b'203.0.113.7 - - %b "GET /a HTTP/1.1" 200 512 "" "%b"',
        b'203.0.113.7 - - %b "GET /a HTTP/1.1" 200 512 "-" "%b" "203.0.113.9" rt=0.01',
        b'203.0.113.7 - - %b "GET /a HTTP/1.1" 200 512 "\xff\xfe" "%b"\r',
        b'\0\0\0\0203.0.113.7 - - %b "GET /a HTTP/1.1" 200 512 "-" "%b"',
        b'203.0.113.7 - - %b "GET //a/?utm_source=x#y HTTP/1.1" 200 512 "-" "%b"',
    ],
)
def test_the_ways_servers_write_a_view(text: bytes) -> None:
    event = view(text % (STAMP, FIREFOX))
    assert (event.item, event.ts) == ("/a", TS)
    assert event.visitor is not None
    assert re.fullmatch("[0-9a-f]{16}", event.visitor)


def test_the_common_format_has_no_visitor_and_no_robot() -> None:
    assert view(b'203.0.113.7 - - %b "GET /a HTTP/1.1" 200 512' % STAMP) == EventRow("/a", TS)
    assert view(b'203.0.113.7 - - %b "GET /a HTTP/1.1" 200 512 0.003' % STAMP) == EventRow("/a", TS)


@pytest.mark.parametrize("host", [b"www.example.com:443", b"example.com", b"m.example.com:80"])
def test_the_host_of_a_line_is_part_of_the_id(host: bytes) -> None:
    assert view(host + b" " + line()).item == "example.com/a"


def test_a_line_without_a_host_takes_the_base(tmp_path: Path) -> None:
    rules = page_rules(None, "http://www.example.com/", "key")
    assert rules.base == "https://example.com"
    rules = PageRules(base=rules.base, robots=Named())
    assert view(line(), rules).item == "example.com/a"
    assert view(b"money.example.com:443 " + line(), rules).item == "money.example.com/a"


@pytest.mark.parametrize(
    ("target", "item"),
    [
        (b"/caf\\xC3\\xA9", "/caf%C3%A9"),
        (b"/caf\xc3\xa9", "/caf%C3%A9"),
        (b"/caf%C3%A9", "/caf%C3%A9"),
        (b"/\\xff", "/%FF"),
        (b"/a\\x22b", "/a%22b"),
        (b'/a\\"b', "/a%22b"),
        (b"/a\\\\b", "/a%5Cb"),
        (b"/a\\tb", "/a%09b"),
        (b"/a b  c", "/a%20b%20%20c"),
        (b"/%", "/%25"),
        (b"/a?id=1&utm_source=x", "/a?id=1"),
        (b"/node.js-di-jakarta", "/node.js-di-jakarta"),
        (b"/a.html", "/a.html"),
        (b"/a.php?img=b.png", "/a.php?img=b.png"),
        (b"/feedback", "/feedback"),
    ],
)
def test_an_address_is_read_as_it_was_asked_for(target: bytes, item: str) -> None:
    assert view(line(b"GET " + target + b" HTTP/1.1")).item == item


def test_an_unescaped_quote_in_a_user_agent_does_not_hide_its_end() -> None:
    assert view(line(agent=b'Some "quoted" reader')).item == "/a"
    assert reason(line(agent=b'Some "quoted" bot')) == "robot"


def test_a_pattern_finds_the_ids() -> None:
    rules = PageRules(pattern=item_pattern(r"/read/\d+/\d+/\d+/(\d+)/"), robots=Named())
    assert view(line(b"GET /read/2025/12/01/1234/judul?page=2 HTTP/1.1"), rules).item == "1234"
    assert reason(line(b"GET /indeks HTTP/1.1"), rules) == "pattern"


@pytest.mark.parametrize(
    ("stamp", "ts"),
    [
        (b"30/Nov/2025:19:29:00 +0000", TS),
        (b"30/Nov/2025:14:59:00 -0430", TS),
        (b"29/Feb/2024:23:59:59 +0000", 1709251199.0),
        (b"31/Dec/2016:23:59:60 +0000", 1483228800.0),
    ],
)
def test_a_time_is_read_with_the_logs_own_offset(stamp: bytes, ts: float) -> None:
    assert view(line(stamp=b"[%b]" % stamp)).ts == ts


# visitors


def test_a_visitor_is_an_address_and_a_user_agent_under_the_sites_key() -> None:
    one = view(line()).visitor
    assert view(line(b"GET /b HTTP/1.1")).visitor == one
    assert view(line(address=b"203.0.113.8")).visitor != one
    assert view(line(agent=b"Opera")).visitor != one
    assert view(line(), PageRules(robots=Named(), key=visitor_key("another"))).visitor != one
    assert view(line(), PageRules(robots=Named())).visitor is None
    assert view(line(address=b"-")).visitor is None


def test_nothing_of_a_visitor_is_in_an_event_or_a_fault() -> None:
    events, faults, _ = read(line(), line(stamp=b"[no time]"), line()[:80], b"203.0.113.7 Firefox")
    text = f"{events} {faults}"
    assert len(events) == 1
    assert faults.count == 3
    assert "203.0" not in text
    assert "Firefox" not in text
    assert visitor_key(KEY) != visitor_key(KEY + "x")
    assert KEY.encode() not in visitor_key(KEY)


# lines that do not


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"\n", "blank"),
        (b"  \r", "blank"),
        (line(b"-", status=b"408"), "malformed"),
        (line(b""), "malformed"),
        (line(b"\\x16\\x03\\x01\\x02\\x00"), "malformed"),
        (line(b"\x16\x03\x01"), "malformed"),
        (line(b"GET"), "malformed"),
        (line(b"GET a HTTP/1.1"), "malformed"),
        (line(b"get /a HTTP/1.1"), "malformed"),
        (line(b"GET /" + b"a" * 3000 + b" HTTP/1.1"), "malformed"),
        (line(b"GET http://other.example/ HTTP/1.1"), "proxy"),
        (line(b"CONNECT other.example:443 HTTP/1.1"), "method"),
        (line(b"OPTIONS * HTTP/1.0"), "method"),
        (line(b"POST /a HTTP/1.1"), "method"),
        (line(b"HEAD /a HTTP/1.1"), "method"),
        (line(status=b"404"), "status"),
        (line(status=b"206"), "status"),
        (line(status=b"301"), "status"),
        (line(status=b"-"), "status"),
        (line(agent=b"Examplebot/1.0"), "robot"),
        (line(agent=b"-"), "robot"),
        (line(agent=b"a \\x62ot"), "robot"),
        (line(b"GET /a HTTP/1.1")[: -len(FIREFOX) - 2] + b"-", "robot"),
    ],
)
def test_every_line_that_is_no_view_has_its_reason(text: bytes, why: str) -> None:
    assert reason(text) == why


@pytest.mark.parametrize(
    "target",
    ["/a.css", "/A.JPG?v=2", "/app.js", "/favicon.ico", "/robots.txt", "/sitemap.xml", "/x.json", "/app.js.map",
     "/f.woff2", "/d.pdf",
     "/wp-admin/", "/wp-admin/?page=1", "/wp-json/wp/v2/posts", "/wp-login.php", "/.well-known/x", "/.env",
     "/wp-admin/admin-ajax.php"],
)  # fmt: skip
def test_parts_of_pages_are_left_out(target: str) -> None:
    assert reason(line(f"GET {target} HTTP/1.1".encode())) == "asset"


@pytest.mark.parametrize(
    "target",
    [
        "/feed",
        "/feed/",
        "/forum/feed/",
        "/forum/feed/?hal=2",
        "/news/rss",
        "/x.rss",
        "/feed/atom",
        "/?feed=rss2",
        "/?flav=atom",
    ],
)
def test_feeds_are_left_out(target: str) -> None:
    assert reason(line(f"GET {target} HTTP/1.1".encode())) == "feed"


def test_a_hosts_name_is_no_path() -> None:
    assert view(b"rss.xml " + line(b"GET /a HTTP/1.1")).item == "rss.xml/a"


@pytest.mark.parametrize(
    "target",
    ["/", "/index.php", "/?utm_source=x", "/?page=2", "/?s=banjir", "/tag/banjir", "/kategori/politik/", "/search?q=x",
     "/category/politik/page/2", "/hasil?q=beras", "/cari.php?a=1&s=beras",
     "/Tag/banjir", "/healthz", "/health-check", "/server-status"],
)  # fmt: skip
def test_what_is_no_article_is_left_out_unless_a_pattern_says_so(target: str) -> None:
    text = line(f"GET {target} HTTP/1.1".encode())
    assert reason(text) == "listing"
    assert view(text, PageRules(pattern=item_pattern("(/.*)"), robots=Named())).item


def test_the_tracker_knows_lists_and_searches_by_the_same_words() -> None:
    script = (Path(embed.__file__).parents[1] / "static" / "populer-track.js").read_text()
    expression = re.search(r"/(\^\[\^,.*penulis.*)/i\.test\(", script)
    assert expression is not None

    def plain(pattern: str) -> str:
        return pattern.replace("\\/", "/")

    assert plain(expression[1]) == LISTING.pattern


@pytest.mark.parametrize(
    "target",
    ["/galeri/foto.jpg/", "/galeri/foto.jpg/?hal=2",
     "/teknologi/belajar-next.js/", "/teknologi/mengenal-vue.js", "/teknologi/apa-itu-robots.txt",
     "/wiki/Berkas:Foto.jpg", "/forum/feed", "/topik/rss", "/?p=123",
     "/index.php?id=7", "/berita/odd?q=a", "/berita/satu.html?s=1", "/read.php?id=7&q=a", "/pingpong", "/taggart"],
)  # fmt: skip
def test_an_article_may_be_called_as_a_file_or_a_feed_is(target: str) -> None:
    assert view(line(f"GET {target} HTTP/1.1".encode()))


@pytest.mark.parametrize(
    "target",
    ["/assets/main-app.js", "/_next/static/chunks/main-app.js", "/js/jquery-ui.js", "/app-ads.txt",
     "/rilis/surat-edaran.pdf", "/wp-content/", "/live/seg-2.m3u8", "/berita/foto-banjir.jpg"],
)  # fmt: skip
def test_a_file_is_none_for_its_words(target: str) -> None:
    assert reason(line(f"GET {target} HTTP/1.1".encode())) == "asset"


ADDRESSES = [
    b"203.0.113.7, 10.36.42.1", b"203.0.113.7, 64.252.140.97, 10.36.42.1", b"203.0.113.7,10.36.42.1",
    b"unknown, 203.0.113.7", b"203.0.113.7 10.36.42.1", b"unknown 203.0.113.7", b"-, 203.0.113.7", b"203.0.113.7",
]  # fmt: skip


def test_a_list_of_addresses_is_no_host_and_its_first_is_the_reader() -> None:
    rules = PageRules(base="https://example.com", robots=Named(), key=visitor_key("key"))
    found = [view(line(address=address), rules) for address in ADDRESSES]
    assert {event.item for event in found} == {"example.com/a"}
    assert len({event.visitor for event in found}) == 1
    with_host = view(b"www.example.com:443 " + line(address=b"203.0.113.7, 10.36.42.1"))
    assert (with_host.item, with_host.visitor) == ("example.com/a", found[0].visitor)


@pytest.mark.parametrize(
    "address",
    [b"2001:db8::7", b"2001:db8::7, 10.0.0.1", b"2001:db8::7 10.0.0.1", b"[2001:db8::7]:443 10.0.0.1", b"::1, ::2"],
)
def test_an_address_of_ipv6_is_no_host(address: bytes) -> None:
    event = view(line(address=address))
    assert event.item == "/a"
    assert event.visitor is not None


def test_traefik_logs_views_without_user_agents() -> None:
    text = b'203.0.113.7 - - %b "GET /a HTTP/2.0" 200 512 "-" "-" 12 "web@docker" "http://10.0.0.2:80" 3ms' % STAMP
    assert view(text) == EventRow("/a", TS)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"junk", "is no line of a combined or common access log"),
        (b"\xff\xfe\x00\x01", "is no line of a combined or common access log"),
        (b"ts,item\r", "is no line of a combined or common access log"),
        (line(stamp=b"[32/Dec/2025:02:29:00 +0700]"), "its time is none such as [01/Dec/2025:02:29:00 +0700]"),
        (line(stamp=b"[01/Foo/2025:02:29:00 +0700]"), "its time is none such as [01/Dec/2025:02:29:00 +0700]"),
        (line(stamp=b"[01/Dec/2025:25:29:00 +0700]"), "its time is none such as [01/Dec/2025:02:29:00 +0700]"),
        (line(stamp=b"[01/Dec/2025:02:29:00 +9900]"), "its time is none such as [01/Dec/2025:02:29:00 +0700]"),
        (line(stamp=b"[01/Dec/1925:02:29:00 +0700]"), "its time is none such as [01/Dec/2025:02:29:00 +0700]"),
        (line(stamp=b"[2025-12-01T02:29:00+07:00]"), "its time is none such as [01/Dec/2025:02:29:00 +0700]"),
        (line(stamp=b"[-]"), "its time is none such as [01/Dec/2025:02:29:00 +0700]"),
        (line()[:-1], "breaks off, or a quote in it is not escaped"),
        (line()[:80], "breaks off, or a quote in it is not escaped"),
        (line(b'GET /a"b HTTP/1.1'), "breaks off, or a quote in it is not escaped"),
        (line(agent=b"x" * MAX_LINE_BYTES), "is over 65,536 bytes"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_the_reason(text: bytes, why: str) -> None:
    assert reason(text) == why


def test_a_line_that_is_too_long_costs_no_other() -> None:
    found, unreadable, _ = read(line(), line(agent=b"x" * 5 * MAX_LINE_BYTES), line())
    assert [number for number, _ in found] == [1, 3]
    assert unreadable.first == ["access.log:2: is over 65,536 bytes"]


TOKENS = [
    b" ",
    b'"',
    b"\\",
    b"[",
    b"]",
    b" [",
    b'] "',
    b"-",
    b"200",
    b"\0",
    b"\xff",
    b"\n",
    b"GET /a HTTP/1.1",
    STAMP,
    line(),
]


@given(st.lists(st.sampled_from(TOKENS) | st.binary(max_size=4), max_size=20).map(b"".join))
def test_whatever_a_file_holds_every_line_is_counted_once(content: bytes) -> None:
    found, unreadable, left_out = read(content)
    lines = content.count(b"\n") + (content != b"" and not content.endswith(b"\n"))
    assert len(found) + unreadable.count + sum(left_out.values()) == lines
    assert left_out.keys() <= REASONS.keys()


@pytest.mark.parametrize("piece", [b" ", b" [", b'"', b'\\"', b"\\", b'" "', b"a - ", b'] "', b"[a] ", b' [a] "'])
@pytest.mark.parametrize("start", [b"", b"a - ", line()[:45], line()[:-5]])
def test_no_line_takes_long(start: bytes, piece: bytes) -> None:
    began_s = time.perf_counter()
    read(start + piece * (MAX_LINE_BYTES // len(piece) - 100))
    assert time.perf_counter() - began_s < 0.5


def escaped(text: str, server: str) -> bytes:
    """As nginx or Apache logs what a client sent."""
    written = b""
    for byte in text.encode():
        if byte in b'"\\' and server == "apache":
            written += b"\\" + bytes((byte,))
        elif byte in b'"\\' or not 0x20 <= byte < 0x7F:
            written += b"\\x%02X" % byte
        else:
            written += bytes((byte,))
    return written


@given(
    st.sampled_from(["nginx", "apache"]),
    st.integers(86_400, 7_258_118_400),
    st.integers(-14 * 60, 14 * 60),
    st.lists(st.text(string.ascii_lowercase + "é漢-", min_size=1).filter(lambda s: "amp" not in s), max_size=4),
    st.text().filter(lambda text: text != "-"),
    st.text().filter(lambda text: "bot" not in text and text != "-"),
    st.sampled_from(["-", "frank", "john smith"]),
)
def test_a_view_is_read_back_from_the_line_a_server_writes(
    server: str, epoch_s: int, offset_min: int, segments: list[str], referer: str, agent: str, user: str
) -> None:
    moment = datetime.fromtimestamp(epoch_s, timezone(timedelta(minutes=offset_min)))
    stamp = f"{moment:%d}/{MONTHS[moment.month - 1]}/{moment:%Y:%H:%M:%S %z}"
    request = escaped("GET /" + "/".join(segments) + " HTTP/1.1", server)
    text = b'2001:db8::7 - %b [%b] "%b" 200 5 "%b" "%b"' % (
        user.encode(), stamp.encode(), request, escaped(referer, server), escaped(agent, server),
    )  # fmt: skip
    found, unreadable, left_out = read(text)
    if left_out:
        assert not segments or segments[-1] in ("rss", "feed", "feeds", "atom", "rdf")
        return
    [(_, event)] = found
    plain, _, _ = read(line(b"GET /" + "/".join(segments).encode() + b" HTTP/1.1"))
    assert event.item == plain[0][1].item
    assert event.ts == epoch_s
    assert not unreadable.count


# files and the replay


LOG = [
    line(), line(b"GET /b HTTP/1.1"), line(b"GET /a.css HTTP/1.1"), line(agent=b"Examplebot/1.0"), line(status=b"404"),
    b"junk", line(address=b"203.0.113.8"),
]  # fmt: skip


@pytest.mark.parametrize("name", ["access.log", "access.log.gz", "access.log.1", "x.csv"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_packed_log_reads_as_a_plain_one(tmp_path: Path, name: str, packed: bool) -> None:
    content = b"\n".join(LOG * 50) + b"\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if packed else content)
    reading = Reading()
    events = list(read_events(path, "combined" if name == "x.csv" else None, reading, RULES))
    assert [number for number, _ in events][:4] == [1, 2, 7, 8]
    assert len(events) == 150
    assert reading.unreadable.count == 50
    assert reading.left_out == {"asset": 50, "robot": 50, "status": 50}
    assert reading.bytes_read == path.stat().st_size


def test_an_empty_log_has_no_views_and_a_csv_is_not_taken_for_a_log(tmp_path: Path) -> None:
    (tmp_path / "access.log").touch()
    assert list(read_events(tmp_path / "access.log", "combined", pages=RULES)) == []
    (tmp_path / "log").write_text("ts,item\n1,a\n")
    assert [event.item for _, event in read_events(tmp_path / "log")] == ["a"]


def test_items_are_in_no_access_log(tmp_path: Path) -> None:
    with pytest.raises(PopulerError, match="use csv or ndjson"):
        list(read_items(tmp_path / "x", "combined"))


async def replayed(path: Path, **options: Any) -> tuple[ReplayReport, list[dict[str, Any]]]:
    with serving() as service:
        report = await replay([path], to=service.url, key=KEY, now=NOW, batch=2, **options)
        return report, sorted(service.events, key=lambda event: (event["ts"], event["item"], event["visitor"]))


async def test_a_replay_reports_what_became_of_every_line(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(b"\n".join(LOG))
    report, events = await replayed(path, base="https://www.example.com")
    assert [event["item"] for event in events] == ["example.com/a", "example.com/a", "example.com/b"]
    assert {event["ts"] for event in events} == {TS}
    assert len({event["visitor"] for event in events}) == 2
    assert report.acknowledged == report.sent == report.accepted == 3
    assert report.accepted + sum(report.left_out.values()) + report.unreadable.count == len(LOG)
    text = render_report(report)
    assert "filtered               3  (asset 1, robot 1, status 1)" in text
    assert "access.log:6: is no line of a combined or common access log" in text


async def test_the_same_replay_sends_the_same_bytes_and_a_shift_counts_no_line_twice(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(b"\n".join(LOG))
    assert (await replayed(path))[1] == (await replayed(path))[1]
    report, events = await replayed(path, as_of_now=True)
    assert {event["ts"] for event in events} == {NOW}
    assert report.left_out == {"asset": 1, "robot": 1, "status": 1}
    assert report.unreadable.count == 1


def test_the_command_says_what_it_left_out_even_if_that_is_everything(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(line(b"GET /indeks HTTP/1.1") + b"\n" + line(status=b"404"))
    with serving() as service:
        done = CliRunner().invoke(
            app, ["replay", str(path), "--to", service.url, "--key", KEY, "--item-pattern", r"/read/(\d+)"]
        )
    assert "filtered               2  (pattern 1, status 1)" in done.stdout
    assert "access.log: read as combined access log" in done.stdout
    assert done.exit_code == 1
    assert "all 2 lines could not be used" in str(done.exception)


@pytest.mark.parametrize(
    ("pattern", "base", "message"),
    [
        ("(", None, "--item-pattern must be a regular expression"),
        (r"/read/\d+", None, "--item-pattern must have one group"),
        (None, "example.com", "--base must start with http://, https:// or /, not 'example.com'"),
        (None, "/berita", "--base must be an address without a path"),
        (None, "https://example.com/berita", "--base must be an address without a path"),
        (None, "/", "--base must be an address without a path"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(pattern: str | None, base: str | None, message: str) -> None:
    with pytest.raises(PopulerError, match=f"^{re.escape(message)}"):
        page_rules(pattern, base, KEY)


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_LOG.exists(), reason="the real access log is not beside the checkout")
def test_a_real_log_is_counted_to_the_last_line() -> None:
    reading = Reading()
    events = [event for _, event in read_events(REAL_LOG, None, reading, PageRules(key=visitor_key(KEY)))]
    assert len(events) + sum(reading.left_out.values()) + reading.unreadable.count == 10_000
    assert reading.unreadable.first == ["access.log.gz:8899: breaks off, or a quote in it is not escaped"]
    assert 1_300 < len(events) < 1_600
    top = [item for item, _ in Counter(event.item for event in events).most_common(20)]
    assert not [item for item in top if item is None or re.search(r"\.(?:css|js|png|ico|xml|txt)$", item)]
