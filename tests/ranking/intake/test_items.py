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
    description_from_input,
    item_from_stored,
    item_from_wire,
    stored_from_item,
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


def described(**fields: Any) -> Item:
    """The item of fields that can all be used."""
    found = description_from_input(ItemInput(**{"id": "a", **fields}), NOW)
    assert found.ignored == ()
    return found.item


def refusal(**fields: Any) -> str:
    """Why the id, or the one other field, cannot be used. Without that field the item is what its id alone makes it."""
    try:
        found = description_from_input(ItemInput(**{"id": "a", **fields}), NOW)
    except InvalidItemError as error:
        return str(error)
    assert (found.item, found.named) == (Item(id="a", first_seen=NOW), frozenset())
    (ignored,) = found.ignored
    return ignored


def test_description_from_input_has_what_was_given_first_seen_now() -> None:
    fields = {name: getattr(FULL, name) for name in ItemInput.__struct_fields__ if name != "extra"}
    assert described(**fields) == FULL


def test_description_from_input_takes_an_id_alone() -> None:
    assert described() == Item(id="a", first_seen=NOW)


def test_description_from_input_strips_texts_and_takes_an_empty_one_as_unknown() -> None:
    blank = described(title="  ", url=" ", section=" ", published_at=" ", image="", author="", tags=())
    assert blank == Item(id="a", first_seen=NOW)
    given = described(title=" Judul ", url=" /a ", section=" Politik\n", tags=[" a", ""])
    assert given.tags == ("a",)
    assert msgspec.structs.replace(given, tags=()) == Item(
        id="a", title="Judul", url="/a", section="Politik", first_seen=NOW
    )


# id


def test_description_from_input_refuses_an_item_without_an_id() -> None:
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
def test_description_from_input_refuses_a_bad_id(item: str, problem: str) -> None:
    assert refusal(id=item) == f"id: {problem}"


@pytest.mark.parametrize(
    "item",
    [
        "undefined", " null ", "NaN", "None", "[object Object]", "<nil>", "{{ post.id }}", "post-{{ id }}", "{% id %}",
        "${id}", "#{id}", "<%= id %>", "<?= $id ?>", "%s", "%1$s",
    ],
)  # fmt: skip
def test_description_from_input_refuses_what_stands_for_an_id(item: str) -> None:
    assert refusal(id=item) == f"id: must be an id, found the placeholder {item!r}: fill it in"


@pytest.mark.parametrize("item", ["none", "nullable", "100%sukses", "diskon-50%", "a{b}", "[object", "/undefined/a"])
def test_description_from_input_takes_an_id_that_only_looks_like_a_placeholder(item: str) -> None:
    assert described(id=item).id == item


@pytest.mark.parametrize("item", ["a" * 512, "é" * 256, "🔥" * 128, "a|b c"])
def test_description_from_input_takes_an_opaque_id_up_to_512_bytes(item: str) -> None:
    assert described(id=item).id == item


# texts


@pytest.mark.parametrize("name", ["title", "section", "author"])
def test_description_from_input_limits_every_text(name: str) -> None:
    assert getattr(described(**{name: "é" * MAX_TEXT_CHARS}), name) == "é" * MAX_TEXT_CHARS
    assert refusal(**{name: "é" * (MAX_TEXT_CHARS + 1)}) == f"{name}: must not be over 2000 characters"


def test_description_from_input_limits_every_tag() -> None:
    assert refusal(tags=("a", "b" * (MAX_TEXT_CHARS + 1))) == "tags: must not be over 2000 characters"


def test_extra_comes_back_as_it_was_given() -> None:
    extra = {"n": [2**70, -(2**63) - 1, 1e300, 3.0], "none": None, "empty": {}, "list": [], "é": {"a": {"b": None}}}
    item = described(extra=extra)
    assert as_wire(item_from_stored(stored_from_item(item)))["extra"] == extra
    assert item_from_wire(as_wire(item)) == item
    assert as_wire(described())["extra"] == {}


def test_description_from_input_leaves_out_what_cannot_be_used_and_names_what_was_said() -> None:
    given = ItemInput(id="a", title="Judul", url=7, section=None, published_at="kemarin", tags="x")
    found = description_from_input(given, NOW)
    assert found.item == Item(id="a", title="Judul", first_seen=NOW)
    assert found.named == {"title", "section", "sections"}
    assert [each.partition(":")[0] for each in found.ignored] == ["url", "published_at", "tags"]


# addresses


def test_description_from_input_takes_an_image_without_a_scheme_and_no_such_link() -> None:
    assert described(image="//cdn.contoh.id/x.jpg").image == "https://cdn.contoh.id/x.jpg"
    assert refusal(url="//cdn.contoh.id/x").startswith("url: must be an http(s) address")


@pytest.mark.parametrize("name", ["url", "image"])
@pytest.mark.parametrize("address", ["/", "/a/b?c=d&e=f#g", "http://contoh.id", "HTTPS://contoh.id/é", "/a:b", "/a//b"])
def test_description_from_input_takes_http_and_site_relative_addresses(name: str, address: str) -> None:
    assert getattr(described(**{name: address}), name) == address


@pytest.mark.parametrize("name", ["url", "image"])
@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "\x00javascript:alert(1)", "\x01javascript:alert(1)",
        "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "file:///a", "ftp://contoh.id",
        "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.id", "/\n/evil.id",
        "a/b", "contoh.id/a", "?a", "#a", "http:", "https:contoh.id", "http:/contoh.id", '/a"onload=x', "/a<b", "/a>b",
        "/a b", "https://contoh.id/\r\nSet-Cookie: a=b", "https://contoh.id/a\\b", "\ufeffhttps://contoh.id",
    ],
)  # fmt: skip
def test_description_from_input_refuses_an_address_that_could_do_or_lead_elsewhere(name: str, address: str) -> None:
    assert refusal(**{name: address}).startswith(f"{name}: must be an http(s) address or start with a single /, found ")


def test_description_from_input_limits_an_address_and_repeats_only_its_beginning() -> None:
    assert refusal(url="/" + "a" * MAX_TEXT_CHARS) == "url: must not be over 2000 characters"
    assert len(refusal(url="x" * MAX_TEXT_CHARS)) < 200


# published_at


@pytest.mark.parametrize(
    "published_at",
    [
        1_542_423_600,
        1_542_423_600.0,
        "1542423600",
        1_542_423_600_000,
        "1542423600000",
        1_542_423_600_000_000,
        "Sat, 17 Nov 2018 12:00:00 +0900",
        "2018-11-17T12:00:00+09:00",
        "2018-11-17T03:00:00Z",
    ],
)
def test_description_from_input_takes_epoch_seconds_and_iso_8601(published_at: float | str) -> None:
    assert described(published_at=published_at).published_at == 1_542_423_600


@pytest.mark.parametrize("published_at", [1, NOW - 315_360_000, NOW + 315_360_000])
def test_description_from_input_takes_publish_times_from_1970_to_ten_years_ahead(published_at: float) -> None:
    assert described(published_at=published_at).published_at == published_at


@pytest.mark.parametrize(
    "published_at",
    [
        math.nan, math.inf, -math.inf, -1, 0, "0", "1970-01-01T00:00:00Z", 1e300, 10**400, "kemarin", "NaN",
        "2018-13-01", "\ud800", True, "0000-00-00 00:00:00", "0001-01-01T00:00:00Z", "1945-08-17T10:00:00+07:00",
        "2025-12-01T23:59:60+07:00", "01/12/2025 02:29", [], {},
    ],
)  # fmt: skip
def test_description_from_input_refuses_what_is_no_publish_time(published_at: float | str) -> None:
    assert refusal(published_at=published_at).startswith("published_at: must be epoch seconds or ISO 8601")


# storing


@pytest.mark.parametrize("item", [FULL, Item(id="a"), Item(id="a", first_seen=NOW, tags=("",))])
def test_item_from_stored_gives_back_the_item(item: Item) -> None:
    assert item_from_stored(stored_from_item(item)) == item


def test_dates_from_stored_reads_the_dates_alone() -> None:
    found = dates_from_stored(stored_from_item(FULL))
    assert (found.section, found.published_at, found.first_seen) == ("Politik", 1_699_999_000.5, NOW)
    assert (found.url, found.tags, found.author) == (FULL.url, FULL.tags, FULL.author)
    assert dates_from_stored(stored_from_item(Item(id="a"))) == ItemDates()


def test_as_wire_has_every_field_even_the_unknown() -> None:
    found = {name: value for name, value in msgspec.structs.asdict(FULL).items() if name not in ("picture", "by_page")}
    assert as_wire(FULL) == {**found, "sections": (FULL.section,), "authors": (FULL.author,), "extra": {}}
    assert item_from_wire(msgspec.json.decode(msgspec.json.encode(as_wire(FULL)))) == FULL
    assert as_wire(Item(id="a"))["url"] is None


@pytest.mark.parametrize(
    "address", ["/a\x00b", "https://contoh.id/\x01", "/\x0b/evil.example", "/a\x7f", "/a\x1bb", "/a\u2028b"]
)
def test_description_from_input_refuses_an_address_with_a_control_character(address: str) -> None:
    assert refusal(url=address).startswith("url: must be")


@pytest.mark.parametrize("address", ["http://", "https://", "https:///a", "https://?a"])
def test_description_from_input_refuses_an_address_without_a_host(address: str) -> None:
    assert refusal(url=address).startswith("url: must be")


@pytest.mark.parametrize(
    "field",
    [{"title": "a\ud800"}, {"section": "\udfff"}, {"author": "\ud800"}, {"tags": ("\ud800",)}, {"url": "/\ud800"}],
)
def test_description_from_input_refuses_a_text_that_is_no_unicode(field: dict[str, Any]) -> None:
    assert refusal(**field).endswith("must be valid Unicode")


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
    item = described(id="a\x00b", title=given, section=given, author=given, tags=(given,))
    assert (item.id, item.title, item.section) == ("ab", kept, kept)
    assert (item.author, item.tags) == (kept, (kept,))


def test_an_id_of_controls_alone_is_none() -> None:
    assert refusal(id="\x00\x01") == "id: must not be empty"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Harga &#8217;naik&#8217;", "Harga ’naik’"),
        ("A&amp;B &#x27;C&quot; &hellip;", "A&B 'C\" …"),
        ("Kode &amp;#8217; dan &lt;b&gt;", "Kode &#8217; dan &lt;b&gt;"),
        ("R&D, Q&A; &copy", "R&D, Q&A; &copy"),
        ("\u200b\u2060 ", ""),
        ("Pemilu\u200b 2029", "Pemilu\u200b 2029"),
    ],
)
def test_a_title_is_text_decoded_once_and_none_without_anything_to_see(given: str, kept: str) -> None:
    assert described(title=given).title == kept
