"""Whatever a client makes of the OpenAPI document, the service answers as the document says and never with a 5xx."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from soak import LONG, either

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import Service, serving, wait_until

#: What an answer is held to; that what the document forbids is refused is for the tests of each route to say, as good
#: events of a batch count beside bad ones.
HELD_TO = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    missing_required_header,
    unsupported_method,
]
LISTS = ["populer", "update", "trending"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("openapi")
    config = folder / "populer.toml"
    config.write_text('[ingest]\nbots = false\ndedupe_window = "0s"\n')
    with serving(folder / "data", "--config", str(config)) as service, service.client() as client:
        client.put("/v1/items", json=[{"id": f"item {n}", "title": "A", "section": "Politik"} for n in range(20)])
        client.post("/v1/events", json=[{"item": f"item {n}"} for n in range(20)])
        wait_until(lambda: bool(client.get("/v1/lists/populer").json().get("items")))
        yield service


@pytest.fixture(scope="module")
def document(running: Service) -> Any:
    return schemathesis.openapi.from_url(f"{running.url}/openapi.json")


@pytest.mark.soak
@pytest.mark.timeout(600)  # some thousand requests
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_one_of_those_in_the_document(document: Any, running: Service, mode: GenerationMode) -> None:
    keys = json.loads((running.data_dir / "keys.json").read_text())["default"]
    operations = [found.ok() for found in document.get_all_operations()]
    operations = [each for each in operations if not each.path.endswith("/stream")]  # its answer has no end
    assert len(operations) > 12
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {keys['admin']}"
        for operation in operations:
            hold(operation, mode, session)


def hold(operation: Any, mode: GenerationMode, session: requests.Session) -> None:
    @settings(
        max_examples=either(20, 1_000),
        deadline=None,
        derandomize=not LONG,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        site=st.sampled_from([None, None, None, "default", "nowhere"]),
        name=st.sampled_from(LISTS),
    )
    def answers(case: Case, site: str | None, name: str) -> None:
        lead(case, site, name)
        case.call_and_validate(session=session, checks=HELD_TO)

    try:
        answers()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "there is nothing that such a request could get wrong"


def lead(case: Case, site: str | None, name: str) -> None:
    """Lead most requests past the first hurdle: a site and a list that there are."""
    if isinstance(case.query, dict):
        case.query.pop("site", None)
        if site is not None:
            case.query["site"] = site
    if isinstance(case.path_parameters, dict) and "list" in case.path_parameters and site != "nowhere":
        case.path_parameters["list"] = name


def test_the_document_has_every_route(running: Service) -> None:
    paths = httpx2.get(f"{running.url}/openapi.json").json()["paths"]
    assert {"/v1/events", "/v1/pixel.gif", "/v1/lists", "/v1/lists/{list}", "/v1/items", "/v1/preview"} <= set(paths)
