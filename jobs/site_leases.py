"""Leases on sites: of all jobs processes on one store, each works for its share of the sites.

A process says three times over the length of a lease that it lives, and sees which others do. A site that is its own by
`shares` and that nobody works for it takes, in a term with an epoch of its own; one that belongs to another it gives up
once the refresh under way has ended. So the sites of a process that is lost are followed within its lease, and those of
one that leaves or comes without waiting for it. What is of no site is one more site here, `OF_NO_SITE`.

A process that was paused finds by its own clock that its leases are over; one that is paused in the middle of a run
carries the epoch of its term into the store, which refuses what an earlier term publishes over a later one.

Rejected: the lease alone. Between the look at it and the write the process can sleep for an hour.
"""

import asyncio
import contextlib
import math
import os
import secrets
import socket
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol

import structlog

from jobs import metrics
from jobs.shares import digest, owners
from ranking.errors import PopulerError
from ranking.store.lease import OF_NO_SITE, JobsProcess, Leases, LeaseStore

log = structlog.get_logger("jobs")

RENEWALS: Final = 3
#: A site that is to change hands is looked at so many times over a lease.
HANDOVER_LOOKS: Final = 40
SHORTEST_PAUSE_S: Final = 0.02
FAILED_PAUSE_S: Final = 0.5


class SiteWork(Protocol):
    """What is done for the sites that this process works for."""

    def begin(self, sites: Collection[str]) -> None:
        """Terms of some sites have begun."""
        ...

    def end(self, sites: Collection[str]) -> None:
        """Others work for some sites now."""
        ...

    def is_publishing(self, site: str) -> bool:
        """Whether what readers see of a site is being made."""
        ...


class SiteLeases:
    """Which sites this process works for, and in which terms; kept up to date by `follow`.

    `sites`: site -> name of the process that it is pinned to, or nothing. `lease_s` is how long the process works
    without renewing; `name` is its own, the host's without one; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        store: LeaseStore,
        sites: Mapping[str, str],
        lease_s: float,
        *,
        name: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._store = store
        self._clock = clock
        self._until = -math.inf
        self._leases = Leases()
        self._terms: Mapping[str, int] = {}
        self._own = set[str]()
        self._peers: list[JobsProcess] = []
        self._above: dict[str, int] = {}
        self._work: SiteWork | None = None
        self._soon = asyncio.Event()
        self._failing = False
        self.use(sites, lease_s, name)

    @property
    def processes(self) -> tuple[JobsProcess, ...]:
        """The processes that lived when this one renewed last, sorted by name and holder."""
        return self._leases.processes

    @property
    def peers(self) -> list[str]:
        """The holders of leases that share the sites with this one, itself among them, as of its last renewal."""
        return [each.holder for each in self._peers]

    @property
    def is_sharing(self) -> bool:
        """Whether this process is one of those that share the sites; none does while one of an elder version works."""
        return self._leases.elder is None and self._clock() < self._until

    def epoch(self, site: str) -> int:
        """The epoch of this process's term; 0 where it does not work for the site, or no longer."""
        if not self.is_sharing or site not in self._own or site in self._above:
            return 0
        return self._terms.get(site, 0)

    def sites_led(self) -> int:
        """For how many sites this process works."""
        return _count([site for site in self._terms if self.epoch(site)])

    def holder_of(self, site: str) -> str:
        """The process that works for a site, as far as this one knows; nothing: none does."""
        lease = self._leases.of(site)
        return "" if lease is None else lease.holder

    def use(self, sites: Mapping[str, str], lease_s: float, name: str = "") -> None:
        """Share other sites, hold leases of another length and go by another name, from the next renewal on."""
        self._name = name or socket.gethostname()
        self._sites = {**sites, OF_NO_SITE: ""}
        self._settings = digest(self._sites)
        self._lease_s = lease_s
        self._soon.set()

    def overtaken(self, site: str, epoch: int) -> None:
        """A later term has published: work for the site no more, but in a term that comes after it."""
        self._above[site] = epoch
        self._soon.set()

    async def renew(self) -> float:
        """Renew, take what is this process's own and give up what is not; seconds until the next time is due."""
        lease_s, before = self._lease_s, dict(self._terms)
        try:
            await self._hold({}, [])
            take, give_up = self._changes()
            if take or give_up:
                await self._hold(take, give_up)
        except PopulerError as error:
            if not self._failing:
                log.warning("The leases were not renewed. They are tried again.", error=str(error))
            self._failing = True
            return min(FAILED_PAUSE_S, lease_s / RENEWALS)
        finally:
            self._tell(before)
        self._failing = False
        return self._pause_s(lease_s)

    async def follow(self, work: SiteWork) -> None:
        """Renew until cancelled, and tell `work` which sites this process works for."""
        self._work = work
        while True:
            self._soon.clear()
            pause_s = await self.renew()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), pause_s)

    async def leave(self) -> None:
        """Give up all sites, so that other processes need not wait for them."""
        self._until = -math.inf
        with contextlib.suppress(PopulerError):
            await self._store.leave(self.holder)

    async def _hold(self, take: Mapping[str, int], give_up: Collection[str]) -> None:
        asked, lease_s = self._clock(), self._lease_s
        process = JobsProcess(self.holder, self._name, self._settings, lease_s)
        self._leases = found = await self._store.hold(process, self._leases, take, give_up)
        self._until = asked + lease_s
        self._terms = {
            site: lease.epoch for site, lease in found.sites.items() if lease.holder == self.holder and not found.elder
        }
        peers = [each._replace(left_s=0.0) for each in found.processes if each.settings == self._settings]
        if peers != self._peers:
            self._peers = peers
            self._own = {site for site, holder in owners(self._sites, peers).items() if holder == self.holder}
        for site in [site for site, above in self._above.items() if self._terms.get(site, 0) > above]:
            del self._above[site]

    def _changes(self) -> tuple[dict[str, int], list[str]]:
        """The sites to take, with what their epochs are to be above, and those to give up."""
        if self._leases.elder:
            return {}, []
        free = [site for site in self._sites if site in self._own and site not in self._leases.sites]
        anew = [site for site in self._terms if site in self._own and site in self._above]
        take = {site: self._above.get(site, 0) for site in (*free, *anew)}
        return take, [
            site for site in self._terms.keys() - self._own if self._work is None or not self._work.is_publishing(site)
        ]

    def _pause_s(self, lease_s: float) -> float:
        """Until the next renewal: sooner where a site changes hands, or a process may have been lost by then."""
        pause_s = lease_s / RENEWALS
        if self._leases.elder:
            return min(self._leases.elder_left_s + SHORTEST_PAUSE_S, pause_s)
        if self._terms.keys() != self._own:
            return max(SHORTEST_PAUSE_S, min(lease_s / HANDOVER_LOOKS, pause_s))
        ends_s = [each.left_s for each in self.processes if each.holder != self.holder]
        return min(min(ends_s, default=pause_s) + SHORTEST_PAUSE_S, pause_s)

    def _tell(self, before: Mapping[str, int]) -> None:
        """Log which terms have begun and ended, and tell who works for the sites."""
        begun = [site for site, epoch in self._terms.items() if before.get(site) != epoch]
        ended = [site for site in before if site not in self._terms]
        if begun:
            metrics.began_terms(_count(begun))
            log.info("This process works for more sites now.", begun=_count(begun), sites=_count(self._terms))
        if ended:
            log.info("Other processes work for some sites now.", ended=_count(ended), sites=_count(self._terms))
        if self._work is not None:
            self._work.end(ended)
            self._work.begin(begun)


def _count(sites: Collection[str]) -> int:
    """How many are sites."""
    return len(sites) - (OF_NO_SITE in sites)
