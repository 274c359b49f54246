"""Item: the thing ranked, as the newsroom describes it.

An id is opaque: any text of 1 to 512 bytes in UTF-8. An item that was never described is counted by its id; where it is
listed, as the newsroom's own server has named it, its title is its id.
"""

import re
from datetime import UTC, tzinfo
from typing import Any

import msgspec

from ranking.errors import InvalidItemError
from ranking.times import parse_moment

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
    url: str | None = None


class ItemInput(msgspec.Struct, frozen=True):
    """An item as it comes over the wire; `None` or absent means unknown."""

    id: str | None = None
    title: str | None = None
    url: str | None = None
    section: str | None = None
    published_at: float | str | None = None
    image: str | None = None
    author: str | None = None
    tags: tuple[str, ...] | None = None


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


def item_from_input(given: ItemInput, now: float, zone: tzinfo = UTC) -> Item:
    """`given` as an Item first seen at `now` (epoch seconds); a publish time without an offset is in `zone`.

    Raises:
        InvalidItemError: the sentence names the field.
    """
    if given.id is None:
        raise InvalidItemError("id: is missing")
    item = without_controls(given.id)
    if problem := why_bad_id(item):
        raise InvalidItemError(f"id: {problem}")
    for name in ("title", "section", "author"):
        _check_text(name, getattr(given, name))
    for tag in given.tags or ():
        _check_text("tags", tag)
    return Item(
        id=item,
        title=without_controls(given.title or "").strip(),
        url=_checked_url("url", given.url),
        section=without_controls(given.section or "").strip() or None,
        published_at=_checked_time(given.published_at, zone),
        image=_checked_url("image", given.image),
        author=without_controls(given.author or "") or None,
        tags=tuple(map(without_controls, given.tags or ())),
        first_seen=now,
    )


def _check_text(name: str, text: str | None) -> None:
    if text is not None and len(text) > MAX_TEXT_CHARS:
        raise InvalidItemError(f"{name}: must not be over {MAX_TEXT_CHARS} characters")
    if text is not None and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidItemError(f"{name}: must be valid Unicode") from None


def _checked_url(name: str, url: str | None) -> str | None:
    """Only http(s) and site-relative addresses: an item's url becomes a link on the site's own pages."""
    url = (url or "").strip()
    if not url:
        return None
    _check_text(name, url)
    if not LINK.fullmatch(url) or not url.isprintable():
        raise InvalidItemError(f"{name}: must be an http(s) address or start with a single /, found {url[:80]!r}")
    return url


def _checked_time(published_at: float | str | None, zone: tzinfo) -> float | None:
    if published_at is None or published_at == "":
        return None
    try:
        return parse_moment(published_at if isinstance(published_at, str) else repr(published_at), zone)
    except ValueError as error:
        raise InvalidItemError(f"published_at: must be {error}, found {published_at!r:.80}") from None


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
