"""An item is stored as the newsroom describes it, or refused in a sentence that names the field."""

import math
from typing import Any

import msgspec
import pytest

from ranking.errors import InvalidItemError
from ranking.intake.items import (
    MAX_TEXT_CHARS,
    Item,
    ItemDates,
    ItemInput,
    as_wire,
    dates_from_stored,
    from_stored,
    stored,
    validated,
)

NOW = 1_700_000_000.0
FULL = Item(
    id="berita|1 🔥",
    title="Judul",
    url="https://contoh.id/berita/1?a=b#c",
    section="Politik",
    published_at=1_699_999_000.5,
    image="/gambar/1.jpg",
    author="Ani",
    tags=("pemilu", "dpr"),
    first_seen=NOW,
)


def refusal(**fields: Any) -> str:
    with pytest.raises(InvalidItemError) as refused:
        validated(ItemInput(**{"id": "a", **fields}), NOW)
    return str(refused.value)


def test_an_item_is_what_was_given_first_seen_now() -> None:
    fields = {name: getattr(FULL, name) for name in ItemInput.__struct_fields__}
    assert validated(ItemInput(**fields), NOW) == FULL


def test_the_least_an_item_can_say_is_its_id() -> None:
    assert validated(ItemInput(id="a"), NOW) == Item(id="a", first_seen=NOW)


def test_an_empty_text_is_an_unknown_one_and_blanks_around_it_go() -> None:
    blank = ItemInput(id="a", title="  ", url=" ", section=" ", published_at="", image="", author="", tags=())
    assert validated(blank, NOW) == Item(id="a", first_seen=NOW)
    given = ItemInput(id="a", title=" Judul ", url=" /a ", section=" Politik\n")
    assert validated(given, NOW) == Item(id="a", title="Judul", url="/a", section="Politik", first_seen=NOW)


# id


def test_an_item_without_an_id_is_refused() -> None:
    assert refusal(id=None) == "id: is missing"


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("", "must not be empty"),
        ("\n", "must not be empty"),
        ("a" * 513, "must not be over 512 bytes"),
        ("é" * 257, "must not be over 512 bytes"),
        ("a\ud800", "must be valid Unicode"),
    ],
)
def test_a_bad_id_is_refused(item: str, problem: str) -> None:
    assert refusal(id=item) == f"id: {problem}"


@pytest.mark.parametrize("item", ["a" * 512, "é" * 256, "🔥" * 128, "a|b c"])
def test_an_id_is_opaque_up_to_512_bytes(item: str) -> None:
    assert validated(ItemInput(id=item), NOW).id == item


# texts


@pytest.mark.parametrize("name", ["title", "section", "author"])
def test_a_text_has_its_limit(name: str) -> None:
    assert getattr(validated(ItemInput(**{"id": "a", name: "é" * MAX_TEXT_CHARS}), NOW), name) == "é" * MAX_TEXT_CHARS
    assert refusal(**{name: "é" * (MAX_TEXT_CHARS + 1)}) == f"{name}: must not be over 2000 characters"


def test_every_tag_has_its_limit() -> None:
    assert refusal(tags=("a", "b" * (MAX_TEXT_CHARS + 1))) == "tags: must not be over 2000 characters"


# addresses


@pytest.mark.parametrize("name", ["url", "image"])
@pytest.mark.parametrize("address", ["/", "/a/b?c=d&e=f#g", "http://contoh.id", "HTTPS://contoh.id/é", "/a:b", "/a//b"])
def test_an_address_is_http_or_relative_to_the_site(name: str, address: str) -> None:
    assert getattr(validated(ItemInput(**{"id": "a", name: address}), NOW), name) == address


@pytest.mark.parametrize("name", ["url", "image"])
@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "\x00javascript:alert(1)", "\x01javascript:alert(1)",
        "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "file:///a", "ftp://contoh.id",
        "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.id", "/\n/evil.id",
        "a/b", "contoh.id/a", "?a", "#a", "http:", "https:contoh.id", "http:/contoh.id", '/a"onload=x', "/a<b", "/a>b",
        "/a b", "https://contoh.id/\r\nSet-Cookie: a=b", "https://contoh.id/a\\b", "\ufeffhttps://contoh.id",
    ],
)  # fmt: skip
def test_an_address_that_could_do_or_lead_elsewhere_is_refused(name: str, address: str) -> None:
    assert refusal(**{name: address}).startswith(f"{name}: must be an http(s) address or start with a single /, found ")


def test_an_address_has_its_limit_and_a_refusal_repeats_only_its_beginning() -> None:
    assert refusal(url="/" + "a" * MAX_TEXT_CHARS) == "url: must not be over 2000 characters"
    assert len(refusal(url="x" * MAX_TEXT_CHARS)) < 200


# published_at


@pytest.mark.parametrize(
    "published_at",
    [1_542_423_600, 1_542_423_600.0, "1542423600", "2018-11-17T12:00:00+09:00", "2018-11-17T03:00:00Z"],
)
def test_a_publish_time_is_epoch_seconds_or_iso_8601(published_at: float | str) -> None:
    assert validated(ItemInput(id="a", published_at=published_at), NOW).published_at == 1_542_423_600


@pytest.mark.parametrize("published_at", [0, NOW - 315_360_000, NOW + 315_360_000])
def test_a_publish_time_may_lie_in_1970_or_ten_years_from_now(published_at: float) -> None:
    assert validated(ItemInput(id="a", published_at=published_at), NOW).published_at == published_at


@pytest.mark.parametrize(
    "published_at",
    [math.nan, math.inf, -math.inf, -1, NOW * 1000, 1e300, "kemarin", " ", "NaN", "2018-13-01", "\ud800"],
)
def test_what_is_no_publish_time_is_refused(published_at: float | str) -> None:
    assert refusal(published_at=published_at).startswith("published_at: must be epoch seconds or ISO 8601")


# storing


@pytest.mark.parametrize("item", [FULL, Item(id="a"), Item(id="a", first_seen=NOW, tags=("",))])
def test_an_item_is_read_back_as_it_was_stored(item: Item) -> None:
    assert from_stored(stored(item)) == item


def test_ranking_reads_the_dates_of_a_stored_item_alone() -> None:
    assert dates_from_stored(stored(FULL)) == ItemDates("Politik", 1_699_999_000.5, NOW)
    assert dates_from_stored(stored(Item(id="a"))) == ItemDates()


def test_an_item_goes_out_with_every_field_even_the_unknown() -> None:
    assert as_wire(FULL) == msgspec.structs.asdict(FULL)
    assert as_wire(Item(id="a"))["url"] is None


@pytest.mark.parametrize(
    "address", ["/a\x00b", "https://contoh.id/\x01", "/\x0b/evil.example", "/a\x7f", "/a\x1bb", "/a\u2028b"]
)
def test_an_address_with_a_control_character_is_refused(address: str) -> None:
    with pytest.raises(InvalidItemError, match="url: must be"):
        validated(ItemInput(id="a", url=address), NOW)


@pytest.mark.parametrize("address", ["http://", "https://", "https:///a", "https://?a"])
def test_an_address_without_a_host_is_refused(address: str) -> None:
    with pytest.raises(InvalidItemError, match="url: must be"):
        validated(ItemInput(id="a", url=address), NOW)


@pytest.mark.parametrize(
    "field",
    [{"title": "a\ud800"}, {"section": "\udfff"}, {"author": "\ud800"}, {"tags": ("\ud800",)}, {"url": "/\ud800"}],
)
def test_a_text_that_is_no_unicode_is_refused(field: dict[str, Any]) -> None:
    with pytest.raises(InvalidItemError, match="must be valid Unicode"):
        validated(ItemInput(id="a", **field), NOW)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Harga\x00 cabai\x1b[31m", "Harga cabai[31m"),
        ("dua\nbaris\tdan\r\nlagi", "dua baris dan  lagi"),
        ("\x7f\x9bJudul\x00", "Judul"),
        ("\u202eterbalik", "\u202eterbalik"),
        ("Pemilu 🗳\ufe0f \u200f", "Pemilu 🗳\ufe0f \u200f"),
    ],
)
def test_controls_are_dropped_and_what_directs_text_is_left_to_the_page(given: str, kept: str) -> None:
    told = ItemInput(id="a\x00b", title=given, section=given, author=given, tags=(given,))
    item = validated(told, NOW)
    assert (item.id, item.title, item.section) == ("ab", kept, kept)
    assert (item.author, item.tags) == (kept, (kept,))


def test_an_id_of_controls_alone_is_none() -> None:
    with pytest.raises(InvalidItemError, match="id: must not be empty"):
        validated(ItemInput(id="\x00\x01"), NOW)
