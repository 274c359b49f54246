"""OpenAPI schemas of answers that are made elsewhere: explanations, previews, edits, and the state of a worker."""

from typing import Final

from api.endpoints.openapi import Json, whole

TEXT: Final[Json] = {"type": "string"}
NUMBER: Final[Json] = {"type": "number"}
COUNT: Final[Json] = {"type": "integer"}
MAYBE: Final[Json] = {"type": ["number", "null"]}
OBJECT: Final[Json] = {"type": "object"}
SECTION: Final[Json] = {"type": ["string", "null"], "examples": ["Politik"]}
UNTIL: Final[Json] = {"type": ["number", "null"], "description": "epoch seconds; null: until it is lifted"}
AT: Final[Json] = {"type": "number", "description": "epoch seconds", "examples": [1764530940]}


def _list_of(schema: Json) -> Json:
    return {"type": "array", "items": schema}


PINNED: Final = whole(
    {
        "list": {**TEXT, "examples": ["populer"]},
        "section": SECTION,
        "item": {**TEXT, "examples": ["berita-1"]},
        "position": {**COUNT, "minimum": 1},
        "until": UNTIL,
        "set_at": AT,
    }
)
BOOSTED: Final = whole({"list": TEXT, "item": TEXT, "factor": NUMBER, "until": UNTIL, "set_at": AT})
BLOCKED: Final = whole({"item": TEXT, "reason": TEXT, "until": UNTIL, "set_at": AT})
CHANGE: Final[Json] = {
    "type": "object",
    "required": ["edition", "at", "by", "action"],
    "properties": {
        "edition": {**COUNT, "description": "what `undo` takes"},
        "at": AT,
        "by": {**TEXT, "description": "name of the key", "examples": ["siti"]},
        "action": {**TEXT, "examples": ["pin"]},
        "list": TEXT,
        "section": SECTION,
        "item": TEXT,
        "before": {"type": ["object", "null"]},
        "after": {"type": ["object", "null"]},
    },
}
UNDONE: Final = whole({"edition": COUNT, "undone": _list_of(OBJECT)})
PINS: Final = whole({"pins": _list_of(PINNED)})
BOOSTS: Final = whole({"boosts": _list_of(BOOSTED)})
BLOCKS: Final = whole({"blocks": _list_of(BLOCKED)})
CHANGES: Final = whole({"changes": _list_of(CHANGE)})
NEIGHBOUR: Final[Json] = {
    "type": ["object", "null"],
    "properties": {"rank": COUNT, "item": TEXT, "score": NUMBER, "margin": NUMBER},
}
BUCKET: Final = whole(dict.fromkeys(("start_s", "width_s", "age_s", "events", "weight", "part", "voided"), NUMBER))
CHANNEL: Final = whole(
    {
        "channel": TEXT,
        "kind": {**TEXT, "examples": ["view"]},
        "source": {"type": ["string", "null"]},
        "position": {"type": ["integer", "null"]},
        "weight": NUMBER,
        "events": NUMBER,
        "decayed": NUMBER,
        "part": {**NUMBER, "description": "weight x decayed"},
        "buckets": _list_of(BUCKET),
        "voided": NUMBER,
    }
)
EXPLANATION: Final[Json] = {
    "type": "object",
    "required": ["item", "list", "rank", "rule", "why", "score", "channels"],
    "properties": {
        "item": {**TEXT, "examples": ["berita-1"]},
        "title": {"type": ["string", "null"]},
        "list": {**TEXT, "examples": ["populer"]},
        "section": TEXT,
        "at": AT,
        "rank": {"type": ["integer", "null"], "description": "null: it is not listed", "examples": [1]},
        "place": {"type": ["integer", "null"], "description": "by its score alone"},
        "shown": {"type": ["integer", "null"], "description": "with pins laid over the list"},
        "rule": {**TEXT, "examples": ["listed"], "description": "what keeps it out"},
        "why": {**TEXT, "examples": ["it may be listed"]},
        "formula": TEXT,
        "score": MAYBE,
        "channels": _list_of(CHANNEL),
        "left_out": {**OBJECT, "description": "events that were left out, by reason"},
        "voids": _list_of(OBJECT),
        "above": NEIGHBOUR,
        "below": NEIGHBOUR,
    },
}
PREVIEW_ENTRY: Final[Json] = {
    "type": "object",
    "required": ["rank", "id", "score"],
    "properties": {
        "rank": COUNT,
        "id": {**TEXT, "examples": ["berita-1"]},
        "title": TEXT,
        "score": MAYBE,
        "views": COUNT,
        "live_rank": {"type": ["integer", "null"]},
        "move": {"type": ["integer", "null"], "description": "places up"},
    },
}
PREVIEWED: Final[Json] = {
    "type": "object",
    "required": ["list", "settings", "live", "preview", "entered", "left"],
    "properties": {
        "list": {**TEXT, "examples": ["populer"]},
        "site": TEXT,
        "section": SECTION,
        "at": AT,
        "settings": {**OBJECT, "examples": [{"half_life": "3h"}]},
        "live": _list_of(PREVIEW_ENTRY),
        "preview": _list_of(PREVIEW_ENTRY),
        "entered": _list_of({}),
        "left": _list_of({}),
        "decay": {"type": ["object", "null"]},
    },
}
ALIVE: Final = whole({"status": {**TEXT, "const": "ok"}})
READINESS: Final[Json] = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {**TEXT, "enum": ["ready", "not ready"]},
        "worker": {**COUNT, "description": "its process"},
        "lists": {"type": "boolean"},
        "store": {**TEXT, "examples": ["ok"]},
        "oldest_list_age_s": MAYBE,
        "spooled_events": COUNT,
        "draining": {"type": "boolean", "description": "it will stop"},
        "config_version": TEXT,
        "alarms": _list_of(
            {"type": "object", "required": ["alarm", "says"], "properties": {"alarm": TEXT, "says": TEXT}}
        ),
    },
}
LINES: Final = whole(dict.fromkeys(("html", "wordpress", "react", "amp"), TEXT))
NAMED_ANSWERS: Final[dict[str, Json]] = {
    "Pin": PINNED,
    "Boost": BOOSTED,
    "Block": BLOCKED,
    "Change": CHANGE,
    "ScoreNeighbour": NEIGHBOUR,
    "ScoreBucket": BUCKET,
    "ScoreChannel": CHANNEL,
    "Explanation": EXPLANATION,
    "PreviewEntry": PREVIEW_ENTRY,
    "Preview": PREVIEWED,
    "Readiness": READINESS,
}
