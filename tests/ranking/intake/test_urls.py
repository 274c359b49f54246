"""An article has one address, however it is written; two articles never share one for want of care."""

import contextlib
import re
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ranking.intake.items import why_bad_id
from ranking.intake.urls import MAX_URL_CHARS, canonical, id_in, item_of, item_pattern

ARTICLE = "https://example.com/berita/judul"
READ = item_pattern(r"/read/\d+/\d+/\d+/(\d+)/")
PARTS = [
    "http:", "https:", "HTTP:", "//", "/", "www.", "m.", "amp.", "Example.com", "bücher.example", "[::1]", ":80",
    ":443", ":8080", "a", "%41", "%2f", "%2F", "%c3%a9", "é", "%", "%%", "%4", "..", ".", "%2e", "amp", ".amp", ".html",
    "index.html", "index.php", "?", "&", "=", "utm_source", "page=2", "page", "id=1", "ref=", "ref=12", "#", "#!",
    "@", "\\", " ", "\t", "+", ";", "'", '"', "<", "\ud800", "\x00", "\u202e", "İ", "K",
]  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/berita/judul",
        "HTTPS://WWW.Example.COM/berita/judul",
        "//example.com/berita/judul",
        "  https://example.com./berita/judul\n",
        "https://example.com:443/berita/judul",
        "http://example.com:080/berita/judul",
        "https://example.com:/berita/judul",
        "https://m.example.com/berita/judul",
        "https://amp.example.com/berita/judul",
        "https://www.m.example.com/berita/judul",
        "https://example.com/berita/judul/",
        "https://example.com//berita///judul//",
        "https://example.com/./x/../berita/%2e%2e/berita/judul",
        "https://example.com/../../berita/judul",
        "https://example.com/%62erita/j%75dul",
        "https://example.com/berita/judul/amp",
        "https://example.com/berita/judul/amp/",
        "https://example.com/amp/berita/judul",
        "https://example.com/berita/judul.amp",
        "https://example.com/berita/judul/index.html",
        "https://example.com/berita/judul/index.php",
        "https://example.com/berita/judul/amp/index.html",
        "https://example.com/berita/judul#komentar",
        "https://example.com/berita/judul#!/x",
        "https://example.com/berita/judul?",
        "https://example.com/berita/judul?&&",
        "https://example.com/berita/judul?utm_source=a&UTM_Medium=b&utm%5fcampaign=c&utm_content",
        "https://example.com/berita/judul?fbclid=x&gclid=x&gbraid=x&wbraid=x&dclid=x&msclkid=x&yclid=x&igshid=x",
        "https://example.com/berita/judul?mc_cid=x&mc_eid=x&_ga=2.1&_gl=1*a&ref=beranda&ref_src=twsrc%5Etfw&ttclid=x",
        "https://example.com/berita/judul?amp",
        "https://example.com/berita/judul?amp=1&outputType=amp&amp_js_v=0.1",
        "https://example.com/berita/judul?page=2",
        "https://example.com/berita/judul?page=all",
        "https://example.com/berita/judul?halaman=3",
        "https://example.com/berita/judul?single=1",
        "https://mobile.example.com/berita/judul",
        "https://example.com/AMP/berita/judul/AMP/",
        "https://example.com/berita/judul/page/2/",
        "https://example.com/berita/judul;jsessionid=0A1?jsessionid=0A1",
        "https://example.com/berita/judul?utm_source=a&amp;utm_medium=b&amp;amp;fbclid=c",
        "https://example.com/berita/judul?share=whatsapp&nb=1",
        "https://example.com/berita/judul??fbclid=x",
        "https://example.com/berita/judul?doing_wp_cron=1764.1&__cf_chl_rt_tk=a&__cf_chl_tk=b&replytocom=5&sfnsn=wa&trk=x",
        "https://example.com/berita/judul?rdt_cid=1&ScCid=1&wt_mc=1&guccounter=1&guce_referrer=x&matomo_campaign=a&m=1",
        "https://example-com.translate.goog/berita/judul?_x_tr_sl=id&_x_tr_tl=en&_x_tr_hl=en",
        "https://www-example-com.translate.goog/berita/judul",
        "https://example-com.cdn.ampproject.org/c/s/www.example.com/berita/judul/amp/?amp_js_v=0.1",
        "https://example-com.cdn.ampproject.org/v/s/example.com/berita/judul",
        "https://www.google.com/amp/s/www.example.com/berita/judul",
        "https://www.google.co.id/amp/s/m.example.com/berita/judul/amp?usqp=x",
    ],
)
def test_canonical_folds_every_way_to_write_an_article(url: str) -> None:
    assert canonical(url) == ARTICLE


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://example.com", "https://example.com/"),
        ("https://example.com/index.php?id=12&utm_source=x", "https://example.com/?id=12"),
        ("https://example.com/a?b=1&a=2&a=1", "https://example.com/a?a=2&a=1&b=1"),
        ("https://example.com/a?a=2&b=1&a=1", "https://example.com/a?a=2&a=1&b=1"),
        ("/2025/12/01/judul/?x=1#y", "/2025/12/01/judul?x=1"),
        ("/", "/"),
        ("https://example.com/?p=12", "https://example.com/?p=12"),
        ("https://example.com/a?page_id=7", "https://example.com/a?page_id=7"),
        ("https://example.com/a?page=tentang-kami", "https://example.com/a?page=tentang-kami"),
        ("https://example.com/a?page=1234", "https://example.com/a?page=1234"),
        ("https://example.com/a?ref=8841", "https://example.com/a?ref=8841"),
        ("https://example.com/read.php?page=12", "https://example.com/read.php?page=12"),
        ("https://example.com/read.php?page=12&id=7", "https://example.com/read.php?id=7"),
        ("https://example.com/baca?halaman=12", "https://example.com/baca?halaman=12"),
        ("https://example.com/?page=12&fbclid=x", "https://example.com/?page=12"),
        ("https://example.com/index.php?ref=banjir-besar", "https://example.com/?ref=banjir-besar"),
        ("https://example.com/read.php?id=7?fbclid=x", "https://example.com/read.php?id=7"),
        ("https://example.com/read.php?q=apa?kabar", "https://example.com/read.php?q=apa?kabar"),
        ("https://example.com/a?share=12", "https://example.com/a?share=12"),
        ("https://example.com/a?m=202511", "https://example.com/a?m=202511"),
        ("https://example.com/page/2", "https://example.com/page/2"),
        ("https://example.com/a;b=1/c", "https://example.com/a;b=1/c"),
        ("https://example.com/caf%65%CC%81", "https://example.com/caf%C3%A9"),
        ("https://example.com/cafe\u0301?q=e%cc%81", "https://example.com/caf%C3%A9?q=%C3%A9"),
        ("https://example.com/caf%E9", "https://example.com/caf%E9"),
        ("https://xn--bcher-kva.example/a", "https://xn--bcher-kva.example/a"),
        ("https://i--kon-example.translate.goog/a", "https://i-kon.example/a"),
        ("https://example.translate.goog/a", "https://example.translate.goog/a"),
        ("https://cdn.ampproject.org/v0.js", "https://cdn.ampproject.org/v0.js"),
        ("https://google.com/amp/cara-amp", "https://google.com/cara-amp"),
        ("https://example.com/a?source=antara&cid=5", "https://example.com/a?cid=5&source=antara"),
        ("https://example.com/a?amplop=1", "https://example.com/a?amplop=1"),
        ("https://example.com/lamp", "https://example.com/lamp"),
        ("https://example.com/amp", "https://example.com/amp"),
        ("https://example.com/a/..amp", "https://example.com/a/..amp"),
        ("https://example.com/Judul", "https://example.com/Judul"),
        ("https://example.com/judul.amp.html", "https://example.com/judul.html"),
        ("https://example.com/a%2fb", "https://example.com/a%2Fb"),
        ("https://example.com/a%2Cb,c", "https://example.com/a%2Cb,c"),
        ("https://example.com/a b\"<é|\\", "https://example.com/a%20b%22%3C%C3%A9%7C%5C"),
        ("https://example.com/caf%c3%a9", "https://example.com/caf%C3%A9"),
        ("https://example.com/100%", "https://example.com/100%25"),
        ("https://example.com/%%34%31", "https://example.com/%2541"),
        ("https://example.com:8080/a", "https://example.com:8080/a"),
        ("https://m.com/a", "https://m.com/a"),
        ("https://www.m.com/a", "https://m.com/a"),
        ("https://money.example.com/a", "https://money.example.com/a"),
        ("http://[2001:DB8::1]:80/a", "https://[2001:db8::1]/a"),
        ("https://BÜCHER.example/a", "https://xn--bcher-kva.example/a"),
        ("http://localhost:8000/a", "https://localhost:8000/a"),
    ],
)  # fmt: skip
def test_canonical_keeps_what_may_tell_articles_apart(url: str, address: str) -> None:
    assert canonical(url) == address


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must start with http://, https:// or /"),
        ("example.com/a", "must start with"),
        ("javascript:alert(1)", "must start with"),
        ("ftp://example.com/", "must start with"),
        ("https:/example.com", "must start with"),
        ("?id=1", "must start with"),
        ("https:///a", "must have a host"),
        ("https://..", "must have a host"),
        ("https://exa mple.com/", "must have a host"),
        ("https://example.com\\@evil.example/", "must not hold a user name"),
        ("https://user:secret@example.com/", "must not hold a user name"),
        ("https://%65xample.com/", "must have a host"),
        ("https://a\u202eb.example/", "must have a host"),
        ("https://[fe80::1%25eth0]/", "must have a host"),
        ("https://example.com:99999/", "must have a port up to 65535"),
        ("https://example.com:8a/", "must have a host"),
        ("https://example.com/a\nb", "must not hold control characters"),
        ("https://example.com/\ud800", "must be valid Unicode"),
        ("https://example.com/" + "a" * MAX_URL_CHARS, "must not be over 2048 characters"),
        ("https://example.com/" + "é" * 1000, "must not be over 2048 characters once escaped"),
    ],
)
def test_canonical_refuses_what_is_no_address_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}"):
        canonical(url)


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=14).map("".join))
@example("https://a.b/..amp/.amp")
@example("https://www.www.a.b/amp/amp/index.html/index.php")
def test_canonical_is_idempotent_and_raises_nothing_else(text: str) -> None:
    for url in (text, "https://example.com/" + text, "/" + text.lstrip("/")):
        try:
            address = canonical(url)
        except ValueError as error:
            assert not isinstance(error, UnicodeError)
            continue
        assert canonical(address) == address
        assert len(address) <= MAX_URL_CHARS
        assert "#" not in address
        assert address.startswith("https://") or (address.startswith("/") and not address.startswith("//"))
        assert urlsplit(address).path.isascii()
        assert why_bad_id(item_of(url)) is None


@given(
    st.lists(st.text("abcdef-é漢0", min_size=1), min_size=1, max_size=5),
    st.lists(st.tuples(st.text("xyz", min_size=1), st.text("01é", max_size=3)), max_size=4, unique_by=lambda p: p[0]),
    st.randoms(use_true_random=False),
)
def test_canonical_ignores_spelling_order_and_noise(
    segments: list[str], parameters: list[tuple[str, str]], random: object
) -> None:
    def written(escape: bool, order: list[tuple[str, str]]) -> str:
        path = "/".join(quote(segment) if escape else segment for segment in segments)
        return f"/{path}?" + "&".join(f"{name}={quote(value) if escape else value}" for name, value in order)

    shuffled = [*parameters, ("utm_source", "x"), ("fbclid", "y")]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    plain = canonical("https://example.com" + written(False, parameters))
    assert canonical("http://www.example.com:80" + written(True, shuffled)) == plain


@pytest.mark.parametrize(
    "url", ["/berita/judul", "//example.com/berita/judul", "judul", "../berita/judul?utm_source=x"]
)
def test_item_of_reads_a_relative_address_against_its_page(url: str) -> None:
    assert item_of(url, page="https://www.example.com/berita/lain") == "example.com/berita/judul"


def test_item_of_gives_the_address_without_its_scheme() -> None:
    assert item_of("http://www.example.com/berita/judul/?id=7&utm_source=x") == "example.com/berita/judul?id=7"
    assert item_of("/berita/judul/") == "/berita/judul"
    assert item_of("https://example.com") == "example.com/"


@pytest.mark.parametrize(
    "url",
    [
        "https://nasional.kompas.com/read/2025/11/18/20380801/judul?page=all",
        "https://amp.kompas.com/nasional/read/2025/11/18/20380801/judul",
        "/read/2025/11/18/20380801/",
        "/read/2025/11/18/20380801",
        "/read/2025/11/18/20380801?x=1",
    ],
)
def test_item_of_finds_the_id_by_a_pattern_wherever_the_article_is_shown(url: str) -> None:
    assert item_of(url, READ) == "20380801"


@pytest.mark.parametrize(
    "url", ["/", "/read/2025/", "/tag?utm_source=/read/2025/11/18/1/", "/#/read/2025/11/18/1/", "/tag"]
)
def test_item_of_refuses_a_page_in_which_the_pattern_finds_nothing(url: str) -> None:
    with pytest.raises(ValueError, match="is no item's address"):
        item_of(url, READ)


def test_id_in_finds_nothing_in_a_group_that_took_no_part_or_is_empty() -> None:
    assert id_in("https://example.com/a", item_pattern("/a(b)?")) is None
    assert id_in("https://example.com/a", item_pattern("/a(b*)")) is None


def test_item_of_cuts_a_long_id_that_still_tells_articles_apart() -> None:
    title = "/" + "ข่าว" * 20
    first, second = item_of(f"https://example.com{title}1"), item_of(f"https://example.com{title}2")
    assert first != second
    assert first[:400] == second[:400]
    assert len(first.encode()) == len(second.encode()) == 512
    assert item_of(f"https://example.com{title}1?utm_source=x") == first


@pytest.mark.parametrize("text", ["(", "a", "(a)(b)", "(?:a)", "(?P<a>.)(.)", "[", "(a{99999999999999999999})"])
def test_item_pattern_wants_one_group(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        item_pattern(text)


@pytest.mark.parametrize("text", ["(?=a)(b)", r"(a)\1", "(a*+)", "(?<!a)(b)"])
def test_item_pattern_refuses_what_takes_longer_than_its_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a regular expression as RE2 takes it"):
        item_pattern(text)


@pytest.mark.parametrize(
    "text",
    [r"/(?:[a-z0-9]+-?)+-(\d+)$", r"^https?://[^/]+/(?:[\w-]+/?)+/(\d+)", "/(?:(?:a*)*)*b(c)?$"],
)
def test_item_pattern_ends_on_addresses_that_are_made_for_it(text: str) -> None:
    pattern = item_pattern(text)
    assert id_in("https://example.com/" + "a" * 1_900 + "!", pattern) is None


@pytest.mark.parametrize(
    "piece", ["/a", "//", "/.", "/..", "%", "%2", "&", "&a=", "é", "/amp", ".amp", "www.", "?", "="]
)
@pytest.mark.timeout(20)
def test_canonical_ends_on_addresses_that_are_made_for_it(piece: str) -> None:
    url = ("https://example.com/" + piece * MAX_URL_CHARS)[:MAX_URL_CHARS]
    with contextlib.suppress(ValueError):
        assert canonical(url) == canonical(canonical(url))
