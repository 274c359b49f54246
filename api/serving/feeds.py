"""A list as JSON Feed 1.1 (jsonfeed.org), as RSS 2.0 (rssboard.org) and as schema.org's ItemList in JSON-LD.

The answer is valid whatever a title holds: control characters, which XML does not allow, are dropped, and JSON-LD may
stand in a page's script element. Addresses without a scheme and a host are left out, as a feed is read anywhere.
"""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec

from api.serving.date_labels import locale_of
from api.serving.links import Links, home_of, web, whole_web
from api.serving.rendered_list import Content
from ranking.settings.sites import SiteSettings

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
JSON_FEED = "https://jsonfeed.org/version/1.1"
ATOM, MEDIA = "http://www.w3.org/2005/Atom", "http://search.yahoo.com/mrss/"
#: What XML 1.0 does not allow, and the second control characters, which no page means.
UNPRINTED = re.compile("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Inside a script element these could end it, or begin a comment.
_ESCAPED = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def printed(text: str) -> str:
    """`text` in one line, without control characters.

    >>> printed("Harga\\x00 beras \\n naik\\uffff")
    'Harga beras naik'
    """
    return " ".join(UNPRINTED.sub("", text).split())


def language_of(site: SiteSettings) -> str:
    """The language as a feed and a page name it (BCP 47)."""
    return site.locale.replace("_", "-")


def direction_of(site: SiteSettings) -> str:
    """Where a page's text begins: `ltr` or `rtl`."""
    return str(locale_of(site.locale).text_direction)


def headline(content: Content) -> str:
    """What the list is called, with its section, and what a reader asks of its items, as far as there are such."""
    choice = content.choice
    asked = [content.section]
    if choice is not None:  # a stranger's text, unless there are such items
        asked = [choice.section, choice.tag, choice.author] if content.rows else []
    return " · ".join(printed(each) for each in (content.title, *asked) if each)


def json_feed(content: Content, links: Links) -> bytes:
    """JSON Feed 1.1."""
    feed: dict[str, Any] = {
        "version": JSON_FEED,
        "title": f"{headline(content)} · {content.site.name}",
        "language": language_of(content.site),
    }
    if links.address:
        feed["home_page_url"] = links.whole(links.page(content))
        feed["feed_url"] = links.whole(links.form(content, "feed"))
        if content.following:
            feed["next_url"] = links.whole(links.form(content, "feed", content.following))
    feed["items"] = [_feed_item(content, rank) for rank in range(len(content.rows))]
    return msgspec.json.encode(feed)


def rss(content: Content, links: Links) -> bytes:
    """RSS 2.0."""
    title = f"{headline(content)} · {printed(content.site.name)}"
    root = Element("rss", {"version": "2.0", "xmlns:atom": ATOM, "xmlns:media": MEDIA})
    channel = SubElement(root, "channel")
    _text(channel, "title", title)
    _text(channel, "link", links.whole(links.page(content)) if links.address else home_of(content))
    _text(channel, "description", title)
    _text(channel, "language", language_of(content.site))
    if links.address:
        itself = printed(links.whole(links.form(content, "rss")))
        SubElement(channel, "atom:link", {"rel": "self", "type": "application/rss+xml", "href": itself})
    for row in content.rows:
        entry = row.entry
        item = SubElement(channel, "item")
        item.tail = "\n"
        _text(item, "title", printed(entry.title) or entry.id)
        if url := whole_web(entry.url):
            _text(item, "link", url)
        _text(item, "guid", entry.id).set("isPermaLink", "false")
        if entry.published_at is not None:
            _text(item, "pubDate", format_datetime(datetime.fromtimestamp(entry.published_at, UTC)))
        if entry.section:
            _text(item, "category", entry.section)
        if image := whole_web(entry.image):
            SubElement(item, "media:thumbnail", {"url": printed(image)})
    document: bytes = tostring(root, encoding="utf-8")
    return DECLARATION + document + b"\n"


def item_list(content: Content, links: Links) -> bytes:
    """schema.org's ItemList."""
    elements = []
    for rank, row in enumerate(content.rows, content.before + 1):
        element = {"@type": "ListItem", "position": rank, "name": printed(row.entry.title) or row.entry.id}
        if url := web(row.entry.url):
            element["url"] = url
        elements.append(element)
    document: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ItemList",
        "name": headline(content),
        "itemListOrder": "https://schema.org/ItemListOrderAscending",
        "numberOfItems": len(elements),
        "itemListElement": elements,
    }
    if links.address:
        document["url"] = links.whole(links.page(content))
    return msgspec.json.encode(document).decode().translate(_ESCAPED).encode()


def moment_of(content: Content, published_at: float) -> str:
    """A publish time (epoch seconds) as machines read it (RFC 3339), in the site's zone."""
    return datetime.fromtimestamp(int(published_at), content.site.zone).isoformat()


def _text(parent: Element, tag: str, text: str) -> Element:
    """A new child with a text, without the characters that XML does not allow."""
    child = SubElement(parent, tag)
    child.text = printed(text)
    return child


def _feed_item(content: Content, place: int) -> dict[str, Any]:
    entry = content.rows[place].entry
    title = printed(entry.title) or entry.id
    item: dict[str, Any] = {"id": entry.id, "title": title, "content_text": title}
    if url := whole_web(entry.url):
        item["url"] = url
    if image := whole_web(entry.image):
        item["image"] = image
    if entry.published_at is not None:
        item["date_published"] = moment_of(content, entry.published_at)
    if entry.section:
        item["tags"] = [printed(entry.section)]
    item["_populer"] = {"rank": content.before + place + 1, "published_label": content.rows[place].label}
    return item
