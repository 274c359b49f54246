"""The job that describes what is read and nobody has described, by the articles' own pages.

The most read come first. Each page is read once: what it says is stored under what anybody else says of the item, and
one that describes nothing (it is gone, no article, asks not to be indexed) is left alone for hours. Where a site has
feeds, the pages of articles that are described without a section are read, too: a news sitemap names none. What was
tried is kept in memory: another leader asks once more, and no stranger who makes addresses up can fill the store with
them.

Rejected: reading a page as soon as an event names it. A worker would fetch what any stranger asks it to.
"""

import asyncio
import time
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog

from jobs.describe import checked
from jobs.fetching.fetcher import Fetched, Fetcher, FetchError
from jobs.fetching.robots import RobotsRules
from jobs.refresh import RefreshLists
from jobs.site_pages import SitePages, host_of_id, is_named_in
from jobs.sources.pages import NoArticleError, read_page
from ranking.counts.arrays import NO_SECTION
from ranking.errors import NotReadyError, PopulerError
from ranking.intake.urls import item_of
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.store.protocol import Store
from ranking.times import DAY_S, HOUR_S, MINUTE_S
from ranking.watching.sources import MOST_NAMED, Discovery, hosts_advice
from ranking.watching.waiting import waiting_of

log = structlog.get_logger("jobs.discover")

MAX_BYTES: Final = 2 * 1024**2
#: Pages of a host that one run may read, and how many of them at once.
PAGES_A_RUN: Final = 25
AT_ONCE: Final = 2
#: A run begins no further page after so long.
RUN_S: Final = 15.0
#: Items that are looked at for one whose page was not tried lately.
LOOKED_AT: Final = 20_000
MOST_REMEMBERED: Final = 50_000
#: Items whose addresses readers are asked for at a time.
MOST_WANTED: Final = 500
MOST_PAGES: Final = 5_000
SETTLED_S: Final = 6.0 * HOUR_S
#: A page that has said what it says is not read again for so long, whatever it leaves open.
READ_S: Final = 30.0 * DAY_S
FIRST_PAUSE_S: Final = 1.0 * MINUTE_S
HOSTS_NAMED: Final = 5
BY: Final = "page"


class _TryLaterError(PopulerError):
    """A page that may be read another time."""


@dataclass(slots=True)
class _Tried:
    """The state of one site's pages: per item when it may be tried again, and after how many failures.

    `pages`: addresses at which readers read items whose id is no address.
    """

    later: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict)
    described: int = 0
    refused: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=MOST_NAMED))
    advice: str = ""
    pages: dict[str, str] = field(default_factory=dict)

    def note(self, item: str, until: float, failures: int = 0) -> None:
        """Leave an item alone until a moment (epoch seconds)."""
        self.later[item] = (until, failures)
        self.later.move_to_end(item)
        while len(self.later) > MOST_REMEMBERED:
            self.later.popitem(last=False)

    def may_try(self, item: str, now: float) -> bool:
        """Whether the page of an item may be read at `now`."""
        return self.later.get(item, (0.0, 0))[0] <= now


class DiscoverItems:
    """Reads pages of one site after the other. It lives on when the settings change."""

    def __init__(self, store: Store, settings: Settings, lists: RefreshLists) -> None:
        self._store = store
        self._settings = settings
        self._lists = lists
        self._robots = RobotsRules()
        self._sites: defaultdict[str, _Tried] = defaultdict(_Tried)

    def use(self, settings: Settings) -> None:
        """Read pages under these settings from each site's next run on."""
        self._settings = settings

    def forget(self, sites: Collection[str]) -> None:
        """Forget what was tried on sites: other processes read their pages now."""
        for name in sites:
            self._sites.pop(name, None)

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Read the pages of the most read items that wait for a description at `now`; how many described one."""
        of_site = next((each for each in self._settings.sites if each.id == site), None)
        if of_site is None or not of_site.discover:
            return {}
        try:
            waiting = await self._waiting(site, with_section=bool(of_site.feeds))
        except NotReadyError:
            return {}
        tried = self._sites[site]
        if of_site.own_hosts is None:
            hosts = _hosts(waiting)
            self._advise(site, tried, hosts)
            await self._store.logbook.note_discovery(site, Discovery(now, hosts=hosts))
            return {}
        pages = SitePages(of_site)
        located = {item: pages.address(item) for item, _ in waiting}
        if nowhere := [item for item, url in located.items() if not url and tried.may_try(item, now + HOUR_S)]:
            found = await self._store.items.get_items(site, nowhere)
            located |= {each.id: each.url for each in found if each and each.url and pages.is_own(each.url)}
            located |= await self._read_at(site, [item for item in nowhere if not located[item]], pages, tried)
        due = [(item, url) for item, url in located.items() if url and tried.may_try(item, now)]
        before = tried.described
        if due:
            run = _Run(self._store, self._robots, of_site, pages, tried, now)
            async with Fetcher(of_site.contact, allow_private=self._settings.service.fetch_private) as fetcher:
                await run.read(fetcher, _by_host(due))
        left = sum(tried.may_try(item, now) for item, _ in due)
        note = Discovery(now, left, tried.described, tuple(tried.refused))
        await self._store.logbook.note_discovery(site, note)
        return {"pages": len(due) - left, "described": tried.described - before, "waiting": left}

    async def _waiting(self, site: str, *, with_section: bool) -> Sequence[tuple[str, int]]:
        """Items that are read and not described, with their reads of the last hour, the most read first.

        `with_section`: those that are described without a section, too.
        """
        ranked = self._lists.site(site)
        if ranked is None:
            raise NotReadyError("the lists are not ranked yet")
        async with ranked.as_ranked() as at:
            view = ranked.view
            gone = view.removed | view.edits.in_force(at).blocked
            shown = view.catalogue.stored & ((view.catalogue.section != NO_SECTION) | (not with_section))
            found = await asyncio.to_thread(waiting_of, view.history, shown, gone, at, LOOKED_AT)
        return found.top

    async def _read_at(self, site: str, items: Sequence[str], pages: SitePages, tried: _Tried) -> dict[str, str]:
        """Addresses at which readers read some items; they are asked for those of the others from now on."""
        said = tried.pages | await self._store.logbook.take_pages(site)
        tried.pages = dict([(item, url) for item, url in said.items() if pages.is_own(url)][-MOST_PAGES:])
        await self._store.logbook.want_pages(site, [each for each in items if each not in tried.pages][:MOST_WANTED])
        return {item: tried.pages[item] for item in items if item in tried.pages}

    def _advise(self, site: str, tried: _Tried, hosts: Sequence[tuple[str, int]]) -> None:
        advice = hosts_advice(hosts)
        if advice and not tried.advice:
            log.warning(advice, site=site)
        tried.advice = advice


@dataclass(frozen=True, slots=True)
class _Run:
    """One run for one site."""

    store: Store
    robots: RobotsRules
    site: SiteSettings
    pages: SitePages
    tried: _Tried
    now: float

    async def read(self, fetcher: Fetcher, by_host: Sequence[Sequence[tuple[str, str]]]) -> None:
        """Read pages, those of each host by themselves."""
        end = time.monotonic() + RUN_S
        await asyncio.gather(*(self._read_host(fetcher, due, end) for due in by_host))

    async def _read_host(self, fetcher: Fetcher, due: Sequence[tuple[str, str]], end: float) -> None:
        pause_s = await self.robots.pause_s(fetcher, due[0][1], self.pages.is_own, self.now)
        at_once = 1 if pause_s else AT_ONCE
        for first in range(0, len(due), at_once):
            if time.monotonic() >= end:
                return
            await asyncio.gather(*(self._read(fetcher, item, url) for item, url in due[first : first + at_once]))
            if pause_s:
                await asyncio.sleep(min(pause_s, max(0.0, end - time.monotonic())))

    async def _read(self, fetcher: Fetcher, item: str, url: str) -> None:
        failures = self.tried.later.get(item, (0.0, 0))[1]
        by_readers = self.tried.pages.pop(item, None) == url
        try:
            await self._describe(fetcher, item, url, by_readers=by_readers)
        except (NoArticleError, ValueError) as error:
            self._refused(url, str(error))
            # Another reader may say better where it is.
            pause_s = _pause_s(failures, HOUR_S) if by_readers else SETTLED_S
            self.tried.note(item, self.now + pause_s, failures + 1)
        except (FetchError, _TryLaterError) as error:
            self._refused(url, str(error))
            self.tried.note(item, self.now + _pause_s(failures, SETTLED_S), failures + 1)
        except PopulerError:
            raise  # the store is away
        except Exception as error:  # one page must not end the reading of all others
            log.exception("A page was not read.", site=self.site.id, url=url)
            self._refused(url, f"cannot be read ({type(error).__name__})")
            self.tried.note(item, self.now + SETTLED_S)
        else:
            self.tried.described += 1
            self.tried.note(item, self.now + READ_S)

    def _refused(self, url: str, reason: str) -> None:
        log.debug("A page describes no item.", site=self.site.id, url=url, reason=reason)
        self.tried.refused.appendleft((url[:300], reason[:200]))

    async def _describe(self, fetcher: Fetcher, item: str, url: str, *, by_readers: bool) -> None:
        """Store what the page of an item says of it; one that readers have named must name the item.

        Raises:
            NoArticleError: it says nothing, or it is the page of another item.
            FetchError, _TryLaterError: it was not read.
        """
        if not await self.robots.may_read(fetcher, url, self.pages.is_own, self.now):
            raise _TryLaterError("may not be read (robots.txt)")
        answer = await fetcher.get(url, most=MAX_BYTES, is_own=self.pages.is_own)
        _check_status(answer)
        charset = answer.headers.get("Content-Type", "").partition("charset=")[2].strip(" \"';").lower()
        entry = await asyncio.to_thread(read_page, answer.content, answer.url, answer.headers, charset)
        own = item_of(entry.url, self.site.item_finder)
        (known,) = await self.store.items.get_items(self.site.id, [item])
        if known is not None and known.url and item_of(known.url, self.site.item_finder) == own:
            own = item  # it is described with this address
        if by_readers and own != item and is_named_in(item, entry.url, entry.tagged):
            (other,) = await self.store.items.get_items(self.site.id, [own])
            own = item if other is None or not other.title else own
        check = checked([msgspec.structs.replace(entry, id=own)], self.now, self.site)
        if not check.descriptions:
            raise NoArticleError(check.faults[0][1])
        (one,) = check.descriptions
        described = msgspec.structs.replace(one.item, by_page=True)
        await self.store.items.put_items(self.site.id, [described], BY, [one.named])
        if own != item:
            raise NoArticleError(f"is the page of {own}")


def _pause_s(failures: int, longest_s: float) -> float:
    """Seconds until a page is read again after `failures` before this one."""
    return min(FIRST_PAUSE_S * 2.0 ** min(failures, 10), longest_s)


def _check_status(answer: Fetched) -> None:
    status = answer.status
    if status in (401, 402, 403):
        raise NoArticleError(f"is not for everybody (it answered {status})")
    if 400 <= status < 500 and status not in (408, 425, 429):
        raise NoArticleError(f"is not there (it answered {status})")
    if status != 200:
        raise _TryLaterError(f"answered {status}")
    kind = answer.headers.get("Content-Type", "text/html").partition(";")[0].strip().lower()
    if kind not in ("text/html", "application/xhtml+xml", ""):
        raise NoArticleError(f"is no page but {kind[:60]}")


def _by_host(due: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Of each host the first that a run may read."""
    hosts: dict[str, list[tuple[str, str]]] = {}
    for item, url in due:
        of_host = hosts.setdefault(urlsplit(url).netloc, [])
        if len(of_host) < PAGES_A_RUN:
            of_host.append((item, url))
    return list(hosts.values())


def _hosts(waiting: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The hosts of the addresses that are read, the most read first."""
    reads = Counter[str]()
    for item, count in waiting:
        if host := host_of_id(item):
            reads[host] += count
    return tuple(reads.most_common(HOSTS_NAMED))
