"""Parts of the OpenAPI document that several endpoints share. FastAPI writes the rest from its routes."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
COUNT: Json = {"type": "integer"}
OBJECT: Json = {"type": "object"}
TEXT_OR_NULL: Json = {"type": ["string", "null"]}
NUMBER_OR_NULL: Json = {"type": ["number", "null"]}
COUNT_OR_NULL: Json = {"type": ["integer", "null"]}

ERRORS: dict[int, str] = {
    400: "The body or a parameter is malformed.",
    401: "A key is needed, or the given one is none of the site's.",
    403: "The key may not do this.",
    404: "There is no such thing here.",
    409: "It was changed since; the detail says what to do first.",
    413: "The body is too large.",
    415: "The body's encoding is neither plain nor gzip.",
    422: "What was given cannot be used; the detail says why.",
    503: "Not now: send it again after Retry-After seconds.",
}


def problems(*statuses: int) -> dict[int | str, Json]:
    """Error answers of a route, by status."""
    return {status: problem(ERRORS[status]) for status in statuses}


def whole(properties: Json) -> Json:
    """An object with all of these members required."""
    return {"type": "object", "required": list(properties), "properties": properties}


INVALID: Json = {
    "type": "array",
    "description": "which could not be used, and why; `index` from 0",
    "items": whole({"index": COUNT, "error": TEXT}),
}
PROBLEM: Json = whole(
    {
        "type": TEXT,
        "title": TEXT,
        "status": COUNT,
        "detail": {**TEXT, "description": "what to do, as a sentence"},
    }
)
SITE: Json = {"name": "site", "in": "query", "schema": TEXT, "description": "default: the first site"}


def query_parameters(texts: Mapping[str, str]) -> Json:
    """`site` and a route's other query parameters (name -> description), for `openapi_extra`."""
    named = ({"name": name, "in": "query", "schema": TEXT, "description": text} for name, text in texts.items())
    return {"parameters": [SITE, *named]}


def list_of(schema: Json) -> Json:
    """An array of what a schema says."""
    return {"type": "array", "items": schema}


def problem(description: str) -> Json:
    """An error answer."""
    return {"description": description, "content": {"application/problem+json": {"schema": PROBLEM}}}


def json_request(schema: Json, *, required: bool = True) -> Json:
    """A request with a JSON body, for `openapi_extra`."""
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def answer(description: str, schema: Json) -> Json:
    """An answer with a JSON body."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def bounds() -> Json:
    """Error answers of every operation, given before a route is chosen."""
    return {"414": problem("The address is too long."), "431": problem("The headers are too large.")}
