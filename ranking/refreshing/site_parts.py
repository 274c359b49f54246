"""Parts of a site that is larger than a process: each holds some shards, and one leads.

The leader asks all parts for a moment, three things one after the other, as each takes what all have said before: to
follow the counts and say when they begin; where lists compare sections, what these usually have; and their fronts, of
which it makes the lists (see `ranking.lists.fronts`). Lists are made of all parts or not at all: where one does not
answer, what was published last stays.

Invariant: the lists do not depend on which process holds which shards.

A part takes every name as an item of its own: the counts of an item's other names may lie with another part.
"""

import asyncio
import math
import time
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec
import structlog

from ranking.errors import NotReadyError, PopulerError
from ranking.lists.fronts import Front, ListLevels, WholeSite, merged_levels
from ranking.lists.incremental import IncrementalRanker, Ranked
from ranking.lists.merged_fronts import merged_fronts
from ranking.lists.shortlist import NotProvenError
from ranking.refreshing.filtered_lists import FilteredLists
from ranking.refreshing.ranked_site import RankedSite
from ranking.scoring.bursts import compares_sections
from ranking.scoring.sums import Moment
from ranking.settings.lists import ListSettings
from ranking.store.rounds import Round
from ranking.store.shards import shared_out

log = structlog.get_logger("jobs")

#: How long the leader waits for the parts to answer a question, and for a process that is missing before others hold
#: its shards.
ANSWER_S, MISSING_S = 20.0, 15.0
LOOK_S = 0.02
READ_TRIES = 5
#: How many times wider fronts are asked for where they prove too narrow, and when to give up.
WIDER, WIDEST = 4.0, 256.0


class PartQuestion(msgspec.Struct):
    """A question of the `leader` to all parts, for the moment `slot` (epoch seconds).

    `parts` has the shards that each process holds, `requests` what readers' filters ask for.
    `start`, `levels`: those of the whole site; `wider`: how many times as many rows as usual a front is to have.
    """

    wanted: Literal["counts", "levels", "front"]
    leader: str
    parts: dict[str, list[int]]
    slot: float
    config_version: str
    requests: list[str]
    start: float = math.inf
    levels: ListLevels = {}
    wider: float = 1.0


class PartAnswer(msgspec.Struct, kw_only=True):
    """What a part has to say; `error`: why it has nothing.

    `start`: when its counts begin, epoch seconds; `edition`: that of the edits that it has read; `labelled`: whether it
    knows the filters of the requests.
    """

    error: str = ""
    edition: int = 0
    labelled: bool = True
    start: float = math.inf
    levels: ListLevels = {}
    front: Front | None = None


def encoded(content: PartQuestion | PartAnswer) -> bytes:
    """A question or an answer as it lies in the store."""
    return zlib.compress(msgspec.msgpack.encode(content), 1)


def decoded_question(content: bytes) -> PartQuestion:
    """The inverse of `encoded`."""
    return msgspec.msgpack.decode(zlib.decompress(content), type=PartQuestion)


def decoded_answer(content: bytes) -> PartAnswer:
    """The inverse of `encoded`."""
    return msgspec.msgpack.decode(zlib.decompress(content), type=PartAnswer)


class Peers(Protocol):
    """The processes that may hold parts of a site."""

    @property
    def holder(self) -> str:
        """The name of this one."""
        ...

    @property
    def peers(self) -> Sequence[str]:
        """The names of those that live, as far as this one knows."""
        ...


class Alone(NamedTuple):
    """One process, of which no other knows."""

    holder: str = ""
    peers: Sequence[str] = ()


class SitePart:
    """The part of a site that this process holds, as `process`."""

    def __init__(self, site: RankedSite, incremental: IncrementalRanker, filtered: FilteredLists, process: str) -> None:
        self.process = process
        self._site = site
        self._filtered = filtered
        self._lists: Mapping[str, ListSettings] = {}
        self._incremental = incremental
        self._slot = -math.inf

    async def answer(self, question: PartQuestion) -> PartAnswer:
        """Answer a question."""
        site, slot = self._site, question.slot
        if question.config_version != site.effective.config_version:
            return PartAnswer(error="it has other settings")
        try:
            if question.wanted == "counts":
                await site.follow_part(question.parts[self.process], slot)
                self._slot = slot
                async with site.held():
                    labelled = await self._filtered.choose(site, self._filtered.narrowed(site, question.requests))
                start, edition = site.view.history.start(), site.view.edits.edition
                return PartAnswer(start=start, edition=edition, labelled=labelled)
        except PopulerError as error:
            return PartAnswer(error=str(error))
        if slot != self._slot:
            return PartAnswer(error="it has begun anew")
        async with site.held():
            return await asyncio.to_thread(self._ranked, question)

    def lists(self, requests: Sequence[str]) -> Mapping[str, ListSettings]:
        """The lists of the site, and what readers' filters ask for."""
        return {**self._site.effective.lists, **self._filtered.narrowed(self._site, requests)}

    def _ranked(self, question: PartQuestion) -> PartAnswer:
        site = self._site
        lists = self._lists = self.lists(question.requests)
        moment = Moment(question.slot, question.slot)
        if question.wanted == "levels":
            return PartAnswer(levels=self._incremental.levels(site.view, moment, site.zone, lists, question.start))
        whole = WholeSite(question.start, question.levels)
        front = self._incremental.front(site.view, moment, site.zone, lists, whole, question.wider)
        site.set_ranked(question.slot)
        return PartAnswer(front=front)

    async def prepare(self) -> None:
        """Draw the shortlists for the next question, once this one is answered."""
        site = self._site
        async with site.held():
            await asyncio.to_thread(self._incremental.prepare, site.view, site.zone, self._lists)


class SiteLeader:
    """Makes the lists of a site of the fronts of its parts, of which this process holds one."""

    def __init__(self, site: RankedSite, part: SitePart, filtered: FilteredLists, peers: Peers) -> None:
        self._site = site
        self._filtered = filtered
        self._peers = peers
        self._part = part
        self._number = 0
        self._missing_since: float | None = None
        self._parts: dict[str, list[int]] = {}

    async def ranked(self, slot: float, epoch: int) -> dict[str, Ranked]:
        """Every list for the moment `slot` (epoch seconds), in the term `epoch`.

        Raises:
            NotReadyError: a part is missing.
            OvertakenError: a later term has asked already.
        """
        site, version = self._site, self._site.effective.config_version
        self._parts = self._shared_out()
        requests = await self._filtered.requests(site, slot)
        asked = PartQuestion("counts", self._part.process, self._parts, slot, version, requests)
        answers = await self._counts(asked, epoch)
        asked.start = min(answer.start for answer in answers)
        asked.requests = requests if all(answer.labelled for answer in answers) else []
        lists = self._part.lists(asked.requests)
        if any(map(compares_sections, lists.values())):
            found = await self._answers(msgspec.structs.replace(asked, wanted="levels"), epoch)
            parts = [answer.levels for answer in found.values()]
            asked.levels = {name: merged_levels([levels[name] for levels in parts]) for name in lists}
        asked.wanted = "front"
        while asked.wider <= WIDEST:
            fronts = [answer.front for answer in (await self._answers(asked, epoch)).values() if answer.front]
            edits, moment = site.view.edits, Moment(slot, slot)
            try:
                return await asyncio.to_thread(merged_fronts, fronts, lists, edits, moment, site.zone)
            except NotProvenError:
                asked.wider *= WIDER
        raise NotReadyError(
            f"the lists of site {site.view.site} stay as they are, as its items are versions of each other in too many"
            " sections; leave max_per_section out"
        )

    async def _counts(self, asked: PartQuestion, epoch: int) -> Collection[PartAnswer]:
        """The answers of all parts once they have read the same edits."""
        for _ in range(READ_TRIES):
            answers = (await self._answers(asked, epoch)).values()
            if len({answer.edition for answer in answers}) == 1:
                return answers
        raise NotReadyError(f"the lists of site {self._site.view.site} stay as they are while editors change it")

    def _shared_out(self) -> dict[str, list[int]]:
        """The shards that each process holds, of those that are there."""
        site, own = self._site, self._part.process
        there = set(self._peers.peers) - {own}
        wanted = min(site.jobs_processes, site.store.shards)
        missing = wanted - 1 - len(there)
        if missing <= 0:
            self._missing_since = None
        elif self._missing_since is None:
            self._missing_since = time.monotonic()
        if self._missing_since is not None and time.monotonic() < self._missing_since + MISSING_S:
            raise NotReadyError(
                f"{missing} of {wanted} jobs processes of site {site.view.site} are missing; its lists stay as they"
                f" are. Start them, or others hold their shards after {MISSING_S:.0f} s"
            )
        kept = sorted(there, key=lambda process: (process not in self._parts, process))[: wanted - 1]
        parts = shared_out(site.store.shards, [own, *kept])
        if parts != self._parts:
            log.info("The shards of a site are shared out.", site=site.view.site, processes=len(parts), missing=missing)
        return parts

    async def _answers(self, question: PartQuestion, epoch: int) -> Mapping[str, PartAnswer]:
        """The answers of all parts.

        Raises:
            NotReadyError: one has not answered.
        """
        site, rounds = self._site.view.site, self._site.store.rounds
        self._number += 1
        of = Round(epoch, self._number)
        others = question.parts.keys() - {self._part.process}
        await rounds.ask(site, of, encoded(question))
        own = asyncio.create_task(self._part.answer(question))
        until, left = time.monotonic() + ANSWER_S, set(others)
        try:
            while left and time.monotonic() < until:
                await asyncio.sleep(LOOK_S)
                left = others - set(await rounds.answered(site, of))
                if left.difference(self._peers.peers):
                    break
            answers = {self._part.process: await own}
        finally:
            own.cancel()
        if not left:
            found = await rounds.answers(site, of)
            answers |= {process: decoded_answer(content) for process, content in found.items()}
        faults = dict.fromkeys(others - answers.keys(), "it does not answer")
        faults |= {process: answer.error for process, answer in answers.items() if answer.error}
        if faults:
            sentences = "; ".join(f"{process}: {fault}" for process, fault in sorted(faults.items()))
            raise NotReadyError(f"the lists of site {site} stay as they are, as parts of it are missing: {sentences}")
        return answers
