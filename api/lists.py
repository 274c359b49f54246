"""`GET /v1/lists/{list}` and `GET /v1/lists?names=`: from this worker's memory, with what caches need."""

import hashlib
from collections.abc import Callable
from functools import cache
from urllib.parse import unquote

import msgspec

from api import asgi, metrics
from api.board import Served
from api.context import Context, site_of
from api.ingest import ANY_ORIGIN
from api.problems import Problem
from api.rendering import Query
from ranking.list_settings import MAX_LISTED
from ranking.settings import SiteSettings
from ranking.snapshot import WHOLE_SITE

Params = list[tuple[str, str]]
STALE_WHILE_REVALIDATE_S = 60
STALE_IF_ERROR_S = 86_400
MAX_EXCLUDED = 50


async def get_list(context: Context, scope: asgi.Scope, send: asgi.Send, name: str) -> None:
    """One list."""
    params = asgi.query(scope)
    site = site_of(context, params)
    now = context.clock()
    served, age_s, stale = _served(context, site, unquote(name), params, now)
    tag = f'W/"{served.answer.tag}{"-stale" if stale else ""}"'.encode()
    await _cached(context, scope, send, tag, lambda: _document(served, age_s, stale))


async def get_lists(context: Context, scope: asgi.Scope, send: asgi.Send) -> None:
    """Several lists in one answer."""
    params = asgi.query(scope)
    site = site_of(context, params)
    asked = ",".join(value for name, value in params if name == "names")
    names = list(dict.fromkeys(filter(None, asked.split(",")))) or context.board.names(site.id)
    now = context.clock()
    found = {name: _served(context, site, name, params, now) for name in names}
    tag = hashlib.blake2b(digest_size=12)
    for served, _, stale in found.values():
        tag.update(f"{served.answer.tag}{stale}".encode())

    def document() -> bytes:
        each = (msgspec.json.encode(name) + b":" + _document(*served) for name, served in found.items())
        return b'{"lists":{%b}}' % b",".join(each)

    await _cached(context, scope, send, f'W/"{tag.hexdigest()}"'.encode(), document)


def _served(context: Context, site: SiteSettings, name: str, params: Params, now: float) -> tuple[Served, int, bool]:
    served = context.board.serve(site.id, name, _section(params), _query(context, name, params))
    age_s = max(0.0, now - served.generated_at)
    return served, int(age_s), age_s > context.settings.refresh.stale_after_s


def _document(served: Served, age_s: int, stale: bool) -> bytes:
    answer = served.answer
    return b'%b,"age_s":%d,"stale":%b%b' % (answer.before, age_s, b"true" if stale else b"false", answer.after)


async def _cached(
    context: Context, scope: asgi.Scope, send: asgi.Send, tag: bytes, document: Callable[[], bytes]
) -> None:
    """Answer 304 where the client has it, else the document."""
    headers = [
        ANY_ORIGIN,
        (b"etag", tag),
        (b"cache-control", _cache_control(context.settings.refresh.every_s)),
        (b"vary", b"accept-encoding"),
    ]
    if _has(asgi.headers(scope).get(b"if-none-match"), tag):
        metrics.lists_served["304"] += 1
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body"})
        return
    content = document()
    metrics.lists_served["200"] += 1
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [asgi.JSON, *headers, length]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


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


def _section(params: Params) -> str:
    return next((value for name, value in params if name == "section"), WHOLE_SITE)


def _query(context: Context, name: str, params: Params) -> Query:
    settings = context.settings.lists.get(name)
    limit = _whole(params, "limit", default=settings.size if settings else 1, least=1, most=MAX_LISTED)
    exclude = frozenset(value for key, value in params if key == "exclude" and value)
    if len(exclude) > MAX_EXCLUDED:
        raise Problem(400, "too many exclusions", f"exclude: at most {MAX_EXCLUDED} items, found {len(exclude)}")
    return Query(limit, _offset(params), exclude)


def _offset(params: Params) -> int:
    cursor = next((value for name, value in params if name == "cursor"), "")
    if not cursor:
        return 0
    generation, _, offset = cursor.partition(".")
    if not (generation.isascii() and generation.isdigit() and offset.isascii() and offset.isdigit()):
        raise Problem(400, "unknown cursor", "cursor: take it from `next` of the answer before, or leave it out")
    return min(int(offset[:9]), MAX_LISTED)


def _whole(params: Params, name: str, *, default: int, least: int, most: int) -> int:
    text = next((value for key, value in params if key == name), "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise Problem(
            400, f"bad {name}", f"{name}: expected a whole number from {least} to {most}, found {text[:40]!r}"
        )
    return int(text)
