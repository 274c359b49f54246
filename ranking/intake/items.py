"""Item: the thing ranked, as the newsroom describes it.

An id is opaque: any text of 1 to 512 bytes in UTF-8. An item that was never described is counted by its id; where it is
listed, as the newsroom's own server has named it, its title is its id.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Any, NamedTuple

import msgspec

from ranking.errors import InvalidItemError
from ranking.times import A_MOMENT, item_moment

MAX_ID_BYTES = 512
MAX_TEXT_CHARS = 2_000
#: What a program writes where it has no value.
NO_VALUE = frozenset({"undefined", "null", "NaN", "None", "<nil>", "<no value>", "%!s(<nil>)"})
#: What a template leaves where nobody has filled it in: `{{ id }}`, `{% id %}`, `${id}`, `#{id}`, `<%= id %>`, `%s`.
PLACEHOLDER = re.compile(r"\{[{%]|[$#]\{|<[%?]|%(?:\d+\$)?[sd]\Z|\[object \w+\]\Z")
#: A link that a page may carry as it is: http(s) with a host, or a path of the site itself.
LINK = re.compile(r"""(?:https?://[^\s/?#\\<>"]+(?:[/?#][^\s\\<>"]*)?|/(?:[^\s/\\<>"][^\s\\<>"]*)?)""", re.IGNORECASE)


#: Line ends and tabs part words; all other controls are nothing that a reader could see.
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160))) | dict.fromkeys(map(ord, "\t\n\r\x85"), " ")


class Item(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One article. Times in epoch seconds.

    `first_seen` is when the service first heard of the item; it stands in for an unknown `published_at`.
    """

    id: str
    title: str = ""
    url: str | None = None
    section: str | None = None
    published_at: float | None = None
    image: str | None = None
    author: str | None = None
    tags: tuple[str, ...] = ()
    first_seen: float = 0.0


class ItemDates(msgspec.Struct, frozen=True, gc=False):
    """The part of a stored item that ranking needs for every item; the rest is read for the listed ones only."""

    section: str | None = None
    published_at: float | None = None
    first_seen: float = 0.0


class ItemInput(msgspec.Struct, frozen=True):
    """An item as it comes over the wire. UNSET: nothing is said of the field; null and empty take away what it has.

    Only the id is checked here; of the other fields see `description_from_input`.
    """

    id: str | None = None
    title: Any = msgspec.UNSET
    url: Any = msgspec.UNSET
    section: Any = msgspec.UNSET
    published_at: Any = msgspec.UNSET
    image: Any = msgspec.UNSET
    author: Any = msgspec.UNSET
    tags: Any = msgspec.UNSET


class Description(NamedTuple):
    """The newsroom's word on an item: its fields, of which those in `named` were said.

    `ignored`: "field: why" for each one that was said and cannot be used.
    """

    item: Item
    named: frozenset[str]
    ignored: tuple[str, ...]


def without_controls(text: str) -> str:
    """`text` without NUL and control characters; a space stands for line ends and tabs.

    >>> without_controls("Harga\\n\\x00cabai")
    'Harga cabai'
    """
    return text if text.isprintable() else text.translate(_CONTROLS)


def why_bad_id(item_id: str) -> str | None:
    """The sentence that says what is wrong with an item id; None: nothing."""
    if not item_id or item_id.isspace():
        return "must not be empty"
    if is_placeholder(item_id):
        return f"must be an id, found the placeholder {item_id[:80]!r}: fill it in"
    size = len(item_id)
    if not item_id.isascii():
        try:
            size = len(item_id.encode())
        except UnicodeEncodeError:
            return "must be valid Unicode"
    return f"must not be over {MAX_ID_BYTES} bytes" if size > MAX_ID_BYTES else None


def is_placeholder(item_id: str) -> bool:
    """Whether an id is what a program or a template writes where it has none.

    >>> is_placeholder("{{ post.id }}"), is_placeholder(" undefined "), is_placeholder("100%sukses")
    (True, True, False)
    """
    text = item_id.strip()
    if text in NO_VALUE:
        return True
    if not ("{" in text or "<" in text or "%" in text or "[" in text):  # nearly all ids: a quarter of a search's time
        return False
    found = PLACEHOLDER.search(text)
    return found is not None and (found.start() == 0 or text[found.start()] not in "%[")


def description_from_input(given: ItemInput, now: float, zone: tzinfo = UTC) -> Description:
    """`given` as an item first seen at `now` (epoch seconds); a publish time without an offset is in `zone`.

    A field that cannot be used is left out and named: it does not cost the article.

    Raises:
        InvalidItemError: the id cannot be used.
    """
    if given.id is None:
        raise InvalidItemError("id: is missing")
    item = without_controls(given.id)
    if problem := why_bad_id(item):
        raise InvalidItemError(f"id: {problem}")
    values: dict[str, Any] = {}
    ignored = []
    for name, read in _READERS.items():
        value = getattr(given, name)
        if value is msgspec.UNSET:
            continue
        try:
            values[name] = _UNKNOWN[name] if value is None else read(value, zone)
        except ValueError as error:
            ignored.append(f"{name}: {error}")
    return Description(Item(id=item, first_seen=now, **values), frozenset(values), tuple(ignored))


def _text(value: Any, _: tzinfo) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, found {value!r:.80}")
    if len(value) > MAX_TEXT_CHARS:
        raise ValueError(f"must not be over {MAX_TEXT_CHARS} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return without_controls(value).strip()


def _text_or_none(value: Any, zone: tzinfo) -> str | None:
    return _text(value, zone) or None


def _address(value: Any, zone: tzinfo) -> str | None:
    """Only http(s) and site-relative addresses: an item's url becomes a link on the site's own pages."""
    _text(value, zone)
    url: str = value.strip()
    if url and (not LINK.fullmatch(url) or not url.isprintable()):
        raise ValueError(f"must be an http(s) address or start with a single /, found {url[:80]!r}")
    return url or None


def _image(value: Any, zone: tzinfo) -> str | None:
    """An address as `_address` takes it, or one without a scheme, as CMSs write those of their CDN."""
    if isinstance(value, str) and value.startswith("//"):
        value = f"https:{value}"
    return _address(value, zone)


def _tags(value: Any, zone: tzinfo) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of texts, found {value!r:.80}")
    return tuple(filter(None, (_text(tag, zone) for tag in value)))


def _publish_time(value: Any, zone: tzinfo) -> float | None:
    """Epoch seconds of a publish time. The beginning of the epoch is what programs write where they have none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"must be {A_MOMENT}, found {value!r:.80}")
    if isinstance(value, str) and not value.strip():
        return None
    try:
        moment = item_moment(value, zone)
    except ValueError as error:
        raise ValueError(f"must be {error}, found {value!r:.80}") from None
    if moment == 0:
        raise ValueError(f"must be {A_MOMENT}, found the beginning of 1970")
    return moment


#: Field -> the reader of its value: what is stored. It raises ValueError where the value cannot be used.
_READERS: Mapping[str, Callable[[Any, tzinfo], Any]] = {
    "title": _text,
    "url": _address,
    "section": _text_or_none,
    "published_at": _publish_time,
    "image": _image,
    "author": _text_or_none,
    "tags": _tags,
}
#: Field -> what is stored where it is unknown.
_UNKNOWN: Mapping[str, Any] = {field.name: field.default for field in msgspec.structs.fields(Item)}


def stored_from_item(item: Item) -> bytes:
    """An item as the store keeps it (MessagePack)."""
    return _pack.encode(item)


def item_from_stored(document: bytes) -> Item:
    """The inverse of `stored_from_item`."""
    return _unpack.decode(document)


def dates_from_stored(document: bytes) -> ItemDates:
    """The part of a stored item that ranking needs, at a third of the cost of the whole."""
    return _unpack_dates.decode(document)


def as_wire(item: Item) -> dict[str, Any]:
    """An item as `GET /v1/items/{id}` answers it."""
    return {field: getattr(item, field) for field in item.__struct_fields__}


_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(Item)
_unpack_dates = msgspec.msgpack.Decoder(ItemDates)
