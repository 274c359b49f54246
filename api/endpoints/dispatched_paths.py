"""OpenAPI path items of what the dispatcher serves, which FastAPI does not see: events, pixel, lists, pages."""

from api.endpoints.openapi import INVALID, SITE, Json, answer, problem, whole
from api.serving.formats import FORMS, JSON, KNOWN
from ranking.intake.reader_filter import PARAMETERS as READER_FILTERS

EVENT: Json = {
    "type": "object",
    "description": "`item` or `url` is needed",
    "properties": {
        "item": {"type": "string", "minLength": 1, "maxLength": 512, "description": "the item's id"},
        "url": {"type": "string", "maxLength": 2048, "description": "its address, where there is no `item`"},
        "kind": {"type": "string", "default": "view", "description": "one of ingest.kinds"},
        "visitor": {"type": "string", "maxLength": 256, "description": "opaque; its repeats do not count"},
        "source": {
            "type": "string",
            "description": "list:NAME for a click made in a list; without a key it weighs as a view unless that list"
            " has shown the item at `position`",
        },
        "position": {"type": "integer", "minimum": 1, "description": "place in that list, from 1"},
        "ts": {"type": "number", "description": "epoch seconds; honoured with the site's write key only"},
        "id": {"type": "string", "maxLength": 256, "description": "of the event; it counts once a day"},
        "ref": {
            "type": ["string", "null"],
            "description": "of the first view of a visit the host of the page before, empty without one; only its class"
            " is kept (sites.referrers)",
        },
        "token": {"type": "string", "description": "a page token, where sites.proof asks for one"},
        "page": {
            "type": "string",
            "description": "where an item with another id is read; its description may be found there",
        },
    },
}


ENTRY: Json = whole(
    {
        "rank": {"type": "integer"},
        "id": {"type": "string"},
        "title": {"type": "string"},
        "url": {"type": ["string", "null"]},
        "section": {"type": ["string", "null"]},
        "published_at": {"type": ["number", "null"], "description": "epoch seconds"},
        "published_label": {"type": "string", "examples": ["Senin, 01 Desember 2025 | 02:29"]},
        "image": {"type": ["string", "null"]},
        "score": {
            "type": ["number", "null"],
            "description": "null where there is none: in a latest list, of what is"
            " pinned without being ranked, and on a further page of what has left the list since",
        },
        "views": {
            "type": "integer",
            "description": "of the last `views_span_s`, whatever span the list looks at; 0 of what is not ranked",
        },
        "previous_rank": {"type": ["integer", "null"]},
        "is_new": {"type": "boolean"},
        "source": {"type": "string", "enum": ["ranked", "pinned", "fill"]},
    }
)
ENTRY["properties"]["times_usual"] = {
    "type": "number",
    "description": "in burst lists by excess or chi-square without hold: how many times its usual an item was read in"
    " the short span",
}
LIST: Json = whole(
    {
        "list": {"type": "string"},
        "site": {"type": "string"},
        "section": {"type": ["string", "null"]},
        "title": {"type": "string"},
        "generation": {"type": "integer", "description": "with a cursor that of the first page"},
        "generated_at": {"type": "number", "description": "epoch seconds; with a cursor that of the first page"},
        "age_s": {"type": "integer"},
        "stale": {"type": "boolean", "description": "the list is not refreshed as it should be"},
        "config_version": {"type": "string"},
        "items": {"type": "array", "items": ENTRY},
        "next": {"type": ["string", "null"]},
        "more_label": {"type": "string", "examples": ["Selengkapnya"], "description": "of a link to the whole list"},
        "views_label": {
            "type": "string",
            "examples": ["Dibaca {} kali"],
            "description": "of an item's views, which stand at the braces",
        },
        "language": {"type": "string", "examples": ["id"], "description": "of the site"},
        "views_span_s": {"type": "number", "description": "what `views` are of: the last so many seconds"},
    }
)
LIST["properties"] |= {
    "filter": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "the filters beside `section` that were asked for, in their common form; absent without",
    },
    "pending": {
        "type": "boolean",
        "description": "true: these filters were not asked for lately and nobody has ranked what they take: `items` is"
        " empty, and ask again in a moment; absent otherwise",
    },
}
RESULTS: Json = {
    "name": "results",
    "in": "query",
    "schema": {"type": "boolean", "default": False},
    "description": "answer with the outcome of each event",
}
ONCE: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "a request sent again under its key within 24 hours counts once",
}
SECTION: Json = {"name": "section", "in": "query", "schema": {"type": "string"}}
FILTERS: list[Json] = [
    {
        "name": name,
        "in": "query",
        "schema": {"type": "boolean" if name == "premium" else "string"},
        "description": "items whose description says so, without regard to case and blanks, before the limit",
    }
    for name in READER_FILTERS
]
LIMIT: Json = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}}
EXCLUDE: Json = {
    "name": "exclude",
    "in": "query",
    "schema": {"type": "array", "items": {"type": "string"}, "maxItems": 50},
    "description": "items to leave out before the limit, such as the open article. A page may as well ask for one more"
    " than it shows and leave its own article out itself: then all pages share one address, which caches can hold.",
}
CURSOR: Json = {
    "name": "cursor",
    "in": "query",
    "schema": {"type": "string"},
    "description": "`next` of the answer before. It names the generation that the first page was of: its items follow"
    " in their order then, whatever has moved since, without those that were taken down or blocked. Good for"
    " `refresh.paging` (10 minutes) after the first page.",
}
FORMAT: Json = {
    "name": "format",
    "in": "query",
    "schema": {"type": "string", "enum": list(KNOWN), "default": JSON},
    "description": "html: a fragment for a page; feed: JSON Feed 1.1; rss: RSS 2.0; jsonld: schema.org's ItemList",
}


def dispatched_paths() -> Json:
    """The path items by path."""
    return {
        "/v1/events": {"post": _post_events()},
        "/v1/pixel.gif": {"get": _get_pixel()},
        "/v1/dot.gif": {"get": _get_pixel("The same under a name that filter lists do not have")},
        "/v1/lists/{list}": {"get": _get_list()},
        "/v1/lists/{list}/stream": {"get": _get_stream()},
        "/v1/lists": {"get": _get_lists()},
        "/lists/{list}": {"get": _get_page()},
    }


def _post_events() -> Json:
    accepted = whole(
        {
            "accepted": {"type": "integer"},
            "duplicate": {"type": "integer"},
            "filtered": {"type": "object", "additionalProperties": {"type": "integer"}},
            "invalid": INVALID,
            "ack": {"type": "string", "enum": ["memory", "commit", "replica", "disk", "spool"]},
        }
    )
    accepted["properties"]["invalid_total"] = {
        "type": "integer",
        "description": "the number of invalid events, where it exceeds the ten that are named",
    }
    accepted["properties"]["results"] = {
        "type": "array",
        "items": {"type": "string"},
        "description": "the outcome of each event, with `?results=true`",
    }
    forms = {
        "oneOf": [
            EVENT,
            {"type": "array", "items": EVENT},
            {"type": "object", "required": ["events"], "properties": {"events": {"type": "array", "items": EVENT}}},
        ]
    }
    return {
        "tags": ["events"],
        "summary": "Record events",
        "description": "Answered when the events are counted in the store. One event a line (NDJSON) is taken too.",
        "parameters": [SITE, ONCE, RESULTS],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": forms},
                "text/plain": {"schema": {"type": "string"}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        },
        "responses": {
            "202": answer("The good events are counted; `invalid` says why the others are not.", accepted),
            "400": problem("The body is not JSON."),
            "401": problem("The key is none of the site's."),
            "403": problem("The site takes no events from this page."),
            "404": problem("No such site."),
            "413": problem("The body is too large."),
            "415": problem("The body's encoding is neither plain nor gzip."),
            "422": problem("None of the events can be counted."),
            "429": problem("This address sends too much: send it again after Retry-After seconds."),
            "503": problem("The store does not answer: send it again after Retry-After seconds."),
        },
    }


def _get_pixel(summary: str = "Record one event by an image") -> Json:
    names = ("item", "url", "kind", "source", "position", "visitor", "id", "token", "page")
    parameters = [{"name": name, "in": "query", "schema": EVENT["properties"][name]} for name in names]
    return {
        "tags": ["events"],
        "summary": summary,
        "parameters": [SITE, *parameters],
        "responses": {
            "200": {"description": "Counted. A transparent dot.", "content": {"image/gif": {}}},
            "403": problem("The site takes no events from this page."),
            "404": problem("No such site."),
            "422": problem("The event cannot be counted."),
            "429": problem("This address sends too much."),
            "503": problem("The store does not answer."),
        },
    }


def _reading(summary: str, parameters: list[Json], schema: Json) -> Json:
    return {
        "tags": ["lists"],
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": answer("As published; `age_s` and `stale` say how old it is.", schema),
            "304": {"description": "Not changed since the ETag in If-None-Match."},
            "400": problem("A parameter cannot be used."),
            "404": problem("No such list, section or site."),
            "410": problem("The cursor's generation is kept no longer: start again without the cursor."),
            "503": problem("Not ranked yet."),
        },
    }


def _get_list() -> Json:
    name = {"name": "list", "in": "path", "required": True, "schema": {"type": "string"}}
    operation = _reading("Read a list", [name, SITE, SECTION, *FILTERS, LIMIT, EXCLUDE, CURSOR, FORMAT], LIST)
    for form in FORMS.values():
        media_type = dict(form.headers)[b"content-type"].decode()
        schema = {"type": "object" if media_type.endswith("json") else "string"}
        operation["responses"]["200"]["content"][media_type] = {"schema": schema}
    return operation


def _get_stream() -> Json:
    name = {"name": "list", "in": "path", "required": True, "schema": {"type": "string"}}
    last = {
        "name": "Last-Event-ID",
        "in": "header",
        "schema": {"type": "string"},
        "description": "the generation that the client has; it gets the later ones",
    }
    return {
        "tags": ["lists"],
        "summary": "Follow a list's changes (server-sent events)",
        "description": "A message for every generation, its `id`; where a reader sees another list than before, with"
        " the list's answer as its `data`. There is no end to it: when the service stops, browsers come back.",
        "parameters": [name, SITE, SECTION, *FILTERS, LIMIT, EXCLUDE, last],
        "responses": {
            "200": {"description": "Messages, as they come.", "content": {"text/event-stream": {}}},
            "400": problem("A parameter cannot be used."),
            "404": problem("No such list, section or site."),
            "503": problem("Not ranked yet, or there are too many streams: come back after Retry-After seconds."),
        },
    }


def _get_lists() -> Json:
    names = {"name": "names", "in": "query", "schema": {"type": "string"}, "description": "such as populer,update"}
    lists = whole({"lists": {"type": "object", "additionalProperties": LIST}})
    lists["properties"]["missing"] = {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "lists that were asked for and are not there, and why; absent where all are",
    }
    return _reading("Read several lists at once", [names, SITE, SECTION, *FILTERS, LIMIT, EXCLUDE], lists)


def _get_page() -> Json:
    name = {"name": "list", "in": "path", "required": True, "schema": {"type": "string"}}
    page: Json = {"text/html; charset=utf-8": {"schema": {"type": "string"}}}
    statuses = {
        "200": "The list as a page, in the site's language.",
        "400": "A parameter cannot be used.",
        "404": "No such list, section or site.",
        "503": "Not ranked yet.",
    }
    responses: Json = {status: {"description": each, "content": page} for status, each in statuses.items()}
    return {
        "tags": ["pages"],
        "summary": "The page of a list",
        "parameters": [name, SITE, SECTION, *FILTERS, CURSOR],
        "responses": {
            **responses,
            "303": {"description": "The cursor is too old: start again without it."},
            "304": {"description": "Not changed since the ETag in If-None-Match."},
        },
    }
