"""What reports answer and are asked by, for the OpenAPI document."""

from api.endpoints.openapi import (
    COUNT,
    COUNT_OR_NULL,
    NUMBER,
    NUMBER_OR_NULL,
    OBJECT,
    TEXT,
    TEXT_OR_NULL,
    Json,
    answer,
    list_of,
    whole,
)
from ranking.reporting.item_history import MOST_STEPS, STEPS
from ranking.reporting.top import BY, ITEM, MOST_ROWS

USUAL_ROWS = 20
KINDS = ("views", "clicks")

COUNTS: Json = {"views": COUNT, "clicks": COUNT}
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
        "at": {**NUMBER, "description": "the moment that the counts are of, in epoch seconds"},
        "from": {**NUMBER, "description": "of whole buckets, in epoch seconds"},
        "to": NUMBER,
        "by": {**TEXT, "enum": list(BY)},
        "list": TEXT_OR_NULL,
        "total": {**whole(COUNTS), "description": "of all known items"},
        "unknown": {
            **whole({"items": COUNT, **COUNTS}),
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
BY_STEP: Json = {kind: {**list_of(COUNT), "description": f"{kind} of each step"} for kind in KINDS}
HISTORY_TEXTS: dict[str, str] = {
    "step": f"{' or '.join(STEPS)}, of the site's own clock; default: hour; at most the last {MOST_STEPS}",
    "from": "ISO 8601 or epoch seconds; default: its publication",
    "to": "default: now",
    "format": "json or csv; default: json",
}
HISTORY_ANSWER = whole(
    {
        "at": {**NUMBER, "description": "the moment that the counts are of, in epoch seconds"},
        "id": TEXT,
        "title": TEXT,
        "url": TEXT_OR_NULL,
        "section": TEXT_OR_NULL,
        "author": TEXT_OR_NULL,
        "published_at": NUMBER_OR_NULL,
        "from": {**NUMBER, "description": "of whole steps"},
        "to": NUMBER,
        "step": {**TEXT, "enum": list(STEPS)},
        "steps": {**list_of(NUMBER), "description": "when each begins, in epoch seconds"},
        **BY_STEP,
        "total": whole(COUNTS),
        "sources": {
            "type": "array",
            "items": whole({"name": TEXT_OR_NULL, **BY_STEP}),
            "description": "the same by source; null: of events that named none",
        },
        "ranks": {
            "type": "object",
            "description": "by list, at each hour that is kept: the rank on its first page, or null",
            "additionalProperties": list_of(whole({"at": NUMBER, "rank": COUNT_OR_NULL})),
        },
        "concentration": {"type": ["object", "null"], "description": "of its last hour, as `explain` has it"},
        "voids": {"type": "array", "items": OBJECT, "description": "in force"},
    }
)
MOVES: Json = {
    **list_of(OBJECT),
    "description": "an item as in reports by item, with `rank` and `previous_rank` (one `movement` ago), null: none",
}
TODAY_ANSWER = whole(
    {
        "at": NUMBER,
        "hour": {
            "type": "object",
            "description": "`from`, `to`, `views`, `clicks`, and the same of `week_ago`; null: unknown",
        },
        "sections": list_of(whole({"name": TEXT_OR_NULL, **COUNTS, "week_ago_views": COUNT_OR_NULL})),
        "lists": list_of(
            whole(
                {
                    "name": TEXT,
                    "title": TEXT,
                    "movement_s": NUMBER,
                    "entering": MOVES,
                    "leaving": MOVES,
                    "rising": MOVES,
                    "clicks": {
                        "type": "object",
                        "description": "of the last 24 hours: `clicks` in the list, `share_of_views` of the site,"
                        " and `places`: `place`, `clicks`, `share` of the list's clicks",
                    },
                }
            )
        ),
        "trending_outside": {
            **list_of(OBJECT),
            "description": "items on the first page of a burst `list` that no other list has on that of their section",
        },
        "unlisted": {
            **list_of(OBJECT),
            "description": "the items most read in the last hour that no list has on its first page, with `reasons`:"
            " list -> `rule`, `why`, and the `rank` beyond that page",
        },
    }
)


def with_csv(schema: Json) -> dict[int | str, Json]:
    """A good answer as JSON, or as CSV."""
    good = answer("As of the last refresh.", schema)
    good["content"]["text/csv"] = {"schema": TEXT}
    return {200: good}


TOP = with_csv(TOP_ANSWER)
HISTORY = with_csv(HISTORY_ANSWER)
TODAY: dict[int | str, Json] = {200: answer("As of the last refresh.", TODAY_ANSWER)}
