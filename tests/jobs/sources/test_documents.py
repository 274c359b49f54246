"""Feeds, sitemaps and what passes for them: what is read of each, and why the others are refused."""

import gzip
import time

import pytest

from jobs.sources.documents import MAX_BYTES, read_document
from jobs.sources.entries import Document, SourceEntry, SourceError

PUBLISHED = 1_764_530_940.0  # 01 December 2025, 02:29 in Jakarta
RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>Koran</title><link>https://koran.example</link><language>in</language>
<item><title><![CDATA[Harga &#8220;cabai&#8221; <b>naik</b> di R&D]]></title><link>https://koran.example/cabai</link>
<guid isPermaLink="false">12345</guid><pubDate>Mon, 01 Dec 2025 02:29:00 +0700</pubDate><category>Ekonomi</category>
<category>Pangan</category><dc:creator>Siti</dc:creator><media:thumbnail url="https://koran.example/1.jpg?w=1&amp;h=2"/>
<description>&lt;p&gt;Di pasar&lt;/p&gt;</description></item>
<item><title>Relatif</title><link>/dua</link><guid>https://koran.example/?p=2</guid></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://koran.example/" xml:lang="id"><title>K</title>
<entry><title type="html">Harga &amp;amp; pasokan</title><id>tag:koran.example,2025:2</id>
<link rel="alternate" href="ekonomi/beras"/><published>2025-12-01T02:29:00+07:00</published>
<updated>2025-12-01T03:00:00+07:00</updated><author><name>Budi</name></author></entry>
<entry><title>Kode &amp;lt;b&amp;gt;</title><link href="dua"/></entry></feed>"""
JSON_FEED = """{"version": "https://jsonfeed.org/version/1.1", "home_page_url": "https://koran.example/",
"language": "id",
"items": [{"id": "https://koran.example/3", "title": "Beras &amp; gula", "date_published": "2025-12-01T02:29:00+07:00",
"tags": ["beras"], "authors": [{"name": "Budi"}], "image": "/3.jpg"}, 7]}"""
NEWS = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"
 xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
<url><loc>https://koran.example/empat?a=1&amp;b=2</loc><news:news><news:publication><news:name>Koran</news:name>
<news:language>id</news:language></news:publication><news:publication_date>2025-12-01T02:29+07:00</news:publication_date>
<news:title>Beras empat</news:title><news:keywords>beras, bulog</news:keywords></news:news>
<image:image><image:loc>https://koran.example/4.jpg</image:loc><image:title>Foto</image:title></image:image></url>
<url><loc>https://koran.example/tentang-kami</loc></url></urlset>"""
INDEX = """<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>https://koran.example/lama.xml</loc><lastmod>2024-01-01</lastmod></sitemap>
<sitemap><loc>/baru.xml.gz</loc><lastmod>2025-12-01</lastmod></sitemap></sitemapindex>"""


def read(text: str | bytes, address: str = "https://koran.example/sumber") -> Document:
    """A document as it is read."""
    return read_document(text if isinstance(text, bytes) else text.encode(), address)


def only(document: Document) -> list[SourceEntry]:
    """The entries without their places."""
    return [entry for _, entry in document.entries]


def test_rss_gives_every_field_decoded_once() -> None:
    cabai, relatif = only(read(RSS))

    assert cabai == SourceEntry(
        url="https://koran.example/cabai", title="Harga “cabai” naik di R&D", id="12345", published_at=PUBLISHED,
        summary="Di pasar", sections=("Ekonomi",), tags=("Pangan",), authors=("Siti",), language="id",
        image="https://koran.example/1.jpg?w=1&h=2",
    )  # fmt: skip
    assert (relatif.url, relatif.id) == ("https://koran.example/dua", None)


def test_atom_reads_html_titles_as_html_and_text_as_text_and_joins_its_base() -> None:
    first, second = only(read(ATOM, ""))

    assert (first.title, first.url, first.authors) == (
        "Harga & pasokan",
        "https://koran.example/ekonomi/beras",
        ("Budi",),
    )
    assert (first.published_at, first.modified_at, first.id) == (PUBLISHED, PUBLISHED + 1860, None)
    assert second.title == "Kode &lt;b&gt;"


def test_json_feed_takes_an_id_that_is_an_address_for_one() -> None:
    document = read(JSON_FEED)

    assert only(document) == [
        SourceEntry(
            url="https://koran.example/3", title="Beras & gula", published_at=PUBLISHED, tags=("beras",),
            authors=("Budi",), language="id", image="https://koran.example/3.jpg",
        )
    ]  # fmt: skip
    assert document.faults == [(2, "is no object")]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_news_sitemap_passes_over_what_is_no_news(pack: type) -> None:
    document = read(pack(NEWS.encode()))

    assert only(document) == [
        SourceEntry(
            url="https://koran.example/empat?a=1&b=2", title="Beras empat", published_at=PUBLISHED,
            tags=("beras", "bulog"), language="id", image="https://koran.example/4.jpg",
        )
    ]  # fmt: skip
    assert (document.passed_over, document.faults) == (1, [])


def test_index_of_sitemaps_names_the_newest_first() -> None:
    assert read(INDEX).sitemaps == ["https://koran.example/baru.xml.gz", "https://koran.example/lama.xml"]


def test_broken_feed_gives_what_can_be_read_of_it() -> None:
    broken = b"<rss version='2.0'><channel><item><title>A & B &nbsp; \xe9</title><link>https://koran.example/a?x=1&y=2"
    (entry,) = only(read(broken + b"</link></item><item><title>Terpotong"))[:1]

    assert (entry.title, entry.url) == ("A & B é", "https://koran.example/a?x=1&y=2")


@pytest.mark.parametrize(
    "written",
    [
        "0000-00-00 00:00:00",
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "0",
        "Sen, 01 Des 2025",
        "kemarin",
        "",
        "NaN",
    ],
)
def test_date_that_is_none_is_left_out_and_the_article_stays(written: str) -> None:
    item = f"<item><title>T</title><link>https://koran.example/1</link><pubDate>{written}</pubDate></item>"

    (entry,) = only(read(f"<rss version='2.0'><channel>{item}</channel></rss>"))

    assert (entry.title, entry.published_at) == ("T", None)


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://user:word@koran.example/",
        "http://",
        "  ",
    ],
)
def test_link_that_no_page_may_carry_costs_the_entry_with_a_reason(link: str) -> None:
    document = read(f"<rss version='2.0'><channel><item><title>T</title><link>{link}</link></item></channel></rss>", "")

    assert document.entries == []
    assert document.faults == [(1, "has no http(s) address")]


@pytest.mark.parametrize("title", ["", "   ", "&#8203;", "<img src=x>"])
def test_entry_without_a_title_is_left_out_with_a_reason(title: str) -> None:
    items = f"<item><title><![CDATA[{title}]]></title><link>https://koran.example/1</link></item>"
    document = read(f"<rss version='2.0'><channel>{items}</channel></rss>")

    assert document.entries == []
    assert document.faults == [(1, "has no title")]


def test_hostile_title_becomes_text() -> None:
    title = "<![CDATA[<script>alert(1)</script>Harga\x00 <b onclick='x'>naik</b>]]>".replace("\x00", "")
    feed = f"<rss version='2.0'><channel><item><title>{title}</title><link>https://koran.example/1</link></item></channel></rss>"

    assert only(read(feed))[0].title == "alert(1)Harga naik"


def test_entities_are_refused_before_any_is_expanded() -> None:
    bomb = "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
        f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    began = time.process_time()
    for form in (bomb, bomb.lower().replace("<!doctype", "<!DOCTYPE")):
        for packed in (form.encode(), form.encode("utf-16")):
            with pytest.raises(SourceError, match="entities"):
                read(packed + (b"" if packed[:1] == b"\xff" else b"]><rss><channel/></rss>"))
    with pytest.raises(SourceError, match="entities"):
        read('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset><url><loc>&x;</loc></url></urlset>')
    assert time.process_time() - began < 60


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<!doctype html><html><body>Masuk</body></html>", "HTML page"),
        (b"<!-- x --><HTML><head></head></HTML>", "HTML page"),
        (b"<opml version='2.0'/>", "no feed"),
        (b"GIF89a", "no feed"),
        (b'{"version": 1}', "no JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1"}', "no JSON Feed"),
        (b'{"version"', "no JSON"),
        (gzip.compress(b"<rss/>" * 99, mtime=0)[:-20], "breaks off"),
        (b"\x1f\x8b\x08garbage-of-a-stream", "damaged"),
    ],
)
def test_document_that_is_no_source_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        read(content)


def test_feed_that_unpacks_to_200_mib_is_refused_while_it_is_unpacked() -> None:
    packer = gzip.compress(b"<rss>" + b" " * (200 * 1024**2))

    with pytest.raises(SourceError, match=f"has over {MAX_BYTES // 1024**2} MiB"):
        read(packer)
