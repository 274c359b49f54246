"""Refresh: counts -> ranked lists -> publish.

A ranking is a function of a view of the site, the list's settings and a moment; two processes with the same counts
publish the same bytes, so a double run costs only CPU.

Rejected: asking Redis for decayed sums. It would do the same arithmetic on its one thread, beside the recording.
"""

import asyncio
from collections.abc import Mapping

from ranking.intake.items import Item
from ranking.lists.incremental import IncrementalRanker, Ranked
from ranking.lists.ranker import entries
from ranking.published.cursor import kept_for_s
from ranking.published.orders import OrderPacker
from ranking.published.snapshot import Entry, Snapshot, Stamp, digest, encode_entries
from ranking.refreshing.ranked_site import RankedSite
from ranking.scoring.sums import Moment
from ranking.settings.learned import LearnedSetting
from ranking.store.lists import PublishedBase


class Refresher:
    """Keeps the published lists of one site, `site`, up to date. One at a time may run `refresh`."""

    def __init__(self, site: RankedSite) -> None:
        self.site = site
        self._incremental = IncrementalRanker()
        self._bases: dict[str, PublishedBase] = {}
        self._packers: dict[str, OrderPacker] = {}

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
        rankings = await asyncio.to_thread(self._incremental.ranked, site.view, moment, site.zone, lists)
        site.set_ranked(slot)
        listed = {name for ranked in rankings.values() for name in ranked.names()}
        details = await site.view.details_of(site.store, listed)
        shown = {section for ranked in rankings.values() for section in ranked.sections}
        quiet = tuple(sorted(set(site.view.catalogue.sections) - shown))
        generations = {}
        for name in site.settings.lists:
            snapshot = await asyncio.to_thread(self._snapshot, name, slot, rankings[name], details, quiet)
            generation = await self._publish(snapshot, epoch)
            if generation is not None:
                generations[name] = generation
        return generations

    def _snapshot(
        self, name: str, slot: float, ranked: Ranked, details: Mapping[str, Item], quiet: tuple[str, ...]
    ) -> Snapshot:
        site, settings, ranker = self.site, self.site.effective.lists[name], ranked.ranker
        listed = {
            section: entries(ranking, settings, ranker.views, ranker.published, ranked.details(ranking, details))
            for section, ranking in ranked.sections.items()
        }
        bodies = {section: encode_entries(shown) for section, shown in listed.items()}
        stamp = Stamp(
            list=name,
            title=settings.title,
            size=settings.size,
            generated_at=slot,
            config_version=site.effective.config_version,
            digests={section: digest(body) for section, body in bodies.items()},
            boosts=dict(ranker.boosts_of(name)),
            learned=self._learned_by(name),
            quiet=quiet,
            views_span_s=site.effective.retention.keep_s,
        )
        return Snapshot(stamp, bodies, self._orders(name, listed) if site.settings.refresh.paging_s else {})

    def _learned_by(self, name: str) -> LearnedSetting | None:
        """The setting that a list has learned, as it is ranked by it; None: the list does not learn."""
        settings, learned = self.site.settings.lists[name], self.site.learned.get(name)
        if not settings.learns:
            return None
        since = 0.0 if learned is None or settings.objective.pinned else learned.since
        mix = learned.mix if learned and not settings.auto else ()
        return LearnedSetting(self.site.effective.lists[name].half_life_s, since, mix)

    def _orders(self, name: str, listed: Mapping[str, list[Entry]]) -> dict[str, bytes]:
        packer = self._packers.setdefault(name, OrderPacker(name))
        return packer.packed({section: [entry.id for entry in shown] for section, shown in listed.items()})

    async def _publish(self, snapshot: Snapshot, epoch: int) -> int | None:
        site, name = self.site, snapshot.stamp.list
        keep_s = kept_for_s(site.settings.refresh.paging_s)
        generation = await site.store.lists.publish(site.view.site, snapshot, self._bases.get(name), epoch, keep_s)
        if generation is None:
            self._bases.pop(name, None)
        else:
            self._bases[name] = PublishedBase(generation, snapshot.stamp.digests, snapshot.orders.keys())
        return generation
