"""Output formats of a list other than JSON; each answer is made once per snapshot.

The ETag hashes the JSON's ETag and the body without its cursor: a cursor names a generation, which may change while
the content does not.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from api.http import asgi
from api.http.compression import packed
from api.serving.cached_answer import Ready, key_headers, surrogate_keys
from api.serving.feeds import headline, item_list, json_feed, language_of, moment_of, printed, rss
from api.serving.links import Links, links_of, web
from api.serving.phrases import words_of
from api.serving.rendered_list import Answer, Content
from api.serving.templating import Templates, named_in_templates
from ranking.settings.service import Settings

JSON: Final = "json"
#: A fragment opened by itself is a page under the service's own address and may do nothing there.
ALONE = (b"content-security-policy", b"default-src 'none'; img-src http: https:; sandbox")


@named_in_templates("a row")
class FormattedRow(NamedTuple):
    """An entry as templates show it. `moment` is RFC 3339, `label` the publish time for readers."""

    rank: int
    id: str
    title: str
    url: str | None
    image: str | None
    section: str
    label: str
    moment: str


class Format(NamedTuple):
    """An output format: its headers, and the function that writes it."""

    headers: asgi.Headers
    write: Callable[[Content, Links, Templates], bytes]


def rows_of(content: Content) -> list[FormattedRow]:
    """The rows for templates."""
    rows = []
    for rank, (entry, label) in enumerate(content.rows, content.before + 1):
        moment = "" if entry.published_at is None else moment_of(content, entry.published_at)
        title = printed(entry.title) or printed(entry.id)
        section = printed(entry.section or "")
        rows.append(FormattedRow(rank, entry.id, title, web(entry.url), web(entry.image), section, label, moment))
    return rows


def fragment_values(content: Content, links: Links) -> dict[str, Any]:
    """Values of the fragment's template; the page's has them too."""
    part = content.choice.key if content.choice else content.section
    apart = f"-{hashlib.blake2b(part.encode(), digest_size=3).hexdigest()}" if part else ""
    return {
        "words": words_of(content.site.locale),
        "language": language_of(content.site),
        "list": content.list,
        "section": content.section,
        "heading": printed(content.title),
        "headline": headline(content),
        "heading_id": f"populer-{content.list}{apart}",
        "rows": rows_of(content),
        "start": content.before + 1,
        "images": False,
        "more": links.whole(links.page(content)) if links.address else None,
    }


def fragment(content: Content, links: Links, templates: Templates) -> bytes:
    """HTML to put into a page: the markup that the element `<populer-list>` renders."""
    return templates.page(content.site.id, "fragment.html", fragment_values(content, links)).text.encode()


def _typed(media_type: str, *more: tuple[bytes, bytes]) -> asgi.Headers:
    return [(b"content-type", media_type.encode()), asgi.NO_SNIFFING, *more]


FORMS: Mapping[str, Format] = MappingProxyType(
    {
        "html": Format(_typed("text/html; charset=utf-8", ALONE), fragment),
        "feed": Format(_typed("application/feed+json"), lambda content, links, _: json_feed(content, links)),
        "rss": Format(_typed("application/rss+xml; charset=utf-8"), lambda content, links, _: rss(content, links)),
        "jsonld": Format(_typed("application/ld+json"), lambda content, links, _: item_list(content, links)),
    }
)
KNOWN: Final = (JSON, *FORMS)


def ready_as(form: str, answer: Answer, settings: Settings, templates: Templates) -> Ready:
    """An answer in a format of FORMS, prepared."""
    kept: tuple[Settings, Templates, Ready] | None = answer.kept.get(form)
    if kept is not None and kept[0] is settings and kept[1] is templates:
        return kept[2]
    content = answer.content
    write = FORMS[form].write
    body = write(content, links_of(settings, content.site), templates)
    made = made_ready(answer, body, FORMS[form].headers, settings)
    answer.kept[form] = settings, templates, made
    return made


def made_ready(answer: Answer, body: bytes, headers: asgi.Headers, settings: Settings) -> Ready:
    """A body made from `answer`, prepared."""
    content = answer.content
    tag = hashlib.blake2b(answer.tag.encode(), digest_size=12)
    tag.update(body.replace(content.following.encode(), b"") if content.following else body)
    keys = key_headers(surrogate_keys(content.site.id, content.list, content.generation))
    every_s = 0.0 if content.pending else settings.refresh.every_s
    return Ready(tag.hexdigest(), [*headers, *keys], every_s, partial(packed, body))
