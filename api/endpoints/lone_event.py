"""The hottest request, a public event that comes alone, served without a task of its own.

`take` makes the checks that `events.post_events` makes, in one go, and the answer is written when the event's batch has
been counted, or at once where `ingest.ack` is memory. Whatever is rarer it leaves to `post_events`: a query, a key, a
packed body, several events, an event that does not count or is refused.

Invariant: where `take` returns False, nothing was charged, counted or kept.

Rejected: serving all requests so. A task costs as much as all of the checks, but only code that never waits twice can
do without.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import structlog

from api.context import Context
from api.endpoints.events import count_recorded, intake_of, page_of
from api.endpoints.events_answer import HEADERS, LONE_ANSWERS, REASON_OF, IngestResult, document_of
from api.endpoints.events_body import BadEvents, lone_event
from api.filtering.bots import A_BEACONS, PURPOSE_HEADERS
from api.filtering.event_filter import PublicSender
from api.http.asgi import ANY_ORIGIN, Prepared, Scope
from api.http.problems import Problem, fault, problem_of
from api.http.trace import NAME, TRACE, trace_id, trace_line
from api.monitoring import requests
from api.monitoring.access_log import log_access
from ranking.errors import InvalidEventError, PopulerError
from ranking.intake.events import Event, checked_event
from ranking.recording.recorder import ONE_COUNTED, ONE_TAKEN, Recorded
from ranking.settings.sites import SiteSettings

log = structlog.get_logger("api")

UNUSUAL: Final = PURPOSE_HEADERS | {
    b"authorization", b"idempotency-key", b"content-encoding", b"sec-gpc", b"expect"
}  # fmt: skip
"""Headers that leave a request to `post_events`."""

MOST_BYTES: Final = 4_096

Answer = Callable[[Prepared], None]


def take(context: Context, scope: Scope, body: bytearray, answer: Answer) -> bool:
    """Record the event of a request whose body is `body`, and call `answer` once; False: do it another way."""
    listed = scope["headers"]
    headers: dict[bytes, bytes] = dict(listed)
    settings, event_filter = context.settings, context.event_filter
    ingest, site = settings.ingest, settings.sites[0]
    agent, peer = headers.get(b"user-agent"), scope["client"]
    if (
        scope["query_string"]
        or agent is None
        or len(headers) < len(listed)  # one of them twice
        or not UNUSUAL.isdisjoint(headers)
        or headers.get(b"sec-fetch-mode", b"cors") not in A_BEACONS
        or headers.get(b"sec-fetch-dest", b"empty") not in A_BEACONS
        or b"ndjson" in headers.get(b"content-type", b"")
        or len(body) > min(MOST_BYTES, ingest.max_body)
        or site.proof == "required"
        or not event_filter.may_send(site, headers)
        or (wire := lone_event(body)) is None
    ):
        return False
    sender = event_filter.sender(site.id, peer[0] if peer else None, headers.get(b"x-forwarded-for"), agent)
    client, reader = sender.client, sender.reader
    if sender.is_robot or client.route == "untrusted":
        return False
    now = context.clock()
    identify = reader if event_filter.tells_visitors(headers) else None
    page = "" if wire.url is None and wire.page is None else page_of(headers)
    try:
        event = checked_event(wire, intake_of(context, site, now, identify, page, trusted=False))
    except InvalidEventError:
        return False
    unwaited = ingest.ack == "memory"
    if unwaited and context.recorder.known_repeats(site.id, (event,)):
        return False  # who sends it never learns that, and is charged
    if not event_filter.reserve(sender, event, now):
        return False
    network = None if reader is None else reader.network
    scope[TRACE] = trace_line(headers.get(NAME))
    waiting = _Waiting(context, site, sender, event, now, scope, answer)
    done = None if unwaited else waiting.end
    if not context.recorder.submit(site.id, event, done, received=now, network=network):
        event_filter.release(sender, event)
        return False
    if event.page:
        context.page_addresses.add(site, (event,))
    if reader is not None and network is not None:
        context.attempts.add(site.id, (event,), network.now, reader.agent, now)
    if not client.local:
        context.alarm_facts.senders.add(site.id, client.address, client.route, 1, now)
    if unwaited:
        waiting.end(ONE_TAKEN)
    return True


class _Waiting(NamedTuple):
    """An event on its way into the store, and whom to answer."""

    context: Context
    site: SiteSettings
    sender: PublicSender
    event: Event
    received: float
    scope: Scope
    send: Answer

    def end(self, outcome: Recorded | Exception) -> None:
        """Answer the request: `outcome` is what became of its event."""
        if isinstance(outcome, Exception):
            self.answer(self._refusal(outcome))
            return
        context, event, received = self.context, self.event, self.received
        if outcome is not ONE_COUNTED and outcome.outcomes[0] in REASON_OF:
            context.event_filter.release(self.sender, event)
            context.event_filter.charge_one(self.sender, received)
        count_recorded(context, self.site, (event,), outcome, received)
        self.answer(LONE_ANSWERS.get(outcome) or Prepared(202, HEADERS, _document(outcome)))

    def answer(self, prepared: Prepared) -> None:
        """Answer with `prepared`, and observe how long it took, by the clock that was read when it came."""
        self.send(prepared)
        status, took_s = prepared.status, self.context.clock() - self.received
        if status == 202:
            requests.observe_taken(took_s)
        else:
            requests.observe(requests.EVENTS, status, took_s)
        if self.context.settings.service.access_log:
            log_access("POST", "/v1/events", status, took_s, trace_id=trace_id(self.scope[TRACE]))

    def _refusal(self, error: Exception) -> Prepared:
        if isinstance(error, PopulerError):
            self.context.event_filter.release(self.sender, self.event)
            return problem_answer(problem_of(error))
        log.error("request failed", path="/v1/events", trace_id=trace_id(self.scope[TRACE]), exc_info=error)
        return problem_answer(fault())


def problem_answer(problem: Problem) -> Prepared:
    """A problem as the answer to any page."""
    return Prepared(problem.status, [*problem.headers, ANY_ORIGIN], problem.body)


def _document(recorded: Recorded) -> bytes:
    return document_of(IngestResult(recorded, (0,), {}, BadEvents(), 1), each=False)
