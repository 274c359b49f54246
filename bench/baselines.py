"""What the service is measured against: servers on its uvicorn settings (uvloop, httptools, no access log).

`bare`   the fastest that Python serves here: an ASGI callable that reads the body and answers the same bytes.
         It counts nothing.
`usual`  what one writes by hand in ten minutes: a FastAPI route, a Pydantic model, and one redis-py HINCRBY per event,
         answered when Redis has it. A list of events goes through one pipeline. hiredis and defaults otherwise.
`same`   for reads: an ASGI callable that looks at nothing and answers the status, headers and bytes of a file.
`json`   for reads: a FastAPI route that answers the file's list from memory, encoded anew for each request.
`ranked` for reads: a FastAPI route that asks Redis for the top of a sorted set and for what its items are, by redis-py.

`python baselines.py bare|usual|same|json|ranked [REDIS_URL|FILE]` prints `ready http://…` and serves until SIGTERM. The
first two answer what the service answers; `usual` sends fewer headers (no CORS), which is in its favour.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import BaseModel, Field
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

BUCKET_S = 300
HEADERS = [
    (b"content-type", b"application/json"),
    (b"access-control-allow-origin", b"*"),
    (b"cache-control", b"no-store"),
]
ANSWER = b'{"accepted":1,"duplicate":0,"filtered":{},"invalid":[],"ack":"commit"}'
LENGTH = (b"content-length", str(len(ANSWER)).encode())

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def bare(_: dict[str, Any], receive: Receive, send: Send) -> None:
    """Read the body, say that one event was accepted."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": [*HEADERS, LENGTH]})
    await send({"type": "http.response.body", "body": ANSWER})


def same(answer: Path) -> Callable[[dict[str, Any], Receive, Send], Awaitable[None]]:
    """An application that answers what lies in the file: `[status, [[name, value], …], body]`, bytes as Latin-1."""
    status, named, text = json.loads(answer.read_text())
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named]
    body = text.encode("latin-1")

    async def answered(_: dict[str, Any], __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answered


LIST = "/v1/lists/populer"
RANKED, DESCRIBED, SHOWN = "ranked", "described", 7


def encoding(answer: Path) -> FastAPI:
    """The list in the file, encoded for each request."""
    app, known = FastAPI(), json.loads(json.loads(answer.read_text())[2])

    @app.get(LIST)
    async def get_list() -> dict[str, Any]:
        return known

    return app


def ranked(redis_url: str) -> FastAPI:
    """The top of the sorted set at `redis_url`, asked for with every request."""
    app, redis = FastAPI(), AsyncRedis.from_url(redis_url)

    @app.get(LIST)
    async def get_list() -> dict[str, Any]:
        top: Any = await redis.zrevrange(RANKED, 0, SHOWN - 1, withscores=True)
        items: Any = await redis.hmget(DESCRIBED, [name for name, _ in top])  # type: ignore[misc]
        rows = zip(top, items, strict=True)
        return {"items": [{**json.loads(item), "score": score} for (_, score), item in rows]}

    return app


def fill_ranked(redis_url: str, answer: Path) -> None:
    """Have Redis at `redis_url` rank and describe what the list in the file has."""
    with Redis.from_url(redis_url) as redis:
        for item in json.loads(json.loads(answer.read_text())[2])["items"]:
            redis.zadd(RANKED, {item["id"]: item["score"]})
            redis.hset(DESCRIBED, item["id"], json.dumps(item))


class Event(BaseModel):
    """One event."""

    item: str = Field(min_length=1, max_length=512)
    kind: Literal["view", "click"] = "view"
    visitor: str | None = None
    source: str | None = None


def usual(redis_url: str) -> FastAPI:
    """The hand-written endpoint, with its counts at `redis_url`."""
    app = FastAPI()
    redis = AsyncRedis.from_url(redis_url)

    @app.post("/v1/events", status_code=202)
    async def post_event(event: Event) -> dict[str, Any]:
        await redis.hincrby(_bucket(), f"{event.kind}|{event.item}", 1)
        return _accepted(1)

    @app.post("/v1/events/batch", status_code=202)
    async def post_events(events: list[Event]) -> dict[str, Any]:
        bucket = _bucket()
        async with redis.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.hincrby(bucket, f"{event.kind}|{event.item}", 1)
            await pipe.execute()
        return _accepted(len(events))

    return app


def counts_of_usual(redis_url: str) -> dict[str, int]:
    """All counts of the hand-written endpoint: item -> events."""
    found: dict[str, int] = {}
    with Redis.from_url(redis_url) as redis:
        for bucket in redis.scan_iter("counts:*"):
            counts: Any = redis.hgetall(bucket)
            for field, count in counts.items():
                item = field.decode().partition("|")[2]
                found[item] = found.get(item, 0) + int(count)
    return found


def _bucket() -> str:
    return f"counts:{int(time.time()) // BUCKET_S * BUCKET_S}"


def _accepted(count: int) -> dict[str, Any]:
    return {"accepted": count, "duplicate": 0, "filtered": {}, "invalid": [], "ack": "commit"}


class _Server(uvicorn.Server):
    """Stops on SIGTERM only: Ctrl-C is for the benchmark, which stops everything in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, setattr, self, "should_exit", True)
        yield


async def _serve(app: Any) -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(  # as populer/service/child_process.py has it
        app,
        http="httptools",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=2,
    )
    print(f"ready http://127.0.0.1:{listening.getsockname()[1]}", flush=True)  # it queues until it is served
    await _Server(config).serve(sockets=[listening])


APPLICATIONS: dict[str, Callable[[str], Any]] = {
    "usual": usual,
    "same": lambda file: same(Path(file)),
    "json": lambda file: encoding(Path(file)),
    "ranked": ranked,
}


def main() -> None:
    """Serve the named baseline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["bare", *APPLICATIONS])
    parser.add_argument("of", nargs="?", default="redis://127.0.0.1:6379")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uvloop.run(_serve(APPLICATIONS[given.name](given.of) if given.name in APPLICATIONS else bare))


if __name__ == "__main__":
    main()
