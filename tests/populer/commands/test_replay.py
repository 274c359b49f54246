"""A replay counts every row once, whatever the connection does, and says what became of each.

The service is a stand-in on a real socket: it keeps the batches that it got by idempotency key, as the real one
does, and can be told to misbehave.
"""

import asyncio
import gzip
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from rich.progress import Progress
from typer.testing import CliRunner
from website import answer, website

from populer.cli import app
from populer.commands.items_import import ImportReport, import_items, render_import_report
from populer.commands.items_import import run as run_import
from populer.commands.replay import MAX_BODY_BYTES, Pace, replay
from populer.commands.replay_report import ReplayReport, render_report
from populer.log_files.rows import Faults
from populer.sending import Patience, ServiceClient
from ranking.errors import PopulerError

NOW = 1_700_000_000.0
KEY = "write-key"
HASTY = Patience(deadline_s=0.3, first_answer_s=0.2, pause_s=0.01)


@dataclass
class Request:
    """One request as it came in."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def batch_id(self) -> str:
        return self.headers["idempotency-key"]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body.splitlines()]


Reply = tuple[int, dict[str, Any], dict[str, str]]
#: Answers a request instead of the stand-in; None lets the stand-in answer.
Script = Callable[[Request], Awaitable[Reply | str | None]]

#: The batch is counted, and its reply never arrives.
LOSE_REPLY = "lose the reply"
#: The connection breaks before anything is counted.
BREAK_OFF = "break off"


@dataclass
class Service:
    """The stand-in: counts each batch once by its key; `requests` has every try."""

    script: Script | None = None
    requests: list[Request] = field(default_factory=list)
    batches: dict[str, Request] = field(default_factory=dict)
    url: str = ""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], scope["query_string"].decode(), headers, body)
        self.requests.append(request)
        reply = await self.script(request) if self.script else None
        if reply is None or reply == LOSE_REPLY:
            usual = self.count(request)
            reply = reply or usual
        if isinstance(reply, str):
            # A body shorter than announced: the server has to close the connection.
            await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"99")]})
            return
        status, document, more_headers = reply
        answer = [(name.encode(), value.encode()) for name, value in more_headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": answer})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    def count(self, request: Request) -> Reply:
        if request.path == "/v1/items":
            return 200, {"stored": len(json.loads(request.body)), "invalid": []}, {}
        self.batches.setdefault(request.batch_id, request)
        answer = {"accepted": len(request.events), "duplicate": 0, "filtered": {}, "invalid": [], "ack": "commit"}
        return 202, answer, {}

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event counted."""
        return [event for request in self.batches.values() for event in request.events]


@contextmanager
def serving(script: Script | None = None) -> Iterator[Service]:
    service = Service(script)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        service.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(service, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)  # type: ignore[arg-type]
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield service
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as standing:
        yield standing


def unused_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def log(folder: Path, rows: int, name: str = "log.csv") -> Path:
    """A log of `rows` events of items i0, i1 …, one a second, the last at 1,542,000,000."""
    path = folder / name
    first = 1_542_000_001 - rows
    path.write_text(
        "ts_epoch_seconds,item_id,visitor_id,kind,section\n"
        + "".join(f"{first + n},i{n},v{n},view,s\n" for n in range(rows))
    )
    return path


async def replayed(service: Service, *files: Path, **options: Any) -> ReplayReport:
    return await replay(files, **{"to": service.url, "key": KEY, "now": NOW, "batch": 10, **options})


async def test_every_row_arrives_once_with_its_own_time(service: Service, tmp_path: Path) -> None:
    report = await replayed(service, log(tmp_path, 95))
    assert sorted(event["ts"] for event in service.events) == [1_541_999_906.0 + n for n in range(95)]
    assert {event["item"] for event in service.events} == {f"i{n}" for n in range(95)}
    assert len(service.batches) == len(service.requests) == 10
    assert (report.sent, report.accepted, report.acknowledged_batches) == (95, 95, 10)
    assert report.finished


async def test_times_keep_their_order_within_a_batch(service: Service, tmp_path: Path) -> None:
    await replayed(service, log(tmp_path, 95))
    for request in service.batches.values():
        assert all(a["ts"] < b["ts"] for a, b in pairwise(request.events))


async def test_requests_carry_key_site_and_type(service: Service, tmp_path: Path) -> None:
    await replayed(service, log(tmp_path, 1), site="kota & desa")
    [request] = service.requests
    assert (request.method, request.path) == ("POST", "/v1/events")
    assert request.query in ("site=kota+%26+desa", "site=kota%20%26%20desa")
    assert request.headers["authorization"] == "Bearer write-key"
    assert request.headers["content-type"] == "application/x-ndjson"


async def test_without_a_site_none_is_named(service: Service, tmp_path: Path) -> None:
    await replayed(service, log(tmp_path, 1))
    assert service.requests[0].query == ""


async def test_gzip_is_the_same_log(service: Service, tmp_path: Path) -> None:
    plain = log(tmp_path, 35)
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    await replayed(service, plain, in_flight=1)
    await replayed(service, packed, in_flight=1)
    bodies = [request.body for request in service.requests]
    assert bodies[:4] == bodies[4:]


async def test_as_of_now_moves_the_last_event_of_all_files_to_now(service: Service, tmp_path: Path) -> None:
    late, early = log(tmp_path, 15, "late.csv"), tmp_path / "early.ndjson"
    early.write_text('{"item":"old","ts":1541000000}\n{"item":"undated"}\n')
    report = await replayed(service, late, early, as_of_now=True)
    times = {event["item"]: event.get("ts") for event in service.events}
    assert times == {f"i{n}": NOW - 14 + n for n in range(15)} | {"old": NOW - 1_000_000, "undated": None}
    assert report.shift_s == NOW - 1_542_000_000


async def test_as_of_now_leaves_a_log_without_times_alone(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    path.write_text('{"item":"a"}\n')
    report = await replayed(service, path, as_of_now=True)
    assert (service.events, report.shift_s) == ([{"item": "a"}], 0.0)


async def test_unreadable_rows_are_counted_with_their_lines(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("ts,item\n1,a\nnever,b\n2,c\n3\n")
    report = await replayed(service, path)
    assert [event["item"] for event in service.events] == ["a", "c"]
    assert report.unreadable.count == 2
    assert [text.split(": ")[0] for text in report.unreadable.first] == ["log.csv:3", "log.csv:5"]


async def test_invalid_events_are_named_by_their_line_in_the_file(tmp_path: Path) -> None:
    async def script(request: Request) -> Reply:
        invalid = [
            {"index": index, "error": "kind: is unknown"}
            for index, event in enumerate(request.events)
            if event["item"] in ("i3", "i12")
        ]
        answer = {"accepted": 7 - len(invalid), "duplicate": 2, "filtered": {"bot": 1}, "invalid": invalid}
        return 202, answer, {}

    path = log(tmp_path, 20)
    path.write_text(path.read_text().replace("\n", "\n\n", 1))
    with serving(script) as service:
        report = await replayed(service, path, in_flight=1)
    assert (report.accepted, report.duplicate, report.filtered) == (12, 4, {"bot": 2})
    assert report.invalid == Faults(2, ["log.csv:6: kind: is unknown", "log.csv:15: kind: is unknown"])
    assert report.acknowledged == report.sent == 20


async def test_a_batch_whose_events_are_all_invalid_is_an_answer(tmp_path: Path) -> None:
    async def script(request: Request) -> Reply:
        invalid = [{"index": n, "error": "ts: too old"} for n in range(len(request.events))]
        return 422, {"title": "no event counts", "status": 422, "invalid": invalid}, {}

    with serving(script) as service:
        report = await replayed(service, log(tmp_path, 12))
    assert (report.invalid.count, report.accepted, report.acknowledged_batches) == (12, 0, 2)
    assert len(report.invalid.first) == 5
    assert "--as-of-now" in render_report(report)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_service_that_is_busy_gets_the_same_batch_again(tmp_path: Path, status: int) -> None:
    async def script(request: Request) -> Reply | None:
        tries = [seen for seen in service.requests if seen.batch_id == request.batch_id]
        return (status, {"title": "busy"}, {"retry-after": "0"}) if len(tries) == 1 else None

    with serving(script) as service:
        report = await replayed(service, log(tmp_path, 30), patience=Patience(pause_s=0.01))
    assert len(service.requests) == 6
    assert len(service.batches) == 3
    assert (report.sent, report.accepted, report.acknowledged_batches) == (30, 30, 3)


@pytest.mark.parametrize("mischief", [LOSE_REPLY, BREAK_OFF])
async def test_a_lost_connection_counts_every_event_once(tmp_path: Path, mischief: str) -> None:
    async def script(request: Request) -> str | None:
        tries = [seen for seen in service.requests if seen.batch_id == request.batch_id]
        return mischief if len(tries) <= 2 else None

    with serving(script) as service:
        report = await replayed(service, log(tmp_path, 30), patience=Patience(pause_s=0.01))
    assert len(service.requests) == 9
    assert sorted(event["item"] for event in service.events) == sorted(f"i{n}" for n in range(30))
    assert report.accepted == 30


async def test_retry_after_is_capped(tmp_path: Path) -> None:
    async def script(request: Request) -> Reply | None:
        return (503, {}, {"retry-after": "86400"}) if len(service.requests) == 1 else None

    with serving(script) as service:
        report = await replayed(service, log(tmp_path, 1), patience=Patience(pause_s=0.01, longest_retry_after_s=0.02))
    assert report.accepted == 1


async def test_the_same_command_again_sends_the_same_batches(service: Service, tmp_path: Path) -> None:
    path = log(tmp_path, 35)
    await replayed(service, path)
    first_keys = set(service.batches)
    await replayed(service, path)
    assert set(service.batches) == first_keys
    assert len(service.events) == 35


async def test_a_log_that_has_grown_sends_its_full_batches_under_the_same_keys(
    service: Service, tmp_path: Path
) -> None:
    path = log(tmp_path, 30)
    await replayed(service, path)
    with path.open("a") as file:
        file.write("1542000001,new,,,\n")
    await replayed(service, path)
    assert len(service.events) == 31


async def test_a_log_that_was_renamed_or_packed_sends_the_same_batches(service: Service, tmp_path: Path) -> None:
    path = log(tmp_path, 35)
    await replayed(service, path)
    packed = tmp_path / "old" / "log.csv.1.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    await replayed(service, packed, format="csv")
    await replayed(service, path.rename(tmp_path / "log.csv.1"), format="csv")
    assert len(service.events) == 35


async def test_a_time_without_an_offset_is_left_to_the_service(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        'ts,item\n2025-12-01 02:29:00,a\n2025-12-01T02:29:00+07:00,b\n"Mon, 01 Dec 2025 02:29:00 +0700",c\n'
    )
    await replayed(service, path)
    assert [event["ts"] for event in service.events] == ["2025-12-01 02:29:00", 1764530940.0, 1764530940.0]


async def test_a_shift_moves_times_without_an_offset_with_the_others(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("ts,item\n2025-12-01 02:29:00,a\n2025-12-01 02:30:00,b\n")
    await replayed(service, path, as_of_now=True)
    assert [event["ts"] for event in service.events] == [NOW - 60, NOW]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ts,item\n1542000000,a\nyesterday,b\n", "1 of 2 lines could not be used"),
        ("ts,item\nyesterday,b\n", "all 1 lines could not be used"),
    ],
)
def test_the_command_fails_where_lines_could_not_be_used(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    with serving() as service:
        command = ["replay", str(path), "--to", service.url, "--key", KEY]
        done, allowed = (CliRunner().invoke(app, [*command, *more]) for more in ([], ["--allow-losses"]))
    assert (done.exit_code, allowed.exit_code) == (1, 0)
    assert said in str(done.exception)
    assert "log.csv: read as csv" in allowed.stdout


def test_the_command_reads_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"ts,item\n1542000000,a\n"))
    with serving() as service, path.open("rb") as file:
        command = [sys.executable, "-m", "populer", "replay", "-", "--to", service.url, "--key", KEY]
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert [event["item"] for event in service.events] == ["a"]


async def test_alike_batches_of_one_file_or_of_two_sites_have_keys_of_their_own(
    service: Service, tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    path.write_text("ts,item\n" + "5,a\n" * 20)
    await replayed(service, path)
    await replayed(service, path, site="other")
    assert len(service.batches) == 4


async def test_no_more_batches_are_in_flight_than_allowed_and_none_are_read_ahead(tmp_path: Path) -> None:
    report = ReplayReport()
    full = asyncio.Barrier(3)
    now_in_flight = 0
    most_in_flight: list[int] = []
    sent_when_full: list[int] = []

    async def script(request: Request) -> None:
        nonlocal now_in_flight
        now_in_flight += 1
        most_in_flight.append(now_in_flight)
        await full.wait()  # passes only when three batches are here at once
        sent_when_full.append(report.sent)
        now_in_flight -= 1

    with serving(script) as service:
        await replayed(service, log(tmp_path, 90), in_flight=3, report=report)
    assert max(most_in_flight) == 3
    assert len(most_in_flight) == 9
    assert sent_when_full[0] == 30
    assert len(service.events) == 90


async def test_nobody_listening_gives_the_sentence(tmp_path: Path) -> None:
    address = unused_address()
    report = ReplayReport()
    with pytest.raises(PopulerError) as caught:
        await replay([log(tmp_path, 50)], to=address, key=KEY, now=NOW, patience=HASTY, report=report)
    assert str(caught.value) == (
        f"the service at {address} does not answer (no connection): is `populer serve` running?"
    )
    assert (report.acknowledged, report.finished) == (0, False)


async def test_a_service_that_goes_away_leaves_the_report_so_far(tmp_path: Path) -> None:
    async def script(request: Request) -> str | None:
        return BREAK_OFF if len(service.requests) > 3 else None

    report = ReplayReport()
    with serving(script) as service, pytest.raises(PopulerError, match="the connection broke off"):
        await replayed(service, log(tmp_path, 90), in_flight=1, patience=HASTY, report=report)
    assert (report.acknowledged_batches, report.accepted, report.sent) == (3, 30, 40)
    assert not report.finished
    assert report.seconds > 0
    assert "30 of 40 events sent were acknowledged" in render_report(report)
    assert "the same command counts nothing twice" in render_report(report)


async def test_a_silent_service_is_given_up(tmp_path: Path) -> None:
    async def script(request: Request) -> None:
        await asyncio.Event().wait()

    with serving(script) as service, pytest.raises(PopulerError, match="no answer in time"):
        await replayed(service, log(tmp_path, 1), patience=HASTY)


async def test_an_interrupted_replay_leaves_the_report_so_far(tmp_path: Path) -> None:
    holding = threading.Event()

    async def script(request: Request) -> None:
        if len(service.requests) == 3:
            holding.set()
            await asyncio.Event().wait()

    report = ReplayReport()
    with serving(script) as service:
        running = asyncio.create_task(replayed(service, log(tmp_path, 90), in_flight=1, report=report))
        await asyncio.to_thread(holding.wait, 30)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert (report.acknowledged_batches, report.accepted, report.sent) == (2, 20, 30)
    assert not report.finished


async def test_a_file_that_breaks_off_keeps_what_was_sent(service: Service, tmp_path: Path) -> None:
    packed = gzip.compress(log(tmp_path, 50_000).read_bytes())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    report = ReplayReport()
    with pytest.raises(PopulerError, match="breaks off"):
        await replayed(service, path, batch=1000, report=report)
    assert report.accepted == report.sent == len(service.events) > 0
    assert report.sent % 1000 == 0


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ((401, {"title": "a key is needed"}, {}), "refuses the key \\(a key is needed\\).*write key, from --key"),
        ((403, {"detail": "not yours"}, {}), "refuses the key \\(not yours\\).*POPULER_KEY.*--data"),
        ((404, {"title": "x", "detail": "no site 'a'"}, {}), "answered 404: no site 'a'"),
        ((422, {"title": "unreadable body"}, {}), "answered 422: unreadable body"),
        ((500, {}, {}), "answered 500: Internal Server Error"),
        ((200, {"accepted": "many"}, {}), "is not a Populer service"),
        ((307, {}, {"location": "https://there.example/v1/events"}), "redirects to https://there.example"),
    ],
)
async def test_an_answer_that_is_a_refusal_says_why_at_once(tmp_path: Path, reply: Reply, sentence: str) -> None:
    async def script(request: Request) -> Reply:
        return reply

    with serving(script) as service, pytest.raises(PopulerError, match=sentence):
        await replayed(service, log(tmp_path, 5))
    assert len(service.requests) == 1


@pytest.mark.parametrize("to", ["localhost:8000", "ftp://a", "", "http://", "http://a:b"])
def test_an_address_that_is_none_is_refused(to: str) -> None:
    with pytest.raises(PopulerError, match="--to must be an address such as"):
        ServiceClient(to, site=None, key=KEY)


@pytest.mark.parametrize("key", ["", " ", "kunci é", "two words"])
def test_a_key_that_is_none_is_refused_unsent(key: str) -> None:
    with pytest.raises(PopulerError, match="write key"):
        ServiceClient("http://127.0.0.1:8000", site=None, key=key)


async def test_an_address_may_have_a_path(service: Service, tmp_path: Path) -> None:
    await replayed(service, log(tmp_path, 1), to=f"{service.url}/populer/")
    assert service.requests[0].path == "/populer/v1/events"


async def test_bodies_stay_under_what_the_service_takes(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    path.write_text("".join(json.dumps({"item": f"i{n}", "visitor": "v" * 1000}) + "\n" for n in range(2000)))
    report = await replayed(service, path, batch=2000)
    assert report.accepted == len({event["item"] for event in service.events}) == 2000
    assert len(service.batches) == 4
    assert max(len(request.body) for request in service.requests) <= MAX_BODY_BYTES


async def test_at_a_speed_no_batch_spans_more_than_a_moment_of_real_time(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("populer.commands.replay.BATCH_SPAN_S", 0.001)
    path = tmp_path / "log.csv"
    path.write_text("ts,item\n" + "".join(f"{1_500_000_000 + ts},i\n" for ts in (0, 400, 900, 1100, 2000, 9000)))
    await replayed(service, path, speed=1e6, in_flight=1)
    await replayed(service, path, speed=1e6, in_flight=1, batch=2, as_of_now=True)
    assert [len(request.events) for request in service.requests] == [3, 2, 1, 2, 2, 1, 1]


def test_pace_follows_the_log_and_never_goes_back() -> None:
    pace = Pace(60.0)
    assert [pace.due_s(ts) for ts in (1000.0, 1060.0, 1030.0, None, 1120.0)] == [0.0, 1.0, 1.0, 1.0, 2.0]
    assert pace.span_s == 60.0
    assert Pace(None).due_s(1e9) == 0.0


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(PopulerError, match="--speed must be a number above 0 or max"):
        Pace(speed)


async def test_progress_ends_full(service: Service, tmp_path: Path) -> None:
    path = log(tmp_path, 35)
    with Progress(disable=True) as progress:
        await replayed(service, path, as_of_now=True, progress=progress)
        await import_items(catalogue(tmp_path), to=service.url, key=KEY, progress=progress)
    assert [(task.description, task.finished) for task in progress.tasks] == [
        ("finding the last event", True),
        ("replaying", True),
        ("importing", True),
    ]


def test_a_report_reads_as_a_few_lines() -> None:
    report = ReplayReport(
        sent=2000,
        accepted=1500,
        duplicate=300,
        filtered={"robot": 120, "burst": 75},
        invalid=Faults(5, ["log.csv:7: kind: is unknown"]),
        unreadable=Faults(1, ["log.csv:9: has 2 columns where the header has 5"]),
        acknowledged_batches=1,
        seconds=2.0,
        finished=True,
    )
    assert render_report(report).splitlines() == [
        "2,000 of 2,000 events sent were acknowledged in 2.0 s (1,000/s; batches: 1)",
        "  accepted           1,500",
        "  duplicate            300",
        "  filtered             195  (burst 75, robot 120)",
        "  invalid                5",
        "    log.csv:7: kind: is unknown",
        "  unreadable             1",
        "    log.csv:9: has 2 columns where the header has 5",
    ]


def catalogue(folder: Path) -> Path:
    path = folder / "items.csv"
    path.write_text(
        "item_id,published_epoch,title,section,url\n"
        + "".join(f'a{n},1759759380,"Judul, {n}",berita,https://e.example/{n}\n' for n in range(25))
        + ",,no id,,\n"
    )
    return path


async def test_items_are_put_in_batches_in_their_order(service: Service, tmp_path: Path) -> None:
    report = await import_items(catalogue(tmp_path), to=service.url, site="s", key=KEY, batch=10)
    bodies = [json.loads(request.body) for request in service.requests]
    assert [len(body) for body in bodies] == [10, 10, 5]
    assert [item["id"] for body in bodies for item in body] == [f"a{n}" for n in range(25)]
    assert bodies[0][0] == {
        "id": "a0",
        "title": "Judul, 0",
        "url": "https://e.example/0",
        "section": "berita",
        "published_at": 1759759380.0,
    }
    assert {(r.method, r.path, r.query) for r in service.requests} == {("PUT", "/v1/items", "site=s")}
    assert (report.stored, report.sent, report.acknowledged_batches, report.finished) == (25, 25, 3, True)
    assert report.unreadable == Faults(1, ["items.csv:27: has neither an id nor a url"])


async def test_feed_at_an_address_is_imported_with_the_sitemaps_of_its_index(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    news = "<urlset><url><loc>{}</loc><news><title>{}</title></news></url><url><loc>/tentang</loc></url></urlset>"
    async with website({}) as site:
        places = "".join(
            f"<sitemap><loc>{place}</loc></sitemap>" for place in ("/1.xml.gz", "/2.xml", "https://e.example/3")
        )
        site.pages |= {
            "/index.xml": answer(f"<sitemapindex>{places}</sitemapindex>"),
            "/1.xml.gz": answer(gzip.compress(news.format("https://e.example/1", "Satu").encode())),
            "/2.xml": answer("<html>"),
        }
        options = {"to": service.url, "site": None, "key": KEY, "format": None}
        await asyncio.to_thread(run_import, f"{site.address}/index.xml", **options, allow_losses=True)
        with pytest.raises(PopulerError, match="answered 404"):
            await asyncio.to_thread(run_import, f"{site.address}/tidak-ada", **options)

    assert [json.loads(request.body) for request in service.requests] == [
        [{"title": "Satu", "url": "https://e.example/1"}]
    ]
    said = capsys.readouterr().out
    assert "1 of 1 items sent were stored" in said
    assert "2.xml:0: is an HTML page" in said
    assert "3:0: https://e.example/3 leads to e.example, which is none of the site's hosts" in said
    assert "1 with no news of a sitemap" in said


async def test_refused_items_are_named_by_their_line(tmp_path: Path) -> None:
    async def script(request: Request) -> Reply | None:
        invalid = [{"index": 4, "error": "url: must be an http(s) address"}]
        match len(service.requests):
            case 1:
                return 503, {}, {}
            case 2:
                return 200, {"stored": 9, "invalid": invalid}, {}
            case 3:
                return 422, {"title": "no item can be stored", "invalid": invalid}, {}
        return None

    report = ImportReport()
    with serving(script) as service:
        await import_items(catalogue(tmp_path), to=service.url, key=KEY, batch=10, patience=HASTY, report=report)
    assert report.stored == 14
    assert report.invalid.first == [
        "items.csv:6: url: must be an http(s) address",
        "items.csv:16: url: must be an http(s) address",
    ]
    assert "14 of 25 items sent were stored" in render_import_report(report)


@pytest.mark.parametrize(
    ("path", "format", "sentence"),
    [
        ("items.csv", "rss", "use csv or ndjson"),
        ("none.csv", None, "does not exist"),
    ],
)
async def test_an_import_of_something_else_says_what_is_known(
    tmp_path: Path, path: str, format: str | None, sentence: str
) -> None:
    with pytest.raises(PopulerError, match=sentence):
        await import_items(tmp_path / path, to=unused_address(), key=KEY, format=format)


async def test_a_field_that_cannot_be_used_is_named_by_its_line_and_fails_the_import(tmp_path: Path) -> None:
    async def script(request: Request) -> Reply | None:
        ignored = [
            {"id": f"a{n}", "ok": True, "ignored": ["published_at: must be a time"] if n == 1 else []}
            for n in range(10)
        ]
        return 200, {"stored": 10, "items": ignored, "invalid": []}, {}

    with serving(script) as service:
        file = tmp_path / "items.csv"
        file.write_text("id,published_at\n" + "".join(f"a{n},soon\n" for n in range(10)))
        command = ["items", "import", str(file), "--to", service.url, "--key", KEY]
        done, allowed = [
            await asyncio.to_thread(CliRunner().invoke, app, [*command, *more]) for more in ([], ["--allow-losses"])
        ]
    assert (done.exit_code, allowed.exit_code) == (1, 0)
    for result in (done, allowed):
        assert "items.csv:3: published_at: must be a time" in result.output
    assert "1 fields of items could not be used" in str(done.exception)
