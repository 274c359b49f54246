"""Logbook: the part of a store where the service notes how it fares, for those who operate it.

Nothing is counted by it and no ranking reads it: what is lost of it is a gap in a picture. Everything in it has a
lifetime and a bound that does not depend on how much is read.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from ranking.watching.concentration import Concentration, Summary
from ranking.watching.episodes import Episode, Key, Raised, ReceiverState
from ranking.watching.pulse import Pulse
from ranking.watching.sources import Discovery, FeedMemory, FeedState

#: A minute's events by name: a kind of those that count, or `!` and a reason of those that were left out.
Minute = Mapping[str, int]


class JobRun(msgspec.Struct, frozen=True):
    """The last run of a job for a site, or for none (`OF_NO_SITE`). Times in epoch seconds, lengths in seconds.

    `error`: why it failed, None where it did not; `done`: what it did, as numbers by name; `epoch`: of the term that
    it ran in.
    """

    job: str
    site: str
    at: float
    took_s: float
    every_s: float
    epoch: int
    error: str | None = None
    done: dict[str, int] = {}


class Logbook(Protocol):
    """Raises what `Store` raises."""

    async def note_traffic(self, site: str, worker: str, minute: int, events: Minute) -> None:
        """Say how many events of each name `worker` has had in a minute (since the epoch), in all until now."""
        ...

    async def traffic(self, site: str, minutes: Sequence[int]) -> list[dict[str, int]]:
        """Events of some minutes by name, of all workers, in their order."""
        ...

    async def note_run(self, run: JobRun) -> None:
        """Write down a job's last run."""
        ...

    async def runs(self) -> list[JobRun]:
        """The last run of every job for every site."""
        ...

    async def note_pulse(self, site: str, pulse: Pulse) -> None:
        """Write down a site's pulse."""
        ...

    async def note_attempts(self, site: str, worker: str, number: int, summary: Summary) -> None:
        """Say what `worker` has tallied in a slice (numbered since the epoch) until now."""
        ...

    async def attempts(self, site: str, numbers: Sequence[int]) -> list[list[Summary]]:
        """What each worker has tallied in some slices, in their order."""
        ...

    async def note_concentration(self, site: str, concentration: Concentration) -> None:
        """Write down a site's concentration."""
        ...

    async def concentrations(self, sites: Iterable[str]) -> dict[str, Concentration]:
        """The last concentration of some sites, of those that have one."""
        ...

    async def pulses(self, sites: Iterable[str]) -> dict[str, Pulse]:
        """The last pulse of some sites, of those that have one."""
        ...

    async def note_raised(self, worker: str, raised: Raised) -> None:
        """Say which alarms `worker` raises."""
        ...

    async def raised(self) -> list[Raised]:
        """The alarms that workers have raised last, also those of workers that have ended since."""
        ...

    async def note_episode(self, episode: Episode) -> None:
        """Write down an episode of an alarm."""
        ...

    async def episodes(self) -> list[Episode]:
        """The episodes of which not every receiver knows the end."""
        ...

    async def forget_episodes(self, keys: Sequence[Key]) -> None:
        """Forget episodes that are over."""
        ...

    async def note_receiver(self, name: str, state: ReceiverState) -> None:
        """Write down how a receiver of alarms has fared."""
        ...

    async def receivers(self) -> dict[str, ReceiverState]:
        """How the receivers of alarms have fared, by name."""
        ...

    async def note_feed(self, site: str, feed: FeedState, memory: FeedMemory) -> None:
        """Write down how a feed of a site has fared, and what its next poll needs."""
        ...

    async def feed_memory(self, site: str, url: str) -> FeedMemory:
        """What the next poll of a feed needs."""
        ...

    async def feeds(self, site: str) -> dict[str, FeedState]:
        """How the feeds of a site have fared, by their addresses."""
        ...

    async def forget_feeds(self, site: str, urls: Sequence[str]) -> None:
        """Forget feeds that the settings name no more."""
        ...

    async def note_discovery(self, site: str, discovery: Discovery) -> None:
        """Write down what reading a site's pages has come to."""
        ...

    async def want_pages(self, site: str, items: Sequence[str]) -> None:
        """Say of which items nobody knows where their pages are; for an hour, or until it is said anew."""
        ...

    async def wanted_pages(self, site: str) -> Collection[str]:
        """The items of which somebody should say where their pages are."""
        ...

    async def note_pages(self, site: str, pages: Mapping[str, str]) -> None:
        """Say where readers have read some items, by item: their word, and no more than that."""
        ...

    async def take_pages(self, site: str) -> dict[str, str]:
        """What has been noted of pages, which is gone then."""
        ...

    async def discoveries(self, sites: Iterable[str]) -> dict[str, Discovery]:
        """What reading the pages of some sites has come to, of those where it has been noted."""
        ...
