"""The load generator: a process of its own that sends given requests over keep-alive connections and checks answers.

`python load.py` takes one `Plan` as JSON on stdin and says one `Outcome` as JSON on stdout; `run` does that for you.
Closed loop (`rate` None): every connection sends its next request when it has its answer; that finds the maximum.
Open loop (`rate` in requests/s): requests are due at fixed times whatever the service does, and a latency counts from
when its request was due, not from when a connection was free for it: a stall is felt by all that should have been sent
meanwhile.

Raw sockets and prepared bytes, no pipelining: about 13 µs of CPU per request, two thirds of what the fastest server
here needs for it, so the server is the bottleneck; wrk (one thread, 64 connections) finds the same maxima within a few
per cent. Every answer's status line, length and numbers of accepted and of duplicate events are looked at, and which
requests were acknowledged is kept for comparison with the store. Nothing is sent after the time is up, but every answer
that is still owed is awaited.

Where a request holds THIS_TURN or EARLIER_TURN, the number of the turn in which it is sent, or of the turn GONE before
that, is written over it: so the same requests can be of new visitors every time, or of earlier ones.
"""

import gc
import json
import re
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
DONE = b"HTTP/1.1 202 "
COUNTED, REPEATED = b'{"accepted":', b',"duplicate":'
OVER_SHARE = re.compile(rb'"concentrated":(\d+)')
LENGTH = b"content-length: "
END_OF_HEAD = b"\r\n\r\n"
#: As wide as what is written over them, so that no length changes.
THIS_TURN, EARLIER_TURN = "@@@@@@@@", "########"
MARKS = THIS_TURN.encode(), EARLIER_TURN.encode()
GONE = 8
SHOWN_BYTES = 120


class Plan(NamedTuple):
    """What to send. `requests` are sent in turn, again and again; each holds `events_each` events.

    `turn` is the number of the first turn. `status`: of reads, that of a good answer, whose length must be another than
    0 if it may have a body; 0: they are no reads.
    """

    host: str
    port: int
    requests: list[str]
    events_each: int
    seconds: float
    connections: int = 64
    rate: float | None = None
    turn: int = 0
    status: int = 0


class Outcome(NamedTuple):
    """What became of it. `acknowledged` counts answers per request of the plan; `refused` answers by what was wrong.

    `accepted`, `repeated` and `over_share` are the events that the answers named so (the last: "concentrated").
    `turn` is the first that was not begun.
    """

    seconds: float
    answers: int
    acknowledged: list[int]
    accepted: int
    repeated: int
    over_share: int
    turn: int
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
        self._good = b"HTTP/1.1 %d " % plan.status if plan.status else b""
        self._requests = [text.encode("latin-1") for text in plan.requests]
        self._selector = selectors.DefaultSelector()
        self._connections = [_Connection((plan.host, plan.port)) for _ in range(plan.connections)]
        for each in self._connections:
            self._selector.register(each.socket, selectors.EVENT_READ, each)
        self._next = 0
        self._begin(plan.turn)
        self.acknowledged = [0] * len(self._requests)
        self.accepted = self.repeated = self.over_share = 0
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

    def _begin(self, turn: int) -> None:
        self.turn = turn
        self._this_turn, self._earlier_turn = b"%08d" % turn, b"%08d" % (turn - GONE)

    def _send(self, connection: _Connection) -> None:
        index = self._next
        connection.index = index
        request = self._requests[index].replace(MARKS[0], self._this_turn).replace(MARKS[1], self._earlier_turn)
        self._next = index + 1
        if self._next == len(self._requests):
            self._next = 0
            self._begin(self.turn + 1)
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
        at = content.find(LENGTH, 0, head)
        length = int(content[at + len(LENGTH) : content.index(b"\r", at)]) if at >= 0 else 0  # a 304 says none
        if head < 0 or len(content) < head + 4 + length:
            connection.received = content
            return False
        connection.received = b""
        self._note(connection.index, content, head + 4)
        connection.index = -1
        return True

    def _note(self, index: int, content: bytes, body: int) -> None:
        """Note a whole answer whose body starts at `body`; it must have counted every event, now or before."""
        if self._good:
            if content.startswith(self._good) and (self._plan.status == 304 or len(content) > body):
                self.acknowledged[index] += 1
                return
            self.refused[content[9:12].decode("latin-1")] += 1
            return
        middle = content.find(REPEATED, body)
        if content.startswith(DONE) and content.startswith(COUNTED, body) and middle > 0:
            accepted = int(content[body + len(COUNTED) : middle])
            repeated = int(content[middle + len(REPEATED) : content.index(b",", middle + 1)])
            beyond = OVER_SHARE.search(content, middle)
            over_share = int(beyond[1]) if beyond else 0
            if accepted + repeated + over_share == self._plan.events_each:
                self.accepted += accepted
                self.repeated += repeated
                self.over_share += over_share
                self.acknowledged[index] += 1
                return
        self.refused[f"{content[9:12].decode('latin-1')} {content[body : body + SHOWN_BYTES].decode('latin-1')}"] += 1


def generate(plan: Plan) -> Outcome:
    """Carry out `plan` in this process."""
    generator = _Generator(plan)
    gc.disable()  # nothing here makes cycles, and a pause would look like the service's
    cpu = time.process_time()
    seconds = generator.closed_loop() if plan.rate is None else generator.open_loop(plan.rate)
    cpu_s = time.process_time() - cpu
    generator.await_owed()
    milliseconds = [[1e3 * each for each in times] for times in (generator.latencies, generator.lateness)]
    return Outcome(
        seconds,
        generator.answers,
        generator.acknowledged,
        generator.accepted,
        generator.repeated,
        generator.over_share,
        generator.turn + 1,
        dict(+generator.refused),
        cpu_s,
        *milliseconds,
    )


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
