"""Item: the thing ranked, as the newsroom describes it.

An id is opaque: any text of 1 to 512 bytes in UTF-8. An item that was never described is counted by its id; where it is
listed, as the newsroom's own server has named it, its title is its id.
"""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from typing import Any, NamedTuple

import msgspec

from ranking.errors import InvalidItemError
from ranking.intake import item_fields as fields
from ranking.intake.item_fields import LINK, MAX_TEXT_CHARS, Picture, without_controls

__all__ = ["LINK", "MAX_TEXT_CHARS", "Item", "ItemDates", "ItemInput", "Picture", "without_controls"]

MAX_ID_BYTES = 512
#: What a program writes where it has no value.
NO_VALUE = frozenset({"undefined", "null", "NaN", "None", "<nil>", "<no value>", "%!s(<nil>)"})
#: What a template leaves where nobody has filled it in: `{{ id }}`, `{% id %}`, `${id}`, `#{id}`, `<%= id %>`, `%s`.
PLACEHOLDER = re.compile(r"\{[{%]|[$#]\{|<[%?]|%(?:\d+\$)?[sd]\Z|\[object \w+\]\Z")


class Item(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One article. Times in epoch seconds.

    `first_seen` is when the service first heard of the item; it stands in for an unknown `published_at`. `section` is
    the first of `sections`, `author` of `authors`; these are empty where there is no second. `picture`: what is known
    of `image` beside its address. `group`: what the language versions of one article share. `by_page`: only the
    article's own page has described it. `extra`: an object of the newsroom's own, as JSON: what scripts of a store
    unpack comes back without its nulls, and an empty object as a list.
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
    sections: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    modified_at: float | None = None
    expires_at: float | None = None
    summary: str | None = None
    language: str | None = None
    type: str | None = None
    premium: bool | None = None
    hidden: bool = False
    picture: Picture | None = None
    extra: str = ""
    by_page: bool = False
    group: str | None = None

    def is_withdrawn(self, at: float) -> bool:
        """Whether it is in no list at a moment (epoch seconds), as it is hidden or past its `expires_at`."""
        return self.hidden or (self.expires_at is not None and self.expires_at <= at)


class ItemDates(msgspec.Struct, frozen=True, gc=False):
    """The part of a stored item that ranking needs for every item; the rest is read for the listed ones only."""

    section: str | None = None
    published_at: float | None = None
    first_seen: float = 0.0
    url: str | None = None
    expires_at: float | None = None
    hidden: bool = False
    sections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    author: str | None = None
    authors: tuple[str, ...] = ()
    language: str | None = None
    type: str | None = None
    premium: bool | None = None
    group: str | None = None

    @property
    def listed_until(self) -> float:
        """When its time in lists is over, in epoch seconds; infinite: it has no end."""
        return 0.0 if self.hidden else math.inf if self.expires_at is None else self.expires_at


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
    sections: Any = msgspec.UNSET
    authors: Any = msgspec.UNSET
    modified_at: Any = msgspec.UNSET
    expires_at: Any = msgspec.UNSET
    summary: Any = msgspec.UNSET
    language: Any = msgspec.UNSET
    type: Any = msgspec.UNSET
    premium: Any = msgspec.UNSET
    hidden: Any = msgspec.UNSET
    extra: Any = msgspec.UNSET
    group: Any = msgspec.UNSET


class Description(NamedTuple):
    """The newsroom's word on an item: its fields, of which those in `named` were said.

    `ignored`: "field: why" for each one that was said and cannot be used.
    """

    item: Item
    named: frozenset[str]
    ignored: tuple[str, ...]


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
    for one, every in _ONE_AND_ALL:
        if every in values:  # the first is shown, unless one is named beside them
            found = tuple(dict.fromkeys(each for each in (values.get(one), *values[every]) if each))
            values[one], values[every] = next(iter(found), None), found if len(found) > 1 else ()
        elif one in values:
            values[every] = ()
    if "image" in values:
        image = values["image"]
        values["picture"] = image if isinstance(image, Picture) else None
        values["image"] = image.url if isinstance(image, Picture) else image
    return Description(Item(id=item, first_seen=now, **values), frozenset(values), tuple(ignored))


#: Field -> the reader of its value: what is stored. It raises ValueError where the value cannot be used.
_READERS: Mapping[str, Callable[[Any, tzinfo], Any]] = {
    "title": fields.title,
    "url": fields.address,
    "section": fields.text_or_none,
    "sections": fields.names,
    "published_at": fields.publish_time,
    "modified_at": fields.publish_time,
    "expires_at": fields.publish_time,
    "image": fields.picture,
    "author": fields.text_or_none,
    "authors": fields.names,
    "tags": fields.tags,
    "summary": fields.text_or_none,
    "language": fields.language,
    "type": fields.text_or_none,
    "premium": fields.truth,
    "hidden": fields.truth,
    "extra": fields.own_fields,
    "group": fields.text_or_none,
}
#: A field of which one is shown, and that of all of them.
_ONE_AND_ALL = (("section", "sections"), ("author", "authors"))
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
    found = {field: getattr(item, field) for field in item.__struct_fields__ if field not in ("picture", "by_page")}
    for one, every in _ONE_AND_ALL:
        found[every] = found[every] or tuple(each for each in (found[one],) if each)
    if item.picture is not None:
        found["image"] = item.picture
    found["extra"] = msgspec.json.decode(item.extra) if item.extra else {}
    return found


def item_from_wire(document: Mapping[str, Any]) -> Item:
    """The inverse of `as_wire`."""
    given = {"image": None, **document}
    for _, every in _ONE_AND_ALL:
        given[every] = given[every] if len(given.get(every, ())) > 1 else ()
    if isinstance(given["image"], dict):
        given["picture"], given["image"] = given["image"], given["image"].get("url")
    given["extra"] = fields.own_fields(given.get("extra", {}), UTC)
    return msgspec.convert(given, Item)


def unknown_fields(names: Iterable[str]) -> list[str]:
    """A sentence for each name that is none of an item's fields."""
    known = ItemInput.__struct_fields__
    found = []
    for name in names:
        if name not in known and name != "first_seen":  # it is the service's own, in what it answers
            near = difflib.get_close_matches(name, known, n=1)
            found.append(f"{name[:80]}: is no field of an item" + (f"; did you mean {near[0]}?" if near else ""))
    return found


_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(Item)
_unpack_dates = msgspec.msgpack.Decoder(ItemDates)
