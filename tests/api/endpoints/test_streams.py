"""Streams tell each client of every change of a list, once, and cost the worker a bounded little."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import ADMIN, SITE, WRITER, Service, Valkey, eventually, settings

import api.endpoints.streams
from api.endpoints.streams import _Channel, _Seen
from api.http import asgi
from api.monitoring.config_state import ConfigState

Serve = Callable[..., Awaitable[Service]]
PATH = "/v1/lists/populer/stream"


class Message(NamedTuple):
    """What a browser makes of a message: its id, and its data read as JSON; None: it has none."""

    id: int | None
    data: Any


class Client:
    """A client of the application, and what it has been sent."""

    def __init__(self, service: Service, path: str = PATH, query: str = "", **headers: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.content = b""
        self.ended = self.cut = self.stuck = False
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._told.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        given_headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query.encode(),
            "headers": given_headers,
            "client": ("127.0.0.1", 4321),
            "extensions": {asgi.CUT: self.cut_off},
        }
        self.task = asyncio.create_task(service.app(scope, self._told.get, self._send))

    async def _send(self, message: Any) -> None:
        if self.stuck:
            await asyncio.get_running_loop().create_future()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.content += message["body"]
            self.ended = not message.get("more_body", False)

    def cut_off(self) -> None:
        self.cut = True

    @property
    def messages(self) -> list[Message]:
        found = []
        for block in self.content.decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if fields.keys() - {"retry"}:
                data = json.loads(fields["data"]) if "data" in fields else None
                found.append(Message(int(fields["id"]) if "id" in fields else None, data))
        return found

    @property
    def listed(self) -> list[list[str]]:
        """The items of every list that it was told, in their order."""
        return [[item["id"] for item in each.data["items"]] for each in self.messages if each.data is not None]

    @property
    def generation(self) -> int | None:
        """The last id, which a browser sends when it comes back."""
        return next((each.id for each in reversed(self.messages) if each.id is not None), None)

    async def hang_up(self) -> None:
        self._told.put_nowait({"type": "http.disconnect"})
        await self.task


async def until(condition: Callable[[], object], what: str) -> None:
    async def holds() -> object:
        return condition()

    await eventually(holds, what)


@pytest.fixture
async def connect(service: Service) -> AsyncIterator[Callable[..., Client]]:
    """Connects clients to the service, and has them hang up at the end."""
    clients: list[Client] = []

    def start(*arguments: Any, to: Service = service, **headers: str) -> Client:
        clients.append(Client(to, *arguments, **headers))
        return clients[-1]

    yield start
    for each in clients:
        if not each.task.done():
            await each.hang_up()


Connect = Callable[..., Client]


async def listed(service: Service, **views: int) -> int:
    """Record views and publish; the generation."""
    await service.view(**views)
    return (await service.refresh())["populer"]


async def test_a_client_is_told_the_list_at_once_as_it_is_read(service: Service, connect: Connect) -> None:
    generation = await listed(service, a=2, b=1)
    client = connect()
    await until(lambda: client.messages, "the list")
    assert client.status == 200
    assert client.headers.pop("traceparent")
    assert client.headers == {
        "access-control-allow-origin": "*",
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
    }
    answer = (await service.http.get("/v1/lists/populer")).json()
    assert client.messages == [Message(generation, answer)]
    assert 2_000 <= int(client.content.split(b"\n")[0].removeprefix(b"retry: ")) < 8_000


async def test_each_generation_is_told_and_the_list_where_a_reader_sees_another(
    service: Service, connect: Connect
) -> None:
    first = await listed(service, a=2, b=1)
    client = connect()
    await until(lambda: client.generation == first, "the first generation")
    faded = (await service.refresh())["populer"]
    await until(lambda: client.generation == faded, "a generation in which nothing has moved")
    moved = await listed(service, b=5)
    await until(lambda: client.generation == moved, "a generation with another order")
    assert [(each.id, each.data is None) for each in client.messages] == [(first, False), (faded, True), (moved, False)]
    assert client.listed == [["a", "b"], ["b", "a"]]


async def test_who_comes_back_is_told_what_it_has_not(service: Service, connect: Connect) -> None:
    generation = await listed(service, a=2, b=1)
    late, current = connect(last_event_id=str(generation - 1)), connect(last_event_id=str(generation))
    await until(lambda: late.listed and current.content, "answers")
    assert (late.generation, current.messages) == (generation, [])
    after = (await service.refresh())["populer"]
    await until(lambda: current.generation == after, "the next generation")
    assert current.listed == [["a", "b"]], "what it has seen is its own word: the next generation is told in full"


@pytest.mark.parametrize("last", ["", "0", "-1", "x", "9" * 30, "1e3", "²"])
async def test_what_is_no_generation_of_the_list_counts_as_none(service: Service, connect: Connect, last: str) -> None:
    await listed(service, a=1)
    client = connect(last_event_id=last)
    await until(lambda: client.listed == [["a"]], "the list")


async def test_a_take_down_is_told_at_once_and_to_who_missed_it(service: Service, connect: Connect) -> None:
    generation = await listed(service, a=2, b=1)
    client = connect()
    await until(lambda: client.listed == [["a", "b"]], "the list")
    assert (await service.http.delete("/v1/items/a", headers=WRITER)).is_success
    await until(lambda: client.listed == [["a", "b"], ["b"]], "the list without the item")
    assert client.generation == generation
    missed = connect(last_event_id=str(generation))
    await until(lambda: missed.listed == [["b"]], "the list without the item")


async def test_pins_are_told_and_their_end_by_the_clock_too(service: Service, connect: Connect) -> None:
    await listed(service, a=2, b=1)
    client = connect()
    await until(lambda: client.listed, "the list")
    pin = {"position": 1, "until": service.clock.now + 60}
    answer = await service.http.put("/v1/lists/populer/pins/b", json=pin, headers=ADMIN)
    assert answer.is_success, answer.text
    await until(lambda: client.listed[-1] == ["b", "a"], "the pin")
    service.clock.now += 61
    await until(lambda: client.listed[-1] == ["a", "b"], "its end")


async def test_clients_get_the_part_that_they_ask_for(service: Service, connect: Connect) -> None:
    await service.put({"id": "a", "section": "Politik"}, {"id": "b", "section": "Politik"}, {"id": "c"})
    await listed(service, a=3, b=2, c=4)
    queries = ["", "limit=1", "section=Politik", "exclude=a&exclude=c", f"site={SITE}"]
    clients = [connect(PATH, query) for query in queries]
    await until(lambda: all(each.listed for each in clients), "answers")
    assert [each.listed[0] for each in clients] == [["c", "a", "b"], ["c"], ["a", "b"], ["b"], ["c", "a", "b"]]
    other = connect("/v1/lists/update/stream")
    await until(lambda: other.listed, "another list")
    assert set(other.listed[0]) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (PATH, "cursor=x", 400),
        (PATH, "limit=0", 400),
        (PATH, "format=rss", 400),
        (PATH, "site=nowhere", 404),
        (PATH, "section=Tidak", 404),
        ("/v1/lists/tidak-ada/stream", "", 404),
        ("/v1/lists//stream", "", 404),
        ("/v1/lists/a/b/stream", "", 404),
    ],
)
async def test_what_there_is_not_is_refused_as_of_a_list(
    service: Service, connect: Connect, path: str, query: str, status: int
) -> None:
    await listed(service, a=1)
    client = connect(path, query)
    await client.task
    assert (client.status, client.headers["content-type"]) == (status, "application/problem+json")
    assert client.headers["access-control-allow-origin"] == "*"
    assert service.app.runtime.streams.open == 0


async def test_other_methods_are_told_which_it_takes(service: Service) -> None:
    assert (await service.http.options(PATH)).headers["access-control-allow-origin"] == "*"
    answer = await service.http.post(PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, OPTIONS")


async def test_a_worker_has_so_many_and_asks_others_to_come_back(serve: Serve, connect: Connect) -> None:
    service = await serve(service={"streams": 2})
    await listed(service, a=1)
    first, second = connect(to=service), connect(to=service)
    await until(lambda: first.listed and second.listed, "two streams")
    third = connect(to=service)
    await third.task
    assert (third.status, third.headers["content-type"]) == (503, "application/problem+json")
    assert int(third.headers["retry-after"]) > 0
    assert third.headers["access-control-allow-origin"] == "*"
    assert "has reached service.streams." in json.loads(third.content)["detail"]
    await first.hang_up()
    fourth = connect(to=service)
    await until(lambda: fourth.listed, "a place that was left")


async def test_an_address_has_so_many_and_this_machine_any_number(serve: Serve, connect: Connect) -> None:
    service = await serve(service={"streams_per_address": 1})
    await listed(service, a=1)
    one, other = connect(to=service, x_forwarded_for="203.0.113.1"), connect(to=service, x_forwarded_for="203.0.113.2")
    local = [connect(to=service) for _ in range(3)]
    await until(lambda: all(each.listed for each in (one, other, *local)), "streams")
    again = connect(to=service, x_forwarded_for="203.0.113.1")
    await again.task
    assert again.status == 503
    assert "has reached service.streams_per_address." in json.loads(again.content)["detail"]


async def test_many_who_ask_alike_are_told_the_same_bytes_and_the_list_is_made_once(
    service: Service, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listed(service, a=2, b=1)
    clients = [connect() for _ in range(100)]
    await until(lambda: all(each.listed for each in clients), "a hundred streams")
    published_lists, asked = service.app.runtime.context.published_lists, []
    serve_list = published_lists.serve

    async def counted(*arguments: Any) -> Any:
        asked.append(arguments)
        return await serve_list(*arguments)

    monkeypatch.setattr(published_lists, "serve", counted)
    generation = await listed(service, b=5)
    await until(lambda: all(each.generation == generation for each in clients), "the new list")
    assert len({each.content.rpartition(b"id: ")[2] for each in clients}) == 1
    assert len(asked) < len(clients), "the lists are read once per channel, not per client"


async def test_with_the_store_gone_streams_are_opened_and_live_on(
    own_server: Callable[..., Valkey], serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = own_server()
    service = await serve(on=server)
    await listed(service, a=2, b=1)
    monkeypatch.setattr(api.endpoints.streams, "HEARTBEAT_S", 0.0)
    monkeypatch.setattr(api.endpoints.streams, "POLL_EVERY_S", 0.01)
    before = connect(to=service)
    await until(lambda: before.listed, "the list")
    server.kill()
    clients = [connect(to=service) for _ in range(20)]
    await until(lambda: all(each.listed == [["a", "b"]] for each in clients), "the list from memory")
    lengths = [len(each.content) for each in (before, *clients)]
    await until(
        lambda: all(len(each.content) > n for each, n in zip((before, *clients), lengths, strict=True)), "signs of life"
    )
    assert before.content.endswith(b":\n\n")
    service.clock.now += service.settings.refresh.stale_after_s + 1
    await until(lambda: before.messages[-1].data and before.messages[-1].data["stale"], "that the list is stale")


async def test_who_takes_nothing_is_cut_off_and_leaves_its_place(service: Service, connect: Connect) -> None:
    await listed(service, a=2, b=1)
    streams = service.app.runtime.streams
    streams.patience_s = 0.01
    slow, quick = connect(), connect()
    await until(lambda: slow.listed and quick.listed, "the list")
    slow.stuck = True
    generation = await listed(service, b=5)
    await slow.task
    assert slow.cut
    await until(lambda: quick.generation == generation, "the others are told")
    assert (streams.open, quick.cut) == (1, False)


async def test_a_client_that_hangs_up_leaves_nothing_behind(service: Service, connect: Connect) -> None:
    await listed(service, a=1)
    streams = service.app.runtime.streams
    for query in ("", "limit=3", "limit=3"):
        client = connect(PATH, query)
        await until(lambda client=client: client.listed, "the list")
        await client.hang_up()
    assert (streams.open, streams._channels, streams._of_address) == (0, {}, {})


async def test_all_end_when_the_worker_is_about_to_stop(service: Service, connect: Connect) -> None:
    await listed(service, a=1)
    clients = [connect() for _ in range(5)]
    await until(lambda: all(each.listed for each in clients), "streams")
    service.app.runtime.streams.end()
    await asyncio.gather(*(each.task for each in clients))
    assert all(each.ended and not each.cut for each in clients)
    late = connect()
    await late.task
    assert (late.status, late.headers["retry-after"]) == (503, "1")


async def test_they_end_with_their_list_and_are_told_of_other_settings(serve: Serve, connect: Connect) -> None:
    table = {"title": "Sendiri"}
    service = await serve(lists={"sendiri": table})
    await listed(service, a=1)
    own, populer = connect("/v1/lists/sendiri/stream", to=service), connect(to=service)
    await until(lambda: own.listed and populer.listed, "streams")
    state = ConfigState(loaded_at=service.clock.now)
    site = {"id": SITE, "locale": "en", "keys": {"write": "write-key-of-the-koran"}}
    await service.app.runtime.use(settings(sites=[site]), state)
    await asyncio.wait_for(own.task, 10)
    assert own.ended
    await until(lambda: populer.messages[-1].data and populer.messages[-1].data["more_label"] == "More", "the language")


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("xyz"), st.booleans()), max_size=40), st.booleans())
async def test_whatever_is_missed_a_client_ends_with_what_is_served(
    steps: list[tuple[bool, str, bool]], resumed: bool
) -> None:
    """Steps: the generation moves on, what is seen of it, the client has time to read."""
    channel = _Channel()
    channel.seen, channel.list_message, channel.generation_message = _Seen(0, "x"), b"x", b"moved"
    has = "x" if resumed else None  # what it says it has: that may be wrong, until the generation moves on
    seen, sure = (channel.seen, False) if resumed else (_Seen(), True)
    generation = 0
    for moves, tag, reads in [*steps, (True, "z", True)]:
        generation += moves
        channel.seen = _Seen(generation, tag)
        channel.list_message = tag.encode()
        if reads:
            text = channel.message_for(seen, sure)
            sure = sure or seen.generation != generation
            seen = channel.seen
            has = text.decode() if text == channel.list_message else has
            assert has == tag
