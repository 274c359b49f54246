"""What reports answer and are asked by, for the OpenAPI document."""

from api.endpoints.openapi import Json, answer, whole
from ranking.reporting.item_history import MOST_STEPS, STEPS
from ranking.reporting.top import BY, ITEM, MOST_ROWS

USUAL_ROWS = 20
KINDS = ("views", "clicks")

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


MOVES: Json = {
    "type": "array",
    "items": {"type": "object"},
    "description": "an item as in reports by item, with `rank` and `previous_rank` (one `movement` ago), null: none",
}
TODAY_ANSWER = whole(
    {
        "at": {"type": "number"},
        "hour": {
            "type": "object",
            "description": "`from`, `to`, `views`, `clicks`, and the same of `week_ago`; null: unknown",
        },
        "sections": {
            "type": "array",
            "items": whole(
                {"name": {"type": ["string", "null"]}, **COUNTS, "week_ago_views": {"type": ["integer", "null"]}}
            ),
        },
        "lists": {
            "type": "array",
            "items": whole(
                {
                    "name": {"type": "string"},
                    "title": {"type": "string"},
                    "movement_s": {"type": "number"},
                    "entering": MOVES,
                    "leaving": MOVES,
                    "rising": MOVES,
                    "clicks": {
                        "type": "object",
                        "description": "of the last 24 hours: `clicks` in the list, `share_of_views` of the site,"
                        " and `places`: `place`, `clicks`, `share` of the list's clicks",
                    },
                }
            ),
        },
        "trending_outside": {
            "type": "array",
            "items": {"type": "object"},
            "description": "items on the first page of a burst `list` that no other list has on that of their section",
        },
        "unlisted": {
            "type": "array",
            "items": {"type": "object"},
            "description": "the items most read in the last hour that no list has on its first page, with `reasons`:"
            " list -> `rule`, `why`, and the `rank` beyond that page",
        },
    }
)


def with_csv(schema: Json) -> dict[int | str, Json]:
    """A good answer as JSON, or as CSV."""
    good = answer("As of the last refresh.", schema)
    good["content"]["text/csv"] = {"schema": {"type": "string"}}
    return {200: good}


TOP = with_csv(TOP_ANSWER)
HISTORY = with_csv(HISTORY_ANSWER)
TODAY: dict[int | str, Json] = {200: answer("As of the last refresh.", TODAY_ANSWER)}
