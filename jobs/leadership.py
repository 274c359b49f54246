"""Leadership: of all jobs processes on one store, one works.

The leader holds a lease in the store and renews it three times over its length. Who does not hold it asks again when it
may have run out, so a leader that is lost is followed within its lease. A leader that was paused finds by its own clock
that its lease is over; one that is paused in the middle of a run carries the epoch of its term into the store, which
refuses what an earlier term publishes over a later one.

Rejected: the lease alone. Between the look at it and the write the process can sleep for an hour.
"""

import asyncio
import contextlib
import math
import os
import secrets
import socket
import time
from collections.abc import Callable

import structlog

from ranking.errors import PopulerError
from ranking.store.lease import LeaseStore

log = structlog.get_logger("jobs")

RENEWALS = 3
SHORTEST_PAUSE_S = 0.02
FAILED_PAUSE_S = 0.5


class Leadership:
    """Whether this process leads, kept up to date by `follow`.

    `lease_s` is how long it leads without renewing; `clock` is monotonic, in seconds.
    """

    def __init__(self, leases: LeaseStore, lease_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._leases = leases
        self._lease_s = lease_s
        self._clock = clock
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._term = 0
        self._until = -math.inf
        self._above: int | None = 0  # this process begins with a term of its own
        self._soon = asyncio.Event()
        self._failing = False

    @property
    def epoch(self) -> int:
        """The epoch of this process's term; 0 where it does not lead."""
        return self._term if self._clock() < self._until else 0

    def use(self, lease_s: float) -> None:
        """Hold leases of another length from the next one on."""
        self._lease_s = lease_s
        self._soon.set()

    async def renew(self) -> float:
        """Take or renew the lease if it can be had; seconds until that is worth trying again."""
        asked, lease_s = self._clock(), self._lease_s
        before = self.epoch
        try:
            lease = await self._leases.hold_lease(self._holder, lease_s, self._above)
        except PopulerError as error:
            if not self._failing:
                log.warning("The lease was not renewed. It is tried again.", error=str(error))
            self._failing = True
            return min(FAILED_PAUSE_S, lease_s / RENEWALS)
        self._failing = False
        if not lease.epoch:
            if before:
                log.warning("Another process leads now.")
            self._until, self._above = -math.inf, 0
            return min(lease.left_s + SHORTEST_PAUSE_S, lease_s / RENEWALS)
        if lease.epoch != before:
            log.info("This process leads now.", epoch=lease.epoch)
        self._term, self._until, self._above = lease.epoch, asked + lease_s, None
        return lease_s / RENEWALS

    def overtaken(self, epoch: int) -> None:
        """A later term has published: lead no more, but by a term that comes after it."""
        self._until, self._above = -math.inf, epoch
        self._soon.set()

    async def follow(self, taken: Callable[[], None]) -> None:
        """Renew or await the lease until cancelled; `taken` is called whenever a term of this process begins."""
        epoch = 0
        while True:
            self._soon.clear()
            pause_s = await self.renew()
            if self.epoch and self.epoch != epoch:
                taken()
            epoch = self.epoch
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), pause_s)

    async def end(self) -> None:
        """Let go of the lease, so that another process need not wait for it."""
        self._until = -math.inf
        with contextlib.suppress(PopulerError):
            await self._leases.end_lease(self._holder)
