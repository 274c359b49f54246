"""`/v1/items`: describe, read and take down items. Every route needs the site's write key."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter
from starlette.convertors import StringConvertor, register_url_convertor

from api.context import Context, CurrentContext, site_and_caller
from api.endpoints.acks import ACK, ack_header
from api.endpoints.openapi import ERRORS, INVALID, SITE, TEXT_OR_NULL, Json, answer, json_request, problems, whole
from api.endpoints.withdrawn import withdraw
from api.http.auth import Caller, Grade
from api.http.json_body import from_json, json_body
from api.http.json_response import json_response
from api.http.problems import Problem
from ranking.errors import InvalidItemError, NotFoundError
from ranking.intake.items import Description, Item, ItemInput, as_wire, unknown_fields, why_bad_id, without_controls
from ranking.recording.describing import described
from ranking.settings.sites import SiteSettings
from ranking.store.counts import LEVELS

MAX_ITEMS = 10_000
TAKEN_DOWN = "is taken down. Undo that, or describe the item alone (PUT /v1/items/{id}), to show it again."


class _AnyText(StringConvertor):
    """An id in an address. Starlette's `path` stops at a line break, which an id may have."""

    regex = r"[\s\S]*"


register_url_convertor("text", _AnyText())
ItemId = Annotated[str, PathParameter(description="the item's id, percent-encoded")]


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/items", tags=["items"], responses=problems(*ERRORS))

    @routes.put("", summary="Describe items", responses=_answer(STORED), openapi_extra=_extra(ITEMS))
    async def put_items(request: Request) -> Response:
        context = current()
        site, caller = site_and_caller(context, request, Grade.WRITE)
        now = context.clock()
        raws = await json_body(request, list[msgspec.Raw], context.settings.ingest.max_body)
        batch = _described_all(raws, now, site)
        items = [each.item for each in batch.described]
        down = await context.store.items.put_items(
            site.id, items, caller.name, [each.named for each in batch.described]
        )
        await withdraw(context, site, caller, batch.described, now)
        ack = await ack_header(context, site.id, [item.id for item in items])
        return json_response({**batch.answer(down), "ack": ack[ACK]}, ack)

    @routes.put("/{item:text}", summary="Describe one item", responses=_answer(PUT), openapi_extra=_extra(ITEM))
    async def put_item(item: ItemId, request: Request) -> Response:
        context = current()
        site, caller = site_and_caller(context, request, Grade.WRITE)
        description = await _described_in(context, request, site, item)
        await context.store.items.put_items(site.id, [description.item], caller.name, [description.named], lift=True)
        return await _stored(context, site, caller, description)

    @routes.patch("/{item:text}", summary="Change an item", responses=_answer(PUT), openapi_extra=_extra(ITEM))
    async def patch_item(item: ItemId, request: Request) -> Response:
        context = current()
        site, caller = site_and_caller(context, request, Grade.WRITE)
        description = await _described_in(context, request, site, item)
        (there,) = await context.store.items.get_items(site.id, [description.item.id])
        if there is None:
            raise NotFoundError(f"no item is called {item!r}: describe it first (PUT /v1/items/{{id}})")
        if await context.store.items.put_items(site.id, [description.item], caller.name, [description.named]):
            raise Problem(409, "taken down", f"Item {item!r} {TAKEN_DOWN}")
        return await _stored(context, site, caller, description, there)

    @routes.get("/{item:text}", summary="Read one item", responses=_answer(DESCRIBED), openapi_extra=_extra())
    async def get_item(item: ItemId, request: Request) -> Response:
        context = current()
        site, _ = site_and_caller(context, request, Grade.WRITE)
        (found,) = await context.store.items.get_items(site.id, [without_controls(item)])
        if found is None:
            raise NotFoundError(f"no item is called {item!r}")
        return json_response(as_wire(found))

    @routes.delete("/{item:text}", status_code=204, summary="Take one item down", openapi_extra=_extra())
    async def delete_item(item: ItemId, request: Request) -> Response:
        context = current()
        site, caller = site_and_caller(context, request, Grade.WRITE)
        item = without_controls(item)
        if problem := why_bad_id(item):
            raise InvalidItemError(f"id: {problem}")
        await context.store.items.remove_item(site.id, item, context.clock(), caller.name)
        ack = await ack_header(context, site.id, [item])
        await context.published_lists.settle(site.id)
        return Response(status_code=204, headers=ack)

    return routes


PICTURE: Json = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {"type": "string"},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
        "alt": {"type": "string"},
    },
}
ITEM: Json = {
    "type": "object",
    "description": "`id` or `url` is needed; without an id it is that of the url, as in an event",
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 512},
        "title": {"type": "string"},
        "url": {"type": "string", "description": "http(s) or site-relative"},
        "section": {"type": "string"},
        "published_at": {"description": "epoch seconds or ISO 8601", "type": ["number", "string"]},
        "image": {"description": "its address, or an object", "anyOf": [{"type": "string"}, PICTURE]},
        "author": {"type": "string"},
        "authors": {"type": "array", "items": {"type": "string"}},
        "sections": {"type": "array", "items": {"type": "string"}, "description": "the first one is shown"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "modified_at": {"type": ["number", "string"]},
        "expires_at": {"description": "from then on it is in no list", "type": ["number", "string"]},
        "summary": {"type": "string"},
        "language": {"type": "string", "description": "such as id or en-GB"},
        "type": {"type": "string"},
        "premium": {"type": ["boolean", "null"]},
        "hidden": {"type": "boolean", "description": "true: it is in no list"},
        "group": {"type": "string", "description": "the same for all language versions of an article: listed once"},
        "extra": {"type": "object", "description": "of your own, up to 4 KiB"},
    },
}


ITEMS: Json = {"type": "array", "items": ITEM}
FIELDS: Json = {
    "id": {"type": "string"},
    "title": {"type": "string"},
    "url": TEXT_OR_NULL,
    "section": TEXT_OR_NULL,
    "published_at": {"type": ["number", "null"], "description": "epoch seconds"},
    "image": {"anyOf": [TEXT_OR_NULL, PICTURE]},
    "author": TEXT_OR_NULL,
    "tags": {"type": "array", "items": {"type": "string"}},
    "first_seen": {"type": "number", "description": "epoch seconds"},
    "sections": {"type": "array", "items": {"type": "string"}},
    "authors": {"type": "array", "items": {"type": "string"}},
    "modified_at": {"type": ["number", "null"], "description": "epoch seconds"},
    "expires_at": {"type": ["number", "null"], "description": "epoch seconds"},
    "summary": TEXT_OR_NULL,
    "language": TEXT_OR_NULL,
    "type": TEXT_OR_NULL,
    "premium": {"type": ["boolean", "null"]},
    "hidden": {"type": "boolean"},
    "extra": {"type": "object"},
    "group": TEXT_OR_NULL,
}
IGNORED: Json = {
    "type": "array",
    "items": {"type": "string"},
    "description": "`field: why` of each field that cannot be used; it stays as it was",
}
DESCRIBED = whole(FIELDS)
PUT = whole({**FIELDS, "ignored": IGNORED})
OUTCOME = whole({"id": TEXT_OR_NULL, "ok": {"type": "boolean"}, "ignored": IGNORED})
OUTCOME["properties"]["error"] = {"type": "string", "description": "why it is not stored"}
STORED = whole(
    {
        "stored": {"type": "integer"},
        "items": {"type": "array", "items": OUTCOME},
        "invalid": INVALID,
        "ack": {"type": "string", "enum": list(LEVELS)},
    }
)


def _answer(schema: Json) -> dict[int | str, Json]:
    return {200: answer("As stored.", schema)}


def _extra(schema: Json | None = None) -> Json:
    """What FastAPI cannot see: the site, and the body."""
    body = json_request(schema) if schema else {}
    return {"parameters": [SITE], **body}


async def _described_in(context: Context, request: Request, site: SiteSettings, item: str) -> Description:
    """The description of the item that the address names, in the body of a request."""
    raw = await json_body(request, msgspec.Raw, context.settings.ingest.max_body)
    given = from_json(raw, ItemInput)
    if given.id not in (None, item):
        raise InvalidItemError(f"id: is {given.id!r} in the body and {item!r} in the address")
    return _with_unknown(described(msgspec.structs.replace(given, id=item), context.clock(), site), raw)


async def _stored(
    context: Context, site: SiteSettings, caller: Caller, description: Description, before: Item | None = None
) -> Response:
    """The answer to a description that was put: the item as stored; `before` where it was taken down meanwhile."""
    item = description.item.id
    await withdraw(context, site, caller, [description], context.clock())
    (stored,) = await context.store.items.get_items(site.id, [item])
    ack = await ack_header(context, site.id, [item])
    shown = stored or before
    return json_response({**as_wire(shown), "ignored": description.ignored} if shown else {}, ack)


def _with_unknown(description: Description, raw: msgspec.Raw) -> Description:
    """A description that names the fields of the body which are none of an item's."""
    unknown = unknown_fields(from_json(raw, dict[str, msgspec.Raw]))
    return description._replace(ignored=(*description.ignored, *unknown)) if unknown else description


class _Batch(NamedTuple):
    """Items of one request: those that can be stored, and what is wrong with the others, in the order of the request.

    `outcomes`: the description of each item, or its id and why it is invalid.
    """

    described: list[Description]
    outcomes: list[Description | tuple[str | None, str]]

    @property
    def invalid(self) -> list[dict[str, Any]]:
        """Index and error of each invalid item."""
        pairs = enumerate(self.outcomes)
        return [{"index": n, "error": each[1]} for n, each in pairs if not isinstance(each, Description)]

    def answer(self, down: Collection[str]) -> dict[str, Any]:
        """The answer; the items `down` are taken down and were not stored."""
        items: list[dict[str, Any]] = []
        for each in self.outcomes:
            if not isinstance(each, Description):
                items.append({"id": each[0], "ok": False, "ignored": [], "error": each[1]})
            elif each.item.id in down:
                items.append({"id": each.item.id, "ok": False, "ignored": each.ignored, "error": TAKEN_DOWN})
            else:
                items.append({"id": each.item.id, "ok": True, "ignored": each.ignored})
        return {"stored": sum(item["ok"] for item in items), "items": items, "invalid": self.invalid}


def _described_all(raws: Sequence[msgspec.Raw], now: float, site: SiteSettings) -> _Batch:
    """The items of a request. An invalid one does not reject the others.

    Raises:
        Problem: 413, too many items; 422, none is valid.
    """
    if len(raws) > MAX_ITEMS:
        raise Problem(413, "too many items", f"Send at most {MAX_ITEMS} items at once.")
    batch = _Batch([], [])
    for raw in raws:
        given: ItemInput | None = None
        try:
            given = from_json(raw, ItemInput)
            description = _with_unknown(described(given, now, site), raw)
            batch.described.append(description)
            batch.outcomes.append(description)
        except (InvalidItemError, Problem) as error:
            batch.outcomes.append((given.id if given else None, str(error)))
    if (bad := batch.invalid) and not batch.described:
        first = f"none of the {len(bad)} items can be stored; item {bad[0]['index']}: {bad[0]['error']}"
        raise Problem(422, "invalid items", first, stored=0, invalid=bad)
    return batch
