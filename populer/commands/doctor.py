"""`populer doctor`: is the store fit to keep counts, and what to do where it is not."""

import asyncio
import contextlib
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from api.monitoring import metrics
from populer.commands.options import store_url
from populer.service import descriptors, site_keys
from populer.stores import open_store
from ranking import __version__
from ranking.errors import MissingRightsError, PopulerError
from ranking.refreshing.site_view import SiteView
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.store.protocol import Store
from ranking.store.server import ServerInfo
from ranking.watching.alarms import MOST_WAITING
from ranking.watching.lookalikes import lookalikes
from ranking.watching.sources import Discovery, FeedState, hosts_advice
from ranking.watching.waiting import Waiting

OLDEST_VERSION = (7, 0)
CLOCK_MAY_DIFFER_S = 2.0
MEMORY_IS_SHORT = 0.8
DISK_IS_SHORT = 512 * 1024**2
FEW_DESCRIPTORS = 4_096
CONNECTIONS_ARE_SHORT = 0.8
MIB = 1024**2


class State(Enum):
    """What a finding asks for: nothing, attention, action."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


class Finding(NamedTuple):
    """What was looked at, how it is, and what to do where it is not good."""

    name: str
    state: State
    found: str
    advice: str = ""


def run(settings: Settings, *, as_json: bool) -> None:
    """Examine and print.

    Raises:
        PopulerError: a check is bad, after all were printed.
    """
    findings = asyncio.run(examined(settings, store_url(settings)))
    if as_json:
        print(json.dumps([{**finding._asdict(), "state": finding.state.value} for finding in findings]))  # noqa: T201
    else:
        for finding in findings:
            advice = f": {finding.advice}" if finding.advice else ""
            print(f"{finding.state.value:<8} {finding.name:<34} {finding.found}{advice}")  # noqa: T201
    bad = [finding.name for finding in findings if finding.state is State.BAD]
    if bad:
        raise PopulerError(f"{len(bad)} of {len(findings)} checks are bad: {', '.join(bad)}")


async def examined(settings: Settings, url: str) -> list[Finding]:
    """Everything that is looked at, in order. A store that cannot be reached is a finding as well."""
    found = [Finding("versions", State.GOOD, f"populer {__version__}, Python {sys.version.split()[0]}")]
    found += _of_settings(settings)
    store = open_store(settings, url)
    try:
        await store.open()
        found.append(Finding("rights", State.GOOD, "the user in redis.url has all that are needed"))
        began = time.time()
        servers = await store.server.server_info()
        now = (began + time.time()) / 2
        for server in servers:
            found += _of_server(server, now)
        found += [each async for each in _of_content(store, settings)]
    except MissingRightsError as error:
        found.append(Finding("rights", State.BAD, str(error)))
    except PopulerError as error:
        found.append(Finding("store", State.BAD, str(error), "start it, or correct redis.url"))
    finally:
        with contextlib.suppress(PopulerError):
            await store.close()
    return found


def _of_settings(settings: Settings) -> Iterator[Finding]:
    data_dir = settings.service.data_dir
    for site in settings.sites:
        origins = ", ".join(site.origins)
        yield Finding(
            f"site {site.id}: origins",
            State.GOOD if origins else State.WARNING,
            origins or "any page may send events",
            "" if origins else "name the site's pages in sites.origins, such as https://www.example.id",
        )
    try:
        kept = site_keys.read(data_dir)
        missing = [site.id for site in settings.sites if not (site.keys.by_name("write") or site.id in kept)]
        yield Finding(
            "keys",
            State.WARNING if missing else State.GOOD,
            f"none yet for {', '.join(missing)}" if missing else "every site has its own",
            "the first `populer serve` makes them" if missing else "",
        )
    except PopulerError as error:
        yield Finding("keys", State.BAD, str(error))
    yield from _key_file(data_dir)
    yield _descriptors(data_dir / metrics.FOLDER)
    if data_dir.exists():
        free = shutil.disk_usage(data_dir).free
        yield Finding(
            "disk",
            State.WARNING if free < DISK_IS_SHORT else State.GOOD,
            f"{free / MIB:,.0f} MiB free for {data_dir}",
            "make room: the bundled Valkey and the spool refuse events when it is full" if free < DISK_IS_SHORT else "",
        )


def _key_file(data_dir: Path) -> Iterator[Finding]:
    """Who may read the keys that are kept."""
    file = data_dir / site_keys.FILE
    mode = site_keys.open_to_others(data_dir)
    if mode is not None:
        yield Finding("key file", State.BAD, f"others may read it: mode {mode:04o}", f"chmod 600 {file}, and new keys")
    elif file.exists():
        yield Finding("key file", State.GOOD, "its owner alone may read it")


def _descriptors(metrics_dir: Path) -> Finding:
    """The hard limit of open files here, and what the workers that run beside us make of theirs."""
    hard = descriptors.hard_limit()
    found = f"{'no hard limit' if hard is None else f'hard limit {hard:,}'} of open files"
    short = hard is not None and hard < FEW_DESCRIPTORS
    workers = metrics.connections_of(metrics_dir) if metrics_dir.is_dir() else None
    if workers is not None:
        found += f"; busiest worker: {workers.open:,} of {workers.most:,} connections"
        if workers.refused:
            found += f", {workers.refused:,} refused"
        short = short or workers.refused > 0 or workers.open > CONNECTIONS_ARE_SHORT * workers.most
    return Finding(
        "descriptors",
        State.WARNING if short else State.GOOD,
        found,
        "raise the hard limit (LimitNOFILE= of systemd, ulimit -Hn): every connection takes one" if short else "",
    )


def _of_server(server: ServerInfo, now: float) -> Iterator[Finding]:
    where = f"server {server.address}"
    numbers = tuple(int(part) for part in server.version.rpartition(" ")[2].split(".")[:2] if part.isdigit())
    old = numbers < OLDEST_VERSION
    yield Finding(where, State.BAD if old else State.GOOD, server.version, "use Redis 7.0 or Valkey" if old else "")
    evicts = server.policy not in ("noeviction", "unknown")
    yield Finding(
        f"{where}: maxmemory-policy",
        State.BAD if evicts else State.GOOD,
        server.policy,
        "CONFIG SET maxmemory-policy noeviction, and in its settings: anything else drops counts" if evicts else "",
    )
    if server.evicted:
        advice = "counts are lost: rank with care until they have aged, or replay a log"
        yield Finding(f"{where}: evictions", State.BAD, f"{server.evicted:,} keys since its start", advice)
    short = bool(server.memory_limit) and server.memory > MEMORY_IS_SHORT * server.memory_limit
    limit = f"of {server.memory_limit / MIB:,.0f} MiB" if server.memory_limit else "without a limit"
    yield Finding(
        f"{where}: memory",
        State.WARNING if short else State.GOOD,
        f"{server.memory / MIB:,.1f} MiB {limit}",
        "raise maxmemory, or lower retention.keep: at the limit events are refused" if short else "",
    )
    yield _persistence(f"{where}: persistence", server)
    ahead_s = server.time - now
    wrong = abs(ahead_s) > CLOCK_MAY_DIFFER_S
    yield Finding(
        f"{where}: clock",
        State.WARNING if wrong else State.GOOD,
        f"{abs(ahead_s):.1f} s {'ahead of' if ahead_s > 0 else 'behind'} ours",
        "run NTP on both: lifetimes go by the server's clock, counts by ours" if wrong else "",
    )


def _persistence(name: str, server: ServerInfo) -> Finding:
    if not server.persistent:
        return Finding(
            name, State.WARNING, "none", "CONFIG SET appendonly yes, or its next start has forgotten all counts"
        )
    if not server.writes:
        return Finding(name, State.BAD, "its last write failed", "its disk is full or broken: see its log")
    return Finding(name, State.GOOD, "append-only file")


async def _of_content(store: Store, settings: Settings) -> AsyncIterator[Finding]:
    held = (await store.server.life()).held_since is not None
    yield Finding(
        "store: content",
        State.BAD if held else State.GOOD,
        "it came back without what it held, and lists stay as they were" if held else "as the service knows it",
        "restore a backup, or accept it as it is: populer store accept" if held else "",
    )
    yield Finding("layout", State.GOOD, f"{store.shards} shard{'s' if store.shards > 1 else ''} a site")
    for site in settings.sites:
        buckets = 0
        for shard in range(store.shards):
            buckets += len((await store.counts.touched_buckets(site.id, shard, 0)).buckets)
        generations = await store.lists.generations(site.id)
        missing = [name for name in settings.lists if name not in generations]
        yield Finding(
            f"site {site.id}: counts", State.GOOD, f"{buckets:,} bucket{'' if buckets == 1 else 's'} with counts"
        )
        yield Finding(
            f"site {site.id}: lists",
            State.WARNING if missing else State.GOOD,
            f"not published: {', '.join(missing)}" if missing else ", ".join(sorted(generations)),
            "`populer serve` publishes them within refresh.every" if missing else "",
        )
        yield await _of_names(store, site, settings.retention.keep_s)
    for name, pulse in (await store.logbook.pulses([site.id for site in settings.sites])).items():
        yield _waiting(name, pulse.waiting)
    discoveries = await store.logbook.discoveries([site.id for site in settings.sites])
    for site in settings.sites:
        feeds = await store.logbook.feeds(site.id) if site.feeds else {}
        for feed in site.feeds:
            yield _feed(site.id, feeds.get(feed.url) or FeedState(feed.url))
        if site.discover:
            yield _discovery(site, discoveries.get(site.id) or Discovery())


async def _of_names(store: Store, site: SiteSettings, keep_s: float) -> Finding:
    """Names that are counted apart and look like one article."""
    view = SiteView(site.id)
    await view.update(store, time.time() - keep_s)
    read = np.flatnonzero(view.history.rows_with_counts()).tolist()
    found = await asyncio.to_thread(lookalikes, [view.history.items[row] for row in read])
    name = f"site {site.id}: one article, one item"
    if not found.groups:
        return Finding(name, State.GOOD, f"{len(read):,} item{'' if len(read) == 1 else 's'} with counts")
    shown = " and ".join(f"{each!r:.80}" for each in found.groups[0][:2])
    advice = "name them with PUT /v1/items/ID/aliases or `populer items alias`"
    if found.pattern and not site.item_pattern:
        advice += f"; for those to come set sites.item_pattern = '{found.pattern}'"
    articles = "1 article" if len(found.groups) == 1 else f"{len(found.groups):,} articles"
    return Finding(name, State.WARNING, f"{found.names:,} items look like {articles}: {shown}", advice)


def _waiting(site: str, waiting: Waiting) -> Finding:
    """Items that are read and in no list, as of the last hour that the jobs have seen."""
    short = waiting.reads > MOST_WAITING * waiting.all_reads
    most = f", the most read {waiting.top[0][0]!r:.60}" if waiting.top else ""
    return Finding(
        f"site {site}: waiting for a description",
        State.WARNING if short else State.GOOD,
        f"{waiting.items:,} items, {waiting.reads:,} of {waiting.all_reads:,} reads in the last hour{most}",
        "describe items with PUT /v1/items or a feed: no list shows them" if short else "",
    )


def _feed(site: str, feed: FeedState) -> Finding:
    """How a feed has fared."""
    name = f"site {site}: feed {feed.url}"[:120]
    if not feed.tried_at:
        return Finding(name, State.WARNING, "not read yet", "`populer serve` reads it")
    if feed.error is not None:
        state = State.BAD if feed.is_failing else State.WARNING
        times = "once" if feed.failures == 1 else f"{feed.failures} times in a row"
        return Finding(
            name, state, f"failed {times}: it {feed.error}", "correct its address in sites.feeds, or the feed"
        )
    found = f"{feed.kind}, {feed.entries:,} entries"
    if feed.faults:
        return Finding(name, State.WARNING, f"{found}, {feed.faults:,} not usable", feed.fault)
    return Finding(name, State.GOOD if feed.entries else State.WARNING, found, "" if feed.entries else "it is empty")


def _discovery(site: SiteSettings, found: Discovery) -> Finding:
    """Whether the pages of read articles are read."""
    name = f"site {site.id}: pages"
    if site.own_hosts is None:
        state = State.WARNING if found.hosts else State.GOOD
        return Finding(name, state, "not read, as sites.hosts names no host", hosts_advice(found.hosts))
    refused = f"; not described: {found.refused[0][0]} {found.refused[0][1]}" if found.refused else ""
    return Finding(name, State.GOOD, f"{found.waiting:,} to be read, {found.described:,} described{refused}"[:300])
