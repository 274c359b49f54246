"""`/v1/ops/…`: the state, traffic and tuning evidence that the ops page shows. Every route needs the site's admin key.

An editor's key gets the lists and the recent views of items, and nothing of the settings and the servers.

While the store is away the answers say so and hold what this worker knows by itself: an outage is when they are read.
"""

import socket
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.context import Context, CurrentContext, site_and_caller
from api.endpoints.explain import answered
from api.endpoints.openapi import ERRORS, SITE, Json, answer, json_request, problems, whole
from api.http.auth import Caller, Grade
from api.http.json_body import json_body
from api.http.json_response import json_response
from api.monitoring import metrics
from ranking import freshness
from ranking.errors import InvalidQuestionError, PopulerError
from ranking.lists.shortlist import depth_of
from ranking.published.snapshot import WHOLE_SITE
from ranking.scoring import describe
from ranking.settings.decays import DECAYS
from ranking.settings.sites import SiteSettings
from ranking.settings.written import as_written
from ranking.store.lease import OF_NO_SITE
from ranking.store.limits import NIGHTS, TRAFFIC_TTL_S
from ranking.times import HOUR_S, MINUTE_S
from ranking.watching.concentration import ItemConcentration
from ranking.watching.recent_views import MOST_ITEMS, MOST_SPAN_S, RecentViews
from ranking.watching.sources import Discovery, FeedState, hosts_advice
from ranking.watching.waiting import Waiting

MOST_MINUTES = TRAFFIC_TTL_S // MINUTE_S
Minutes = Annotated[int, Query(ge=1, le=MOST_MINUTES)]
Nights = Annotated[int, Query(ge=1, le=NIGHTS)]


class _RecentInput(msgspec.Struct, forbid_unknown_fields=True):
    items: list[str]
    hours: float = 6.0


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/ops", tags=["ops"], responses=problems(*ERRORS))
    extra: Json = {"parameters": [SITE]}

    @routes.get("/state", summary="State of lists, store and jobs", responses=_given(STATE), openapi_extra=extra)
    async def get_state(request: Request) -> Response:
        context = current()
        site, caller = site_and_caller(context, request, Grade.EDITOR)
        if caller.grade.allows(Grade.ADMIN):
            return _json(await _state(context, site, caller))
        return _json(_state_for_editors(context, site, caller))

    @routes.get("/traffic", summary="Events by the minute", responses=_given(TRAFFIC), openapi_extra=extra)
    async def get_traffic(request: Request, minutes: Minutes = 60) -> Response:
        context = current()
        site, _ = site_and_caller(context, request, Grade.ADMIN)
        now = int(context.clock() // MINUTE_S)
        span = range(now - minutes + 1, now + 1)
        by_minute = await context.store.logbook.traffic(site.id, span)
        names = sorted({name for minute in by_minute for name in minute})
        events = {name: [minute.get(name, 0) for minute in by_minute] for name in names}
        return _json({"minutes": [minute * MINUTE_S for minute in span], "events": events})

    @routes.post("/views", summary="Recent views of items", responses=_given(VIEWS), openapi_extra=extra | ASKED)
    async def post_views(request: Request) -> Response:
        context = current()
        site, _ = site_and_caller(context, request, Grade.EDITOR)
        given = await json_body(request, _RecentInput, context.settings.ingest.max_body)
        if len(given.items) > MOST_ITEMS:
            raise InvalidQuestionError(f"items: expected at most {MOST_ITEMS}, found {len(given.items)}")
        if not 0 < given.hours * HOUR_S <= MOST_SPAN_S:
            raise InvalidQuestionError(f"hours: expected up to {MOST_SPAN_S / HOUR_S:.0f}, found {given.hours}")
        return await answered(context, RecentViews(site.id, given.items, given.hours * HOUR_S))

    @routes.get("/evidence", summary="Nightly tuning results", responses=_given(EVIDENCE), openapi_extra=extra)
    async def get_evidence(
        request: Request, name: Annotated[str, Query(alias="list")] = "populer", nights: Nights = 7
    ) -> Response:
        context = current()
        site, _ = site_and_caller(context, request, Grade.ADMIN)
        context.published_lists.check_place(site.id, name, WHOLE_SITE)
        findings = context.store.findings
        in_effect = (await findings.in_effect(site.id)).get(name)
        found = await findings.nights(site.id, name, nights)
        return _json({"list": name, "in_effect": in_effect, "nights": found})

    return routes


def _state_for_editors(context: Context, site: SiteSettings, caller: Caller) -> dict[str, Any]:
    now = context.clock()
    shown = ("name", "title", "kind", "size", "depth", "generated_at", "age_s", "stale", "sections")
    return {
        **_about(site, caller, now),
        "lists": [{name: each[name] for name in shown} for each in _lists(context, site, now)],
        "alarms": [],
        "refresh_every_s": context.settings.refresh.every_s,
    }


def _about(site: SiteSettings, caller: Caller, now: float) -> dict[str, Any]:
    return {
        "now": now,
        "site": {"id": site.id, "name": site.name, "timezone": site.timezone, "locale": site.locale},
        "key": {"name": caller.name, "grade": caller.grade.value},
    }


async def _state(context: Context, site: SiteSettings, caller: Caller) -> dict[str, Any]:
    settings, now = context.settings, context.clock()
    away = await context.alarm_facts.poll(settings)
    raised = context.alarm_facts.alarms(settings, context.config)
    return {
        **_about(site, caller, now),
        "lists": _lists(context, site, now),
        "decays": [{"name": name, "label": row.label, "slides": row.slides} for name, row in DECAYS.items()],
        "waiting": _waiting(context, site),
        "feeds": _feeds(context, site),
        "discovery": _discovery(context, site),
        "alarms": [alarm._asdict() for alarm in raised if alarm.site in (None, site.id)],
        "config": {
            "version": settings.config_version,
            "host": socket.gethostname(),
            **context.config._asdict(),
        },
        "refresh_every_s": settings.refresh.every_s,
        "store": away or "ok",
        "servers": [server._asdict() for server in context.alarm_facts.servers],
        "spooled_events": metrics.spooled_on_this_host(),
        "concentrated": _concentrated(context, site),
        **await _jobs(context, site),
    }


def _waiting(context: Context, site: SiteSettings) -> dict[str, Any]:
    pulse = context.alarm_facts.pulses.get(site.id)
    waiting = Waiting() if pulse is None else pulse.waiting
    top = [{"id": item, "reads": reads} for item, reads in waiting.top]
    return {"items": waiting.items, "reads": waiting.reads, "all_reads": waiting.all_reads, "top": top}


def _feeds(context: Context, site: SiteSettings) -> list[FeedState]:
    """The site's feeds in the order of the settings; one that was not asked yet has no moments."""
    known = context.alarm_facts.feeds.get(site.id, {})
    return [known.get(feed.url) or FeedState(feed.url) for feed in site.feeds]


def _discovery(context: Context, site: SiteSettings) -> dict[str, Any]:
    """What reading pages has come to, and what to write where it cannot."""
    found = context.alarm_facts.discoveries.get(site.id) or Discovery()
    advice = hosts_advice(found.hosts) if site.discover and site.own_hosts is None else ""
    return {**msgspec.structs.asdict(found), "on": site.discover and site.own_hosts is not None, "advice": advice}


def _lists(context: Context, site: SiteSettings, now: float) -> list[dict[str, Any]]:
    published_lists, settings = context.published_lists, context.settings
    ranked_at = {each.name: each.generated_at for each in published_lists.listed() if each.site == site.id}
    found = []
    for name, of_list in settings.lists.items():
        at = ranked_at.get(name)
        learned = published_lists.in_effect(site.id, name) if of_list.learns else None
        in_effect = of_list.under(learned)
        found.append(
            {
                "name": name,
                "title": of_list.title,
                "kind": of_list.kind,
                "size": of_list.size,
                "depth": depth_of(of_list),
                "settings": as_written(in_effect),
                "words": describe.in_words(in_effect),
                "learns": of_list.learns,
                "learned_since": None if learned is None else learned.since or None,
                "learned_reads": None if learned is None or learned.correction else learned.reads,
                "learned_why": "" if learned is None else learned.why,
                "generated_at": at,
                "age_s": None if at is None else round(freshness.age_s(at, now), 1),
                "stale": at is None or freshness.is_stale(at, now, settings.refresh.stale_after_s),
                "sections": published_lists.sections(site.id, name),
            }
        )
    return found


def _concentrated(context: Context, site: SiteSettings) -> list[ItemConcentration]:
    """The items of which one network, or one user agent, has sent too much in the last hour."""
    found = context.alarm_facts.concentrations.get(site.id)
    return [] if found is None else [each for each in found.items if each.is_over]


async def _jobs(context: Context, site: SiteSettings) -> dict[str, Any]:
    """Who works for the site, and the last run of each job; none while the store is away."""
    try:
        leases, runs = await context.store.lease.leases(), await context.store.logbook.runs()
    except PopulerError:
        return {"leader": None, "jobs_processes": [], "jobs": []}
    leader, counts = leases.of(site.id), leases.site_counts()
    own = sorted((run for run in runs if run.site in (site.id, OF_NO_SITE)), key=lambda run: run.at)
    last = {run.job: msgspec.structs.asdict(run) for run in own}
    return {
        "leader": leader and leader._asdict(),
        "jobs_processes": [{"name": name, "holder": of, "sites": count} for (name, of), count in counts.items()],
        "jobs": [last[job] for job in sorted(last)],
    }


ALARM = whole(
    {
        "alarm": {"type": "string"},
        "says": {"type": "string", "description": "what is wrong, and what to do"},
        "site": {"type": ["string", "null"]},
        "list": {"type": ["string", "null"]},
        "since": {"type": ["number", "null"], "description": "epoch seconds"},
        "item": {"type": ["string", "null"]},
    }
)
STATE = whole(
    {
        "now": {"type": "number"},
        "site": {"type": "object"},
        "key": {"type": "object", "description": "name and grade of the key that was sent"},
        "lists": {"type": "array", "items": {"type": "object"}},
        "decays": {"type": "array", "items": {"type": "object"}, "description": "that a list can have"},
        "waiting": {
            "type": "object",
            "description": "items that wait for a description, and reads of them and of all in the last hour",
        },
        "feeds": {"type": "array", "items": {"type": "object"}, "description": "the last poll of each"},
        "discovery": {"type": "object", "description": "what reading the pages of read articles has come to"},
        "alarms": {"type": "array", "items": ALARM},
        "config": {"type": "object"},
        "refresh_every_s": {"type": "number"},
        "store": {"type": "string", "description": "ok, or why it does not answer"},
        "servers": {"type": "array", "items": {"type": "object"}},
        "spooled_events": {"type": "integer", "description": "that wait on this host's disk"},
        "concentrated": {
            "type": "array",
            "items": {"type": "object"},
            "description": "items of which one network or user agent sent over 30 % in the last hour",
        },
        "leader": {"type": ["object", "null"], "description": "the process that works for this site, and its term"},
        "jobs_processes": {
            "type": "array",
            "items": {"type": "object"},
            "description": "those that live, and how many sites each works for",
        },
        "jobs": {"type": "array", "items": {"type": "object"}, "description": "the last run of each"},
    }
)
TRAFFIC = whole(
    {
        "minutes": {"type": "array", "items": {"type": "integer"}, "description": "epoch seconds, the oldest first"},
        "events": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "integer"}},
            "description": "of each minute: by kind, and by `!` and the reason where they do not count",
        },
    }
)
VIEWS = whole(
    {
        "at": {"type": "number"},
        "start": {"type": "number"},
        "step_s": {"type": "number"},
        "views": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer"}}},
    }
)
EVIDENCE = whole(
    {
        "list": {"type": "string"},
        "in_effect": {"type": ["object", "null"], "description": "the learned setting, if any"},
        "nights": {
            "type": "array",
            "items": {"type": "object"},
            "description": "what tuning found, the newest first: `why` as a sentence, and `trials`; no other beats "
            "those `on_front` in all of capture, calm, freshness and variety",
        },
    }
)
ASKED: Json = json_request(
    {
        "type": "object",
        "required": ["items"],
        "additionalProperties": False,
        "properties": {
            "items": {"type": "array", "items": {"type": "string"}, "maxItems": MOST_ITEMS},
            "hours": {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_SPAN_S / HOUR_S},
        },
    }
)


def _given(schema: Json) -> dict[int | str, Json]:
    return {200: answer("As of now.", schema)}


def _json(content: Any) -> Response:
    return json_response(content, {"cache-control": "no-store"})
