"""Reports: what was read in a range of time, answered by the jobs process. Every route needs an editor key."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from api.context import Context, CurrentContext, site_and_caller
from api.endpoints.explain import answered
from api.endpoints.items import ItemId
from api.endpoints.openapi import ERRORS, SITE, Json, answer, problems, whole
from api.http import parameters
from api.http.auth import Grade
from api.http.csv_rows import MEDIA_TYPE, csv_rows
from api.http.parameters import Parameters
from api.http.problems import Problem
from ranking.reporting.item_history import MOST_STEPS, STEPS, ItemHistory
from ranking.reporting.top import BY, ITEM, MOST_ROWS, TopOfRange
from ranking.settings.sites import SiteSettings
from ranking.times import DAY_S, format_duration

USUAL_ROWS = 20
USUAL_SPAN_S = float(DAY_S)
FORMATS = ("json", "csv")
KINDS = ("views", "clicks")
ITEM_COLUMNS = ("id", "title", "url", "section", "author", "published_at", "views", "clicks")
NAME_COLUMNS = ("name", "views", "clicks")


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["reports"], responses=problems(*ERRORS))

    @routes.get(
        "/reports/top",
        summary="What was read most in a range of time",
        responses=TOP,
        openapi_extra=parameters_of(TEXTS),
    )
    async def get_top(request: Request) -> Response:
        context, params = current(), dict(request.query_params.multi_items())
        site, _ = site_and_caller(context, request, Grade.EDITOR)
        parameters.check_names(params, ("site", *TEXTS))
        since, until = range_from(params, site, context)
        since = until - USUAL_SPAN_S if since is None else since
        question = TopOfRange(
            site.id,
            since,
            until,
            parameters.choice(params, "by", BY, ITEM),
            parameters.choice(params, "list", list(context.settings.lists), ""),
            parameters.limit(params, USUAL_ROWS, MOST_ROWS),
        )
        form = parameters.choice(params, "format", FORMATS, "json")
        found = await answered(context, question)
        if form == "json":
            return found
        document = msgspec.json.decode(found.body)
        columns = ITEM_COLUMNS if question.by == ITEM else NAME_COLUMNS
        name = f"populer-{question.by}-{document['from']:.0f}-{document['to']:.0f}"
        rows = [{**row, "published_at": written(row.get("published_at"), site)} for row in document["rows"]]
        return csv_answer(name, columns, ([row[column] for column in columns] for row in rows))

    @routes.get(
        "/items/{item:text}/history",
        summary="How an item was read, by the hour or day",
        responses=HISTORY,
        openapi_extra=parameters_of(HISTORY_TEXTS),
    )
    async def get_history(item: ItemId, request: Request) -> Response:
        context, params = current(), dict(request.query_params.multi_items())
        site, _ = site_and_caller(context, request, Grade.EDITOR)
        parameters.check_names(params, ("site", *HISTORY_TEXTS))
        step: Any = parameters.choice(params, "step", STEPS, "hour")
        form = parameters.choice(params, "format", FORMATS, "json")
        since, until = range_from(params, site, context)
        found = await answered(context, ItemHistory(site.id, item, until, since, step))
        return found if form == "json" else history_csv(msgspec.json.decode(found.body), site)

    return routes


def range_from(params: Parameters, site: SiteSettings, context: Context) -> tuple[float | None, float]:
    """The range that `from` and `to` ask for, in epoch seconds; without `to` until now, without `from` None.

    Raises:
        Problem: 400, one is no moment, the range is empty, or nothing of it is kept.
    """
    now, keep_s = context.clock(), context.settings.retention.keep_s
    until = parameters.moment(params, "to", site.zone)
    until = now if until is None else min(until, now)
    if until <= now - keep_s:
        span = format_duration(keep_s)
        raise Problem(400, "bad parameter", f"to: expected a moment of the last {span}, which retention.keep keeps")
    since = parameters.moment(params, "from", site.zone)
    if since is not None and since >= until:
        raise Problem(400, "bad parameter", "from: expected a moment before `to` and before now")
    return None if since is None else max(since, now - keep_s), until


def history_csv(document: dict[str, Any], site: SiteSettings) -> Response:
    """A line for each step, with columns for each source."""
    sources = document["sources"]
    names = [source["name"] or "no source" for source in sources]
    columns = ["from", "views", "clicks", *(f"{kind} {name}" for name in names for kind in KINDS)]
    series = [document[kind] for kind in KINDS] + [source[kind] for source in sources for kind in KINDS]
    steps = [written(at, site) for at in document["steps"]]
    name = f"populer-{document['step']}-{document['from']:.0f}-{document['to']:.0f}"
    return csv_answer(name, columns, zip(steps, *series, strict=True))


def written(moment: float | None, site: SiteSettings) -> str | None:
    """A moment in the site's zone, as spreadsheets read it."""
    return None if moment is None else datetime.fromtimestamp(moment, site.zone).isoformat(timespec="seconds")


def csv_answer(name: str, columns: Sequence[str], rows: Any) -> Response:
    """Rows under a header, as a file of that name."""
    headers = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(csv_rows([columns, *rows]), headers=headers, media_type=MEDIA_TYPE)


COUNTS: Json = {"views": {"type": "integer"}, "clicks": {"type": "integer"}}
TEXTS: dict[str, str] = {
    "from": "ISO 8601 or epoch seconds; default: a day before `to`",
    "to": "default: now",
    "by": f"one of {', '.join(BY)}; default: {ITEM}",
    "list": "count only what came from this list: the clicks in it, and the reads that name it as their source",
    "limit": f"rows, up to {MOST_ROWS}; default: {USUAL_ROWS}",
    "format": "json or csv; default: json",
}
TOP_ANSWER = whole(
    {
        "at": {"type": "number", "description": "the moment that the counts are of, in epoch seconds"},
        "from": {"type": "number", "description": "of whole buckets, in epoch seconds"},
        "to": {"type": "number"},
        "by": {"type": "string", "enum": list(BY)},
        "list": {"type": ["string", "null"]},
        "total": {**whole(COUNTS), "description": "of all known items"},
        "unknown": {
            **whole({"items": {"type": "integer"}, **COUNTS}),
            "description": "of ids that nobody has described, which are in no row",
        },
        "rows": {
            "type": "array",
            "description": "most views first; by item with `id`, `title`, `url`, `section`, `author`, `published_at`,"
            " else with `name`, null for what has none",
            "items": {"type": "object", "required": ["views", "clicks"], "properties": COUNTS},
        },
    }
)


BY_STEP: Json = {
    kind: {"type": "array", "items": {"type": "integer"}, "description": f"{kind} of each step"} for kind in KINDS
}
HISTORY_TEXTS: dict[str, str] = {
    "step": f"{' or '.join(STEPS)}, of the site's own clock; default: hour; at most the last {MOST_STEPS}",
    "from": "ISO 8601 or epoch seconds; default: its publication",
    "to": "default: now",
    "format": "json or csv; default: json",
}
HISTORY_ANSWER = whole(
    {
        "at": {"type": "number", "description": "the moment that the counts are of, in epoch seconds"},
        "id": {"type": "string"},
        "title": {"type": "string"},
        "url": {"type": ["string", "null"]},
        "section": {"type": ["string", "null"]},
        "author": {"type": ["string", "null"]},
        "published_at": {"type": ["number", "null"]},
        "from": {"type": "number", "description": "of whole steps"},
        "to": {"type": "number"},
        "step": {"type": "string", "enum": list(STEPS)},
        "steps": {"type": "array", "items": {"type": "number"}, "description": "when each begins, in epoch seconds"},
        **BY_STEP,
        "total": whole(COUNTS),
        "sources": {
            "type": "array",
            "items": whole({"name": {"type": ["string", "null"]}, **BY_STEP}),
            "description": "the same by source; null: of events that named none",
        },
        "ranks": {
            "type": "object",
            "description": "by list, at each hour that is kept: the rank on its first page, or null",
            "additionalProperties": {
                "type": "array",
                "items": whole({"at": {"type": "number"}, "rank": {"type": ["integer", "null"]}}),
            },
        },
        "concentration": {"type": ["object", "null"], "description": "of its last hour, as `explain` has it"},
        "voids": {"type": "array", "items": {"type": "object"}, "description": "in force"},
    }
)


def parameters_of(texts: dict[str, str]) -> Json:
    """The query parameters of a route, besides `site`, for `openapi_extra`."""
    named = (
        {"name": name, "in": "query", "schema": {"type": "string"}, "description": text} for name, text in texts.items()
    )
    return {"parameters": [SITE, *named]}


def with_csv(schema: Json) -> dict[int | str, Json]:
    """A good answer as JSON, or as CSV."""
    found = answer("As of the last refresh.", schema)
    found["content"]["text/csv"] = {"schema": {"type": "string"}}
    return {200: found}


TOP = with_csv(TOP_ANSWER)
HISTORY = with_csv(HISTORY_ANSWER)
