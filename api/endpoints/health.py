"""`/livez`, `/readyz`, `/metrics`: is the process alive, can it do its work, what has it done."""

import os
from typing import Any

import msgspec
from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from api.context import CurrentContext
from api.monitoring import metrics

NOT_READY: dict[int | str, Any] = {
    503: {"description": "It cannot; `store` and `lists` say why.", "content": {"application/json": {}}}
}


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["health"])

    @routes.head("/livez", include_in_schema=False)
    @routes.get("/livez", summary="Is this process alive?")
    async def livez() -> Response:
        return Response('{"status":"ok"}', media_type="application/json")

    @routes.head("/readyz", include_in_schema=False)
    @routes.get("/readyz", summary="Can this worker record and serve?", responses=NOT_READY)
    async def readyz() -> Response:
        context = current()
        checks: dict[str, object] = {"worker": os.getpid(), "lists": context.published_lists.ranked()}
        checks["store"] = await context.alarm_facts.poll(context.settings) or "ok"
        oldest = context.published_lists.oldest()
        checks["oldest_list_age_s"] = None if oldest is None else round(context.clock() - oldest, 1)
        if context.spooling is not None:
            checks["spooled_events"] = context.spooling.events
        ready = bool(checks["lists"]) and checks["store"] == "ok"
        checks["config_version"] = context.settings.config_version
        checks["config"] = context.config._asdict()
        checks["templates"] = context.templates.faults or "ok"
        if learned := context.published_lists.learned():
            checks["learned"] = learned
        checks["alarms"] = [alarm._asdict() for alarm in context.alarm_facts.alarms(context.settings, context.config)]
        content = msgspec.json.encode({"status": "ready" if ready else "not ready", **checks})
        return Response(content, 200 if ready else 503, media_type="application/json")

    @routes.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
    async def metrics_page() -> Response:
        context = current()
        oldest = context.published_lists.oldest()
        age_s = 0.0 if oldest is None else context.clock() - oldest
        alarms = context.alarm_facts.alarms(context.settings, context.config)
        of_alarms = metrics.of_alarms(alarms, [site.id for site in context.settings.sites])
        of_waiting = metrics.of_waiting(context.alarm_facts.pulses)
        of_config = context.config.metrics(context.settings.config_version)
        content = metrics.exposition(age_s, [*of_config, of_alarms, *of_waiting])
        return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
