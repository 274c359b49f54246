"""The bodies of requests with an idempotency key that are on their way to the store, or wait in the spool for it.

Until the store has the mark of a key, this is where another body under that key is found out.
"""

from typing import Final

from ranking.errors import KeyReusedError
from ranking.intake.marks import parts_of
from ranking.times import DAY_S

REMEMBERED: Final = 10_000


class KeyedBodies:
    """Marks of keys -> marks of bodies, the latest `REMEMBERED`, each for a day."""

    def __init__(self) -> None:
        self._bodies: dict[tuple[str, str], tuple[str, float]] = {}  # with the moment it was noted, seconds

    def note(self, site: str, once: str, now: float) -> None:
        """Remember the body that a request has, at `now` (seconds of any clock that does not go back).

        Raises:
            KeyReusedError: its key came with another one.
        """
        mark, body = parts_of(once)
        earlier, since = self._bodies.setdefault((site, mark), (body, now))
        if earlier != body and now - since < DAY_S:
            raise KeyReusedError
        self._bodies[site, mark] = body, now
        if len(self._bodies) > REMEMBERED:
            del self._bodies[next(iter(self._bodies))]

    def forget(self, site: str, once: str) -> None:
        """Forget a request."""
        self._bodies.pop((site, parts_of(once)[0]), None)
