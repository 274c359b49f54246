"""`GET /v1/items/{id}/explain` and `POST /v1/preview`: asked of the process that ranks. Both take an editor's key."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.context import Context, CurrentContext, site_of
from api.endpoints.items import ItemId
from api.endpoints.openapi import SAID, SITE, problems
from api.http import asgi
from api.http.auth import Caller, Grade, require
from api.http.problems import Problem, plain_sentence
from ranking.errors import InvalidQuestionError, NotReadyError
from ranking.refreshing.questions import MOST_SHOWN, Explain, Preview, Question, document_of, encoded
from ranking.settings.service import SiteSettings
from ranking.times import parse_moment

WAIT_S = 15.0


class PreviewInput(msgspec.Struct):
    """The body of a preview. `at`: ISO 8601 or epoch seconds; null: as last ranked."""

    list: str = "populer"
    settings: dict[str, Any] = {}
    section: str = ""
    at: float | str | None = None
    limit: int | None = None


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["questions"], responses=problems(*SAID))

    @routes.get(
        "/items/{item:text}/explain", summary="Why is an item at its rank?", openapi_extra={"parameters": [SITE]}
    )
    async def explain(
        item: ItemId,
        request: Request,
        name: Annotated[str, Query(alias="list")] = "populer",
        section: str = "",
        at: str | None = None,
    ) -> Response:
        context = current()
        site, _ = editor_of(context, request)
        return await answered(context, Explain(site.id, name, item, section, _moment(at, site)))

    @routes.post("/preview", summary="A list under other settings beside the live one", openapi_extra=BODY)
    async def preview(request: Request) -> Response:
        context = current()
        site, _ = editor_of(context, request)
        content = await asgi.body(asgi.headers(request.scope), request.receive, context.settings.ingest.max_body)
        try:
            given = msgspec.json.decode(content, type=PreviewInput)
        except (msgspec.DecodeError, ValueError) as error:
            raise Problem(400, "malformed preview", plain_sentence(error)) from None
        if given.limit is not None and not 1 <= given.limit <= MOST_SHOWN:
            raise InvalidQuestionError(f"limit: expected a whole number from 1 to {MOST_SHOWN}, found {given.limit}")
        at = _moment(given.at, site)
        return await answered(context, Preview(site.id, given.list, given.settings, given.section, at, given.limit))

    return routes


BODY: dict[str, Any] = {
    "parameters": [SITE],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "list": {"type": "string", "default": "populer"},
                        "settings": {"type": "object", "examples": [{"half_life": "3h"}]},
                        "section": {"type": "string"},
                        "at": {"type": ["string", "number", "null"], "description": "ISO 8601 or epoch seconds"},
                        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_SHOWN},
                    },
                }
            }
        },
    },
}


def editor_of(context: Context, request: Request, need: Grade = Grade.EDITOR) -> tuple[SiteSettings, Caller]:
    """The site of a request, and the holder of the key of it that will do.

    Raises:
        Problem: it has none, or there is no such site.
    """
    site = site_of(context, request.query_params.multi_items())
    caller = context.callers.identify(request.scope, site)
    require(caller, need, site)
    return site, caller


def _moment(given: float | str | None, site: SiteSettings) -> float | None:
    if given is None or isinstance(given, float):
        return given
    try:
        return parse_moment(given, site.zone)
    except ValueError as error:
        raise InvalidQuestionError(f"at: expected {error}, found {given[:60]!r}") from None


async def answered(context: Context, question: Question) -> Response:
    """What the process that ranks says.

    Raises:
        NotReadyError: it does not.
        NotFoundError, InvalidQuestionError: it cannot.
    """
    reply = await context.store.ask(encoded(question), WAIT_S)
    found = None if reply is None else document_of(reply)
    if found is None:
        raise NotReadyError("the jobs process did not answer: its log says why, /readyz whether lists are ranked")
    return Response(found, media_type="application/json", headers={"cache-control": "no-store"})
