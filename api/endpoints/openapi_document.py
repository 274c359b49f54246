"""The OpenAPI document as a whole: FastAPI's and the dispatcher's paths, with what clients are generated from.

Every operation gets a short id, the grades of keys that it takes, and for each JSON answer a schema and an example.
What several answers share is a named component, or a generated client would have a class of each per route.
"""

from typing import Any, Final

from fastapi.routing import APIRoute

from api.endpoints.aliases import NAMES_OF_ITEM
from api.endpoints.dispatched_paths import ENTRY, EVENT, LIST
from api.endpoints.editorial import BLOCK, BOOST, PIN
from api.endpoints.items import DESCRIBED, ITEM, OUTCOME, PICTURE, PUT
from api.endpoints.openapi import ERRORS, INVALID, PROBLEM, SITE, Json, problem
from api.endpoints.openapi_answers import NAMED_ANSWERS
from api.endpoints.voids import VOID

#: Components by name; each is referred to somewhere.
NAMED: Final[dict[str, Json]] = {
    "Problem": PROBLEM,
    "InvalidEntry": INVALID["items"],
    "Event": EVENT,
    "ListEntry": ENTRY,
    "List": LIST,
    "Picture": PICTURE,
    "Item": ITEM,
    "StoredItem": DESCRIBED,
    "ChangedItem": PUT,
    "ItemOutcome": OUTCOME,
    "ItemNames": NAMES_OF_ITEM,
    "Void": VOID,
    "PinBody": PIN,
    "BoostBody": BOOST,
    "BlockBody": BLOCK,
    **NAMED_ANSWERS,
}
#: Ids of operations of which the path says more than the name of the function.
IDS: Final[dict[tuple[str, str], str]] = {
    ("post", "/v1/events"): "record_events",
    ("get", "/v1/pixel.gif"): "record_by_pixel",
    ("get", "/v1/dot.gif"): "record_by_dot",
    ("get", "/v1/lists"): "get_lists",
    ("get", "/v1/lists/{list}"): "get_list",
    ("get", "/v1/lists/{list}/stream"): "follow_list",
    ("get", "/lists/{list}"): "get_list_page",
    ("get", "/populer.js"): "get_script",
    ("get", "/populer-track.js"): "get_tracker",
    ("get", "/populer-list.js"): "get_element",
    ("get", "/populer-list.d.ts"): "get_element_types",
    ("get", "/populer-list.{name}.js"): "get_named_element",
    ("get", "/populer.{name}.js"): "get_named_script",
    ("get", "/populer.js.json"): "get_script_lines",
    ("get", "/"): "get_first_page",
    ("get", "/embed"): "get_embed_page",
    ("get", "/embed/lines"): "get_embed_lines",
    ("get", "/ops"): "get_ops_page",
    ("get", "/metrics"): "get_metrics",
    ("put", "/v1/aliases"): "put_aliases",
    ("put", "/v1/items/{item}/aliases"): "put_item_aliases",
}
WRITE: Final[Json] = {"writeKey": []}
EDITOR: Final[Json] = {"editorKey": []}
ADMIN: Final[Json] = {"adminKey": []}
ANYBODY: Final[Json] = {}
#: The beginning of a path -> who may call what is there; the first that fits.
SECURITY: Final[tuple[tuple[str, list[Json]], ...]] = (
    ("/v1/events", [ANYBODY, WRITE, ADMIN]),
    ("/v1/items/{item}/explain", [EDITOR, ADMIN]),
    ("/v1/items/{item}/voids", [EDITOR, ADMIN]),
    ("/v1/items", [WRITE, ADMIN]),
    ("/v1/aliases", [WRITE, ADMIN]),
    ("/v1/lists/{list}/pins", [EDITOR, ADMIN]),
    ("/v1/lists/{list}/boosts", [EDITOR, ADMIN]),
    ("/v1/lists", [ANYBODY]),
    ("/v1/pixel", [ANYBODY]),
    ("/v1/dot", [ANYBODY]),
    ("/v1/ops/traffic", [ADMIN]),
    ("/v1/ops/evidence", [ADMIN]),
    ("/v1/", [EDITOR, ADMIN]),
    ("/readyz", [ANYBODY, ADMIN]),
    ("/metrics", [ANYBODY, ADMIN]),
    ("/", [ANYBODY]),
)
SCHEMES: Final[Json] = {
    f"{grade}Key": {"type": "http", "scheme": "bearer", "description": description}
    for grade, description in (
        ("write", "A site's write key: events with their times, and items."),
        ("editor", "A site's editor key: pins, blocks, boosts, voids, previews, explanations."),
        ("admin", "A site's admin key: all that the others may, and metrics."),
    )
}
#: GET and DELETE have no body that could be too large.
WITHOUT_BODY: Final = ("get", "delete")
OF_BODIES: Final = ("413", "415")
#: Where `site` is taken though the route does not say it.
OF_SITES: Final = ("/v1/lists/{list}/", "/v1/blocks", "/v1/audit", "/v1/edits", "/readyz", "/metrics")


def operation_id(route: APIRoute) -> str:
    """The id of an operation of FastAPI's."""
    return IDS.get((min(route.methods or [""]).lower(), route.path_format)) or route.name


def completed(schema: Json) -> Json:
    """The document with ids, security, schemas, examples and named components."""
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
    components = schema.setdefault("components", {})
    components["securitySchemes"] = SCHEMES
    schema["paths"] = _with_refs(schema["paths"])
    components["schemas"] = {name: _with_refs_inside(named) for name, named in NAMED.items()}
    schema["servers"] = [{"url": "/"}]
    return schema


def _complete(path: str, method: str, operation: Json) -> None:
    operation["operationId"] = IDS.get((method, path)) or operation["operationId"]
    operation["security"] = next(grades for start, grades in SECURITY if path.startswith(start))
    parameters = operation.setdefault("parameters", [])
    if path.startswith(OF_SITES) and not any(each["name"] == "site" for each in parameters):
        parameters.append(SITE)
    responses = operation["responses"]
    if method in WITHOUT_BODY:
        for status in OF_BODIES:
            responses.pop(status, None)
    if "422" in responses and "application/problem+json" not in responses["422"].get("content", {}):
        responses["422"] = problem(ERRORS[422])  # FastAPI writes a form of its own there
    for status, response in responses.items():
        for media_type, content in response.get("content", {}).items():
            if media_type.endswith("json") and "schema" in content and "example" not in content:
                content["example"] = _problem_example(status, response) or example_of(content["schema"])


def _problem_example(status: str, response: Json) -> Json | None:
    if "application/problem+json" not in response["content"]:
        return None
    title = response["description"].partition(":")[0].rstrip(".").lower()
    return {"type": "about:blank", "title": title, "status": int(status), "detail": response["description"]}


def example_of(schema: Json) -> Any:
    """A value that a schema allows: its own example where it has one, else of its parts.

    >>> example_of({"type": "object", "properties": {"rank": {"type": "integer"}, "id": {"examples": ["a"]}}})
    {'rank': 1, 'id': 'a'}
    """
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("example", "const", "default"):
        if name in schema:
            return schema[name]
    if choice := schema.get("oneOf") or schema.get("anyOf"):
        schema = {**schema, **choice[0]} if "type" in schema else choice[0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [example_of(schema["items"])] if schema.get("items") else []
    if kind == "object":
        members = {name: example_of(member) for name, member in schema.get("properties", {}).items()}
        others = schema.get("additionalProperties")
        return {"populer": example_of(others)} if isinstance(others, dict) and others and not members else members
    if kind == "string":
        return "text"[: schema.get("maxLength", 4)]
    return {"boolean": False, "null": None}.get(kind, max(1, schema.get("minimum", 1)))


def _with_refs(node: Any) -> Any:
    """A part of the document, with references in place of the named schemas."""
    if isinstance(node, dict):
        for name, schema in NAMED.items():
            if node == schema:
                return {"$ref": f"#/components/schemas/{name}"}
        return _with_refs_inside(node)
    return [_with_refs(each) for each in node] if isinstance(node, list) else node


def _with_refs_inside(node: Json) -> Json:
    return {name: each if name == "example" else _with_refs(each) for name, each in node.items()}
