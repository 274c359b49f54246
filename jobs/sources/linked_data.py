"""JSON-LD of a page: its nodes, written as pages write them, and the one that is the page's own article."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

MAX_NODES: Final = 500
MAX_CHARS: Final = 500_000
ARTICLE: Final = re.compile(r"(?:Article|BlogPosting|Reportage|LiveBlogPosting)$|^(?:Report|Review)$")
#: Types of pages that are no article (see `populer-track.js`).
LISTING: Final = re.compile(r"(?:Collection|Results|Profile|About|Contact)Page$")
_WRAPPED: Final = re.compile(r"^\s*(?:/\*\s*)?<!\[CDATA\[(?:\s*\*/)?|(?:/\*\s*)?\]\]>(?:\s*\*/)?\s*$|^\s*<!--|-->\s*$")
_TRAILING: Final = re.compile(r",(?=\s*[}\]])")

Node = Mapping[str, Any]


def nodes_of(scripts: Iterable[str]) -> list[Node]:
    """All nodes of some scripts, those of `@graph` and lists too. A script that cannot be read has none."""
    found: list[Node] = []
    for text in scripts:
        found += _nodes(_parsed(text))
        if len(found) >= MAX_NODES:
            break
    return found[:MAX_NODES]


def types_of(node: Node) -> tuple[str, ...]:
    """The types of a node, without the vocabulary's address."""
    given = node.get("@type")
    types = given if isinstance(given, list) else [given]
    return tuple(each.rpartition("/")[2] for each in types if isinstance(each, str))


def is_article(node: Node) -> bool:
    """Whether a node is of an article."""
    return any(map(ARTICLE.search, types_of(node)))


def address_of(node: Node) -> str:
    """The address that a node names as its page; "" where it names none."""
    page = node.get("mainEntityOfPage")
    for given in (node.get("url"), page.get("@id") if isinstance(page, dict) else page, node.get("@id")):
        if isinstance(given, str) and given.lower().startswith(("http", "/")):
            return given
    return ""


def texts_of(value: Any, *keys: str) -> list[str]:
    """Texts in a value that may be text, an object with a text under one of `keys`, or a list of those."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for each in value[:100] for text in texts_of(each, *keys)]
    if isinstance(value, dict):
        return next((texts_of(value[key]) for key in keys if isinstance(value.get(key), str)), [])
    return []


def _parsed(text: str) -> Any:
    if len(text) > MAX_CHARS:
        return None
    text = _WRAPPED.sub("", text).strip().rstrip(";")
    for attempt in (text, _TRAILING.sub("", text)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _nodes(value: Any, depth: int = 0) -> Iterator[Node]:
    if depth > 4:
        return
    if isinstance(value, list):
        for each in value[:MAX_NODES]:
            yield from _nodes(each, depth + 1)
    elif isinstance(value, dict):
        if "@type" in value:
            yield value
        for name in ("@graph", "mainEntity", "mainEntityOfPage"):
            yield from _nodes(value.get(name), depth + 1)
