"""The load generator: a process of its own that sends given requests over keep-alive connections and checks answers.

`python load.py` takes one `Plan` as JSON on stdin and says one `Outcome` as JSON on stdout; `run` does that for you.
Closed loop (`rate` None): every connection sends its next request when it has its answer; that finds the maximum.
Open loop (`rate` in requests/s): requests are due at fixed times whatever the service does, and a latency counts from
when its request was due, not from when a connection was free for it: a stall is felt by all that should have been sent
meanwhile.

Raw sockets and prepared bytes, no pipelining: about 13 µs of CPU per request, two thirds of what the fastest server
here needs for it, so the server is the bottleneck; wrk (one thread, 64 connections) finds the same maxima within a few
per cent. Every answer's status line, length and number of accepted events is looked at, and which requests were
acknowledged is kept for comparison with the store. Nothing is sent after the time is up, but every answer that is still
owed is awaited.
"""

import gc
import json
import select
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any, NamedTuple

OWED_S = 10.0
CHUNK_BYTES = 1 << 16
SEND_BUFFER_BYTES = 1 << 20
ACCEPTED = b"HTTP/1.1 202 "
LENGTH = b"content-length: "
END_OF_HEAD = b"\r\n\r\n"


class Plan(NamedTuple):
    """What to send. `requests` are sent in turn, again and again; each holds `events_each` events."""

    host: str
    port: int
    requests: list[str]
    events_each: int
    seconds: float
    connections: int = 64
    rate: float | None = None


class Outcome(NamedTuple):
    """What became of it. `acknowledged` counts per request of the plan; `refused` counts answers by what was wrong."""

    seconds: float
    answers: int
    acknowledged: list[int]
    refused: dict[str, int]
    cpu_s: float
    latencies_ms: list[float]
    lateness_ms: list[float]


class _Connection:
    """One socket, and the request that it is waiting for."""

    __slots__ = ("due", "index", "received", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(address)
        self.socket.setblocking(False)
        self.index = -1  # no request is under way
        self.received = b""
        self.due = 0.0


class _Generator:
    """Sends requests and reads answers until the plan's time is up."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = [text.encode("latin-1") for text in plan.requests]
        self._marker = b'"accepted":%d,' % plan.events_each
        self._selector = selectors.DefaultSelector()
        self._connections = [_Connection((plan.host, plan.port)) for _ in range(plan.connections)]
        for each in self._connections:
            self._selector.register(each.socket, selectors.EVENT_READ, each)
        self._turn = 0
        self.acknowledged = [0] * len(self._requests)
        self.refused: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.lateness: list[float] = []
        self.answers = 0

    def closed_loop(self) -> float:
        """As fast as the answers come; the seconds it took."""
        now, answered, send, wait = time.perf_counter, self._answered, self._send, self._selector.select
        started = now()
        until = started + self._plan.seconds
        for each in self._connections:
            send(each)
        while now() < until:
            for key, _ in wait(0.1):
                if answered(key.data):
                    send(key.data)
        took = now() - started
        self.answers = sum(self.acknowledged) + sum(self.refused.values())
        return took

    def open_loop(self, rate: float) -> float:
        """Request n is due at n / rate; the seconds it took."""
        now, answered = time.perf_counter, self._answered
        free = deque(self._connections)
        started = now()
        total = int(self._plan.seconds * rate)
        sent = 0
        while len(self.latencies) < total and now() < started + self._plan.seconds + OWED_S:
            at = now()
            while sent < total and free and (due := started + sent / rate) <= at:
                connection = free.popleft()
                connection.due = due
                self._send(connection)
                sent += 1
                self.lateness.append(now() - due)
            patience = max(0.0, started + sent / rate - now()) if sent < total and free else 0.1
            # A selector rounds its timeout up to milliseconds; select() on the selector itself does not.
            if not select.select([self._selector], [], [], patience)[0]:
                continue
            for key, _ in self._selector.select(0):
                if answered(key.data):
                    self.latencies.append(now() - key.data.due)
                    free.append(key.data)
        self.answers = len(self.latencies)
        return now() - started

    def await_owed(self) -> None:
        """Read the answers that are still under way."""
        until = time.perf_counter() + OWED_S
        while owed := sum(each.index >= 0 for each in self._connections):
            if time.perf_counter() > until:
                self.refused["no answer"] += owed
                return
            for key, _ in self._selector.select(0.1):
                self._answered(key.data)

    def _send(self, connection: _Connection) -> None:
        index = self._turn
        self._turn = index + 1 if index + 1 < len(self._requests) else 0
        connection.index = index
        request = self._requests[index]
        sent = connection.socket.send(request)
        if sent < len(request):  # rare: the buffers hold the largest request
            connection.socket.setblocking(True)
            connection.socket.sendall(request[sent:])
            connection.socket.setblocking(False)

    def _answered(self, connection: _Connection) -> bool:
        """Read what came; whether the answer is whole now."""
        try:
            content = connection.socket.recv(CHUNK_BYTES)
        except OSError as error:
            content = b""
            self.refused[type(error).__name__] += 1
        if not content:
            self._selector.unregister(connection.socket)
            self.refused["connection closed"] += connection.index >= 0
            connection.index = -1
            return False
        if connection.received:
            content = connection.received + content
        head = content.find(END_OF_HEAD)
        at = content.find(LENGTH, 0, head) + len(LENGTH)
        if head < 0 or len(content) < head + 4 + int(content[at : content.index(b"\r", at)]):
            connection.received = content
            return False
        connection.received = b""
        if content.startswith(ACCEPTED) and content.find(self._marker, head) > 0:
            self.acknowledged[connection.index] += 1
        else:
            self.refused[content[9:12].decode("latin-1")] += 1
        connection.index = -1
        return True


def generate(plan: Plan) -> Outcome:
    """Carry out `plan` in this process."""
    generator = _Generator(plan)
    gc.disable()  # nothing here makes cycles, and a pause would look like the service's
    cpu = time.process_time()
    seconds = generator.closed_loop() if plan.rate is None else generator.open_loop(plan.rate)
    cpu_s = time.process_time() - cpu
    generator.await_owed()
    milliseconds = [[1e3 * each for each in times] for times in (generator.latencies, generator.lateness)]
    return Outcome(seconds, generator.answers, generator.acknowledged, dict(+generator.refused), cpu_s, *milliseconds)


def run(plan: Plan) -> Outcome:
    """Carry out `plan` in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve())],
        input=json.dumps(plan),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=plan.seconds + 3 * OWED_S,
    )
    said: list[Any] = json.loads(done.stdout)
    return Outcome(*said)


if __name__ == "__main__":
    print(json.dumps(generate(Plan(*json.load(sys.stdin)))))
