"""Voids: `/v1/items/{id}/voids`. Events of an item in a span of time that weigh nothing, or a share.

A void is in the lists from the next refresh on. Who may make one is decided with the other edits (`EditorRequest`).
"""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter

from api.context import CurrentContext
from api.endpoints.editorial import EditorRequest
from api.endpoints.items import ItemId
from api.endpoints.openapi import ERRORS, SITE, Json, answer, json_request, problems, whole
from api.http.json_body import Moment
from api.http.json_response import json_response
from ranking.errors import InvalidEditError
from ranking.published.edits import Void
from ranking.refreshing.voids import NumberedVoid, lift_void, make_void, voids_of

Number = Annotated[int, PathParameter(ge=1, le=2**31, description="the void's number")]


class _VoidInput(msgspec.Struct, forbid_unknown_fields=True):
    since: Moment = msgspec.field(name="from", default=None)
    until: Moment = msgspec.field(name="to", default=None)
    kinds: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    share: float = 0.0


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["editors"], responses=problems(*ERRORS))

    @routes.get(
        "/voids",
        summary="Voids of all items",
        responses={200: answer("By item and number.", VOIDS)},
        openapi_extra={"parameters": [SITE]},
    )
    async def get_all_voids(request: Request) -> Response:
        editor = EditorRequest(current(), request)
        edits = await editor.edits()
        items = sorted({subject.item for subject, edit in edits.edits.items() if isinstance(edit, Void)})
        voids = [{"item": item, **_wire(void)} for item in items for void in voids_of(edits, item)]
        return json_response({"voids": voids})

    @routes.post(
        "/items/{item:text}/voids",
        status_code=201,
        summary="Let events of an item weigh nothing",
        responses={201: answer("As made, of whole buckets.", VOID)},
        openapi_extra={"parameters": [SITE], **BODY},
    )
    async def post_void(item: ItemId, request: Request) -> Response:
        editor = EditorRequest(current(), request)
        given = await editor.body(_VoidInput)
        since = editor.moment(given.since, "from")
        if since is None:
            raise InvalidEditError("from: is missing; expected epoch seconds or ISO 8601")
        void = Void(since, editor.moment(given.until, "to"), given.kinds, given.sources, given.share, editor.now)
        context = editor.context
        made = await make_void(
            context.store.edits, editor.site.id, item, void, by=editor.by, now=editor.now,
            retention=context.settings.retention,
        )  # fmt: skip
        return json_response(_wire(made), await editor.settle(), 201)

    @routes.get(
        "/items/{item:text}/voids",
        summary="Voids of an item",
        responses={200: answer("By their numbers.", VOIDS)},
        openapi_extra={"parameters": [SITE]},
    )
    async def get_voids(item: ItemId, request: Request) -> Response:
        editor = EditorRequest(current(), request)
        return json_response({"voids": [_wire(each) for each in voids_of(await editor.edits(), item)]})

    @routes.delete(
        "/items/{item:text}/voids/{number}",
        status_code=204,
        summary="Lift a void of an item",
        openapi_extra={"parameters": [SITE]},
    )
    async def delete_void(item: ItemId, number: Number, request: Request) -> Response:
        editor = EditorRequest(current(), request)
        await lift_void(editor.context.store.edits, editor.site.id, item, number, by=editor.by)
        return Response(status_code=204, headers=await editor.settle())

    return routes


MOMENT: Json = {"description": "epoch seconds or ISO 8601", "type": ["number", "string", "null"]}
NAMES: Json = {"type": "array", "items": {"type": "string"}, "maxItems": 50, "description": "these alone; none: all"}
SHARE: Json = {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": 0}
BODY: Json = json_request(
    {
        "type": "object",
        "required": ["from"],
        "additionalProperties": False,
        "properties": {
            "from": {**MOMENT, "type": ["number", "string"]},
            "to": {**MOMENT, "description": "null: those to come too"},
            "kinds": NAMES,
            "sources": NAMES,
            "share": SHARE,
        },
    }
)
VOID: Json = whole(
    {
        "void": {"type": "integer"},
        "from": {"type": "number", "description": "epoch seconds"},
        "to": {"type": ["number", "null"], "description": "epoch seconds"},
        "kinds": NAMES,
        "sources": NAMES,
        "share": SHARE,
        "set_at": {"type": "number", "description": "epoch seconds"},
    }
)


VOIDS: Json = whole({"voids": {"type": "array", "items": VOID}})


def _wire(made: NumberedVoid) -> dict[str, Any]:
    return {"void": made.number, **msgspec.to_builtins(made.void)}
