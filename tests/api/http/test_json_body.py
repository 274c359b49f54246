"""JSON bodies: the same fault has the same status on every route that takes one."""

from collections.abc import Awaitable, Callable
from datetime import timedelta, timezone
from typing import Any

import msgspec
import pytest
from servers import ADMIN, Service

from api.endpoints.explain import PreviewInput
from api.http.json_body import from_json, moment_from
from api.http.problems import Problem

Serve = Callable[..., Awaitable[Service]]
Route = tuple[str, str, dict[str, Any]]
IN_PATH = {"{list}": "populer", "{item}": "a"}
#: Bodies that no route can use, and the status of each.
FAULTY = [
    (b"{", 400),
    (b'{"a":}', 400),
    (b"\xff", 400),
    (b"nothing", 400),
    (b"[" * 100_000, 400),
    (b"5", 422),
    (b'"text"', 422),
    (b"null", 422),
    (b"true", 422),
]


async def routes(service: Service) -> list[Route]:
    """Method, address and document of every route with a JSON body."""
    paths = (await service.http.get("/openapi.json")).json()["paths"]
    found = []
    for path, operations in paths.items():
        address = path
        for name, value in IN_PATH.items():
            address = address.replace(name, value)
        assert "{" not in address or not any("requestBody" in each for each in operations.values()), path
        found += [(method, address, each) for method, each in operations.items() if "requestBody" in each]
    return found


async def send(service: Service, method: str, address: str, content: bytes, **headers: str) -> tuple[int, str]:
    answer = await service.http.request(method.upper(), address, content=content, headers={**ADMIN, **headers})
    assert answer.status_code in (200, 202, 413) or answer.json().get("status") == answer.status_code, answer.text
    return answer.status_code, answer.text


async def test_every_route_answers_a_faulty_body_alike(serve: Serve) -> None:
    service = await serve()
    walked = await routes(service)
    assert {address for _, address, _ in walked} >= {
        "/v1/events", "/v1/items", "/v1/items/a", "/v1/lists/populer/pins/a", "/v1/lists/populer/boosts/a",
        "/v1/blocks/a", "/v1/preview", "/v1/ops/views",
    }  # fmt: skip
    for method, address, _ in walked:
        for content, status in FAULTY:
            found, text = await send(service, method, address, content)
            assert found == status, (method, address, content[:40], text)
        assert (await send(service, method, address, b"{}", **{"content-encoding": "zstd"}))[0] == 415, address
        assert (await send(service, method, address, b" " * 2_000_000))[0] == 413, address


async def test_every_route_refuses_a_member_of_another_type_with_422(serve: Serve) -> None:
    """Each documented member in turn is given an array of an array: what no route takes."""
    service = await serve()
    schemas = (await service.http.get("/openapi.json")).json()["components"]["schemas"]

    def resolved(schema: dict[str, Any]) -> dict[str, Any]:
        """A schema, or the one that it names."""
        name = schema.get("$ref", "").rpartition("/")[2]
        return schemas[name] if name else schema

    tried = 0
    for method, address, operation in await routes(service):
        schema = resolved(operation["requestBody"]["content"]["application/json"]["schema"])
        shape = resolved((schema.get("oneOf") or [schema])[0])
        listed = shape["type"] == "array"
        for name in resolved(shape["items"] if listed else shape)["properties"]:
            body = (
                {"id": "a", "item": "a", name: [["a"]]} if address in ("/v1/events", "/v1/items") else {name: [["a"]]}
            )
            status, text = await send(service, method, address, msgspec.json.encode([body] if listed else body))
            optional = address in ("/v1/items", "/v1/items/a") and name != "id"  # it is left out, and named
            unread = (address, name) == ("/v1/events", "ref")  # what cannot be told of it costs no event
            assert status == (202 if unread else 200 if optional else 422), (method, address, name, text)
            assert not optional or f'"ignored":["{name}: ' in text, text
            tried += 1
    assert tried > 30


@pytest.mark.parametrize("until", [1e300, -1, True, "soon", [], {}, "1e300"])
async def test_every_moment_out_of_range_is_refused_with_422(serve: Serve, until: object) -> None:
    service = await serve()
    for method, address, body in [
        ("PUT", "/v1/lists/populer/pins/a", {"position": 1, "until": until}),
        ("PUT", "/v1/lists/populer/boosts/a", {"factor": 2, "until": until}),
        ("PUT", "/v1/blocks/a", {"until": until}),
        ("POST", "/v1/preview", {"settings": {"period": "today"}, "at": until}),
    ]:
        status, text = await send(service, method, address, msgspec.json.encode(body))
        assert status == 422, (address, text)


def test_moment_from_takes_numbers_and_text_alike() -> None:
    zone = timezone(timedelta(hours=7))
    assert moment_from(None, "at", zone) is None
    assert moment_from(1_764_530_940, "at", zone) == moment_from("2025-12-01T02:29:00", "at", zone) == 1_764_530_940.0
    with pytest.raises(Problem, match=r"^at: expected epoch seconds or ISO 8601 .*, found 1e\+300$"):
        moment_from(1e300, "at", zone)


def test_from_json_names_the_member_first() -> None:
    with pytest.raises(Problem, match=r"^limit: Expected `int") as error:
        from_json(b'{"limit":"x"}', PreviewInput)
    assert (error.value.status, error.value.title) == (422, "invalid body")


def test_from_json_answers_400_where_what_follows_a_wrong_type_is_not_json() -> None:
    with pytest.raises(Problem) as error:
        from_json(b'{"limit":"x",}', PreviewInput)
    assert error.value.status == 400
