"""What a request of events is answered: how many count, and what became of the others."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from api.endpoints.events_body import BadEvents
from api.http import asgi
from api.http.asgi import ANY_ORIGIN
from api.http.problems import Problem
from ranking.intake.visits import CONCENTRATED, REFUSED, REPEATED
from ranking.recording.recorder import LONE, ONE_TAKEN, Recorded

HEADERS = (asgi.JSON, ANY_ORIGIN, (b"cache-control", b"no-store"))
ACCEPTED, DUPLICATE, LIMITED, NEW_ITEM = "accepted", "duplicate", "limited", "new_item"
HOST, PROOF = "host", "proof"
#: What the store may make of an event that does not count, and the reason that is given.
REASON_OF = {REPEATED: DUPLICATE, REFUSED: NEW_ITEM, CONCENTRATED: "concentrated"}


class IngestResult(msgspec.Struct, frozen=True):
    """What became of `count` events: `recorded` of those at `places` in the body, and those left out, by reason."""

    recorded: Recorded
    places: Sequence[int]
    left_out: Mapping[int, str]
    bad: BadEvents
    count: int


def problem_of_invalid(bad: BadEvents) -> Problem:
    """The answer where none of the events is valid."""
    first = bad.first[0]
    return Problem(
        422,
        "invalid events",
        f"none of the {bad.count} events can be counted; event {first.index}: {first.error}",
        accepted=0,
        **_named(bad),
    )


def _named(bad: BadEvents) -> dict[str, Any]:
    """What an answer says of bad events: the first of them, and how many there are where that is more."""
    total = {"invalid_total": bad.count} if bad.count > len(bad.first) else {}
    return {"invalid": bad.first, **total}


def document_of(result: IngestResult, *, each: bool) -> bytes:
    """The answer as JSON; `each`: with the outcome of every event."""
    recorded = result.recorded
    filtered: dict[str, int] = {}
    for reason in result.left_out.values():
        filtered[reason] = filtered.get(reason, 0) + 1
    for outcome in (REFUSED, CONCENTRATED):
        if count := recorded.outcomes.count(outcome):
            filtered[REASON_OF[outcome]] = count
    document: dict[str, object] = {
        "accepted": recorded.accepted,
        "duplicate": recorded.repeated,
        "filtered": filtered,
        **_named(result.bad),
        "ack": recorded.ack,
    }
    if each:
        document["results"] = _results(result)
    return msgspec.json.encode(document)


def _results(result: IngestResult) -> list[str]:
    """The outcome of each event, in the order of the body."""
    by_place = dict(result.left_out) | {
        place: REASON_OF.get(outcome, ACCEPTED)
        for place, outcome in zip(result.places, result.recorded.outcomes, strict=True)
    }
    return [by_place.get(place, "invalid") for place in range(result.count)]


#: The answers to nearly all events that come alone, by what became of them.
LONE_ANSWERS = {
    recorded: asgi.Prepared(202, HEADERS, document_of(IngestResult(recorded, (0,), {}, BadEvents(), 1), each=False))
    for recorded in (*LONE.values(), ONE_TAKEN)
}
