"""Sitemaps: Google's news sitemaps, and indexes of sitemaps.

A page of a sitemap without `news:news` is passed over: it has no title, and may be no article.
"""

import io
from typing import Any

from jobs.sources.entries import Document, SourceEntry, SourceError
from jobs.sources.fields import language_tag, moment, names, plain_text, web_address

MAX_SITEMAPS = 1_000
ROOTS = frozenset({"urlset", "sitemapindex"})


def read_sitemap(content: bytes, address: str) -> Document:
    """The news of a sitemap, or the addresses of the sitemaps in an index, the newest first.

    Raises:
        SourceError: it is no XML.
    """
    from lxml import etree

    document = Document("sitemap")
    found: list[tuple[str, str]] = []
    place = 0
    try:
        for _, element in etree.iterparse(
            io.BytesIO(content), events=("end",), tag=("{*}url", "{*}sitemap"), recover=True,
            resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True,
        ):  # fmt: skip
            place += 1
            fields = _fields(element)
            location = web_address(fields.get("loc"), address)
            if _local(element) == "sitemap":
                if location and len(found) < MAX_SITEMAPS:
                    found.append((str(fields.get("lastmod", "")), location))
            elif "news" in fields:
                document.add(place, _entry(fields, location))
            else:
                document.passed_over += 1
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise SourceError(f"is no XML that can be read ({error})") from None
    document.sitemaps = [location for _, location in sorted(found, key=lambda each: each[0], reverse=True)]
    return document


def _entry(fields: dict[str, Any], location: str) -> SourceEntry:
    image = fields.get("image")
    return SourceEntry(
        url=location,
        title=plain_text(fields.get("title")),
        published_at=moment(fields.get("publication_date")),
        modified_at=moment(fields.get("lastmod")),
        tags=names(str(fields.get("keywords", "")).split(",")),
        language=language_tag(fields.get("language")),
        premium=True if "access" in fields else None,
        image=web_address(image, location) or None,
    )


def _fields(element: Any) -> dict[str, Any]:
    """Text below an element by local name; the first of a name holds, and of images their address.

    A title of an image or a video is none of the article.
    """
    fields: dict[str, Any] = {}
    for child in element:
        name = _local(child)
        if name == "image":
            fields.setdefault("image", next((each.text for each in child if _local(each) == "loc"), None))
        elif name == "news":
            fields["news"] = ""
            for each in child.iter():
                if len(each) == 0:
                    fields.setdefault(_local(each), each.text)
        elif name and len(child) == 0:
            fields.setdefault(name, child.text)
    return fields


def _local(element: Any) -> str:
    """The name of an element without its namespace; "" of a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
