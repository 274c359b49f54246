"""`GET /v1/lists/{list}` and `GET /v1/lists?names=`: served from this worker's memory, with headers for caches."""

import difflib
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from api.context import Context, site_of
from api.http import asgi, parameters
from api.http.compression import Pieces
from api.http.problems import Problem
from api.serving.cached_answer import Ready, key_headers, surrogate_keys
from api.serving.formats import JSON, KNOWN, ready_as
from api.serving.published_lists import Served
from api.serving.rendered_list import Answer, Query, age_of
from ranking import freshness
from ranking.errors import NotFoundError, NotReadyError, PopulerError
from ranking.intake.reader_filter import MARK, reader_filter
from ranking.intake.reader_filter import PARAMETERS as FILTERS
from ranking.intake.url_noise import is_noise
from ranking.published.cursor import cursor_from
from ranking.published.snapshot import WHOLE_SITE
from ranking.settings.lists import MAX_LISTED
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings

MAX_EXCLUDED = 50
#: Query strings up to this length are parsed once and cached; longer ones could fill the memory.
MAX_KEPT_BYTES = 256
MAX_KEPT = 8_192
#: Combinations of lists whose common answer is cached.
MAX_TOGETHER = 64
TOGETHER: Final = "together"


#: Names that others give the same -> the parameter.
OTHER_NAMES: Final = {
    "sections": "section",
    "category": "section",
    "kategori": "section",
    "tags": "tag",
    "keyword": "tag",
    "authors": "author",
    "lang": "language",
    "paid": "premium",
    "kind": "type",
    "size": "limit",
    "count": "limit",
}
#: The parameters that a list takes.
PARAMETERS: Final = (
    "site", "names", "section", *FILTERS, "limit", "exclude", "cursor", "format", "back",
)  # fmt: skip


class ListRequest(NamedTuple):
    """A parsed query string. `section`: one, or the key of a reader's filter; `unknown`: a name that no list takes."""

    site: str | None
    names: tuple[str, ...]
    section: str
    query: Query
    form: str
    back: str
    unknown: str | None


async def get_list(context: Context, scope: asgi.Scope, send: asgi.Send, name: str) -> None:
    """Serve one list in the requested format."""
    wanted = list_request_from(scope["query_string"])
    now = context.clock()
    settings = context.settings
    served = await context.published_lists.serve(
        requested_site(context, wanted).id, name, wanted.section, wanted.query, now
    )
    if wanted.form == JSON:
        ready = _ready(served.answer, age(settings, served, now), _every_s(settings, served))
    else:
        ready = ready_as(wanted.form, served.answer, settings, context.templates)
    await ready.send(scope, send)


async def get_lists(context: Context, scope: asgi.Scope, send: asgi.Send) -> None:
    """Serve several lists in one answer."""
    wanted = list_request_from(scope["query_string"])
    if wanted.query.cursor is not None:
        raise Problem(400, "bad cursor", "cursor: goes with one list, such as /v1/lists/populer?cursor=…")
    if wanted.form != JSON:
        raise Problem(400, "bad format", "format: several lists come as json; ask for one, such as /v1/lists/populer")
    site = requested_site(context, wanted)
    now, settings = context.clock(), context.settings
    names = wanted.names or context.published_lists.names(site.id)
    found: dict[str, Served] = {}
    missing: dict[str, PopulerError] = {}
    for name in names:
        try:
            found[name] = await context.published_lists.serve(site.id, name, wanted.section, wanted.query, now)
        except (NotFoundError, NotReadyError) as error:
            missing[name] = error
    if missing and not found:
        raise next(iter(missing.values()))
    ages = tuple(age(settings, each, now) for each in found.values())
    sentences = {name: str(error) for name, error in missing.items()}
    every_s = min(_every_s(settings, each) for each in found.values())
    await _together(found, ages, every_s, sentences).send(scope, send)


def age(settings: Settings, served: Served, now: float) -> tuple[int, bool]:
    """Age of an answer in seconds, and whether its list is stale."""
    stale = freshness.is_stale(served.latest_at, now, settings.refresh.stale_after_s)
    return int(freshness.age_s(served.generated_at, now)), stale


def _every_s(settings: Settings, served: Served) -> float:
    return 0.0 if served.answer.content.pending else settings.refresh.every_s


def _ready(answer: Answer, at_age: tuple[int, bool], every_s: float) -> Ready:
    """An answer at an age; the current second's is cached."""
    under = at_age, every_s
    kept: tuple[object, Ready] | None = answer.kept.get(JSON)
    if kept is not None and kept[0] == under:
        return kept[1]
    content, changing = answer.content, [age_of(*at_age)]
    keys = surrogate_keys(content.site.id, content.list, content.generation)
    tag = f"{answer.tag}-stale" if at_age[1] else answer.tag
    pieces = answer.pieces
    ready = Ready(tag, [asgi.JSON, *key_headers(keys)], every_s, lambda coding: pieces.packed(coding, changing))
    answer.kept[JSON] = under, ready
    return ready


def _together(
    found: Mapping[str, Served], ages: tuple[tuple[int, bool], ...], every_s: float, missing: Mapping[str, str]
) -> Ready:
    """Several answers in one, cached with the first of them. `missing`: why a list that was asked for is not there."""
    answers = tuple(each.answer for each in found.values())
    asked = answers, tuple(missing.items())
    by_others: dict[object, tuple[Pieces, object, Ready]] = answers[0].kept.setdefault(TOGETHER, {})
    kept = by_others.get(asked)
    under = ages, every_s
    if kept is not None and kept[1] == under:
        return kept[2]
    pieces = kept[0] if kept is not None else _joined(found, missing)
    tag, keys = hashlib.blake2b(msgspec.json.encode(missing), digest_size=12), list[str]()
    for answer, (_, stale) in zip(answers, ages, strict=True):
        tag.update(f"{answer.tag}{stale}".encode())
        keys += surrogate_keys(answer.content.site.id, answer.content.list, answer.content.generation)
    changing = [age_of(*each) for each in ages]
    headers = [asgi.JSON, *key_headers(list(dict.fromkeys(keys)))]
    ready = Ready(tag.hexdigest(), headers, every_s, lambda coding: pieces.packed(coding, changing))
    if len(by_others) >= MAX_TOGETHER:
        by_others.clear()
    by_others[asked] = pieces, under, ready
    return ready


def _joined(found: Mapping[str, Served], missing: Mapping[str, str]) -> Pieces:
    """The pieces of `{"lists":{…}}`: one more than there are lists."""
    kept = [b'{"lists":{']
    for name, served in found.items():
        before, after = served.answer.pieces.kept
        comma = b"," if len(kept) > 1 else b""
        kept[-1] += comma + msgspec.json.encode(name) + b":" + before
        kept.append(after)
    kept[-1] += b'},"missing":%b}' % msgspec.json.encode(missing) if missing else b"}}"
    return Pieces(kept)


def requested_site(context: Context, wanted: ListRequest) -> SiteSettings:
    """The requested site.

    Raises:
        Problem: 404, there is no such site.
    """
    return context.settings.sites[0] if wanted.site is None else site_of(context, [("site", wanted.site)])


def list_request_from(raw: bytes, *, of_page: bool = False) -> ListRequest:
    """The request in a query string.

    `of_page`: a page is asked for, whose address may have been shared with whatever others have added to it.

    Raises:
        Problem: 400, a parameter cannot be used, or is none.
        InvalidCursorError: `cursor` is no cursor.
    """
    found = _kept(raw) if len(raw) <= MAX_KEPT_BYTES else _parsed(raw)
    if found.unknown is not None and not of_page:
        raise Problem(
            400, "unknown parameter", f"{found.unknown[:40]}: is no parameter of a list; {_instead(found.unknown)}"
        )
    return found


def _instead(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), [*PARAMETERS, *OTHER_NAMES], n=1, cutoff=0.7)
    return f"did you mean {OTHER_NAMES.get(near[0], near[0])}?" if near else f"there are {', '.join(PARAMETERS)}"


@lru_cache(MAX_KEPT)  # pages repeat their requests, each excluding its own article
def _kept(raw: bytes) -> ListRequest:
    return _parsed(raw)


def _parsed(raw: bytes) -> ListRequest:
    params = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
    first = dict(reversed(params))
    unknown = next((name for name, value in params if name not in PARAMETERS and not is_noise(f"{name}={value}")), None)
    section = first.get("section", WHOLE_SITE).replace(MARK, "")
    try:
        choice = reader_filter(section, first)
    except ValueError as error:
        raise Problem(400, "bad filter", f"{error}") from None
    exclude = frozenset(value for name, value in params if name == "exclude" and value)
    if len(exclude) > MAX_EXCLUDED:
        raise Problem(400, "too many exclusions", f"exclude: at most {MAX_EXCLUDED} items, found {len(exclude)}")
    names = ",".join(value for name, value in params if name == "names")
    form = first.get("format") or JSON
    if form not in KNOWN:
        raise Problem(400, "unknown format", f"format: expected one of {', '.join(KNOWN)}, found {form[:40]!r}")
    return ListRequest(
        first.get("site") or None,
        tuple(dict.fromkeys(filter(None, map(str.strip, names.split(","))))),
        section if choice is None else choice.key,
        Query(
            parameters.limit(first, 0, MAX_LISTED) if first.get("limit") else None,
            exclude,
            cursor_from(first["cursor"]) if first.get("cursor") else None,
        ),
        form,
        first.get("back", ""),
        unknown,
    )
