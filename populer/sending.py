"""Batches of events and of items over HTTP, each sent until its outcome is known. For commands and `populer.client`.

Every request may be sent again: event batches carry an `Idempotency-Key`, items are upserts. So whatever
leaves the outcome unknown (a refused or broken connection, a timeout, 429, 502, 503, 504) is tried again with
the same key until a deadline. A service that has never answered gets a shorter one: most likely nobody
started it.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

import ranking
from ranking.backoff import Backoff
from ranking.errors import PopulerError

NDJSON = "application/x-ndjson"
JSON = "application/json"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
TRY_AGAIN = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class Patience(NamedTuple):
    """How long to go on trying, in seconds."""

    deadline_s: float = 60.0
    first_answer_s: float = 10.0
    request_s: float = 30.0
    pause_s: float = 0.2
    longest_pause_s: float = 5.0
    longest_retry_after_s: float = 15.0


USUAL_PATIENCE = Patience()


class Invalid(msgspec.Struct, frozen=True, gc=False):
    """One refused event or item: its 0-based index in the body, and why."""

    index: int
    error: str


class EventsAnswer(msgspec.Struct, frozen=True):
    """What became of a batch of events."""

    accepted: int = 0
    duplicate: int = 0
    filtered: dict[str, int] = {}
    invalid: list[Invalid] = []
    invalid_total: int = 0  # absent where all of them are named
    ack: str = ""


class ItemOutcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one item: the fields that were left out, and why it was not stored."""

    ok: bool
    ignored: list[str] = []
    error: str = ""


class ItemsAnswer(msgspec.Struct, frozen=True):
    """What became of a batch of items."""

    stored: int = 0
    invalid: list[Invalid] = []
    items: list[ItemOutcome] = []


class AliasesAnswer(msgspec.Struct, frozen=True):
    """What became of a batch of aliases."""

    made: int = 0
    invalid: list[Invalid] = []


Answer = TypeVar("Answer")
QueryValue = str | int | bool | list[str]


class _Problem(msgspec.Struct, frozen=True):
    """The parts of an RFC 9457 problem that are read here."""

    title: str = ""
    detail: str = ""
    invalid: list[Invalid] = []
    invalid_total: int = 0


class ServiceClient:
    """Sends batches to one site of the service at `to`. Use as an async context manager.

    Args:
        to: the service's address, such as http://127.0.0.1:8000.
        site: which site; None leaves it to the service.
        key: the site's write key; None: only lists are read.
        patience: how long to try.

    Raises:
        PopulerError: the address or the key cannot be one; nothing was sent.
    """

    def __init__(self, to: str, *, site: str | None, key: str | None, patience: Patience = USUAL_PATIENCE) -> None:
        self.to = _checked_address(to)
        self._key = None if key is None else _checked_key(key)
        self._query = {"site": site} if site else {}
        self._patience = patience
        self._answered = False

    async def __aenter__(self) -> Self:
        self._http = httpx2.AsyncClient(
            base_url=self.to,
            headers={
                "User-Agent": f"populer/{ranking.__version__}",
                **({} if self._key is None else {"Authorization": f"Bearer {self._key}"}),
            },
            params=self._query,
            # A proxy from the environment must not carry what goes to this machine itself.
            trust_env=httpx2.URL(self.to).host not in LOOPBACK,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def post_events(self, body: bytes, batch_id: str) -> EventsAnswer:
        """Record a batch of events.

        Args:
            body: NDJSON, one event a line.
            batch_id: sent as `Idempotency-Key`: a batch sent again under it counts once.

        Raises:
            PopulerError: the service does not answer, refuses the key, or refuses the batch as a whole. A
                batch whose events are all invalid is an answer.
        """
        headers = {"Content-Type": NDJSON, "Idempotency-Key": batch_id}
        response = await self._send("POST", "/v1/events", body, headers)
        if problem := _all_invalid(response):
            return EventsAnswer(invalid=problem.invalid, invalid_total=problem.invalid_total)
        return self._parsed(response, EventsAnswer)

    async def put_items(self, body: bytes) -> ItemsAnswer:
        """Upsert a batch of items; `body` is a JSON array. Raises as `post_events` does."""
        response = await self._send("PUT", "/v1/items", body, {"Content-Type": JSON})
        if problem := _all_invalid(response):
            return ItemsAnswer(invalid=problem.invalid)
        return self._parsed(response, ItemsAnswer)

    async def put_aliases(self, body: bytes) -> AliasesAnswer:
        """Make aliases; `body` is a JSON array. Raises as `post_events` does."""
        response = await self._send("PUT", "/v1/aliases", body, {"Content-Type": JSON})
        return self._parsed(response, AliasesAnswer)

    async def get_list(self, name: str, query: Mapping[str, QueryValue]) -> dict[str, Any]:
        """A published list. Raises as `post_events` does."""
        parameters = httpx2.QueryParams({**self._query, **query})
        response = await self._send("GET", f"/v1/lists/{quote(name, safe='')}?{parameters}", b"", {})
        return self._parsed(response, dict[str, Any])

    async def delete_item(self, item: str) -> None:
        """Take an item down. Raises as `post_events` does."""
        response = await self._send("DELETE", f"/v1/items/{quote(item, safe='')}", b"", {})
        if response.status_code != HTTPStatus.NO_CONTENT:
            self._parsed(response, dict[str, Any])

    async def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> httpx2.Response:
        """The first answer that is not a call to try again."""
        clock = asyncio.get_running_loop().time
        started_s = clock()
        backoff = Backoff(self._patience.pause_s, self._patience.longest_pause_s)
        while True:
            wait_s = backoff.next_s()
            cause: Exception | None = None
            try:
                left_s = self._give_up_s(started_s) - clock()
                request_s = max(min(self._patience.request_s, left_s), self._patience.pause_s)
                response = await self._http.request(method, path, content=body, headers=headers, timeout=request_s)
            except httpx2.TransportError as error:
                why, cause = _reason(error), error
            else:
                self._answered = True
                if response.status_code not in TRY_AGAIN:
                    return response
                why = f"{response.status_code}: {_said(response)}"
                wait_s = max(wait_s, min(_retry_after_s(response), self._patience.longest_retry_after_s))
            if clock() + wait_s > self._give_up_s(started_s):
                raise PopulerError(
                    f"the service at {self.to} does not answer ({why}): is `populer serve` running?"
                ) from cause
            await asyncio.sleep(wait_s)

    def _give_up_s(self, started_s: float) -> float:
        patience = self._patience
        if self._answered:
            return started_s + patience.deadline_s
        return started_s + min(patience.deadline_s, patience.first_answer_s)

    def _parsed(self, response: httpx2.Response, shape: type[Answer]) -> Answer:
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise PopulerError(
                f"the service at {self.to} refuses the key ({_said(response)}): this needs the site's write "
                "key, from --key, else POPULER_KEY, else the key file in --data"
            )
        if response.is_redirect:
            target = response.headers.get("Location", "elsewhere")
            raise PopulerError(f"the service at {self.to} redirects to {target}: name that address with --to")
        if not response.is_success:
            raise PopulerError(f"the service at {self.to} answered {response.status_code}: {_said(response)}")
        try:
            return msgspec.json.decode(response.content, type=shape)
        except msgspec.DecodeError:
            raise PopulerError(
                f"what answers at {self.to} is not a Populer service: name its address with --to"
            ) from None


def _checked_address(to: str) -> str:
    try:
        url = httpx2.URL(to.strip())
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise PopulerError(f"--to must be an address such as http://127.0.0.1:8000, not {to!r}")
    return str(url).rstrip("/")


def _checked_key(key: str) -> str:
    key = key.strip()
    if not key:
        raise PopulerError("a write key is needed: --key, else POPULER_KEY, else the key file in --data")
    if not all("!" <= character <= "~" for character in key):
        raise PopulerError("the write key must be printable ASCII without blanks: was it copied whole?")
    return key


def _all_invalid(response: httpx2.Response) -> _Problem | None:
    """The problem of a 422 with a complaint about each event or item; None for any other answer."""
    if response.status_code != HTTPStatus.UNPROCESSABLE_ENTITY:
        return None
    problem = _problem(response)
    return problem if problem and problem.invalid else None


def _problem(response: httpx2.Response) -> _Problem | None:
    try:
        return msgspec.json.decode(response.content, type=_Problem)
    except msgspec.DecodeError:
        return None


def _said(response: httpx2.Response) -> str:
    """What an answer that is no success says, in its own words where it has some."""
    problem = _problem(response)
    return (problem and (problem.detail or problem.title)) or response.reason_phrase or "no reason given"


def _retry_after_s(response: httpx2.Response) -> float:
    """Seconds of `Retry-After`; 0 where it is absent or a date."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _reason(error: httpx2.TransportError) -> str:
    """httpx2 words these for programmers, or not at all."""
    match error:
        case httpx2.ConnectError() if "CERTIFICATE" in str(error):
            return "its TLS certificate is not trusted here"
        case httpx2.ConnectError():
            return "no connection"
        case httpx2.TimeoutException():
            return "no answer in time"
        case httpx2.NetworkError() | httpx2.RemoteProtocolError():
            return "the connection broke off"
        case _:
            return str(error) or type(error).__name__
