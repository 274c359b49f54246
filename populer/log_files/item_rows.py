"""Items as catalogues write them: columns of a csv, fields of a JSON object, by the names that exports give them.

Every reader of a catalogue comes to fields by our names; here they become a row. A draft is no row: it is counted by
its status. Names that nobody knows are noted, so that a report can say what was left unread.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from populer.log_files.field_names import FieldNames
from populer.log_files.rows import Faults, ItemRow

#: Names for each field, the preferred one first.
ITEM_COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "id": ("item_id", "id", "item", "article_id", "article", "content_id", "post_id", "story_id", "page_id"),
    "title": ("title", "headline", "name", "post_title", "metadata_title"),
    "url": ("metadata_canonical_url", "url", "link", "page_url", "permalink", "canonical_url"),
    "section": ("metadata_section", "section", "category", "channel", "rubrik", "kanal"),
    "sections": ("sections", "categories"),
    "published_at": ("published_at", "published_epoch", "published", "publish_time", "publish_date", "pub_date",
                     "pubdate", "date_published", "created_at", "date", "post_date", "metadata_pub_date_tmsp"),
    "modified_at": ("modified_at", "modified", "updated_at", "date_modified", "post_modified", "last_modified"),
    "expires_at": ("expires_at", "expires"),
    "summary": ("summary", "excerpt", "post_excerpt"),
    "image": ("image", "image_url", "featured_image", "metadata_image_url"),
    "author": ("author", "author_name", "byline"),
    "authors": ("authors", "metadata_authors"),
    "tags": ("tags", "keywords", "metadata_tags"),
    "language": ("language", "lang"),
    "type": ("type", "post_type"),
    "premium": ("premium",),
    "hidden": ("hidden",),
    "group": ("group", "translation_group"),
    "status": ("status", "post_status"),
}  # fmt: skip
ITEM_NAMES: Final = FieldNames(ITEM_COLUMNS)
#: What a status is called where readers can open the article; a scheduled one has its time in the future.
LISTED: Final = frozenset({"publish", "published", "public", "live", "terbit", "future", "scheduled", "inherit"})
MANY: Final = re.compile(r"\s*[|;,]\s*")
SECTIONS: Final = re.compile(r"\s*[|;]\s*")
YES: Final = frozenset({"1", "true", "yes", "y", "ya"})
NO: Final = frozenset({"0", "false", "no", "n", "tidak"})


class ItemReading(Protocol):
    """Where a reader of items notes what is no item."""

    unreadable: Faults
    left_out: dict[str, int]
    unread: set[str]


def item_rows(
    rows: Iterator[tuple[int, dict[str, Any]]], reading: ItemReading, path: Any
) -> Iterator[tuple[int, ItemRow]]:
    """The rows that are items which readers can open."""
    for line, fields in rows:
        status = fields.pop("status", None)
        if isinstance(status, str) and status.strip().lower() not in LISTED:
            reason = f"status {status.strip()[:40]}"
            reading.left_out[reason] = reading.left_out.get(reason, 0) + 1
            continue
        try:
            yield line, item_row(fields)
        except ValueError as error:
            reading.unreadable.add(path, line, str(error))


def item_row(given: Mapping[str, Any]) -> ItemRow:
    """An item of fields by our names.

    Raises:
        ValueError: a field that an item needs holds what it cannot.
    """
    section, sections = one_and_all((*_names(given.get("sections"), SECTIONS), *_names(given.get("section"), SECTIONS)))
    author, authors = one_and_all((*_names(given.get("authors"), SECTIONS), *_names(given.get("author"), SECTIONS)))
    image = given.get("image")
    return ItemRow(
        id=_text("id", given.get("id")),
        title=_text("title", given.get("title")),
        url=_text("url", given.get("url")),
        section=section,
        sections=sections,
        published_at=_time("published_at", given.get("published_at")),
        modified_at=_time("modified_at", given.get("modified_at")),
        expires_at=_time("expires_at", given.get("expires_at")),
        summary=_text("summary", given.get("summary")),
        image=image if isinstance(image, dict) else _text("image", image),
        author=author,
        authors=authors,
        tags=_names(given.get("tags"), MANY) or None,
        language=_text("language", given.get("language")),
        type=_text("type", given.get("type")),
        premium=_truth(given.get("premium")),
        hidden=_truth(given.get("hidden")),
        group=_text("group", given.get("group")),
    )


def one_and_all(names: Sequence[str]) -> tuple[str | None, tuple[str, ...] | None]:
    """The first of some names, and all of them, each once, where there are several.

    >>> one_and_all(["Politik", "Nasional", "Politik"]), one_and_all(["Politik"]), one_and_all([])
    (('Politik', ('Politik', 'Nasional')), ('Politik', None), (None, None))
    """
    own = tuple(dict.fromkeys(names))
    return next(iter(own), None), own if len(own) > 1 else None


def _text(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, dict) and isinstance(rendered := value.get("rendered"), str):  # WordPress' REST API
        return html.unescape(re.sub(r"<[^<>]*>", "", rendered)).strip() or None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name}: must be text, not {value!r}"[:200])
    return str(value)


def _time(name: str, value: Any) -> float | str | None:
    if isinstance(value, bool) or (value is not None and not isinstance(value, str | int | float)):
        raise ValueError(f"{name}: must be a time, not {value!r}"[:200])
    return value if isinstance(value, str) or value is None else float(value)


def _names(value: Any, separator: re.Pattern[str]) -> tuple[str, ...]:
    """Names in a cell or a list; of an object its name. Numbers refer to a list that is not here."""
    if isinstance(value, str):
        return tuple(name for name in separator.split(value.strip()) if name)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return ()
    named = (each.get("name") if isinstance(each, dict) else each for each in value)
    return tuple(name.strip() for name in named if isinstance(name, str) and name.strip())


def _truth(value: Any) -> bool | str | None:
    if isinstance(value, bool) or value is None:
        return value
    text = str(value).strip().lower()
    return True if text in YES else False if text in NO else str(value)
