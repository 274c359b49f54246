"""The part of a store that keeps which jobs process works for which site, and in which term.

What is renewed is a process: its leases last for as long as it is known to live, so a beat costs the same with one site
and with a thousand. Terms are numbered across all sites, and the numbers only grow: no two processes ever work in one.

Rejected: a lease of its own per site. It would be renewed site by site, three times over its length.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

#: Stands among the sites for the work that is of no site: salts, sites that are gone, messages of alarms.
OF_NO_SITE: Final = "*"


class JobsProcess(NamedTuple):
    """A jobs process that lives, for `left_s` more unless it renews.

    `holder` is `host:pid:token`; `name` is what sites are pinned to; `settings` says under which sites it works: two
    processes of the same ones share them.
    """

    holder: str
    name: str
    settings: str
    left_s: float


class SiteLease(NamedTuple):
    """Who works for a site, and the epoch of the term."""

    holder: str
    epoch: int


class Leases(NamedTuple):
    """Which processes live, sorted by name and holder, and who works for which site.

    `elder`: the process of an earlier version that works for all sites, for `elder_left_s` more, if there is one.
    `mark`: of the last change of `sites`.
    """

    processes: tuple[JobsProcess, ...] = ()
    sites: Mapping[str, SiteLease] = MappingProxyType({})
    elder: SiteLease | None = None
    elder_left_s: float = 0.0
    mark: str = ""

    def of(self, site: str) -> SiteLease | None:
        """Who works for a site; None: nobody."""
        return self.elder or self.sites.get(site)

    def site_counts(self) -> dict[tuple[str, str], int]:
        """How many sites each process that lives works for, by its name and holder."""
        counts = Counter(lease.holder for site, lease in self.sites.items() if site != OF_NO_SITE)
        return {(each.name, each.holder): counts[each.holder] for each in self.processes}


class LeaseStore(Protocol):
    """The leases. Raises what `Store` raises."""

    async def hold(
        self, process: JobsProcess, known: Leases, take: Mapping[str, int], give_up: Collection[str]
    ) -> Leases:
        """Say that `process` lives for `left_s` from now; the leases after that.

        `take`: sites to begin a term for, each with a number that its epoch is to be above; what another process that
        lives works for stays its own. `give_up`: sites that it works for no longer. `known`: what the last call of the
        process has returned; what has not changed since is not sent again. One that was not known to live has no lease.
        """
        ...

    async def leave(self, holder: str) -> None:
        """Give up all leases of a process, and forget it."""
        ...

    async def leases(self) -> Leases:
        """Which processes live, and who works for which site."""
        ...
