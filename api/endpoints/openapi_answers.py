"""OpenAPI schemas of answers that are made elsewhere: explanations, previews, edits, and the state of a worker."""

from typing import Final

from api.endpoints.openapi import (
    COUNT,
    COUNT_OR_NULL,
    NUMBER,
    NUMBER_OR_NULL,
    OBJECT,
    TEXT,
    TEXT_OR_NULL,
    Json,
    list_of,
    whole,
)

SECTION: Final[Json] = {**TEXT_OR_NULL, "examples": ["Politik"]}
UNTIL: Final[Json] = {**NUMBER_OR_NULL, "description": "epoch seconds; null: until it is lifted"}
AT: Final[Json] = {**NUMBER, "description": "epoch seconds", "examples": [1764530940]}


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
UNDONE: Final = whole({"edition": COUNT, "undone": list_of(OBJECT)})
PINS: Final = whole({"pins": list_of(PINNED)})
BOOSTS: Final = whole({"boosts": list_of(BOOSTED)})
BLOCKS: Final = whole({"blocks": list_of(BLOCKED)})
CHANGES: Final = whole({"changes": list_of(CHANGE)})
NEIGHBOUR: Final[Json] = {
    "type": ["object", "null"],
    "properties": {"rank": COUNT, "item": TEXT, "score": NUMBER, "margin": NUMBER},
}
BUCKET: Final = whole(dict.fromkeys(("start_s", "width_s", "age_s", "events", "weight", "part", "voided"), NUMBER))
CHANNEL: Final = whole(
    {
        "channel": TEXT,
        "kind": {**TEXT, "examples": ["view"]},
        "source": TEXT_OR_NULL,
        "position": COUNT_OR_NULL,
        "weight": NUMBER,
        "events": NUMBER,
        "decayed": NUMBER,
        "part": {**NUMBER, "description": "weight x decayed"},
        "buckets": list_of(BUCKET),
        "voided": NUMBER,
    }
)
EXPLANATION: Final[Json] = {
    "type": "object",
    "required": ["item", "list", "rank", "rule", "why", "score", "channels"],
    "properties": {
        "item": {**TEXT, "examples": ["berita-1"]},
        "title": TEXT_OR_NULL,
        "list": {**TEXT, "examples": ["populer"]},
        "section": TEXT,
        "at": AT,
        "rank": {**COUNT_OR_NULL, "description": "null: it is not listed", "examples": [1]},
        "place": {**COUNT_OR_NULL, "description": "by its score alone"},
        "shown": {**COUNT_OR_NULL, "description": "with pins laid over the list"},
        "rule": {**TEXT, "examples": ["listed"], "description": "what keeps it out"},
        "why": {**TEXT, "examples": ["it may be listed"]},
        "formula": TEXT,
        "score": NUMBER_OR_NULL,
        "channels": list_of(CHANNEL),
        "left_out": {**OBJECT, "description": "events that were left out, by reason"},
        "voids": list_of(OBJECT),
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
        "score": NUMBER_OR_NULL,
        "views": COUNT,
        "live_rank": COUNT_OR_NULL,
        "move": {**COUNT_OR_NULL, "description": "places up"},
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
        "live": list_of(PREVIEW_ENTRY),
        "preview": list_of(PREVIEW_ENTRY),
        "entered": list_of({}),
        "left": list_of({}),
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
        "oldest_list_age_s": NUMBER_OR_NULL,
        "spooled_events": COUNT,
        "draining": {"type": "boolean", "description": "it will stop"},
        "config_version": TEXT,
        "alarms": list_of(
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
