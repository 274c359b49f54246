"""A request's trace: taken from its head or made, answered on every way out, and on its log lines alone."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from servers import Service
from test_lone_requests import answers, beacon
from wire import listening, talk

from api.http.trace import current_trace_id, enter, trace_header, trace_id, trace_line, trace_of

Serve = Callable[..., Awaitable[Service]]
ID, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LINE = re.compile(r"traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-0([01])\r\n")


def parts(line: bytes) -> tuple[str, str, str]:
    found = LINE.fullmatch(line.decode())
    assert found, line
    return found[1], found[2], found[3]


@pytest.mark.parametrize(
    ("given", "sampled"),
    [
        (f"00-{ID}-{SPAN}-01", "1"),
        (f"00-{ID}-{SPAN}-00", "0"),
        (f"00-{ID}-{SPAN}-ff", "1"),
        (f"01-{ID}-{SPAN}-01", "1"),
        (f"cc-{ID}-{SPAN}-01-what-comes-later", "1"),
    ],
)
def test_a_trace_goes_on_under_a_span_of_ours(given: str, sampled: str) -> None:
    found, span, flag = parts(trace_line(given.encode()))
    assert (found, flag) == (ID, sampled)
    assert span != SPAN


@pytest.mark.parametrize(
    "given",
    [
        "", "00", f"00-{ID}-{SPAN}", f"00-{ID}-{SPAN}-01-more", f"00-{ID}-{SPAN}-011", f"cc-{ID}-{SPAN}-01.more",
        f"ff-{ID}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{ID}-{'0' * 16}-01", f"00-{ID.upper()}-{SPAN}-01",
        f"0x-{ID}-{SPAN}-01", f" 00-{ID}-{SPAN}-01", f"00-{ID}-{SPAN}-01\n",
    ],
)  # fmt: skip
def test_what_is_malformed_begins_another_trace(given: str) -> None:
    found, span, flag = parts(trace_line(given.encode()))
    assert found != ID
    assert int(found, 16)
    assert int(span, 16)
    assert flag == "0"


def test_traces_differ_and_two_in_one_request_are_none() -> None:
    made = {trace_id(trace_line(None)) for _ in range(2_000)}
    assert len(made) == 2_000
    given = (b"traceparent", f"00-{ID}-{SPAN}-01".encode())
    assert trace_id(trace_of([given])) == ID
    assert trace_id(trace_of([given, given])) != ID
    line = trace_of([given])
    name, value = trace_header(line)
    assert line == name + b": " + value + b"\r\n"


async def test_only_the_task_of_a_request_logs_its_trace() -> None:
    seen: list[str | None] = []

    async def later() -> None:
        seen.append(current_trace_id())

    async def request() -> None:
        enter(trace_line(f"00-{ID}-{SPAN}-01".encode()))
        seen.append(current_trace_id())
        await asyncio.create_task(later())
        seen.append(await asyncio.to_thread(current_trace_id))

    await asyncio.create_task(request())
    assert (seen, current_trace_id()) == ([ID, None, None], None)


@pytest.fixture
async def port(serve: Serve) -> AsyncIterator[int]:
    service = await serve(ingest={"dedupe_window": "30m", "bots": True, "deadline": "1s"})
    await service.refresh()
    async with listening(service.app) as found:
        yield found


GIVEN = f"Traceparent: 00-{ID}-{SPAN}-01".encode()
ASKED = {
    "a lone event": beacon("a", GIVEN),
    "an event that takes a task": beacon("a", b"Expect: nothing", GIVEN),
    "the last of its connection": beacon("a", b"Connection: close", GIVEN),
    "a list": b"GET /v1/lists/populer HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % GIVEN,
    "a preflight": b"OPTIONS /v1/events HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % GIVEN,
    "a probe": b"GET /livez HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % GIVEN,
    "nothing": b"GET /none HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % GIVEN,
    "what is refused": b"GET /v1/lists/none HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % GIVEN,
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
async def test_every_answer_names_the_trace_once(port: int, asked: bytes) -> None:
    found, _ = await talk(port, asked, lambda found: b"\r\n\r\n" in found)
    assert found.lower().count(b"traceparent:") == 1
    (answered,) = LINE.finditer(found.decode("latin-1"))
    assert answered[1] == ID


async def test_requests_that_name_no_trace_have_one_each(port: int) -> None:
    found, _ = await talk(port, beacon("a") + beacon("b"), answers(2))
    traces = {each[1] for each in LINE.finditer(found.decode())}
    assert len(traces) == 2
