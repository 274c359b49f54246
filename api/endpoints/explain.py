"""`GET /v1/items/{id}/explain` and `POST /v1/preview`: answered by the jobs process. Both need an editor key."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.context import Context, CurrentContext, site_and_caller
from api.endpoints.items import ItemId
from api.endpoints.openapi import ERRORS, SITE, answer, json_request, problems
from api.endpoints.openapi_answers import EXPLANATION, PREVIEWED
from api.http.auth import Grade
from api.http.json_body import Moment, json_body, moment_from
from ranking.errors import InvalidQuestionError, NotReadyError
from ranking.intake.reader_filter import MARK, PARAMETERS, reader_filter
from ranking.refreshing.questions import MOST_SHOWN, Explain, Preview, Question, decoded_reply, encoded_question

WAIT_S = 15.0


class PreviewInput(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a preview. `at`: ISO 8601 or epoch seconds; null: the time of the last refresh."""

    list: str = "populer"
    settings: dict[str, Any] = {}
    section: str = ""
    at: Moment = None
    limit: int | None = None
    tag: str = ""
    author: str = ""
    language: str = ""
    premium: bool | None = None
    type: str = ""


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["questions"], responses=problems(*ERRORS))

    @routes.get(
        "/items/{item:text}/explain",
        summary="Why is an item at its rank?",
        responses={200: answer("As of the last refresh, or `at`.", EXPLANATION)},
        openapi_extra={
            "parameters": [SITE, *({"name": name, "in": "query", "schema": {"type": "string"}} for name in PARAMETERS)]
        },
    )
    async def explain(
        item: ItemId,
        request: Request,
        name: Annotated[str, Query(alias="list")] = "populer",
        section: str = "",
        at: str | None = None,
    ) -> Response:
        context = current()
        site, _ = site_and_caller(context, request, Grade.EDITOR)
        part = _part(section, request.query_params)
        return await answered(context, Explain(site.id, name, item, part, moment_from(at, "at", site.zone)))

    @routes.post(
        "/preview",
        summary="A list under other settings beside the live one",
        responses={200: answer("Both lists, as of the last refresh, or `at`.", PREVIEWED)},
        openapi_extra=BODY,
    )
    async def preview(request: Request) -> Response:
        context = current()
        site, _ = site_and_caller(context, request, Grade.EDITOR)
        given = await json_body(request, PreviewInput, context.settings.ingest.max_body)
        if given.limit is not None and not 1 <= given.limit <= MOST_SHOWN:
            raise InvalidQuestionError(f"limit: expected a whole number from 1 to {MOST_SHOWN}, found {given.limit}")
        at = moment_from(given.at, "at", site.zone)
        premium = "" if given.premium is None else str(given.premium)
        part = _part(given.section, {**msgspec.structs.asdict(given), "premium": premium})
        return await answered(context, Preview(site.id, given.list, given.settings, part, at, given.limit))

    return routes


def _part(section: str, given: Mapping[str, str]) -> str:
    """The section in question, or the key of the filter that parameters ask for.

    Raises:
        InvalidQuestionError: a parameter cannot be used.
    """
    try:
        choice = reader_filter(section, given)
    except ValueError as error:
        raise InvalidQuestionError(str(error)) from None
    return section.replace(MARK, "") if choice is None else choice.key


FILTERS: dict[str, Any] = {name: {"type": "string"} for name in PARAMETERS} | {"premium": {"type": ["boolean", "null"]}}
BODY: dict[str, Any] = {
    "parameters": [SITE],
    **json_request(
        {
            "type": "object",
            "properties": {
                "list": {"type": "string", "default": "populer"},
                "settings": {"type": "object", "examples": [{"half_life": "3h"}]},
                "section": {"type": "string"},
                **FILTERS,
                "at": {"type": ["string", "number", "null"], "description": "ISO 8601 or epoch seconds"},
                "limit": {"type": "integer", "minimum": 1, "maximum": MOST_SHOWN},
            },
        }
    ),
}


async def answered(context: Context, question: Question) -> Response:
    """The jobs process's answer to a question.

    Raises:
        NotReadyError: it does not answer.
        NotFoundError, InvalidQuestionError: it cannot answer.
    """
    reply = await context.store.questions.ask(encoded_question(question), WAIT_S)
    document = None if reply is None else decoded_reply(reply)
    if document is None:
        raise NotReadyError("the jobs process did not answer: its log says why, /readyz whether lists are ranked")
    return Response(document, media_type="application/json", headers={"cache-control": "no-store"})
