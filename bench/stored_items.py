"""How much memory items take: in the store, in the process that ranks, and there with what readers' filters need.

For `storage.py --items N`. Titles have the mean length of 148,243 real ones of Indonesian news (69 bytes), addresses
(115) and ids (15) too; each item has a section, an author, a picture, two of 50,000 tags and a language.
"""

import asyncio
import contextlib
import multiprocessing
import os
import random
import time
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import servers
from filling import SITE
from report import Row

from api.serving.published_lists import PublishedLists
from api.serving.rendered_list import Query
from ranking.intake.items import Item
from ranking.intake.reader_filter import ReaderFilter
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.sealer import Sealer
from ranking.settings.service import RetentionSettings, Settings
from ranking.store.redis.store import RedisStore

TITLE_BYTES, URL_BYTES = 69, 115
TAGS, AUTHORS, SECTIONS = 50_000, 2_000, 17
ITEMS_AT_ONCE = 2_000
NOW = 1.77e9
NOTHING: Mapping[str, Any] = MappingProxyType({})
PLAIN, IN_FULL = "title, url, section, time", "with author, tags, image, language"
STORE_GOAL_BYTES, WORKER_GOAL_BYTES = 500, 200
WORDS = ("harga beras naik jelang lebaran warga antre minyak goreng pasar induk", "polisi tangkap pelaku begal motor")


class Viewed(NamedTuple):
    """What a process that ranks takes in memory for the items, in bytes, and how long it read them, in seconds."""

    plain: int
    filtered: int
    read_s: float
    first_filter_s: float
    filter_s: float


def item(number: int, *, in_full: bool) -> Item:
    """A made-up article."""
    chance = random.Random(number)
    title = " ".join(chance.choices(" ".join(WORDS).split(), k=14))[:TITLE_BYTES].capitalize()
    slug = title.lower().replace(" ", "-")
    found = Item(
        id=f"d-{number:013}", title=title, section=f"Rubrik {number % SECTIONS}", published_at=1.76e9 + number,
        url=f"https://news.koran.example/berita/d-{number:07}/{slug}"[:URL_BYTES], first_seen=1.76e9 + number,
    )  # fmt: skip
    if not in_full:
        return found
    return Item(
        **{name: getattr(found, name) for name in ("id", "title", "section", "published_at", "url", "first_seen")},
        author=f"Penulis {chance.randrange(AUTHORS)}", language="id",
        tags=(f"topik {chance.randrange(TAGS)}", f"topik {min(chance.randrange(TAGS), chance.randrange(TAGS))}"),
        image=f"https://cdn.koran.example/{number:07}.jpg",
    )  # fmt: skip


async def item_rows(items: int) -> list[Row]:
    """The rows, each of a store of its own."""
    rows = []
    with servers.valkey() as url:
        rows.append(await _stored(url, items, in_full=False))
    with servers.valkey() as url:
        rows.append(await _stored(url, items, in_full=True))
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            viewed = await asyncio.to_thread(pool.apply, _viewed, (url,))
        with context.Pool(1) as pool:
            served = await asyncio.to_thread(pool.apply, _served, (url,))
    times = {"read_s": viewed.read_s, "first_filter_s": viewed.first_filter_s, "further_filter_s": viewed.filter_s}
    ranking, filtering = viewed.plain / items, viewed.filtered / items
    stored = rows[-1].value
    return [
        *rows,
        _row("an item in a worker that serves lists", served / items, "in the store", stored, WORKER_GOAL_BYTES),
        _row("an item in the process that ranks", ranking, "in the store", stored, None, times),
        _row("the same with 100 filters of readers", filtering, "without filters", ranking, None, times),
    ]


async def _stored(url: str, items: int, *, in_full: bool) -> Row:
    async with _opened(url) as store:
        client: Any = store._link.client
        empty = (await client.info("memory"))["used_memory"]
        for first in range(0, items, ITEMS_AT_ONCE):
            some = range(first, min(first + ITEMS_AT_ONCE, items))
            await store.items.put_items(SITE, [item(number, in_full=in_full) for number in some])
        await Sealer(store, RetentionSettings(), SITE).seal_dates(0)
        used = (await client.info("memory"))["used_memory"] - empty
        documents = int(await client.memory_usage(f"populer:{{{SITE}.0}}:items", samples=0))
    name, goal = (IN_FULL, None) if in_full else (PLAIN, STORE_GOAL_BYTES)
    return _row(f"an item in the store: {name}", used / items, "in its hash alone", documents / items, goal)


def _row(
    name: str, value: float, baseline: str, other: float, goal: int | None, more: Mapping[str, Any] = NOTHING
) -> Row:
    at_most = "" if goal is None else f"<= {goal} bytes"
    met = None if goal is None else value <= goal
    return Row(name, value, "bytes", baseline, other, value / other, at_most, met, {"answers": "", **more})


def _viewed(url: str) -> Viewed:
    return asyncio.run(_read(url))


async def _read(url: str) -> Viewed:
    async with _opened(url) as store:
        before, started = _rss(), time.monotonic()
        site = RankedSite(store, Settings(), SITE)
        await Refresher(site).refresh(NOW)
        read_s, plain = time.monotonic() - started, _rss() - before
        filters = [ReaderFilter(tag=f"topik {number}").item_filter for number in range(100)]
        took = []
        for many in (1, 2, 100):
            started = time.monotonic()
            while not await site.view.choose(store, filters[:many]):
                pass
            took.append(time.monotonic() - started)
        return Viewed(plain, _rss() - before, read_s, took[0], took[1])


def _served(url: str) -> int:
    return asyncio.run(_serve(url))


async def _serve(url: str) -> int:
    """The memory that a worker takes for the lists that it serves, in bytes."""
    async with _opened(url) as store:
        before = _rss()
        lists = PublishedLists(store, Settings(), lambda: NOW)
        await lists.start()
        for name in lists.names(SITE):
            await lists.serve(SITE, name, "", Query(), NOW)
        taken = _rss() - before
        await lists.stop()
        return taken


def _rss() -> int:
    return servers.usage(os.getpid()).rss


@contextlib.asynccontextmanager
async def _opened(url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(url, shards=1)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
