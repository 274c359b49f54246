"""The OpenAPI document is valid and complete, so that clients can be generated from it."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate
from servers import Valkey, opened

from api.app import create_app
from ranking.settings.service import Settings

GRADES = {"writeKey", "editorKey", "adminKey"}


@pytest.fixture
async def document(server: Valkey) -> dict[str, Any]:
    async with opened(server.url) as store:
        found: dict[str, Any] = create_app(Settings(), store)._behind._app.openapi()  # type: ignore[attr-defined]
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation."""
    for path, by_method in document["paths"].items():
        for method, operation in by_method.items():
            yield method, path, operation


def test_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)


def test_operations_have_ids_of_their_own_and_say_who_may_call_them(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids) > 50
    assert all(each.isidentifier() and len(each) < 30 for each in ids), ids
    assert set(document["components"]["securitySchemes"]) == GRADES
    for _, path, operation in operations(document):
        for each in operation["security"]:
            assert set(each) <= GRADES, path


async def test_operations_refuse_who_may_not_call_them_and_no_others(service: Any) -> None:
    document = (await service.http.get("/openapi.json")).json()
    for method, path, operation in operations(document):
        if {} in operation["security"]:
            continue
        address = path.replace("{list}", "populer").replace("{item}", "a").replace("{number}", "1")
        answer = await service.http.request(method, address.replace("{edition}", "1"))
        assert answer.status_code == 401, (method, path)


def test_json_answers_have_a_schema_and_an_example_that_it_allows(document: dict[str, Any]) -> None:
    checked = 0
    for method, path, operation in operations(document):
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                if not media_type.endswith("json"):
                    continue
                assert content["schema"], (method, path, status)
                schema = {**content["schema"], "components": document["components"]}
                jsonschema.Draft202012Validator(schema).validate(content["example"])
                checked += 1
                if int(status) >= 400 and path != "/readyz":
                    assert media_type == "application/problem+json", (method, path, status)
                    assert content["example"]["status"] == int(status)
    assert checked > 300


def test_what_a_probe_may_be_answered_is_said(document: dict[str, Any]) -> None:
    answers = {path: set(document["paths"][path]["get"]["responses"]) for path in ("/livez", "/readyz")}
    assert answers["/readyz"] >= {"200", "503"}
    assert "503" not in answers["/livez"], "it never waits for the store"


def test_site_is_said_where_it_is_taken(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        names = {each["name"] for each in operation["parameters"]}
        assert ("site" in names) == path.startswith(("/v1/", "/lists/", "/embed", "/readyz", "/metrics")), (
            method,
            path,
        )


def test_named_schemas_are_used(document: dict[str, Any]) -> None:
    text = str(document)
    for name in document["components"]["schemas"]:
        assert f"'#/components/schemas/{name}'" in text
    assert {"Problem", "List", "ListEntry", "Event", "Item", "Explanation"} <= set(document["components"]["schemas"])
