"""`/v1/items`: what the newsroom says of its items. All of it takes the site's write key."""

from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter
from starlette.convertors import StringConvertor, register_url_convertor

from api.context import Context, CurrentContext, site_of
from api.endpoints.openapi import INVALID, SAID, SITE, Json, answer, problems, whole
from api.http import asgi
from api.http.auth import Caller, Grade, require
from api.http.problems import Problem, plain_sentence
from ranking.errors import InvalidItemError, NotFoundError
from ranking.intake.items import Item, ItemInput, as_wire, validated, why_bad_id, without_controls
from ranking.settings.service import SiteSettings

T = TypeVar("T")
MAX_ITEMS = 10_000


class _AnyText(StringConvertor):
    """An id in an address. Starlette's `path` ends at a line's end, and an item whose id has one must go down too."""

    regex = r"[\s\S]*"


register_url_convertor("text", _AnyText())
ItemId = Annotated[str, PathParameter(description="the item's id, percent-encoded")]


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/items", tags=["items"], responses=problems(*SAID))

    @routes.put("", summary="Describe items", responses=_answer(STORED), openapi_extra=_extra(ITEMS))
    async def put_items(request: Request) -> Response:
        context = current()
        site, caller = _writer(context, request)
        now = context.clock()
        items, bad = _checked_all(await _body_of(context, request), now, ZoneInfo(site.timezone))
        await context.store.put_items(site.id, items, caller.name)
        return _json({"stored": len(items), "invalid": bad})

    @routes.put("/{item:text}", summary="Describe one item", responses=_answer(DESCRIBED), openapi_extra=_extra(ITEM))
    async def put_item(item: ItemId, request: Request) -> Response:
        context = current()
        site, caller = _writer(context, request)
        given = _decoded(await _body_of(context, request), ItemInput)
        if given.id not in (None, item):
            raise InvalidItemError(f"id: is {given.id!r} in the body and {item!r} in the address")
        described = validated(msgspec.structs.replace(given, id=item), context.clock(), ZoneInfo(site.timezone))
        await context.store.put_items(site.id, [described], caller.name)
        (found,) = await context.store.get_items(site.id, [described.id])
        return _json(as_wire(found) if found else {})

    @routes.get("/{item:text}", summary="Read one item", responses=_answer(DESCRIBED), openapi_extra=_extra())
    async def get_item(item: ItemId, request: Request) -> Response:
        context = current()
        site, _ = _writer(context, request)
        (found,) = await context.store.get_items(site.id, [without_controls(item)])
        if found is None:
            raise NotFoundError(f"no item is called {item!r}")
        return _json(as_wire(found))

    @routes.delete("/{item:text}", status_code=204, summary="Take one item down", openapi_extra=_extra())
    async def delete_item(item: ItemId, request: Request) -> Response:
        context = current()
        site, caller = _writer(context, request)
        item = without_controls(item)
        if problem := why_bad_id(item):
            raise InvalidItemError(f"id: {problem}")
        await context.store.remove_item(site.id, item, context.clock(), caller.name)
        await context.board.settle(site.id)
        return Response(status_code=204)

    return routes


ITEM: Json = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 512},
        "title": {"type": "string"},
        "url": {"type": "string", "description": "http(s) or site-relative"},
        "section": {"type": "string"},
        "published_at": {"description": "epoch seconds or ISO 8601", "type": ["number", "string"]},
        "image": {"type": "string"},
        "author": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


ITEMS: Json = {"type": "array", "items": {**ITEM, "required": ["id"]}}
TEXT_OR_NULL = {"type": ["string", "null"]}
DESCRIBED = whole(
    {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "url": TEXT_OR_NULL,
        "section": TEXT_OR_NULL,
        "published_at": {"type": ["number", "null"], "description": "epoch seconds"},
        "image": TEXT_OR_NULL,
        "author": TEXT_OR_NULL,
        "tags": {"type": "array", "items": {"type": "string"}},
        "first_seen": {"type": "number", "description": "epoch seconds"},
    }
)
STORED = whole({"stored": {"type": "integer"}, "invalid": INVALID})


def _answer(schema: Json) -> dict[int | str, Json]:
    return {200: answer("As stored.", schema)}


def _extra(schema: Json | None = None) -> Json:
    """What FastAPI cannot see: the site, and the body."""
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}} if schema else {}
    return {"parameters": [SITE], **body}


def _writer(context: Context, request: Request) -> tuple[SiteSettings, Caller]:
    site = site_of(context, request.query_params.multi_items())
    caller = context.callers.identify(request.scope, site)
    require(caller, Grade.WRITE, site)
    return site, caller


async def _body_of(context: Context, request: Request) -> bytes:
    return await asgi.body(asgi.headers(request.scope), request.receive, context.settings.ingest.max_body)


def _decoded(content: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=shape)
    except msgspec.ValidationError as error:
        raise InvalidItemError(plain_sentence(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "malformed JSON", str(error)) from None


def _checked_all(content: bytes, now: float, zone: ZoneInfo) -> tuple[list[Item], list[dict[str, Any]]]:
    """Items that can be stored, and why the others can not. A bad one does not take the others with it."""
    raws = _decoded(content, list[msgspec.Raw])
    if len(raws) > MAX_ITEMS:
        raise Problem(413, "too many items", f"send at most {MAX_ITEMS} items at once")
    items, bad = [], []
    for index, raw in enumerate(raws):
        try:
            items.append(validated(_decoded(bytes(raw), ItemInput), now, zone))
        except (InvalidItemError, Problem) as error:
            bad.append({"index": index, "error": str(error)})
    if bad and not items:
        first = f"none of the {len(bad)} items can be stored; item {bad[0]['index']}: {bad[0]['error']}"
        raise Problem(422, "invalid items", first, stored=0, invalid=bad)
    return items, bad


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
