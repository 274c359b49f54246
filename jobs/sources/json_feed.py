"""JSON Feed 1 and 1.1."""

from collections.abc import Mapping
from typing import Any

from jobs.sources.entries import Document, SourceEntry
from jobs.sources.fields import MAX_SUMMARY_CHARS, language_tag, moment, names, own_id, plain_text, web_address


def is_json_feed(found: object) -> bool:
    """Whether decoded JSON says that it is one."""
    return (
        isinstance(found, dict) and "jsonfeed.org" in str(found.get("version")) and isinstance(found.get("items"), list)
    )


def read_json_feed(found: Mapping[str, Any], address: str) -> Document:
    """The entries of a JSON Feed; `address`: where it stood."""
    document = Document("JSON Feed")
    base = web_address(found.get("home_page_url"), address) or address
    language = language_tag(found.get("language"))
    for place, item in enumerate(found["items"], 1):
        if not isinstance(item, dict):
            document.faults.append((place, "is no object"))
            continue
        people = item.get("authors")
        if not isinstance(people, list):
            people = [item.get("author")]
        tags = item.get("tags")
        document.add(
            place,
            SourceEntry(
                url=web_address(item.get("url"), base) or web_address(item.get("id")),
                title=plain_text(item.get("title")),
                id=own_id(item.get("id")),
                published_at=moment(item.get("date_published")),
                modified_at=moment(item.get("date_modified")),
                summary=plain_text(item.get("summary"), most=MAX_SUMMARY_CHARS) or None,
                tags=names(tags if isinstance(tags, list) else ()),
                authors=names(person.get("name") for person in people if isinstance(person, dict)),
                language=language_tag(item.get("language")) or language,
                image=web_address(item.get("image") or item.get("banner_image"), base) or None,
            ),
        )
    return document
