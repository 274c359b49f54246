"""RSS and Atom, as feedparser reads them: broken ones too, as most are."""

import calendar
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.sources.entries import Document, SourceEntry, SourceError
from jobs.sources.fields import MAX_SUMMARY_CHARS, language_tag, moment, names, own_id, plain_text, web_address

#: The `rdf:RDF`, `rss` and `feed` elements of a document, and no others.
ROOTS = frozenset({"rss", "rdf", "feed"})


def read_feed(content: bytes, address: str) -> Document:
    """The entries of an RSS or Atom feed; `address`: where it stood.

    Raises:
        SourceError: it is no feed.
    """
    import feedparser

    headers = {"content-location": address} if address else {}
    # The sanitiser is for markup that is shown; here it is taken out.
    try:
        found = feedparser.parse(content, response_headers=headers, sanitize_html=False)
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError) as error:
        raise SourceError(f"is a feed that cannot be read ({type(error).__name__})") from error
    if not found.get("version") and not found.entries:
        raise SourceError("is no RSS or Atom feed")
    atom = str(found.get("version")).startswith("atom")
    document = Document("Atom feed" if atom else "RSS feed")
    base = web_address(found.feed.get("link"), address) or address
    language = language_tag(found.feed.get("language"))
    for place, entry in enumerate(found.entries, 1):
        title = entry.get("title_detail") or {}
        # Feeds write an article's tags as categories, too: the first is the section.
        categories = names(tag.get("label") or tag.get("term") for tag in entry.get("tags", ()))
        markup = not (atom and title.get("type") == "text/plain")
        document.add(
            place,
            SourceEntry(
                url=_link(entry, base),
                title=plain_text(entry.get("title"), escaped=markup),
                id=own_id(entry.get("id")),
                published_at=_moment(entry, "published") or _moment(entry, "created"),
                modified_at=_moment(entry, "updated"),
                summary=plain_text(entry.get("summary"), most=MAX_SUMMARY_CHARS) or None,
                sections=categories[:1],
                tags=categories[1:],
                authors=names(author.get("name") for author in entry.get("authors", ())),
                language=language_tag(title.get("language")) or language,
                image=_image(entry, base) or None,
            ),
        )
    return document


def _link(entry: Mapping[str, Any], base: str) -> str:
    """The article's address: the feed's own link to it before the one that counts clicks, and an id that is one."""
    for given in (entry.get("feedburner_origlink"), entry.get("link"), entry.get("id")):
        if found := web_address(given, base if given != entry.get("id") else ""):
            return found
    return ""


def _moment(entry: dict[str, Any], name: str) -> float | str | None:
    """A time as written where we can read it, else as feedparser does. Its own `get` takes one time for another."""
    found = moment(dict.get(entry, name))
    if found is None and (parsed := dict.get(entry, f"{name}_parsed")):
        with contextlib.suppress(ValueError, OverflowError):  # it gives years below 1, too
            return moment(calendar.timegm(parsed))
    return found


def _image(entry: Mapping[str, Any], base: str) -> str:
    for given in _images(entry):
        if found := web_address(given, base):
            return found
    return ""


def _images(entry: Mapping[str, Any]) -> Iterator[object]:
    for media in entry.get("media_content", ()):
        if media.get("medium") == "image" or str(media.get("type", "")).startswith("image/") or "medium" not in media:
            yield media.get("url")
    for thumbnail in entry.get("media_thumbnail", ()):
        yield thumbnail.get("url")
    for link in entry.get("links", ()):
        if link.get("rel") == "enclosure" and str(link.get("type", "")).startswith("image/"):
            yield link.get("href")
