"""Refresh: counts -> ranked lists -> publish.

A ranking is a function of a view of the site, the list's settings and a moment; two processes with the same counts
publish the same bytes, so a double run costs only CPU.

Rejected: asking Redis for decayed sums. It would do the same arithmetic on its one thread, beside the recording.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from ranking.intake.items import Item
from ranking.lists.incremental import IncrementalRanker, Ranked, listed_names
from ranking.lists.ranker import Ranker
from ranking.published.bodies import Bodies, Described, RankedSection, UnchangedBodies
from ranking.published.cursor import kept_for_s
from ranking.published.orders import OrderPacker
from ranking.published.snapshot import Snapshot, Stamp, digest
from ranking.refreshing.ranked_site import RankedSite
from ranking.scoring.sums import Moment
from ranking.settings.learned import LearnedSetting
from ranking.store.lists import PublishedBase

#: Lists that are packed and published together: enough to keep the store busy, few enough not to hold all bodies.
PUBLISHED_AT_ONCE = 8
#: From so many sections on it pays to see which of a list's bodies are as they were.
MANY_SECTIONS = 50


class Refresher:
    """Keeps the published lists of one site, `site`, up to date. One at a time may run `refresh`."""

    def __init__(self, site: RankedSite) -> None:
        self.site = site
        self._incremental = IncrementalRanker()
        self._bases: dict[str, PublishedBase] = {}
        self._packers: dict[str, OrderPacker] = {}
        self._described = Described()
        self._unchanged: dict[str, UnchangedBodies] = {}

    async def refresh(self, now: float, epoch: int = 0) -> dict[str, int]:
        """Rank and publish every list for the aligned moment before `now`; generation of each published list.

        `epoch` is the term of the lease that this is done under. The arithmetic runs in a thread, so that the event
        loop goes on renewing leases and answering signals.

        Raises:
            OvertakenError: a later term has published already.
        """
        site = self.site
        async with site.updated(now) as slot:
            generations = await self._rank(slot, epoch)
            # What that took in memory is free again when the next shortlists are drawn.
            await asyncio.to_thread(self._incremental.prepare, site.view, site.zone, site.effective.lists)
            return generations

    async def _rank(self, slot: float, epoch: int) -> dict[str, int]:
        site, moment = self.site, Moment(at=slot, known_until=slot)
        lists = site.effective.lists

        def ranked() -> tuple[Mapping[str, Ranked], set[str]]:
            found = self._incremental.ranked(site.view, moment, site.zone, lists)
            return found, listed_names(list(found.values()))

        rankings, listed = await asyncio.to_thread(ranked)
        site.set_ranked(slot)
        details = await site.view.details_of(site.store, listed)
        shown = {section for ranked in rankings.values() for section in ranked.sections}
        quiet = tuple(sorted(set(site.view.catalogue.sections) - shown))
        self._described.begin()
        packing = {id(ranked.ranker): self._packing(ranked.ranker, details) for ranked in rankings.values()}
        generations: dict[str, int] = {}
        publishing: dict[str, asyncio.Task[int | None]] = {}
        names = list(site.settings.lists)
        try:
            for first in range(0, len(names), PUBLISHED_AT_ONCE):
                some = {name: rankings[name] for name in names[first : first + PUBLISHED_AT_ONCE]}
                snapshots = await asyncio.to_thread(self._snapshots, slot, some, packing, quiet)
                generations |= await _published(publishing)  # while these were packed, those before were on their way
                publishing = {each.stamp.list: asyncio.create_task(self._publish(each, epoch)) for each in snapshots}
            return generations | await _published(publishing)
        finally:
            await asyncio.gather(*publishing.values(), return_exceptions=True)

    def _packing(self, ranker: Ranker, details: Mapping[str, Item]) -> Bodies:
        return Bodies(ranker.pool.names, ranker.views, ranker.published, details, self._described)

    def _snapshots(
        self, slot: float, some: Mapping[str, Ranked], packing: Mapping[int, Bodies], quiet: tuple[str, ...]
    ) -> list[Snapshot]:
        return [self._snapshot(name, slot, ranked, packing[id(ranked.ranker)], quiet) for name, ranked in some.items()]

    def _snapshot(self, name: str, slot: float, ranked: Ranked, packing: Bodies, quiet: tuple[str, ...]) -> Snapshot:
        site, settings, ranker = self.site, self.site.effective.lists[name], ranked.ranker
        sections = {
            section: RankedSection(*ranking, size=settings.size) for section, ranking in ranked.sections.items()
        }
        if len(sections) > MANY_SECTIONS:  # nearly all are as they were
            packed = self._unchanged.setdefault(name, UnchangedBodies()).packed(packing, sections)
            bodies = {section: each.body for section, each in packed.items()}
            digests = {section: each.digest for section, each in packed.items()}
        else:
            bodies = {section: packing.body(each) for section, each in sections.items()}
            digests = {section: digest(body) for section, body in bodies.items()}
        stamp = Stamp(
            list=name,
            title=settings.title,
            size=settings.size,
            generated_at=slot,
            config_version=site.effective.config_version,
            digests=digests,
            boosts=dict(ranker.boosts_of(name)),
            learned=self._learned_by(name),
            quiet=quiet,
            views_span_s=site.effective.retention.keep_s,
        )
        return Snapshot(stamp, bodies, self._orders(name, ranked) if site.settings.refresh.paging_s else {})

    def _learned_by(self, name: str) -> LearnedSetting | None:
        """The setting that a list has learned, as it is ranked by it; None: the list does not learn."""
        settings, learned = self.site.settings.lists[name], self.site.learned.get(name)
        if not settings.learns:
            return None
        half_life_s = self.site.effective.lists[name].half_life_s
        if learned is None or (settings.auto and settings.objective.pinned):
            return LearnedSetting(half_life_s, 0.0)
        return msgspec.structs.replace(learned, half_life_s=half_life_s)

    def _orders(self, name: str, ranked: Ranked) -> dict[str, bytes]:
        packer, name_of = self._packers.setdefault(name, OrderPacker(name)), ranked.ranker.pool.names.__getitem__
        return packer.packed({part: [*map(name_of, each.rows.tolist())] for part, each in ranked.sections.items()})

    async def _publish(self, snapshot: Snapshot, epoch: int) -> int | None:
        site, name = self.site, snapshot.stamp.list
        keep_s = kept_for_s(site.settings.refresh.paging_s)
        generation = await site.store.lists.publish(site.view.site, snapshot, self._bases.get(name), epoch, keep_s)
        if generation is not None:
            self._bases[name] = PublishedBase(generation, snapshot.stamp.digests, snapshot.orders.keys())
        return generation


async def _published(publishing: Mapping[str, asyncio.Task[int | None]]) -> dict[str, int]:
    """Generation of each list that was published, once all have ended. Raises what the first of them has raised."""
    await asyncio.gather(*publishing.values(), return_exceptions=True)
    outcomes = {name: task.result() for name, task in publishing.items()}
    return {name: generation for name, generation in outcomes.items() if generation is not None}
