"""`GET /v1/lists/{list}` and `GET /v1/lists?names=`: from this worker's memory, with what caches need."""

import hashlib
from functools import cache, lru_cache
from typing import NamedTuple, cast
from urllib.parse import parse_qsl, unquote

import msgspec

from api import asgi, metrics
from api.board import Served
from api.context import Context, site_of
from api.ingest import ANY_ORIGIN
from api.problems import Problem
from api.rendering import Answer, Query
from ranking.list_settings import MAX_LISTED
from ranking.paging import cursor_from
from ranking.settings import SiteSettings
from ranking.snapshot import WHOLE_SITE

STALE_WHILE_REVALIDATE_S = 60
STALE_IF_ERROR_S = 86_400
MAX_EXCLUDED = 50
#: Query strings up to this length are parsed once; what is longer is a stranger's, and may not fill the memory.
MAX_KEPT_BYTES = 256
MAX_KEPT = 8_192


class Asked(NamedTuple):
    """A query string, understood."""

    site: str | None
    names: tuple[str, ...]
    section: str
    query: Query


class Ready(NamedTuple):
    """An answer as it is sent."""

    tag: bytes
    headers: asgi.Headers
    unchanged: asgi.Headers
    content: bytes


async def get_list(context: Context, scope: asgi.Scope, send: asgi.Send, name: str) -> None:
    """One list."""
    asked = _asked(scope["query_string"])
    now = context.clock()
    name = unquote(name) if "%" in name else name
    served = await context.board.serve(_site(context, asked).id, name, asked.section, asked.query, now)
    age_s, stale = _age(context, served, now)
    await _send(scope, send, _ready(served.answer, age_s, stale, context.settings.refresh.every_s))


async def get_lists(context: Context, scope: asgi.Scope, send: asgi.Send) -> None:
    """Several lists in one answer."""
    asked = _asked(scope["query_string"])
    if asked.query.cursor is not None:
        raise Problem(400, "bad cursor", "cursor: goes with one list, such as /v1/lists/populer?cursor=…")
    site = _site(context, asked)
    now = context.clock()
    found, tag = [], hashlib.blake2b(digest_size=12)
    for name in asked.names or context.board.names(site.id):
        served = await context.board.serve(site.id, name, asked.section, asked.query, now)
        age_s, stale = _age(context, served, now)
        found.append(msgspec.json.encode(name) + b":" + served.answer.document(age_s, stale))
        tag.update(f"{served.answer.tag}{stale}".encode())
    content = b'{"lists":{%b}}' % b",".join(found)
    await _send(scope, send, _made_ready(tag.hexdigest(), content, context.settings.refresh.every_s))


def _age(context: Context, served: Served, now: float) -> tuple[int, bool]:
    """The age of what is answered in seconds, and whether lists are no longer refreshed as they should be."""
    return max(0, int(now - served.generated_at)), now - served.latest_at > context.settings.refresh.stale_after_s


def _ready(answer: Answer, age_s: int, stale: bool, every_s: float) -> Ready:
    """An answer at an age; the one at the present second is asked for again and again."""
    key = age_s, stale, every_s
    of, ready = answer.kept
    if of != key:
        tag = f"{answer.tag}-stale" if stale else answer.tag
        ready = _made_ready(tag, answer.document(age_s, stale), every_s)
        answer.kept = key, ready
    return cast(Ready, ready)


def _made_ready(tag: str, content: bytes, every_s: float) -> Ready:
    weak = f'W/"{tag}"'.encode()
    headers = [
        ANY_ORIGIN,
        (b"etag", weak),
        (b"cache-control", _cache_control(every_s)),
        (b"vary", b"accept-encoding"),
    ]
    length = (b"content-length", str(len(content)).encode())
    return Ready(weak, [asgi.JSON, *headers, length], headers, content)


async def _send(scope: asgi.Scope, send: asgi.Send, ready: Ready) -> None:
    """Answer 304 where the client has it, else the document."""
    if _has(asgi.headers(scope).get(b"if-none-match"), ready.tag):
        metrics.lists_served["304"] += 1
        await send({"type": "http.response.start", "status": 304, "headers": ready.unchanged})
        await send({"type": "http.response.body"})
        return
    metrics.lists_served["200"] += 1
    await send({"type": "http.response.start", "status": 200, "headers": ready.headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else ready.content})


@cache  # one setting, asked for by every answer
def _cache_control(every_s: float) -> bytes:
    return (
        f"public, max-age={max(1, int(every_s))}, stale-while-revalidate={STALE_WHILE_REVALIDATE_S}, "
        f"stale-if-error={STALE_IF_ERROR_S}"
    ).encode()


def _has(given: bytes | None, tag: bytes) -> bool:
    """Whether If-None-Match names `tag`. The comparison is the weak one, as for GET it must be (RFC 9110, 13.1.2)."""
    if given is None:
        return False
    bare = tag.removeprefix(b"W/")
    return given.strip() == b"*" or any(each.strip().removeprefix(b"W/") == bare for each in given.split(b","))


def _site(context: Context, asked: Asked) -> SiteSettings:
    return context.settings.sites[0] if asked.site is None else site_of(context, [("site", asked.site)])


def _asked(raw: bytes) -> Asked:
    """What a query string asks for.

    Raises:
        Problem: 400, it cannot be.
        InvalidCursorError: its cursor is none.
    """
    return _kept(raw) if len(raw) <= MAX_KEPT_BYTES else _parsed(raw)


@lru_cache(MAX_KEPT)  # pages ask for the same again and again, each leaving out its own article
def _kept(raw: bytes) -> Asked:
    return _parsed(raw)


def _parsed(raw: bytes) -> Asked:
    params = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
    first = dict(reversed(params))
    exclude = frozenset(value for name, value in params if name == "exclude" and value)
    if len(exclude) > MAX_EXCLUDED:
        raise Problem(400, "too many exclusions", f"exclude: at most {MAX_EXCLUDED} items, found {len(exclude)}")
    names = ",".join(value for name, value in params if name == "names")
    return Asked(
        first.get("site"),
        tuple(dict.fromkeys(filter(None, names.split(",")))),
        first.get("section", WHOLE_SITE),
        Query(
            _whole(first.get("limit", ""), "limit", least=1, most=MAX_LISTED),
            exclude,
            cursor_from(first["cursor"]) if first.get("cursor") else None,
        ),
    )


def _whole(text: str, name: str, *, least: int, most: int) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise Problem(
            400, f"bad {name}", f"{name}: expected a whole number from {least} to {most}, found {text[:40]!r}"
        )
    return int(text)
