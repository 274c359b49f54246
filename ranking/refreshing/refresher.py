"""Refresh: counts -> ranked lists -> publish.

A ranking is a function of a view of the site, the list's settings and a moment; two processes with the same counts
publish the same bytes, so a double run costs only CPU.

Rejected: asking Redis for decayed sums. It would do the same arithmetic on its one thread, beside the recording.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence

import msgspec

from ranking.intake.items import Item
from ranking.intake.reader_filter import MARK
from ranking.lists.incremental import IncrementalRanker, Ranked, listed_names
from ranking.lists.ranker import Ranker
from ranking.published.bodies import Bodies, Described, RankedSection, UnchangedBodies
from ranking.published.cursor import kept_for_s
from ranking.published.edits import with_pins
from ranking.published.orders import OrderPacker
from ranking.published.places import places_packed
from ranking.published.snapshot import WHOLE_SITE, Snapshot, Stamp, digest
from ranking.refreshing.filtered_lists import FilteredLists
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.site_parts import Alone, Peers, SiteLeader, SitePart
from ranking.scoring.sums import Moment
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import ListSettings
from ranking.store.lists import PublishedBase
from ranking.times import DAY_S, HOUR_S

#: Lists that are packed and published together: enough to keep the store busy, few enough not to hold all bodies.
PUBLISHED_AT_ONCE = 8
#: From so many sections on it pays to see which of a list's bodies are as they were.
MANY_SECTIONS = 50


class Refresher:
    """Keeps the published lists of one site, `site`, up to date. One at a time may run `refresh`.

    `peers`: the processes that hold parts of the site where it has several, see `site_parts`.
    """

    def __init__(self, site: RankedSite, peers: Peers | None = None) -> None:
        self.site = site
        self._incremental = IncrementalRanker()
        peers = peers or Alone()
        self._filtered = FilteredLists()
        self.part = SitePart(site, self._incremental, self._filtered, peers.holder)
        self._leader = SiteLeader(site, self.part, self._filtered, peers)
        self._bases: dict[str, PublishedBase] = {}
        self._packers: dict[str, OrderPacker] = {}
        self._described = Described()
        self._unchanged: dict[str, UnchangedBodies] = {}
        self._lists: Mapping[str, ListSettings] = {}
        self._ends: dict[str, float] = {}
        self._places_hour = -math.inf  # since the epoch: of the last hour whose places were noted

    async def refresh(self, now: float, epoch: int = 0) -> dict[str, int]:
        """Rank and publish every list for the aligned moment before `now`; generation of each published list.

        `epoch` is the term of the lease that this is done under. The arithmetic runs in a thread, so that the event
        loop goes on renewing leases and answering signals.

        Raises:
            OvertakenError: a later term has published already.
        """
        site = self.site
        if site.jobs_processes > 1:
            slot = site.slot(now)
            rankings = await self._leader.ranked(slot, epoch)
            async with site.held():
                generations = await self._publish_ranked(slot, rankings, epoch)
            await self.part.prepare()
            return generations
        async with site.updated(now) as slot:
            generations = await self._rank(slot, epoch)
            # What that took in memory is free again when the next shortlists are drawn.
            await asyncio.to_thread(self._incremental.prepare, site.view, site.zone, self._lists)
            return generations

    async def _rank(self, slot: float, epoch: int) -> dict[str, int]:
        site, moment = self.site, Moment(at=slot, known_until=slot)
        lists = self._lists = {**site.effective.lists, **await self._filtered.requested(site, slot)}

        rankings = await asyncio.to_thread(self._incremental.ranked, site.view, moment, site.zone, lists)
        site.set_ranked(slot)
        return await self._publish_ranked(slot, rankings, epoch)

    async def _publish_ranked(self, slot: float, rankings: Mapping[str, Ranked], epoch: int) -> dict[str, int]:
        """Publish what was ranked for the moment `slot` (epoch seconds); generation of each published list."""
        site = self.site
        listed = await asyncio.to_thread(listed_names, list(rankings.values()))
        details = await site.view.details_of(site.store, listed)
        shown = {section for ranked in rankings.values() for section in ranked.sections}
        known = {section for ranked in rankings.values() for section in ranked.ranker.sections}
        quiet = tuple(sorted(known - shown))
        self._ends = {
            name: item.expires_at
            for name, item in details.items()
            if item.expires_at is not None and slot < item.expires_at < slot + DAY_S
        }
        self._described.begin()
        packing = {id(ranked.ranker): self._packing(ranked.ranker, details) for ranked in rankings.values()}
        generations: dict[str, int] = {}
        publishing: dict[str, asyncio.Task[int | None]] = {}
        names = list(site.settings.lists)
        try:
            for first in range(0, len(names), PUBLISHED_AT_ONCE):
                some = names[first : first + PUBLISHED_AT_ONCE]
                snapshots = await asyncio.to_thread(self._snapshots, slot, some, rankings, packing, quiet)
                generations |= await _published(publishing)  # while these were packed, those before were on their way
                publishing = {each.stamp.list: asyncio.create_task(self._publish(each, epoch)) for each in snapshots}
            generations |= await _published(publishing)
        finally:
            await asyncio.gather(*publishing.values(), return_exceptions=True)
        if slot // HOUR_S != self._places_hour:
            self._places_hour = slot // HOUR_S
            await site.store.lists.note_places(site.view.site, slot, self._places(slot, rankings))
        return generations

    def _places(self, slot: float, rankings: Mapping[str, Ranked]) -> bytes:
        """The first page of each list as readers see it, over all sections."""
        pages = {}
        for name, settings in self.site.effective.lists.items():
            ranker, rows = rankings[name].ranker, rankings[name].sections[WHOLE_SITE].rows
            pins = ranker.pins_of(name, WHOLE_SITE)
            pinned = {item for _, item in pins}
            ranked = map(ranker.pool.names.__getitem__, rows.tolist())
            pages[name] = with_pins((item for item in ranked if item not in pinned), pins, settings.size)
        return places_packed(slot, pages)

    def _packing(self, ranker: Ranker, details: Mapping[str, Item]) -> Bodies:
        return Bodies(ranker.pool.names, ranker.views, ranker.published, details, self._described)

    def _snapshots(
        self,
        slot: float,
        names: Sequence[str],
        rankings: Mapping[str, Ranked],
        packing: Mapping[int, Bodies],
        quiet: tuple[str, ...],
    ) -> list[Snapshot]:
        by_list: dict[str, dict[str, Ranked]] = {name: {} for name in names}
        for request, ranked in rankings.items():
            name, is_filtered, key = request.partition(MARK)
            if is_filtered and name in by_list:
                by_list[name][MARK + key] = ranked
        return [
            self._snapshot(name, slot, rankings[name], filtered, packing, quiet) for name, filtered in by_list.items()
        ]

    def _snapshot(
        self,
        name: str,
        slot: float,
        ranked: Ranked,
        filtered: Mapping[str, Ranked],
        all_packing: Mapping[int, Bodies],
        quiet: tuple[str, ...],
    ) -> Snapshot:
        site, settings, ranker = self.site, self.site.effective.lists[name], ranked.ranker
        packing = all_packing[id(ranker)]
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
        for key, each in filtered.items():
            section = RankedSection(*each.sections[WHOLE_SITE], size=settings.size)
            bodies[key] = all_packing[id(each.ranker)].body(section)
            digests[key] = digest(bodies[key])
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
            ends=self._ends,
        )
        orders = self._orders(name, ranked, filtered) if site.settings.refresh.paging_s else {}
        return Snapshot(stamp, bodies, orders)

    def _learned_by(self, name: str) -> LearnedSetting | None:
        """The setting that a list has learned, as it is ranked by it; None: the list does not learn."""
        settings, learned = self.site.settings.lists[name], self.site.learned.get(name)
        if not settings.learns:
            return None
        half_life_s = self.site.effective.lists[name].half_life_s
        if learned is None or (settings.auto and settings.objective.pinned):
            return LearnedSetting(half_life_s, 0.0)
        return msgspec.structs.replace(learned, half_life_s=half_life_s, sections={})

    def _orders(self, name: str, ranked: Ranked, filtered: Mapping[str, Ranked]) -> dict[str, bytes]:
        parts = [(part, ranked.ranker, each.rows) for part, each in ranked.sections.items()]
        parts += [(key, each.ranker, each.sections[WHOLE_SITE].rows) for key, each in filtered.items()]
        orders = {part: [*map(ranker.pool.names.__getitem__, rows.tolist())] for part, ranker, rows in parts}
        return self._packers.setdefault(name, OrderPacker(name)).packed(orders)

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
