"""Which pages may send: exactly those of the list, whatever look-alikes, odd spellings and bad bytes are tried."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.filtering.origins import LONGEST_ORIGIN, Origins

NEWSROOM = Origins(["https://www.example.id", "https://*.koran.id", "http://localhost:3000", "https://straße.example"])

labels = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
ports = st.integers(1, 65535)


def says(origin: str | bytes, of: Origins = NEWSROOM) -> bool:
    return of.allows({b"origin": origin if isinstance(origin, bytes) else origin.encode()})


def came_from(page: str | bytes) -> bool:
    return NEWSROOM.allows({b"referer": page if isinstance(page, bytes) else page.encode()})


@pytest.mark.parametrize(
    "same",
    [
        "https://www.example.id", "HTTPS://WWW.Example.ID", "https://www.example.id:443", "https://www.example.id.",
        "https://www.example.id.:443", "https://m.koran.id", "https://a.b.koran.id", "http://localhost:3000",
        "https://xn--strae-oqa.example", "https://straße.example", "https://ｗｗｗ.example.id",
    ],
)  # fmt: skip
def test_an_origin_of_the_list_may_send_however_it_is_written(same: str) -> None:
    assert says(same)
    assert came_from(f"{same}/politik/berita-1?a=https://evil.com#x")
    assert came_from(same)


@pytest.mark.parametrize(
    "other",
    [
        "https://www.example.id.evil.com", "https://evilexample.id", "https://example.id", "http://www.example.id",
        "https://www.example.id:444", "https://www.example.id:80", "https://www-example.id", "https://wwwxexample.id",
        "https://a.www.example.id", "https://koran.id", "https://evilkoran.id", "https://koran.id.evil.com",
        "https://.koran.id", "https://*.koran.id", "http://m.koran.id", "http://localhost", "https://localhost:3000",
        "https://www.example.id@evil.com", "https://evil.com@www.example.id", "https://x:y@www.example.id",
        "https://www.example.id\\@evil.com", "https://evil.com\\.koran.id", "https://evil.com#.koran.id",
        "https://evil.com?.koran.id", "https://evil.com/.koran.id", "https://www.example.id:", "https://www.example.id..",
        "https://www.example.id:0443x", "https://www.example.id:99999", "https://www.example.id:4 43", "www.example.id",
        "//www.example.id", "https:www.example.id", "https:///www.example.id", " https://www.example.id", "null", "",
        "https://www.example.id https://evil.com", "https://www.exаmple.id", "https://strasse.example", "httpſ://www.example.id",
        "https://www%2eexample.id", "https://[::1]", "https://m.koran.id\x00.evil.com", "https://m.koran.id\n",
    ],
)  # fmt: skip
def test_a_look_alike_may_not(other: str) -> None:
    assert not says(other)


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.com/https://www.example.id", "https://evil.com?https://m.koran.id", "https://evil.com#.koran.id",
        "https://evil.com\\.koran.id/", "https://www.example.id@evil.com/", "https://www.example.id.evil.com/",
        "about:blank", "android-app://www.example.id/", "/politik",
    ],
)  # fmt: skip
def test_a_look_alike_page_may_not(page: str) -> None:
    assert not came_from(page)


def test_the_origin_is_asked_before_the_referer() -> None:
    good, bad = b"https://www.example.id", b"https://evil.com"
    assert NEWSROOM.allows({b"origin": good, b"referer": bad + b"/"})
    assert not NEWSROOM.allows({b"origin": bad, b"referer": good + b"/"})
    assert not NEWSROOM.allows({b"origin": b"null", b"referer": good + b"/"})
    assert not NEWSROOM.allows({b"origin": b"", b"referer": good + b"/"})


def test_who_says_nothing_may_not_send() -> None:
    assert not NEWSROOM.allows({})
    assert not NEWSROOM.allows({b"host": b"www.example.id"})


def test_an_empty_list_lets_nobody_in() -> None:
    assert not says("https://www.example.id", Origins([]))


@given(st.lists(labels, min_size=1, max_size=5), labels)
def test_a_star_stands_for_whole_labels_below(below: list[str], glued: str) -> None:
    assert says("https://" + ".".join(below) + ".koran.id")
    assert not says(f"https://{glued}koran.id")
    assert not says("https://" + ".".join(below) + ".koran.id." + glued)


@given(labels, ports, ports)
def test_ports_are_told_apart_and_the_default_may_be_left_out(host: str, one: int, other: int) -> None:
    only = Origins([f"https://{host}.id:{one}"])
    assert says(f"https://{host}.id:{other}", only) == (one == other)
    assert says(f"https://{host}.id", only) == (one == 443)


@given(st.binary(max_size=2 * LONGEST_ORIGIN))
@example(b"https://" + b"a" * 100_000 + b".koran.id")
@example(b"https://" + b"\xff" * 200)
@example("https://\u0130\u200d\u2488.koran.id".encode())
def test_no_bytes_raise(said: bytes) -> None:
    for value in (said, b"https://" + said, b"https://www.example.id" + said, b"https://[" + said):
        says(value)
        came_from(value)


@given(st.text(min_size=1, max_size=40))
def test_no_host_of_any_script_raises(host: str) -> None:
    says(f"https://{host}".encode("utf-8", "replace"))


def test_a_referer_may_be_long_behind_its_origin() -> None:
    assert came_from("https://m.koran.id/" + "a" * 10_000)
    assert not came_from("https://" + "a." * 10_000 + "koran.id/")


def test_addresses_are_compared_as_addresses() -> None:
    there = Origins(["http://[2001:db8::1]:8080", "http://127.0.0.1:8000"])
    assert says("http://[2001:0DB8:0:0::1]:8080", there)
    assert says("http://127.0.0.1:8000", there)
    assert not says("http://[2001:db8::2]:8080", there)


def test_an_app_may_have_an_origin_of_its_own() -> None:
    assert says("capacitor://localhost", Origins(["capacitor://localhost"]))
    assert not says("https://localhost", Origins(["capacitor://localhost"]))


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("www.example.id", "no scheme"),
        ("*", "no scheme"),
        ("null", "no scheme"),
        ("https://www.example.id/", "has a path"),
        ("https://www.example.id/politik", "has a path"),
        ("https://www.example.id?a=1", "has a path"),
        ("https://a.*.example.id", "no name of a host"),
        ("https://*example.id", "no name of a host"),
        ("https://*", "no name of a host"),
        ("https://*.id", "top-level domain"),
        ("https://*.127.0.0.1", "nothing below"),
        ("https://user@example.id", "no scheme, host and port"),
        ("https://", "no scheme, host and port"),
        ("https://example.id:0", "no port 0"),
        ("https://example.id:99999", "no port 99999"),
        ("https://-example.id", "no name of a host"),
        ("https://[::g]", "no scheme, host and port"),
        ("https://[1::2::3]", "At most one"),
        ("https://" + "a." * 200 + "id", "too long"),
    ],
)
def test_a_pattern_that_is_no_origin_is_refused_by_name(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        Origins(["https://good.example", pattern])
    assert repr(pattern) in str(refused.value)
    assert "https://*.example.id" in str(refused.value)
