"""Salts: what visitors are hashed under, another one each day, the same in all workers, and gone when it is over.

A visitor is a hash of an address and a user agent. There are few enough of both that whoever has the salt can try them
all, so nothing may outlive it: when the salt is gone from the store, from its log and from the workers' memory, the
hashes of its day name nobody.

The salt of a day is made by whichever worker asks first and kept in the store; workers fetch it a minute before the day
begins (UTC, the same moment everywhere). Yesterday's stays in use for `overlap_s`, so that a read before midnight and
its repeat after it are known to be one reader's. While the store is away a worker goes on with the newest salt it has;
one that never had any makes its own, and its readers are then not known to the other workers.

The secret under which events' ids and idempotency keys are hashed (`intake.marks`) comes the same way, and stays.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable

import structlog

from ranking.errors import PopulerError
from ranking.store.salts import SaltStore
from ranking.times import DAY_S, HOUR_S

log = structlog.get_logger("ranking.recording.salts")

SALT_BYTES = 32
LIFETIME_S = 47.0 * HOUR_S
"""From the beginning of its day; the promise is two days, and an hour is left for the log to be rewritten."""
AHEAD_S = 60.0
REFRESH_EVERY_S = 15.0
SHORTEST_OVERLAP_S = float(HOUR_S)
LONGEST_OVERLAP_S = LIFETIME_S - DAY_S

Pair = tuple[bytes, bytes]


def overlap_s(dedupe_window_s: float) -> float:
    """For how long after midnight yesterday's salt is in use: the window, at least an hour, at most 23.

    More would keep a salt for longer than two days: with a window of 24 hours, a repeat between 23 and 24 hours after
    the first read counts again where midnight (UTC) lies between them.

    >>> overlap_s(0.0), overlap_s(7200.0), overlap_s(86400.0)
    (3600.0, 7200.0, 82800.0)
    """
    return min(max(dedupe_window_s, SHORTEST_OVERLAP_S), LONGEST_OVERLAP_S)


def day_of(now: float) -> int:
    """The day of a moment (epoch seconds): days since the epoch, UTC."""
    return int(now // DAY_S)


def is_over(day: int, now: float, overlap_s: float) -> bool:
    """Whether the use of a day's salt is over at `now` (epoch seconds).

    >>> is_over(0, DAY_S + 3599.0, 3600.0), is_over(0, DAY_S + 3600.0, 3600.0)
    (False, True)
    """
    return now >= (day + 1) * DAY_S + overlap_s


def _possible(overlap_s: float) -> float:
    if not SHORTEST_OVERLAP_S <= overlap_s <= LONGEST_OVERLAP_S:
        raise ValueError(f"overlap_s must be between {SHORTEST_OVERLAP_S} and {LONGEST_OVERLAP_S}, not {overlap_s}")
    return overlap_s


class Salts:
    """The salts of one worker. `clock` gives epoch seconds; one event loop.

    `secret` is what marks are hashed under until the store has said its own, which `keep_secret` is called with.
    """

    def __init__(
        self,
        store: SaltStore,
        *,
        overlap_s: float,
        clock: Callable[[], float],
        secret: bytes = b"",
        keep_secret: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._overlap_s = _possible(overlap_s)
        self._clock = clock
        self._shared: dict[int, bytes] = {}  # by day, from the store
        self._own: dict[int, bytes] = {}  # by day, of this process alone
        self._pair: Pair = b"", b""
        self._secret = secret or secrets.token_bytes(SALT_BYTES)
        self._keep_secret = keep_secret
        self._holds = 0.0, 0.0  # from when until when the pair is what `current` says
        self._refreshing: asyncio.Task[None] | None = None
        self._away = False

    async def start(self) -> None:
        """Fetch the salts of now, and keep them up to date. Returns without them where the store is away."""
        await self.refresh()
        self._refreshing = asyncio.create_task(self._refresh_loop())

    def use(self, overlap_s: float) -> None:
        """Have yesterday's salt in use for so long."""
        self._overlap_s = _possible(overlap_s)
        self._holds = 0.0, 0.0

    async def stop(self) -> None:
        """Ask no more."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._refreshing
            self._refreshing = None

    def current(self, now: float) -> Pair:
        """The salt to hash under at `now` (epoch seconds), and yesterday's while that is in use, else b""."""
        since, until = self._holds
        if not since <= now < until:
            self._choose(now)
        return self._pair

    @property
    def secret(self) -> bytes:
        """The secret under which marks are hashed."""
        return self._secret

    async def refresh(self) -> None:
        """Fetch the salts in use, and the next day's if it is about to begin. What the store has lost it gets back."""
        now = self._clock()
        today = day_of(now)
        days = [today]
        if day_of(now + AHEAD_S) > today:
            days.append(today + 1)
        if not is_over(today - 1, now, self._overlap_s):
            days.append(today - 1)
        self._forget(now)
        try:
            for day in days:
                fresh = self._shared.get(day) or secrets.token_bytes(SALT_BYTES)
                self._shared[day] = await self._store.salt(day, fresh, day * DAY_S + LIFETIME_S - now)
            if (secret := await self._store.secret(self._secret)) != self._secret:
                self._secret = secret
                await asyncio.to_thread(self._keep_secret, secret)
        except PopulerError as error:
            if not self._away:
                log.warning("no salt from the store: visitors are hashed under the last one", error=str(error))
            self._away = True
        else:
            if self._away:
                log.info("salts come from the store again")
            self._away = False
        self._holds = 0.0, 0.0

    async def _refresh_loop(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_EVERY_S)
            try:
                await self.refresh()
            except Exception:  # a worker without salts would go on with an old one for ever
                log.exception("The salts were not refreshed. It is tried again.")

    def _choose(self, now: float) -> None:
        self._forget(now)
        today = day_of(now)
        begins_s, ends_s = today * DAY_S, (today + 1) * DAY_S
        earlier = max((day for day in self._shared if day < today), default=None)
        if (salt := self._shared.get(today)) is not None:
            overlaps = not is_over(today - 1, now, self._overlap_s)
            self._pair = salt, self._shared.get(today - 1, b"") if overlaps else b""
            self._holds = (begins_s, begins_s + self._overlap_s) if overlaps else (begins_s + self._overlap_s, ends_s)
        elif earlier is not None:
            self._pair = self._shared[earlier], b""
            self._holds = now, min(ends_s, earlier * DAY_S + LIFETIME_S)
        else:
            self._pair = self._own.setdefault(today, secrets.token_bytes(SALT_BYTES)), b""
            self._holds = begins_s, ends_s

    def _forget(self, now: float) -> None:
        """Forget the salts that outlived their promise, wherever they came from."""
        for salts in (self._shared, self._own):
            for day in [day for day in salts if now >= day * DAY_S + LIFETIME_S]:
                del salts[day]
