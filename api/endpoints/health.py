"""`/livez`, `/readyz`, `/metrics`: is the process alive, can it do its work, what has it done."""

import os
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from api.context import Context, CurrentContext, site_and_caller
from api.endpoints.openapi import answer, problems
from api.endpoints.openapi_answers import ALIVE, READINESS
from api.http.auth import Grade
from api.http.json_response import json_response
from api.http.problems import Problem
from api.monitoring import metrics

READY: dict[int | str, Any] = {
    200: answer(
        "It can, also while the store is away. More than `status` is for an admin key and `service.internal`.",
        READINESS,
    ),
    503: answer(
        "It cannot: it has no lists, or the store is away and the spool has no room, or it will stop; `lists`, `store`,"
        " `spooled_events` and `draining` say which.",
        READINESS,
    ),
}

#: Stands for all of them where the service's own network asks.
EVERY_SITE = ""


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["health"])

    @routes.head("/livez", include_in_schema=False)
    @routes.get("/livez", summary="Is this process alive?", responses={200: answer("It is.", ALIVE)})
    async def livez() -> Response:
        return Response('{"status":"ok"}', media_type="application/json")

    @routes.head("/readyz", include_in_schema=False)
    @routes.get("/readyz", summary="Can this worker keep events and serve lists?", responses=READY)
    async def readyz(request: Request) -> Response:
        context = current()
        site = _site_shown(context, request)
        ranked = context.published_lists.ranked()
        checks: dict[str, object] = {"worker": os.getpid(), "lists": ranked}
        checks["store"] = await context.alarm_facts.poll(context.settings) or "ok"
        oldest_s = context.published_lists.oldest_age_s(context.clock())
        checks["oldest_list_age_s"] = None if oldest_s is None else round(oldest_s, 1)
        if context.spooling is not None:
            checks["spooled_events"] = context.spooling.events
        away = checks["store"] != "ok"
        served = ranked or (away and context.published_lists.loaded())
        kept = not away or (context.spooling is not None and context.spooling.has_room)
        ready = served and kept and not context.draining
        if context.draining:
            checks["draining"] = True
        if site is None:
            return _readiness({}, ready=ready)
        checks["config_version"] = context.settings.config_version
        checks["config"] = context.config._asdict()
        checks["templates"] = context.templates.faults or "ok"
        learned = [each for each in context.published_lists.learned() if site in (EVERY_SITE, each["site"])]
        if learned:
            checks["learned"] = learned
        raised = context.alarm_facts.alarms(context.settings, context.config)
        checks["alarms"] = [each._asdict() for each in raised if site in (EVERY_SITE, each.site) or not each.site]
        return _readiness(checks, ready=ready)

    @routes.get(
        "/metrics", summary="Prometheus metrics", response_class=PlainTextResponse, responses=problems(401, 403)
    )
    async def metrics_page(request: Request) -> Response:
        context = current()
        site = _site_shown(context, request)
        if site is None:
            raise Problem(
                401,
                "key needed",
                "this needs an admin key: send `Authorization: Bearer <admin key>`, or name the network that asks in"
                " service.internal",
            )
        alarms = context.alarm_facts.alarms(context.settings, context.config)
        sites, facts = [each.id for each in context.settings.sites], context.alarm_facts
        own = [*context.config.metrics(context.settings.config_version), metrics.of_alarms(alarms, sites)]
        own.append(metrics.of_receivers(facts.receivers))
        own.append(metrics.of_concentrations(facts.concentrations, sites))
        own += [metrics.of_build(), *metrics.of_store(facts.servers), *metrics.of_leases(facts.leases, sites)]
        own += [*metrics.of_waiting(facts.pulses), *metrics.of_items(facts.pulses)]
        own += metrics.of_sources(facts.feeds, facts.discoveries, context.clock())
        places = [(each, name) for each in sites for name in context.settings.lists]
        content = metrics.exposition(context.clock(), places, own)
        if site is not EVERY_SITE:
            content = _of_site(content, site)
        return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


def _site_shown(context: Context, request: Request) -> str | None:
    """The site whose state a request may see, `EVERY_SITE`, or None.

    Raises:
        Problem: it has a key, and that is not the admin key of the site that it names.
    """
    if context.callers.is_internal(request.scope):
        return EVERY_SITE
    if "authorization" not in request.headers:
        return None
    site, _ = site_and_caller(context, request, Grade.ADMIN)
    return EVERY_SITE if len(context.settings.sites) == 1 else site.id


def _readiness(checks: dict[str, object], *, ready: bool) -> Response:
    content = {"status": "ready" if ready else "not ready", **checks}
    return json_response(content, status=200 if ready else 503)


def _of_site(exposition: bytes, site: str) -> bytes:
    """Metrics without the lines that are about another site."""
    own = f'site="{site}"'.encode()
    return b"".join(
        line
        for line in exposition.splitlines(keepends=True)
        if b'site="' not in line or own in line or b'site=""' in line
    )
