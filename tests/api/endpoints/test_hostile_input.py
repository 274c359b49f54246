"""Whatever is sent, the answer is an answer: no 5xx, and every error is JSON (P18)."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import servers
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from soak import LONG, either

Request = Callable[..., httpx2.Response]

pytestmark = pytest.mark.soak

FEW = settings(
    max_examples=either(100, 2_000),
    deadline=None,
    derandomize=not LONG,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

TEXT = st.text(max_size=20)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**18, 2**63, 2**64, -(2**63), 10**400, 1e308, 1.7e12])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these names and whatever under them."""
    return st.dictionaries(st.sampled_from(names), JSON, max_size=len(names))


EVENT = objects("item", "kind", "ts", "source", "position", "visitor", "id", "url", "events")
EVENTS = (
    JSON | EVENT | st.lists(EVENT | JSON, max_size=4) | st.lists(EVENT, max_size=4).map(lambda all_: {"events": all_})
)
ITEM = objects("id", "title", "url", "section", "published_at", "image", "author", "tags")
ITEMS = JSON | ITEM | st.lists(ITEM | JSON, max_size=4)
CURSOR = st.from_regex(r"\d{1,16}\.\d{1,16}\.[0-9a-f]{16}\.\d{1,5}\.\d{1,5}(\.\d{1,4}-\d{1,4}){0,3}", fullmatch=True)
EDIT = objects("position", "until", "section", "factor", "reason")
QUERY = st.lists(
    st.tuples(
        st.sampled_from(["site", "section", "limit", "cursor", "exclude", "format", "names", ""]) | TEXT,
        st.sampled_from(["koran", "populer", "7", "0", "1.5", "999999999999", "%", "%ff", "&&", "="]) | CURSOR | TEXT,
    ),
    max_size=5,
)


@pytest.fixture(scope="module")
def ask() -> Iterator[Request]:
    """Sends one request to a service of this module's own; what the application raises is raised."""
    with asyncio.Runner() as runner, servers.Valkey() as server, structlog.testing.capture_logs():
        stack = contextlib.AsyncExitStack()
        service = runner.run(stack.enter_async_context(servers.serving(server, servers.settings(), servers.Clock())))
        runner.run(service.view(a=1))
        runner.run(service.refresh())

        def send(method: str, address: str, **options: Any) -> httpx2.Response:
            return runner.run(service.http.request(method, address, **options))

        yield send
        runner.run(stack.aclose())


def check(answer: httpx2.Response, *fine: int) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code in fine:
        assert answer.headers["content-type"] == "application/json"
        json.loads(answer.content)
        return
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.content)
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]


@FEW
@given(body=st.binary(max_size=200), content_type=st.sampled_from(["application/json", "application/x-ndjson", "x"]))
def test_any_bytes_as_events(ask: Request, body: bytes, content_type: str) -> None:
    check(ask("POST", "/v1/events", content=body, headers={"content-type": content_type}), 202)


@FEW
@given(
    content=EVENTS, content_type=st.sampled_from(["application/json", "application/x-ndjson"]), trusted=st.booleans()
)
def test_any_json_as_events(ask: Request, content: Any, content_type: str, trusted: bool) -> None:
    headers = {"content-type": content_type, **(servers.WRITER if trusted else {})}
    check(ask("POST", "/v1/events", content=json.dumps(content), headers=headers), 202)


@FEW
@given(lines=st.lists(EVENT | JSON, min_size=1, max_size=5))
def test_any_lines_as_events(ask: Request, lines: list[Any]) -> None:
    check(ask("POST", "/v1/events", content="\n".join(map(json.dumps, lines))), 202)


@FEW
@given(
    content=EVENTS,
    cut=st.integers(min_value=0, max_value=200),
)
def test_any_json_cut_off_as_events(ask: Request, content: Any, cut: int) -> None:
    check(ask("POST", "/v1/events", content=json.dumps(content)[:cut]), 202)


@FEW
@given(body=st.binary(max_size=200))
def test_any_bytes_as_items(ask: Request, body: bytes) -> None:
    check(ask("PUT", "/v1/items", content=body, headers=servers.WRITER), 200)


@FEW
@given(content=ITEMS, item=TEXT)
def test_any_json_as_items(ask: Request, content: Any, item: str) -> None:
    body = json.dumps(content)
    check(ask("PUT", "/v1/items", content=body, headers=servers.WRITER), 200)
    check(ask("PUT", f"/v1/items/{quote(item, safe='')}", content=body, headers=servers.WRITER), 200)


@FEW
@given(content=EDIT | JSON, item=TEXT, name=st.sampled_from(["populer", "update"]) | TEXT)
def test_any_json_as_edits(ask: Request, content: Any, item: str, name: str) -> None:
    item, name = quote(item, safe=""), quote(name, safe="")
    for address in (f"/v1/lists/{name}/pins/{item}", f"/v1/lists/{name}/boosts/{item}", f"/v1/blocks/{item}"):
        check(ask("PUT", address, content=json.dumps(content), headers=servers.ADMIN), 200)
        answer = ask("DELETE", address, headers=servers.ADMIN)
        if answer.status_code != 204:
            check(answer)
    check(ask("GET", "/v1/lists/populer"), 200)


@FEW
@given(body=st.binary(max_size=100))
def test_any_bytes_as_edits(ask: Request, body: bytes) -> None:
    for address in ("/v1/lists/populer/pins/a", "/v1/lists/populer/boosts/a", "/v1/blocks/a"):
        check(ask("PUT", address, content=body, headers=servers.ADMIN), 200)
        ask("DELETE", address, headers=servers.ADMIN)


@FEW
@given(query=QUERY, name=st.sampled_from(["populer", "update", "trending"]) | TEXT)
def test_any_query_of_a_list(ask: Request, query: list[tuple[str, str]], name: str) -> None:
    address = f"/v1/lists/{quote(name, safe='')}"
    check(ask("GET", address, params=httpx2.QueryParams(query)), 200)
    check(ask("GET", "/v1/lists", params=httpx2.QueryParams(query)), 200)


@FEW
@given(raw=st.binary(max_size=60).map(lambda raw: quote(raw, safe="&=%+;")))
def test_any_query_string_of_a_list(ask: Request, raw: str) -> None:
    check(ask("GET", f"/v1/lists/populer?{raw}"), 200)


@FEW
@given(tag=st.binary(max_size=40), key=st.binary(max_size=40))
def test_any_headers(ask: Request, tag: bytes, key: bytes) -> None:
    answer = ask("GET", "/v1/lists/populer", headers=[(b"if-none-match", tag), (b"authorization", key)])
    assert answer.status_code in (200, 304)
    headers = [(b"idempotency-key", key), (b"authorization", tag), (b"content-type", key)]
    check(ask("POST", "/v1/events", content=b'{"item":"a"}', headers=headers), 202)
