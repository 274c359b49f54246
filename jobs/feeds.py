"""The job that reads a site's feeds and news sitemaps, and describes what they say anew.

A feed is asked whether it has changed (ETag, Last-Modified), a little before or after its interval, so that feeds do
not stay in step. One that fails is asked less and less often. What an entry said when it was last read is kept as a
hash: a feed that repeats itself does not take back what an editor has corrected since.
"""

import asyncio
import zlib
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec
import structlog

from jobs.describe import checked, put
from jobs.fetching.fetcher import Fetcher, FetchError, Known
from jobs.site_pages import SitePages
from jobs.sources.documents import MAX_BYTES, read_document
from jobs.sources.entries import Document, SourceEntry, SourceError
from ranking.intake.urls import host_of
from ranking.settings.service import Settings
from ranking.settings.sites import FeedSettings, SiteSettings
from ranking.store.protocol import Store
from ranking.times import HOUR_S
from ranking.watching.sources import FeedMemory, FeedState

log = structlog.get_logger("jobs.feeds")

JITTER: Final = 0.1
LONGEST_PAUSE_S: Final = 6.0 * HOUR_S
AT_ONCE: Final = 4
MOST_A_RUN: Final = 12
#: Sitemaps of an index that a poll reads, the newest first.
SITEMAPS: Final = 5
MOST_REMEMBERED: Final = 5_000
BY: Final = "feed"


class ReadFeeds:
    """Polls the feeds that are due of one site after the other."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Poll one site's feeds at `now` (epoch seconds); how many were read, and items described."""
        of_site = next((each for each in self._settings.sites if each.id == site), None)
        if of_site is None:
            return {}
        states = await self._store.logbook.feeds(site)
        await self._store.logbook.forget_feeds(site, [*states.keys() - {feed.url for feed in of_site.feeds}])
        kept = [(feed, states.get(feed.url) or FeedState(feed.url)) for feed in of_site.feeds]
        due = sorted((each for each in kept if each[1].next_at <= now), key=lambda each: each[1].next_at)[:MOST_A_RUN]
        if not due:
            return {}
        turn, pages = asyncio.Semaphore(AT_ONCE), SitePages(of_site)
        async with Fetcher(of_site.contact, allow_private=self._settings.service.fetch_private) as fetcher:

            async def polled(feed: FeedSettings, state: FeedState) -> FeedState:
                async with turn:
                    memory = await self._store.logbook.feed_memory(site, feed.url)
                    poll = _Poll(self._store, fetcher, of_site, pages, feed, state, memory, now)
                    after, memory = await poll.run()
                    await self._store.logbook.note_feed(site, after, memory)
                    return after

            after = await asyncio.gather(*(polled(feed, state) for feed, state in due))
        return {
            "feeds": len(after),
            "failed": sum(each.error is not None for each in after),
            "stored": sum(each.stored for each in after),
        }


class _Found(NamedTuple):
    """What a poll has read: its documents, and what the answers said of themselves, by address."""

    documents: list[Document]
    known: dict[str, tuple[str, str]]
    changed: bool


class _Poll(NamedTuple):
    store: Store
    fetcher: Fetcher
    site: SiteSettings
    pages: SitePages
    feed: FeedSettings
    state: FeedState
    memory: FeedMemory
    now: float

    async def run(self) -> tuple[FeedState, FeedMemory]:
        """The feed's state and memory after this poll. A failure of the feed is one of it alone."""
        state = msgspec.structs.replace(self.state, tried_at=self.now, stored=0)
        try:
            found = await self._read()
        except (FetchError, SourceError) as error:
            failures = self.state.failures + 1
            if self.state.error != str(error):
                log.warning("A feed was not read.", site=self.site.id, feed=self.feed.url, error=str(error))
            pause_s = min(self.feed.every_s * 2 ** min(failures, 10), max(LONGEST_PAUSE_S, self.feed.every_s))
            next_at = self._next_at(pause_s)
            return msgspec.structs.replace(state, error=str(error), failures=failures, next_at=next_at), self.memory
        if self.state.error is not None:
            log.info("A feed is read again.", site=self.site.id, feed=self.feed.url)
        state = msgspec.structs.replace(
            state, read_at=self.now, error=None, failures=0, next_at=self._next_at(self.feed.every_s)
        )
        memory = msgspec.structs.replace(self.memory, known=found.known)
        return await self._described(state, memory, found) if found.changed else (state, memory)

    def _next_at(self, pause_s: float) -> float:
        share = zlib.crc32(f"{self.feed.url} {self.now}".encode()) / 2**32  # the same in a repetition
        return self.now + pause_s * (1 + JITTER * (2 * share - 1))

    async def _read(self) -> _Found:
        found = _Found([], {}, changed=False)
        first = await self._fetched(self.feed.url, found)
        if first is None:
            return found._replace(known={**self.memory.known, **found.known})
        sitemaps = first.sitemaps[:SITEMAPS]
        changed = not sitemaps
        for sitemap in sitemaps:
            try:
                changed = await self._fetched(sitemap, found) is not None or changed
            except (FetchError, SourceError) as error:
                first.faults.append((0, f"{sitemap[:200]} {error}"))
        return found._replace(changed=changed or bool(first.faults))

    async def _fetched(self, url: str, found: _Found) -> Document | None:
        """The document at `url`; None where it has not changed."""
        known = Known(*self.memory.known.get(url, ("", "")))
        # An index is read anew, as the sitemaps that it names change without it.
        answer = await self.fetcher.get(
            url, most=MAX_BYTES, is_own=self._is_own, known=known, named=url == self.feed.url
        )
        if answer.status == 304:
            found.known[url] = known
            return None
        if answer.status != 200:
            raise FetchError(f"answered {answer.status}")
        document = await asyncio.to_thread(read_document, answer.content, answer.url)
        if not document.sitemaps:
            found.known[url] = answer.known
        found.documents.append(document)
        return document

    def _is_own(self, url: str) -> bool:
        """Whether an address is of the feed's host, or of the site's."""
        try:
            is_of_feed = host_of(url) == host_of(self.feed.url)
        except ValueError:
            return False
        return is_of_feed or self.pages.is_own(url)

    async def _described(self, state: FeedState, memory: FeedMemory, found: _Found) -> tuple[FeedState, FeedMemory]:
        documents = found.documents
        entries = [self._in_section(entry) for document in documents for _, entry in document.entries]
        hashes = dict(zip(map(_hash, entries), entries, strict=True))
        before = frozenset(self.memory.described)
        new = [entry for name, entry in hashes.items() if name not in before]
        sound, refused = await asyncio.to_thread(checked, new, self.now, self.site)
        stored = await put(self.store, self.site.id, sound, BY)
        faults = [f"{entry.url[:200]}: {reason}" for entry, reason in refused]
        faults += [f"entry {place} {reason}" for document in documents for place, reason in document.faults]
        for entry, _ in refused:
            hashes.pop(_hash(entry), None)  # the settings may take it when it comes again
        # Those of sitemaps that have not changed are still in them.
        kept = [name for name in self.memory.described if name not in hashes]
        state = msgspec.structs.replace(
            state,
            kind=documents[0].kind,
            entries=sum(len(document.entries) for document in documents),
            stored=stored,
            faults=len(faults),
            fault=faults[0][:300] if faults else "",
        )
        described = (*hashes, *kept)[:MOST_REMEMBERED]
        return state, msgspec.structs.replace(memory, described=described)

    def _in_section(self, entry: SourceEntry) -> SourceEntry:
        """An entry in the section that the settings name for its feed; its own become tags."""
        section = self.feed.section
        if not section:
            return entry
        tags = tuple(tag for tag in dict.fromkeys((*entry.sections, *entry.tags)) if tag != section)
        return msgspec.structs.replace(entry, sections=(section,), tags=tags)


def _hash(entry: SourceEntry) -> str:
    return blake2b(msgspec.msgpack.encode(entry), digest_size=8).hexdigest()
