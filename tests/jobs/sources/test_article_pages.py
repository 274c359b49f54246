"""Pages of articles, and pages that are none: what each says of itself."""

import contextlib

import pytest
from article_site import PUBLISHED, STYLES, Article

from jobs.sources.entries import SourceEntry
from jobs.sources.front_page import read_front_page
from jobs.sources.pages import NoArticleError, read_page

SITE = "https://www.koran.example"
IMAGE = SITE + "/gambar.jpg"
ADDRESS = SITE + "/ekonomi/harga-beras-naik-3"
ARTICLE = Article(3, "/ekonomi/harga-beras-naik-3", "Harga beras naik", "Ekonomi")


def read(markup: str, address: str = ADDRESS, **headers: str) -> SourceEntry:
    """What a page says of itself."""
    return read_page(markup.encode(), address, {name.replace("_", "-"): value for name, value in headers.items()})


def page(head: str = "", body: str = "<h1>Judul</h1>") -> str:
    """A page that is an article if `head` does not say otherwise."""
    return f"<html><head>{head}</head><body>{body}</body></html>"


@pytest.mark.parametrize("style", STYLES)
def test_page_of_each_style_gives_title_address_time_section_author_and_tags(style: str) -> None:
    found = read(STYLES[style](ARTICLE, SITE))

    assert (found.title, found.url, found.published_at) == ("Harga beras naik", ADDRESS, PUBLISHED)
    assert (found.sections, found.authors, found.tags) == (("Ekonomi",), ("Siti",), ("beras", "pangan"))


@pytest.mark.parametrize(("style", "premium"), [("yoast", True), ("next", True), ("amp", True), ("plain", None)])
def test_premium_is_what_the_page_says_and_else_unknown(style: str, premium: bool | None) -> None:
    assert read(STYLES[style](ARTICLE, SITE)).premium is premium
    free = ARTICLE._replace(number=4)
    assert read(STYLES[style](free, SITE)).premium is (None if style in ("amp", "plain") else False)


@pytest.mark.parametrize(("style", "image"), [("next", IMAGE), ("amp", IMAGE), ("plain", None)])
def test_image_is_a_whole_address(style: str, image: str | None) -> None:
    assert read(STYLES[style](ARTICLE, SITE)).image == image


@pytest.mark.parametrize(
    "head",
    [
        "<meta name=robots content='noindex,follow'>",
        "<meta name=googlebot content=none>",
        "<META NAME=Robots CONTENT=NOINDEX>",
    ],
)
def test_page_that_asks_not_to_be_indexed_describes_nothing(head: str) -> None:
    with pytest.raises(NoArticleError, match="not to be indexed"):
        read(page(head))
    with pytest.raises(NoArticleError, match="not to be indexed"):
        read(page(), x_robots_tag="noindex")


@pytest.mark.parametrize(
    ("markup", "address", "reason"),
    [
        (page(), SITE + "/", "front page"),
        (page(), SITE + "/masuk?next=/ekonomi/1", "log in"),
        (page(), SITE + "/wp-login.php", "log in"),
        (page("", "<h1>Masuk</h1><form><input type=password></form>"), ADDRESS, "log in"),
        (page(), SITE + "/kategori/ekonomi-dan-bisnis-1", "list"),
        (page('<script type=\'application/ld+json\'>{"@type": "CollectionPage"}</script>'), ADDRESS, "list"),
        (page("<meta property=og:type content=website>"), ADDRESS, "no article"),
        ("<body class='archive category'><h1>Ekonomi</h1>", ADDRESS, "list"),
        ("<body class='error404'><h1>Tidak ada</h1>", ADDRESS, "not there"),
        (page(), SITE + "/ekonomi", "no date"),
        (page("", "<p>tanpa judul"), ADDRESS, "no title"),
        ("", ADDRESS, "no HTML"),
    ],
)
def test_page_that_is_no_article_says_why(markup: str, address: str, reason: str) -> None:
    with pytest.raises(NoArticleError, match=reason):
        read(markup, address)


def test_article_with_a_login_form_in_its_header_is_one() -> None:
    form = "<form><input type=password></form><h1>Judul</h1>"
    assert read(page("<meta property=article:published_time content=2025-12-01>", form)).title == "Judul"


def test_metadata_of_another_page_is_not_believed() -> None:
    other = '{"@type": "NewsArticle", "url": "https://www.koran.example/lain/1", "headline": "Artikel lain"}'
    foreign = '{"@type": "NewsArticle", "@id": "https://google.com/article", "headline": "Contoh", "author": "X"}'
    for data in (other, foreign):
        found = read(page(f"<script type='application/ld+json'>{data}</script>"))
        assert (found.title, found.authors, found.url) == ("Judul", (), ADDRESS)


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>Judul berita - Koran</title><meta property=og:site_name content=Koran>", "Judul berita"),
        ("<title>Judul - berita</title>", "Judul - berita"),
        ("<meta property=og:title content='Harga &amp;amp; pasokan'>", "Harga & pasokan"),
        (
            "<meta property=og:title content='Koran'><meta property=og:site_name content=Koran><title>Judul</title>",
            "Judul",
        ),
        ("<meta property=og:title content='&lt;script&gt;x&lt;/script&gt; Judul'>", "x Judul"),
    ],
)
def test_title_is_the_articles_without_the_name_of_the_site(head: str, title: str) -> None:
    assert read(page(head, "")).title == title


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "x-unknown", ""])
@pytest.mark.parametrize(
    "content",
    [page("<meta charset=iso-8859-1>", "<h1>Kafe é</h1>").encode("latin-1"), bytes(range(256)) * 9, bytes(99)],
)
def test_page_in_any_encoding_is_read_or_refused(charset: str, content: bytes) -> None:
    with contextlib.suppress(NoArticleError):
        assert read_page(content, ADDRESS, {}, charset).title


def test_deep_and_long_markup_ends() -> None:
    deep = "<div>" * 50_000 + "<h1>Judul</h1>"
    nested = "<script type='application/ld+json'>" + "[" * 100_000 + "</script><title>Judul lama</title>"
    for markup in (deep, nested, "<meta " + "a=b " * 50_000 + "><h1>Judul</h1>"):
        with contextlib.suppress(NoArticleError):
            assert read(markup).title


def test_feeds_of_a_page_are_named_whole() -> None:
    head = (
        '<link rel="alternate" type="application/rss+xml" href="/feed"><link rel=alternate hreflang=en href="/en">'
        '<link rel="ALTERNATE" type="application/atom+xml" href="https://www.koran.example/atom"><link rel="alternate" '
        'type="application/rss+xml" href="javascript:x">'
    )
    assert read_front_page(page(head).encode(), SITE + "/").feeds == [SITE + "/feed", SITE + "/atom"]
