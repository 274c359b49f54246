"""Reports: what was read in a range of time, answered by the jobs process. Every route needs an editor key."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from api.context import Context, CurrentContext, site_and_caller
from api.endpoints.explain import answered
from api.endpoints.items import ItemId
from api.endpoints.openapi import ERRORS, problems, query_parameters
from api.endpoints.report_schemas import HISTORY, HISTORY_TEXTS, KINDS, TEXTS, TODAY, TOP, USUAL_ROWS
from api.http import parameters
from api.http.auth import Grade
from api.http.csv_rows import MEDIA_TYPE, csv_rows
from api.http.parameters import Parameters
from api.http.problems import Problem
from ranking.reporting.item_history import STEPS, ItemHistory
from ranking.reporting.today import Today
from ranking.reporting.top import BY, ITEM, MOST_ROWS, TopOfRange
from ranking.settings.sites import SiteSettings
from ranking.times import DAY_S, format_duration

USUAL_SPAN_S = float(DAY_S)
FORMATS = ("json", "csv")
ITEM_COLUMNS = ("id", "title", "url", "section", "author", "published_at", "views", "clicks")
NAME_COLUMNS = ("name", "views", "clicks")


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["reports"], responses=problems(*ERRORS))

    @routes.get(
        "/reports/top",
        summary="What was read most in a range of time",
        responses=TOP,
        openapi_extra=query_parameters(TEXTS),
    )
    async def get_top(request: Request) -> Response:
        context, params = current(), request.query_params
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
        answer = await answered(context, question)
        return answer if form == "json" else top_csv(msgspec.json.decode(answer.body), site)

    @routes.get("/reports/today", summary="How the site fares now", responses=TODAY, openapi_extra=query_parameters({}))
    async def get_today(request: Request) -> Response:
        context = current()
        site, _ = site_and_caller(context, request, Grade.EDITOR)
        parameters.check_names(request.query_params, ("site",))
        return await answered(context, Today(site.id))

    @routes.get(
        "/items/{item:text}/history",
        summary="How an item was read, by the hour or day",
        responses=HISTORY,
        openapi_extra=query_parameters(HISTORY_TEXTS),
    )
    async def get_history(item: ItemId, request: Request) -> Response:
        context, params = current(), request.query_params
        site, _ = site_and_caller(context, request, Grade.EDITOR)
        parameters.check_names(params, ("site", *HISTORY_TEXTS))
        step: Any = parameters.choice(params, "step", STEPS, "hour")
        form = parameters.choice(params, "format", FORMATS, "json")
        since, until = range_from(params, site, context)
        answer = await answered(context, ItemHistory(site.id, item, until, since, step))
        return answer if form == "json" else history_csv(msgspec.json.decode(answer.body), site)

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


def top_csv(document: dict[str, Any], site: SiteSettings) -> Response:
    """A line for each row."""
    columns = ITEM_COLUMNS if document["by"] == ITEM else NAME_COLUMNS
    rows = [{**row, "published_at": written(row.get("published_at"), site)} for row in document["rows"]]
    return csv_answer(document["by"], document, columns, ([row[column] for column in columns] for row in rows))


def history_csv(document: dict[str, Any], site: SiteSettings) -> Response:
    """A line for each step, with columns for each source."""
    sources = document["sources"]
    names = [source["name"] or "no source" for source in sources]
    columns = ["from", "views", "clicks", *(f"{kind} {name}" for name in names for kind in KINDS)]
    series = [document[kind] for kind in KINDS] + [source[kind] for source in sources for kind in KINDS]
    steps = [written(at, site) for at in document["steps"]]
    return csv_answer(document["step"], document, columns, zip(steps, *series, strict=True))


def written(moment: float | None, site: SiteSettings) -> str | None:
    """A moment in the site's zone, as spreadsheets read it."""
    return None if moment is None else datetime.fromtimestamp(moment, site.zone).isoformat(timespec="seconds")


def csv_answer(
    what: str, document: Mapping[str, Any], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Response:
    """Rows under a header, as a file that is named by `what` it has and by the document's range."""
    name = f"populer-{what}-{document['from']:.0f}-{document['to']:.0f}.csv"
    headers = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{name}"'}
    return Response(csv_rows([columns, *rows]), headers=headers, media_type=MEDIA_TYPE)
