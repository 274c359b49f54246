"""Pins, blocks and boosts, their audit trail, and undo. Every route needs an editor key of the site.

A change is answered once every worker shows it.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as PathParameter

from api.context import Context, CurrentContext, site_and_caller
from api.endpoints.acks import ack_header
from api.endpoints.items import ItemId
from api.endpoints.openapi import ERRORS, answer, json_request, problems
from api.endpoints.openapi_answers import BLOCKED, BLOCKS, BOOSTED, BOOSTS, CHANGES, PINNED, PINS, UNDONE
from api.endpoints.pinnable import check_pinnable
from api.http.auth import Grade
from api.http.json_body import Moment, json_body, moment_from
from api.http.json_response import json_response
from api.http.problems import Problem
from ranking.errors import InvalidEditError, InvalidItemError
from ranking.intake.items import why_bad_id
from ranking.published.edits import MAX_EDITS, Block, Boost, Edit, Edits, Pin, Subject, check_edit
from ranking.published.snapshot import WHOLE_SITE
from ranking.refreshing.undo import undo
from ranking.store.edits import trail_members
from ranking.store.limits import AUDIT_LINES

T = TypeVar("T")
LATEST_EDITION = 2**53 - 1
ListName = Annotated[str, PathParameter(alias="list")]
Section = Annotated[str | None, Query(description="only the pin in this section's list; all of the item's without")]
Edition = Annotated[int, PathParameter(ge=1, le=LATEST_EDITION, description="of a line of the trail")]
Limit = Annotated[int, Query(ge=1, le=AUDIT_LINES)]


class _PinInput(msgspec.Struct, forbid_unknown_fields=True):
    position: int
    until: Moment = None
    section: str | None = None


class _BlockInput(msgspec.Struct, forbid_unknown_fields=True):
    reason: str | None = None
    until: Moment = None


class _BoostInput(msgspec.Struct, forbid_unknown_fields=True):
    factor: float
    until: Moment = None


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["editors"], responses=problems(*ERRORS))

    @routes.put(
        "/lists/{list}/pins/{item:path}",
        summary="Give an item a place",
        openapi_extra=json_request(PIN),
        responses={200: answer("The pin as it is in force.", PINNED), **problems(409)},
    )
    async def put_pin(name: ListName, item: ItemId, request: Request) -> Response:
        editor = EditorRequest(current(), request)
        given = await editor.body(_PinInput)
        section = given.section or WHOLE_SITE
        editor.check_place(name, section)
        pin = Pin(given.position, editor.until(given.until), editor.now)
        check_edit(pin, editor.now)
        await check_pinnable(editor.context, editor.site, await editor.edits(), name, item, given.position)
        return await editor.make(Subject("pin", name, section, item), pin)

    @routes.delete("/lists/{list}/pins/{item:path}", status_code=204, summary="Lift an item's pins")
    async def delete_pin(name: ListName, item: ItemId, request: Request, section: Section = None) -> Response:
        editor = EditorRequest(current(), request)
        pins = await editor.edits_of(name)
        return await editor.lift(
            subject
            for subject in pins
            if (subject.kind, subject.item) == ("pin", item) and section in (None, subject.section)
        )

    @routes.get("/lists/{list}/pins", summary="Pins of a list", responses={200: answer("Those in force.", PINS)})
    async def get_pins(name: ListName, request: Request) -> Response:
        editor = EditorRequest(current(), request)
        await editor.edits_of(name)
        pins = await editor.shown("pin", name)
        pins.sort(key=lambda pin: (pin["section"] or "", pin["position"], -pin["set_at"]))
        return json_response({"pins": pins})

    @routes.put(
        "/lists/{list}/boosts/{item:path}",
        summary="Multiply an item's score",
        openapi_extra=json_request(BOOST),
        responses={200: answer("The boost as it is in force.", BOOSTED)},
    )
    async def put_boost(name: ListName, item: ItemId, request: Request) -> Response:
        editor = EditorRequest(current(), request)
        given = await editor.body(_BoostInput)
        editor.check_place(name, WHOLE_SITE)
        of_list = editor.context.settings.lists.get(name)
        if of_list is not None and of_list.kind == "latest":
            raise InvalidEditError(f"List {name} is ordered by publish time and has no scores. Pin the item instead.")
        boost = Boost(given.factor, editor.until(given.until), editor.now)
        return await editor.make(Subject("boost", name, WHOLE_SITE, item), boost)

    @routes.delete("/lists/{list}/boosts/{item:path}", status_code=204, summary="Lift an item's boost")
    async def delete_boost(name: ListName, item: ItemId, request: Request) -> Response:
        editor = EditorRequest(current(), request)
        await editor.edits_of(name)
        return await editor.lift([Subject("boost", name, WHOLE_SITE, item)])

    @routes.get("/lists/{list}/boosts", summary="Boosts of a list", responses={200: answer("Those in force.", BOOSTS)})
    async def get_boosts(name: ListName, request: Request) -> Response:
        editor = EditorRequest(current(), request)
        await editor.edits_of(name)
        return json_response({"boosts": await editor.shown("boost", name)})

    @routes.put(
        "/blocks/{item:path}",
        summary="Keep an item out of every list",
        openapi_extra=json_request(BLOCK, required=False),
        responses={200: answer("The block as it is in force.", BLOCKED)},
    )
    async def put_block(item: ItemId, request: Request) -> Response:
        editor = EditorRequest(current(), request)
        given = await editor.body(_BlockInput, empty=_BlockInput())
        return await editor.make(
            Subject("block", "", "", item), Block(given.reason or "", editor.until(given.until), editor.now)
        )

    @routes.delete("/blocks/{item:path}", status_code=204, summary="Lift a block")
    async def delete_block(item: ItemId, request: Request) -> Response:
        return await EditorRequest(current(), request).lift([Subject("block", "", "", item)])

    @routes.get("/blocks", summary="Blocked items", responses={200: answer("Those in force.", BLOCKS)})
    async def get_blocks(request: Request) -> Response:
        return json_response({"blocks": await EditorRequest(current(), request).shown("block", "")})

    @routes.get(
        "/audit", summary="Audit trail, the newest first", responses={200: answer("A line per change.", CHANGES)}
    )
    async def get_audit(request: Request, limit: Limit = 100) -> Response:
        editor = EditorRequest(current(), request)
        return json_response({"changes": await editor.context.store.edits.audit(editor.site.id, limit)})

    @routes.post(
        "/edits/{edition}/undo",
        summary="Undo the changes of one edition",
        responses={200: answer("What was undone.", UNDONE), **problems(409)},
    )
    async def post_undo(edition: Edition, request: Request) -> Response:
        editor = EditorRequest(current(), request)
        return await editor.undo(edition)

    return routes


class EditorRequest:
    """One request of an editor of one site."""

    def __init__(self, context: Context, request: Request) -> None:
        self.context = context
        self.now = context.clock()
        self._request = request
        self.site, caller = site_and_caller(context, request, Grade.EDITOR)
        self.by = caller.name

    async def body(self, shape: type[T], empty: T | None = None) -> T:
        """The request's body; `empty` stands for none."""
        return await json_body(self._request, shape, self.context.settings.ingest.max_body, empty=empty)

    def until(self, given: Moment) -> float | None:
        """The end of an edit in epoch seconds; an ISO time without an offset is the site's."""
        return self.moment(given, "until")

    def moment(self, given: Moment, name: str) -> float | None:
        """A moment as `until` gives it; `name` is that of the field."""
        return moment_from(given, name, self.site.zone)

    def check_place(self, name: str, section: str) -> None:
        """Return if the site has such a list and section.

        Raises:
            NotFoundError: it has not.
        """
        self.context.published_lists.check_place(self.site.id, name, section)

    async def edits(self) -> Edits:
        """All edits of the site."""
        return await self.context.store.edits.read(self.site.id)

    async def edits_of(self, name: str) -> Collection[Subject]:
        """Subjects of the edits of a list, also of one that has left the settings: such edits can be read and lifted.

        Raises:
            NotFoundError: there is no such list, and no edit of one.
        """
        subjects = [subject for subject in (await self.edits()).edits if subject.list == name]
        if not subjects:
            self.check_place(name, WHOLE_SITE)
        return subjects

    async def shown(self, kind: str, name: str) -> list[dict[str, Any]]:
        """The edits of a kind in a list that are in force now."""
        edits = await self.edits()
        over = set(edits.over(self.now))
        return [
            _wire(subject, edit)
            for subject, edit in edits.edits.items()
            if (subject.kind, subject.list) == (kind, name) and subject not in over
        ]

    async def make(self, subject: Subject, edit: Edit) -> Response:
        """Make an edit. Answers once every worker shows it."""
        if problem := why_bad_id(subject.item):
            raise InvalidItemError(f"id: {problem}")
        check_edit(edit, self.now)
        edits = await self.edits()
        over = list(edits.over(self.now))
        if subject not in edits.edits and len(edits.edits) - len(over) >= MAX_EDITS:
            raise Problem(409, "too many edits", f"The site has {MAX_EDITS} pins, blocks and boosts. Lift some first.")
        ack = await self._change({subject: edit}, over)
        return json_response(_wire(subject, edit), ack)

    async def lift(self, subjects: Any) -> Response:
        """Lift edits. Answers once every worker shows it, also where there was none to lift."""
        ack = await self._change(dict.fromkeys(subjects), [])
        return Response(status_code=204, headers=ack)

    async def settle(self, items: Iterable[str] = ()) -> dict[str, str]:
        """The header that says how safe the edits, and `items`, are, once every worker shows them."""
        ack = await ack_header(self.context, self.site.id, items)
        await self.context.published_lists.settle(self.site.id)
        return ack

    async def undo(self, edition: int) -> Response:
        """Undo every change of an edition. Answers once every worker shows it."""
        undone = await undo(self.context.store, self.site.id, edition, self.by, self.now)
        ack = await self.settle(each.subject.item for each in undone)
        return json_response(
            {"edition": edition, "undone": [trail_members(each.subject, made=each.made) for each in undone]}, ack
        )

    async def _change(self, changes: Mapping[Subject, Edit | None], over: list[Subject]) -> dict[str, str]:
        """Make the changes; return how safe they are once every worker shows them."""
        await self.context.store.edits.change(self.site.id, changes, self.by, over)
        return await self.settle()


PIN: dict[str, Any] = {
    "type": "object",
    "required": ["position"],
    "properties": {
        "position": {"type": "integer", "minimum": 1, "maximum": 1000},
        "until": {"description": "epoch seconds or ISO 8601", "type": ["number", "string", "null"]},
        "section": {"description": "in this section's list, not in that of the whole site", "type": ["string", "null"]},
    },
}
BLOCK: dict[str, Any] = {
    "type": "object",
    "properties": {"reason": {"type": ["string", "null"], "maxLength": 500}, "until": PIN["properties"]["until"]},
}
BOOST: dict[str, Any] = {
    "type": "object",
    "required": ["factor"],
    "properties": {"factor": {"type": "number", "minimum": 0.1, "maximum": 10}, "until": PIN["properties"]["until"]},
}


def _wire(subject: Subject, edit: Edit) -> dict[str, Any]:
    about: dict[str, Any] = {"list": subject.list} if subject.list else {}
    if subject.kind == "pin":
        about["section"] = subject.section or None
    return {**about, "item": subject.item, **msgspec.to_builtins(edit)}
