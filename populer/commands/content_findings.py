"""What `populer doctor` finds in the store: the counts, lists and names of each site, its feeds and its pages."""

import asyncio
import time
from collections.abc import AsyncIterator

import numpy as np

from populer.commands.findings import Finding, State, checked
from ranking.refreshing.site_view import SiteView
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.store.protocol import Store
from ranking.watching.alarms import MOST_WAITING
from ranking.watching.episodes import ReceiverState
from ranking.watching.lookalikes import lookalikes
from ranking.watching.sources import Discovery, FeedState, hosts_advice
from ranking.watching.waiting import Waiting


async def content_findings(store: Store, settings: Settings) -> AsyncIterator[Finding]:
    """What the store holds of each site, and how its sources fare."""
    held = (await store.server.life()).held_since is not None
    yield checked(
        "store: content",
        "it came back without what it held, and lists stay as they were" if held else "as the service knows it",
        is_wrong=held,
        advice="restore a backup, or accept it as it is: populer store accept",
        state=State.BAD,
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
        yield checked(
            f"site {site.id}: lists",
            f"not published: {', '.join(missing)}" if missing else ", ".join(sorted(generations)),
            is_wrong=bool(missing),
            advice="`populer serve` publishes them within refresh.every",
        )
        yield await _of_names(store, site, settings.retention.keep_s)
    for name, pulse in (await store.logbook.pulses([site.id for site in settings.sites])).items():
        yield _waiting(name, pulse.waiting)
    receivers = await store.logbook.receivers() if settings.alarms.webhooks else {}
    for name in settings.alarms.webhooks:
        yield _receiver(name, receivers.get(name))
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
    most = f", the most read {waiting.top[0][0]!r:.60}" if waiting.top else ""
    return checked(
        f"site {site}: waiting for a description",
        f"{waiting.items:,} items, {waiting.reads:,} of {waiting.all_reads:,} reads in the last hour{most}",
        is_wrong=waiting.reads > MOST_WAITING * waiting.all_reads,
        advice="describe items with PUT /v1/items or a feed: no list shows them",
    )


def _receiver(name: str, state: ReceiverState | None) -> Finding:
    """Whether a receiver of alarms was reached."""
    advice = f"correct alarms.webhooks.{name}, and try it: populer alarms test"
    found = "nothing was sent yet" if state is None else state.error or "reached"
    failed = state is not None and state.error is not None
    return checked(f"alarms: receiver {name}", found, is_wrong=failed, advice=advice, state=State.BAD)


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
    return checked(name, found, is_wrong=not feed.entries, advice="it is empty")


def _discovery(site: SiteSettings, found: Discovery) -> Finding:
    """Whether the pages of read articles are read."""
    name = f"site {site.id}: pages"
    if site.own_hosts is None:
        advice = hosts_advice(found.hosts)
        return checked(name, "not read, as sites.hosts names no host", is_wrong=bool(found.hosts), advice=advice)
    refused = f"; not described: {found.refused[0][0]} {found.refused[0][1]}" if found.refused else ""
    return Finding(name, State.GOOD, f"{found.waiting:,} to be read, {found.described:,} described{refused}"[:300])
