"""The service as the demo's people see it from outside: HTTP that never raises, and an outage that is told once.

A service that does not answer is worth one line in the log and a pause that grows, never a traceback: the demo
starts its parts together, and somebody may stop Redis to see what happens.
"""

from typing import Any, TypeVar

import httpx2
import msgspec
import structlog
from prometheus_client.parser import text_string_to_metric_families

from ranking.backoff import Backoff

log = structlog.get_logger("populer.demo")

EVENTS_METRIC = "populer_events_total"
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
REQUEST_TIMEOUT_S = 10.0

# The simulated public uses browsers; under the HTTP library's own name the service would filter it as bots.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
BROWSER = {"User-Agent": AGENT}
# The request itself is refused: sending it again cannot help, unlike 429 and the 500s.
REFUSED = frozenset({400, 401, 403, 404, 405, 413, 415, 422})

T = TypeVar("T")


class Counted(msgspec.Struct):
    """What became of some events."""

    accepted: int = 0
    duplicate: int = 0
    filtered: dict[str, int] = {}

    def outcomes(self) -> dict[str, int]:
        """How many, by what became of them.

        >>> Counted(accepted=2, filtered={"robot": 3}).outcomes()
        {'accepted': 2, 'robot': 3}
        """
        found = {"accepted": self.accepted, "duplicate": self.duplicate, **self.filtered}
        return {outcome: count for outcome, count in found.items() if count}


class ListedArticle(msgspec.Struct):
    """An entry of a list."""

    id: str
    rank: int
    score: float | None = None


class ListAnswer(msgspec.Struct):
    """A list."""

    items: list[ListedArticle] = []


class Service:
    """See the module's docstring."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        #: Seconds to leave the service alone: 0, or growing while it fails.
        self.pause_s = 0.0
        self._failures = 0
        self._backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)

    async def send(
        self, method: str, path: str, *, headers: dict[str, str], json: object = None, params: Any = None
    ) -> httpx2.Response | None:
        """The answer, a refusal included; None where the service could not answer."""
        try:
            answer = await self.client.request(
                method, path, json=json, headers=headers, params=params, timeout=REQUEST_TIMEOUT_S
            )
        except httpx2.HTTPError as error:
            self._failed(f"{type(error).__name__} {error}".strip())
            return None
        if answer.is_success:
            self._recovered()
            return answer
        self._failed(f"status {answer.status_code}")
        return answer if answer.status_code in REFUSED else None

    def _failed(self, reason: str) -> None:
        self._failures += 1
        self.pause_s = self._backoff.next_s()
        if self._failures == 1:
            log.warning("demo readers wait for the service", reason=reason)

    def _recovered(self) -> None:
        if self._failures:
            log.info("demo readers are back", failed_requests=self._failures)
        self._failures = 0
        self.pause_s = 0.0
        self._backoff.reset()


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


def decoded(answer: httpx2.Response | None, form: type[T]) -> T | None:
    """The answer as `form`; None for no answer, and for one that is something else."""
    if answer is None or not answer.is_success:
        return None
    try:
        return msgspec.json.decode(answer.content, type=form)
    except msgspec.MsgspecError:
        return None


def outcomes_of(metrics: str) -> dict[str, int]:
    """Events by what became of them, as Prometheus is told; none for what is no such text.

    >>> outcomes_of('# TYPE populer_events_total counter\\npopuler_events_total{outcome="robot",site="a"} 3.0\\n')
    {'robot': 3}
    """
    found: dict[str, int] = {}
    try:
        for family in text_string_to_metric_families(metrics):
            for sample in family.samples:
                if sample.name == EVENTS_METRIC:
                    outcome = sample.labels.get("outcome", "")
                    found[outcome] = found.get(outcome, 0) + int(sample.value)
    except ValueError:
        return {}
    return {outcome: count for outcome, count in found.items() if count}
