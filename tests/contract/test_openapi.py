"""Whatever a client makes of the OpenAPI document, the service answers as the document says and never with a 5xx."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from soak import either

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import Service, serving, wait_until

#: What an answer is held to; that what the document forbids is refused is for the tests of each route to say.
HELD_TO = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("openapi") / "data") as service, service.client() as client:
        client.put("/v1/items", json=[{"id": "a", "title": "A", "section": "Politik"}])
        client.post("/v1/events", json={"item": "a"})
        wait_until(lambda: bool(client.get("/v1/lists/populer").json().get("items")))
        yield service


@pytest.fixture(scope="module")
def document(running: Service) -> Any:
    return schemathesis.openapi.from_url(f"{running.url}/openapi.json")


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_every_answer_is_one_of_those_in_the_document(document: Any, running: Service) -> None:
    keys = json.loads((running.data_dir / "keys.json").read_text())["default"]
    headers = {"Authorization": f"Bearer {keys['admin']}"}
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 12

    def holds(operation: Any) -> None:
        @settings(max_examples=either(40, 2_000), deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def answers(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=HELD_TO)

        answers()

    for operation in operations:
        holds(operation)


def test_the_document_has_every_route(running: Service) -> None:
    paths = httpx.get(f"{running.url}/openapi.json").json()["paths"]
    assert {"/v1/events", "/v1/pixel.gif", "/v1/lists", "/v1/lists/{list}", "/v1/items", "/v1/preview"} <= set(paths)
