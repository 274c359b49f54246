"""The hot paths, recording events and reading lists, in front of everything else.

A framework's routing, validation and dependency machinery costs ten times what counting an event does. What is not
one of these paths goes to the FastAPI application behind; it also documents these.
"""

import time

import structlog

from api.endpoints.events import get_pixel, post_events
from api.endpoints.lists import get_list, get_lists
from api.endpoints.lone_event import Answer, problem_answer, take
from api.endpoints.pages import get_page
from api.http import asgi
from api.http.asgi import ANY_ORIGIN
from api.http.problems import Problem, fault, problem_of
from api.http.trace import TRACE, enter, trace_header, trace_of
from api.monitoring import requests
from api.monitoring.access_log import log_access
from api.runtime import WorkerRuntime
from ranking.errors import PopulerError

log = structlog.get_logger("api")

EVENTS = "/v1/events"
PIXEL = "/v1/pixel.gif"
#: The pixel under a name that no filter list has a rule for; EasyPrivacy has one for `/pixel.gif?`.
PIXEL_UNLISTED = "/v1/dot.gif"
PIXELS = (PIXEL, PIXEL_UNLISTED)
LISTS = "/v1/lists"
PAGES = "/lists/"
STREAM = "/stream"
PREFLIGHT = (
    ANY_ORIGIN,
    (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, idempotency-key"),
    (b"access-control-max-age", b"86400"),
)


class Dispatcher:
    """Serves the hot paths from what is `runtime`, and hands everything else to `behind`."""

    def __init__(self, runtime: WorkerRuntime, behind: asgi.ASGIApp) -> None:
        self.runtime = runtime
        self._behind = behind

    def ranked(self) -> bool:
        """Whether every list is in memory."""
        return self.runtime.context.published_lists.ranked()

    def take(self, scope: asgi.Scope, body: bytearray, answer: Answer) -> bool:
        """Serve a request whose whole body is there without a task, if it is of the hottest; see `lone_event`."""
        if scope["path"] != EVENTS or scope["method"] != "POST":
            return False
        try:
            return take(self.runtime.context, scope, body, answer)
        except Exception:
            log.exception("request failed", path=EVENTS)
            answer(problem_answer(fault()))
            return True

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] != "http":
            await self._behind(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        try:
            await self._serve(scope, receive, exchange.send)
        finally:
            exchange.end(access_log=self.runtime.context.settings.service.access_log)

    async def _serve(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        path = scope["path"]
        if not path.startswith((EVENTS, LISTS, *PIXELS, PAGES)):
            await self._behind(scope, receive, send)
            return
        try:
            if path == EVENTS and scope["method"] == "POST":
                await post_events(self.runtime.context, scope, receive, send)
            elif path.endswith(STREAM) and path.startswith(LISTS + "/"):
                await self._stream(path, scope, receive, send)
            elif not await self._dispatch(path, scope, send):
                await self._behind(scope, receive, send)
        except asgi.ClientGone:
            pass
        except Problem as problem:
            await _refuse(send, problem)
        except PopulerError as error:
            await _refuse(send, problem_of(error))
        except Exception:
            log.exception("request failed", path=path)
            await _refuse(send, fault())

    async def _dispatch(self, path: str, scope: asgi.Scope, send: asgi.Send) -> bool:
        """Serve a hot path other than the hottest; False where this is none."""
        method, context = scope["method"], self.runtime.context
        if path == EVENTS:
            return await _otherwise(method, b"POST, OPTIONS", send)
        if path in PIXELS:
            if method == "GET":
                await get_pixel(context, scope, send)
                return True
            return await _otherwise(method, b"GET, OPTIONS", send)
        if path in (LISTS, LISTS + "/"):
            if method in ("GET", "HEAD"):
                await get_lists(context, scope, send)
                return True
            return await _otherwise(method, b"GET, HEAD, OPTIONS", send)
        name = path[len(LISTS) + 1 :]
        if path.startswith(LISTS + "/") and "/" not in name:
            if method in ("GET", "HEAD"):
                await get_list(context, scope, send, name)
                return True
            return await _otherwise(method, b"GET, HEAD, OPTIONS", send)
        if path.startswith(PAGES) and "/" not in path[len(PAGES) :]:
            if method in ("GET", "HEAD"):
                await get_page(context, scope, send, path[len(PAGES) :])
                return True
            return await _otherwise(method, b"GET, HEAD, OPTIONS", send)
        return False

    async def _stream(self, path: str, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        name = path[len(LISTS) + 1 : -len(STREAM)]
        if scope["method"] == "GET":
            await self.runtime.streams.serve(scope, receive, send, name)
        else:
            await _otherwise(scope["method"], b"GET, OPTIONS", send)


class _Exchange:
    """One request and its answer, which carries the request's trace: timed, and logged if asked for."""

    __slots__ = ("_began", "_observed", "_scope", "_send")

    def __init__(self, scope: asgi.Scope, send: asgi.Send) -> None:
        self._began = time.perf_counter()
        self._observed = False
        self._scope = scope
        self._send = send
        scope[TRACE] = trace = trace_of(scope["headers"])
        enter(trace)

    async def send(self, message: asgi.Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self._scope[asgi.STATUS] = message["status"]
            self._observe()
            message = {**message, "headers": [*message.get("headers", ()), trace_header(self._scope[TRACE])]}
        await self._send(message)

    def end(self, *, access_log: bool) -> None:
        """The request has been served, or its client is gone."""
        self._observe()
        if access_log:
            scope = self._scope
            log_access(scope["method"], scope["path"], scope.get(asgi.STATUS, 0), time.perf_counter() - self._began)

    def _observe(self) -> None:
        if not self._observed:
            self._observed = True
            route = requests.route_of(self._scope["method"], self._scope["path"])
            requests.observe(route, self._scope.get(asgi.STATUS, 0), time.perf_counter() - self._began)


async def _otherwise(method: str, allowed: bytes, send: asgi.Send) -> bool:
    if method == "OPTIONS":
        await asgi.answer(send, 204, PREFLIGHT, b"")
        return True
    problem = Problem(405, "method not allowed", f"this address takes {allowed.decode()}")
    await asgi.answer(send, 405, [*problem.headers, ANY_ORIGIN, (b"allow", allowed)], problem.body)
    return True


async def _refuse(send: asgi.Send, problem: Problem) -> None:
    # Also of a body that is too large the rest is read and dropped, until it has lasted too long: to close at once
    # would reset the connection, and the client would not learn why.
    await asgi.answer(send, problem.status, [*problem.headers, ANY_ORIGIN], problem.body)
