"""Refresh: counts -> ranked lists -> publish.

A ranking is a function of a view of the site, the list's settings and a moment; two processes with the same counts
publish the same bytes, so a double run costs only CPU.

Rejected: asking Redis for decayed sums. It would do the same arithmetic on its one thread, beside the recording.
"""

import asyncio
import math
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from ranking.errors import NotReadyError
from ranking.intake.items import Item
from ranking.lists.incremental import IncrementalRanker, Ranked
from ranking.lists.ranker import Ranker, entries
from ranking.published.cursor import kept_for_s
from ranking.published.orders import OrderPacker
from ranking.published.snapshot import Entry, Snapshot, Stamp, digest, encode_entries
from ranking.refreshing.questions import Question, QuestionContext, answer
from ranking.refreshing.site_view import SiteView
from ranking.scoring.sums import Moment
from ranking.settings.learned import LearnedSetting
from ranking.settings.service import Settings
from ranking.store.lists import PublishedBase
from ranking.store.protocol import Store
from ranking.watching.pulse import Pulse, pulse_of
from ranking.watching.recent_views import RecentViews, recent


class Refresher:
    """Keeps one site's published lists up to date. One at a time may run `refresh`."""

    def __init__(self, store: Store, settings: Settings, site: str) -> None:
        self._store = store
        self._settings = settings
        self._in_effect = settings  # with what the lists have learned
        self._learned: Mapping[str, LearnedSetting] = {}
        self._view = SiteView(site)
        self._steady = IncrementalRanker()
        self._zone = _zone_of(settings, site)
        self._bases: dict[str, PublishedBase] = {}
        self._packers: dict[str, OrderPacker] = {}
        self._since = -math.inf
        self._turn = asyncio.Lock()  # a view is not read while it is brought up to date
        self._slot: float | None = None

    def use(self, settings: Settings, since: float) -> None:
        """Rank under other settings, not while a refresh runs.

        The lists of the present slot are published already, under the old ones: until the next one the moment that
        lists are ranked for is `since` (epoch seconds), when the settings changed.
        """
        if settings.retention.keep_s > self._settings.retention.keep_s:
            self._view = SiteView(self._view.site)  # what it has forgotten is to be ranked again
        self._settings = settings
        self._in_effect = settings.under(self._learned)
        self._zone = _zone_of(settings, self._view.site)
        self._since = since

    @property
    def view(self) -> SiteView:
        """What this process knows of the site."""
        return self._view

    async def refresh(self, now: float, epoch: int = 0) -> dict[str, int]:
        """Rank and publish every list for the aligned moment before `now`; generation of each list that was published.

        `epoch` is the term of the lease that this is done under. The arithmetic runs in a thread, so that the event
        loop goes on renewing leases and answering signals.

        Raises:
            OvertakenError: a later term has published already.
        """
        async with self._turn:
            return await self._refresh(now, epoch)

    async def answer(self, question: Question) -> dict[str, Any]:
        """Answer a question from what the lists were last ranked by.

        Raises:
            NotReadyError: nothing was ranked yet.
            NotFoundError, InvalidQuestionError: see `questions.answer`.
        """
        async with self._turn:
            if self._slot is None:
                raise NotReadyError("the lists are not ranked yet; the first refresh is on its way")
            if isinstance(question, RecentViews):
                bucket_s = self._settings.retention.bucket_s
                return await asyncio.to_thread(recent, self._view.history, question, self._slot, bucket_s)
            moment = Moment(self._slot if question.at is None else question.at, self._slot)
            ranker = await asyncio.to_thread(Ranker, self._view, moment, self._zone)
            return await answer(QuestionContext(self._store, self._view, self._in_effect, ranker), question)

    async def pulse(self, span_s: float) -> Pulse | None:
        """The site's pulse at the moment that the lists were last ranked for; None: they were not yet."""
        async with self._turn:
            if self._slot is None:
                return None
            return await asyncio.to_thread(pulse_of, self._view.history, self._slot, self._zone, span_s)

    async def _refresh(self, now: float, epoch: int) -> dict[str, int]:
        every_s = self._settings.refresh.every_s
        slot = math.floor(now / every_s) * every_s
        if slot < self._since <= now:
            slot = self._since
        # What is too old follows from the slot, as all else does: another process must come to the same lists.
        await self._view.update(self._store, slot - self._settings.retention.keep_s)
        await self._learn()
        done = await self._rank(slot, epoch)  # what that took in memory is free again when the next fronts are drawn
        await asyncio.to_thread(self._steady.prepare, self._view, self._zone, self._in_effect.lists)
        return done

    async def _rank(self, slot: float, epoch: int) -> dict[str, int]:
        moment = Moment(at=slot, known_until=slot)
        ranked = await asyncio.to_thread(self._steady.ranked, self._view, moment, self._zone, self._in_effect.lists)
        self._slot = slot
        details = await self._view.details_of(self._store, {name for each in ranked.values() for name in each.names()})
        done = {}
        for name in self._settings.lists:
            snapshot = await asyncio.to_thread(self._snapshot, name, slot, ranked[name], details)
            generation = await self._publish(snapshot, epoch)
            if generation is not None:
                done[name] = generation
        return done

    async def _learn(self) -> None:
        """Go by what the lists have learned, wherever it was found."""
        if any(each.learns for each in self._settings.lists.values()):
            self._learned = await self._store.findings.in_effect(self._view.site)
            self._in_effect = self._settings.under(self._learned)

    def _snapshot(self, name: str, slot: float, ranked: Ranked, details: Mapping[str, Item]) -> Snapshot:
        settings, ranker = self._in_effect.lists[name], ranked.ranker
        listed = {
            section: entries(ranking, settings, ranker.views, ranker.published, ranked.details(ranking, details))
            for section, ranking in ranked.sections.items()
        }
        bodies = {section: encode_entries(found) for section, found in listed.items()}
        stamp = Stamp(
            list=name,
            title=settings.title,
            size=settings.size,
            generated_at=slot,
            config_version=self._in_effect.config_version,
            digests={section: digest(body) for section, body in bodies.items()},
            boosts=dict(ranker.boosts_of(name)),
            learned=self._learned_by(name),
        )
        return Snapshot(stamp, bodies, self._orders(name, listed) if self._settings.refresh.paging_s else {})

    def _learned_by(self, name: str) -> LearnedSetting | None:
        """What a list goes by that is not in the file."""
        settings, learned = self._settings.lists[name], self._learned.get(name)
        if not settings.learns:
            return None
        since = 0.0 if learned is None or settings.objective.pinned else learned.since
        return LearnedSetting(
            self._in_effect.lists[name].half_life_s, since, learned.mix if learned and not settings.auto else ()
        )

    def _orders(self, name: str, listed: Mapping[str, list[Entry]]) -> dict[str, bytes]:
        packer = self._packers.setdefault(name, OrderPacker(name))
        return packer.packed({section: [entry.id for entry in found] for section, found in listed.items()})

    async def _publish(self, snapshot: Snapshot, epoch: int) -> int | None:
        name = snapshot.stamp.list
        paging_s = self._settings.refresh.paging_s
        base = self._bases.get(name)
        generation = await self._store.lists.publish(self._view.site, snapshot, base, epoch, kept_for_s(paging_s))
        if generation is None:
            self._bases.pop(name, None)
        else:
            self._bases[name] = PublishedBase(generation, snapshot.stamp.digests, snapshot.orders.keys())
        return generation


def _zone_of(settings: Settings, site: str) -> tzinfo:
    return next((ZoneInfo(each.timezone) for each in settings.sites if each.id == site), UTC)
