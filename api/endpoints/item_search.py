"""`GET /v1/items`: search the catalogue, page by page, and export it as CSV or NDJSON. Needs a write or an editor key.

Items come in the order in which they last changed, part by part of the store: walked to the end, a catalogue that does
not change is given whole, and nothing twice. With `sort=newest` it is one answer: the newest of all that match.
"""

import heapq
import re
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from api.context import Context, CurrentContext, site_and_caller
from api.endpoints.openapi import ERRORS, answer, problems, query_parameters, whole
from api.endpoints.pinnable import pin_refusals
from api.http import parameters
from api.http.auth import Grade, require
from api.http.csv_rows import MEDIA_TYPE, csv_rows
from api.http.json_response import json_response
from api.http.parameters import Parameters
from api.http.problems import Problem
from ranking.intake.item_query import STATES, ItemQuery
from ranking.intake.items import Item, as_wire
from ranking.intake.text import folded
from ranking.published.snapshot import WHOLE_SITE
from ranking.settings.sites import SiteSettings

READ_AT_ONCE = 1_000
#: Items that one page looks at; a search for something rare is walked on by its cursor.
LOOKED_AT = 20_000
USUAL, MOST = 50, 1_000
MOST_NAMED = 100
FORMATS = ("json", "csv", "ndjson")
CURSOR = re.compile(r"(\d{1,5})\.(\d{1,18})\.(\d{1,9})")
COLUMNS = (
    "id", "title", "url", "section", "sections", "published_at", "modified_at", "expires_at", "first_seen", "author",
    "authors", "tags", "image", "summary", "language", "type", "premium", "hidden",
    "group",
)  # fmt: skip
TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Place(NamedTuple):
    """How far a walk is: a shard, the last change of it that is done, and items of the next ones that are done."""

    shard: int = 0
    after: int = 0
    done: int = 0

    def __str__(self) -> str:
        return f"{self.shard}.{self.after}.{self.done}"


def router(current: CurrentContext) -> APIRouter:
    """The route."""
    routes = APIRouter(prefix="/v1/items", tags=["items"], responses=problems(*ERRORS))

    @routes.get(
        "",
        summary="Search items",
        responses={200: answer("A page of items.", FOUND)},
        openapi_extra=query_parameters(TEXTS),
    )
    async def get_items(request: Request) -> Response:
        context, params = current(), request.query_params
        site, caller = site_and_caller(context, request, Grade.PUBLIC)
        require(caller, Grade.EDITOR if caller.grade is Grade.EDITOR else Grade.WRITE, site)
        parameters.check_names(params, (*TEXTS, "site"))
        query, place = _query(params, site), _place(params.get("cursor"))
        form = parameters.choice(params, "format", FORMATS, "json")
        if form in ("csv", "ndjson"):
            lines = _csv if form == "csv" else _ndjson
            kind = MEDIA_TYPE if form == "csv" else "application/x-ndjson"
            return StreamingResponse(lines(_all(context, site, query, place)), media_type=kind)
        limit, ids = parameters.limit(params, USUAL, MOST), request.query_params.getlist("id")
        if ids:
            items, further = await _named(context, site, ids), None
        elif parameters.choice(params, "sort", ("newest",), ""):
            items, further = await _newest(context, site, query, limit), None
        else:
            items, further = await _page(context, site, query, place, limit)
        found = [as_wire(item) for item in items]
        if "pin" in params:
            context.published_lists.check_place(site.id, params["pin"], WHOLE_SITE)
            edits = await context.store.edits.read(site.id)
            refusals = await pin_refusals(context, site, edits, params["pin"], [item.id for item in items])
            found = [{**item, "pin_refused": refusals[item["id"]]} for item in found]
        return json_response({"items": found, "next": None if further is None else str(further)})

    return routes


async def _page(
    context: Context, site: SiteSettings, query: ItemQuery, place: Place, limit: int
) -> tuple[list[Item], Place | None]:
    """At most `limit` items from a place on, and where to go on; None: that was all."""
    found: list[Item] = []
    looked_at = 0
    now = context.clock()
    async for items, begins, ends in _parts(context, site, place):
        for number, item in enumerate(items[begins.done :], begins.done + 1):
            if item is not None and query.matches(item, now):
                found.append(item)
            if len(found) == limit:
                return found, begins._replace(done=number)
        looked_at += len(items)
        if looked_at >= LOOKED_AT:
            return found, ends
    return found, None


async def _named(context: Context, site: SiteSettings, ids: Sequence[str]) -> list[Item]:
    """The described ones of these items, in this order."""
    if len(ids) > MOST_NAMED:
        raise Problem(400, "bad parameter", f"id: expected at most {MOST_NAMED} of them, found {len(ids)}")
    return [item for item in await context.store.items.get_items(site.id, list(dict.fromkeys(ids))) if item is not None]


async def _newest(context: Context, site: SiteSettings, query: ItemQuery, limit: int) -> list[Item]:
    """The last published of all items that match, the newest first."""
    found: list[Item] = []
    async for items in _all(context, site, query, Place()):
        found = heapq.nlargest(
            limit, [*found, *items], key=lambda item: (item.published_at or item.first_seen, item.id)
        )
    return found


async def _all(context: Context, site: SiteSettings, query: ItemQuery, place: Place) -> AsyncIterator[list[Item]]:
    now = context.clock()
    async for items, begins, _ in _parts(context, site, place):
        yield [item for item in items[begins.done :] if item is not None and query.matches(item, now)]


async def _parts(
    context: Context, site: SiteSettings, place: Place
) -> AsyncIterator[tuple[Sequence[Item | None], Place, Place]]:
    """Items in the order of their last change, from a place on, with the places where they begin and end."""
    store = context.store
    while place.shard < store.shards:
        changed = await store.items.changed_items(site.id, place.shard, place.after, READ_AT_ONCE)
        if not changed.dates or changed.reset:
            place = Place(place.shard + 1)
            continue
        items = await store.items.get_items(site.id, list(changed.dates))
        further = Place(place.shard, changed.cursor)
        yield items, place, further
        place = further


async def _ndjson(parts: AsyncIterator[list[Item]]) -> AsyncIterator[bytes]:
    async for items in parts:
        yield b"".join(msgspec.json.encode(as_wire(item)) + b"\n" for item in items)


async def _csv(parts: AsyncIterator[list[Item]]) -> AsyncIterator[str]:
    """Rows that `populer items import` reads again."""
    yield csv_rows([COLUMNS])
    async for items in parts:
        wires = (as_wire(item) | {"image": item.image} for item in items)
        yield csv_rows([wire[name] for name in COLUMNS] for wire in wires)


def _query(params: Parameters, site: SiteSettings) -> ItemQuery:
    state, premium = params.get("state"), params.get("premium")
    if state is not None and state not in STATES:
        raise Problem(400, "bad parameter", f"state: expected one of {', '.join(STATES)}, found {state[:40]!r}")
    if premium is not None and premium not in TRUTH:
        raise Problem(400, "bad parameter", f"premium: expected true or false, found {premium[:40]!r}")
    names = {name: folded(params.get(name, "")) for name in ("section", "tag", "author", "type")}
    return ItemQuery(
        words=tuple(folded(params.get("q", "")).split()),
        language=params.get("language", "").strip().lower(),
        premium=None if premium is None else TRUTH[premium],
        since=parameters.moment(params, "from", site.zone),
        until=parameters.moment(params, "to", site.zone),
        state=state,
        **names,
    )


def _place(cursor: str | None) -> Place:
    if cursor is None:
        return Place()
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise Problem(400, "bad cursor", "cursor: take it from `next` of the page before")
    return Place(*map(int, found.groups()))


FOUND = whole(
    {
        "items": {"type": "array", "items": {"type": "object"}, "description": "as GET /v1/items/{id} answers each"},
        "next": {"type": ["string", "null"], "description": "`cursor` of the next page; null: there is none"},
    }
)
TEXTS: dict[str, str] = {
    "q": "words of the title, an id, or an address",
    "section": "one of its sections",
    "tag": "one of its tags",
    "author": "one of its authors",
    "language": "such as id",
    "type": "its type",
    "premium": "true or false",
    "from": "published from then on; ISO 8601 or epoch seconds",
    "to": "published before then",
    "state": ", ".join(STATES),
    "id": "items of these ids alone; may be given several times",
    "sort": "newest: one page of the last published, the newest first",
    "pin": "a list: `pin_refused` of each item says why it cannot be pinned there (null: it can)",
    "limit": f"items of a page, up to {MOST}",
    "cursor": "`next` of the page before",
    "format": "json; csv or ndjson: all of them",
}
