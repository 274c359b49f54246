"""An article has one history, under whichever names its readers were counted and whenever these came to be known."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as runs
from hypothesis import strategies as st
from memory_store import MemoryStore
from soak import either

from ranking.intake.items import Item
from ranking.intake.urls import name_at
from ranking.lists.incremental import IncrementalRanker
from ranking.lists.ranker import Ranker
from ranking.lists.visible_parts import VisibleParts
from ranking.refreshing import sealer, site_view
from ranking.refreshing.answers import answer_as_ranked
from ranking.refreshing.questions import Explain
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.sealer import Sealer
from ranking.refreshing.site_view import SiteView
from ranking.scoring.sums import Moment
from ranking.settings.service import Settings

NOW = 1_700_000_100.0
HOUR_S, DAY_S = 3600.0, 86_400.0
KEEP_S = 30 * DAY_S
PAGE = "https://www.koran.example/ekonomi/harga-beras-12345"
ADDRESS = "koran.example/ekonomi/harga-beras-12345"


def article(item: str, url: str | None = PAGE, **fields: Any) -> Item:
    return Item(**{"id": item, "title": item.upper(), "url": url, "published_at": NOW - DAY_S, **fields})


async def view_of(store: MemoryStore) -> SiteView:
    view = SiteView("s")
    await view.update(store, NOW - KEEP_S)
    return view


def held(view: SiteView) -> dict[tuple[float, float, str, str], float]:
    """Events by bucket, channel and item."""
    columns, names = view.history.columns(), view.history.items
    found: Counter[tuple[float, float, str, str]] = Counter()
    for cell, bucket, count in zip(columns.cell, columns.bucket, columns.counts.tolist(), strict=True):
        place = float(columns.width_s[bucket]), float(columns.start_s[bucket])
        channel = view.history.channels[columns.cell_channel[cell]]
        found[*place, channel, names[columns.cell_item[cell]]] += count
    return dict(found)


def views(view: SiteView) -> dict[str, float]:
    """Views by item."""
    found: Counter[str] = Counter()
    for (*_, channel, item), count in held(view).items():
        found[item] += count if channel == "view" else 0
    return dict(found)


async def alias(store: MemoryStore, **changes: str | None) -> None:
    await store.edits.change_aliases("s", changes, "", "siti")


# What is one item


@pytest.mark.parametrize("described_first", [True, False])
async def test_view_counts_an_address_for_the_item_described_with_it(described_first: bool) -> None:
    store = MemoryStore()
    view = await view_of(store)
    steps = [lambda: store.put(article("12345")), lambda: store.see(ADDRESS, NOW - 60, 4)]
    for step in steps if described_first else reversed(steps):
        step()
        await view.update(store, NOW - KEEP_S)
    store.see("12345", NOW - 60, 5)
    store.see(ADDRESS, NOW - 9 * HOUR_S, 3)
    await view.update(store, NOW - KEEP_S)
    assert views(view) == {"12345": 12}
    assert views(await view_of(store)) == {"12345": 12}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (PAGE + "/amp?utm_source=wa", ADDRESS),
        ("http://m.koran.example/ekonomi/harga-beras-12345", ADDRESS),
        ("/ekonomi/harga-beras-12345", ADDRESS),
        (PAGE, PAGE + "?fbclid=x"),  # a whole address that was sent as an id
    ],
)
async def test_view_knows_an_address_in_all_its_forms(url: str, name: str) -> None:
    store = MemoryStore()
    store.put(article("12345", url))
    store.see(name, NOW - 60)
    assert views(await view_of(store)) == {"12345": 1}


async def test_view_keeps_two_described_ids_apart_and_gives_their_address_to_the_first() -> None:
    store = MemoryStore()
    store.put(article("a", first_seen=NOW), article("b", first_seen=NOW - DAY_S))
    for name in ("a", "b", ADDRESS):
        store.see(name, NOW - 60)
    assert views(await view_of(store)) == {"a": 1, "b": 2}


async def test_view_takes_what_is_described_by_its_address_for_the_item_with_an_id() -> None:
    store = MemoryStore()
    store.put(article(ADDRESS, first_seen=NOW - DAY_S))
    store.see(ADDRESS, NOW - 60, 2)
    view = await view_of(store)
    assert views(view) == {ADDRESS: 2}
    store.put(article("12345", first_seen=NOW))
    await view.update(store, NOW - KEEP_S)
    assert views(view) == {"12345": 2}
    assert not view.catalogue.stored[view.history.own_row(ADDRESS)], "it is in no list of the latest any more"


async def test_view_parts_an_address_from_the_item_that_has_it_no_more() -> None:
    store = MemoryStore()
    store.put(article("12345"))
    store.see(ADDRESS, NOW - 60, 2)
    view = await view_of(store)
    store.put(article("12345", "https://koran.example/lain"))
    await view.update(store, NOW - KEEP_S)
    assert views(view) == {ADDRESS: 2}


async def test_view_takes_a_former_address_that_is_noted_after_the_item() -> None:
    store = MemoryStore()
    store.put(article("12345"))
    store.see(ADDRESS, NOW - 60, 2)
    view = await view_of(store)
    store.put(article("12345", "https://koran.example/lain"))
    await view.update(store, NOW - KEEP_S)
    await store.edits.leave_addresses("s", {ADDRESS: "12345"})
    await view.update(store, NOW - KEEP_S)
    assert views(view) == {"12345": 2}


async def test_view_follows_aliases_and_their_undoing() -> None:
    store = MemoryStore()
    store.put(article("12345"), article("lama", None))
    for name in ("lama", "koran.example/slug-lama", "12345"):
        store.see(name, NOW - 60)
    view = await view_of(store)
    await alias(store, **{"lama": "12345", "koran.example/slug-lama": ADDRESS})
    await view.update(store, NOW - KEEP_S)
    assert views(view) == {"12345": 3}
    assert set(view.history.names_of("12345")) == {"12345", "lama", "koran.example/slug-lama", ADDRESS}
    await alias(store, lama=None)
    await view.update(store, NOW - KEEP_S)
    assert views(view) == {"12345": 2, "lama": 1}
    assert view.catalogue.stored[view.history.item_row("lama")]


async def test_view_lists_an_item_that_an_event_with_the_key_named_by_its_other_name() -> None:
    store = MemoryStore()
    store.see("lama", NOW - 60)
    view = await view_of(store)
    await alias(store, lama="baru")
    await view.update(store, NOW - KEEP_S)
    assert view.catalogue.known[view.history.item_row("baru")]
    assert not view.catalogue.known[view.history.own_row("lama")]


async def test_take_down_of_another_name_leaves_the_item_listed() -> None:
    store = MemoryStore()
    store.put(article("12345"), article(ADDRESS))
    await store.items.remove_item("s", ADDRESS, NOW)
    store.see(ADDRESS, NOW - 60)
    await Refresher(RankedSite(store, Settings(), "s")).refresh(NOW)
    assert store.listed("populer") == ["12345"]


async def test_circle_of_aliases_is_one_item() -> None:
    store = MemoryStore()
    for name in "abcd":
        store.see(name, NOW - 60)
    view = await view_of(store)
    await alias(store, d="c", c="b", b="c")
    await view.update(store, NOW - KEEP_S)
    assert views(view) == views(await view_of(store)) == {"a": 1, "b": 3}


async def test_explanation_of_any_name_is_that_of_the_item() -> None:
    store = MemoryStore()
    store.put(article("12345"))
    for name in ("12345", ADDRESS, "lama"):
        store.see(name, NOW - 60, 2)
    await alias(store, lama="12345")
    site = RankedSite(store, Settings(), "s")
    await Refresher(site).refresh(NOW)
    for name in ("12345", ADDRESS, "lama"):
        answer = await answer_as_ranked(site, Explain("s", "populer", name))
        assert (answer["item"], answer["title"], answer["rank"]) == ("12345", "12345", 1)
        assert sum(channel["events"] for channel in answer["channels"]) == 6
        assert answer["names"] == [ADDRESS, "lama"]


# However it came about


NAMES = ["1", "2", "3", "k.example/1", "k.example/2", "k.example/3", "https://k.example/1", "tua", "muda"]
URLS = [None, "https://www.k.example/1", "https://k.example/2?utm_source=x", "/3", "https://k.example/lain"]


class World:
    """Seeded chance: what readers and a newsroom do that cannot make up its mind."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.store = MemoryStore()
        self.seen: list[tuple[str, float, int, str]] = []
        self.items: dict[str, Item] = {}
        self.aliases: dict[str, str] = {}

    async def happens(self, at: float) -> None:
        chance, store = self.chance, self.store
        for _ in range(chance.randrange(6)):
            event = (
                chance.choice(NAMES),
                at - chance.choice([60.0, 4 * HOUR_S, 3 * DAY_S]),
                1,
                chance.choice(["view", "click"]),
            )
            self.seen.append(event)
            store.see(*event, named=chance.random() < 0.5)
        for _ in range(chance.randrange(3)):
            name = chance.choice(NAMES)
            before = self.items.get(name)
            first_seen = before.first_seen if before else at
            item = article(name, chance.choice(URLS), first_seen=first_seen, section=chance.choice([None, "Politik"]))
            await self._leaves(before, item.url)
            self.items[name] = item
            store.put(item)
        if chance.random() < 0.15:
            name = chance.choice(NAMES)
            await self._leaves(self.items.pop(name, None), None)
            await store.items.remove_item("s", name, at)
        if chance.random() < 0.3:
            name, item = chance.sample(NAMES, 2)
            self.aliases[name] = item
            if chance.random() < 0.4:
                del self.aliases[name]
            await store.edits.change_aliases("s", {name: self.aliases.get(name)}, "", "siti")

    async def _leaves(self, item: Item | None, url: str | None) -> None:
        """An item has another address, or goes: as the store notes it."""
        name = name_at(item.url) if item else None
        if item and name and item.url != url:
            await self.store.edits.leave_addresses("s", {name: item.id})


def ranked(view: SiteView, at: float, incremental: IncrementalRanker | None, lists: Mapping[str, Any]) -> Any:
    """Every list with its scores' bits, by a ranker that goes on or by one that ranks all rows."""
    found = {}
    going_on = None if incremental is None else incremental.ranked(view, Moment(at, at), UTC, lists)
    whole = Ranker(view, Moment(at, at), UTC)
    visible = VisibleParts(lists, lambda: whole)
    for name, settings in lists.items():
        ranker = whole if going_on is None else going_on[name].ranker
        sections = visible.rank_sections(ranker, name, settings) if going_on is None else going_on[name].sections
        found[name] = {
            section: [
                (
                    ranker.pool.names[row],
                    None if ranking.score is None else float(ranking.score[row]).hex(),
                    float(ranker.views[row]),
                    float(ranker.published[row]),
                )
                for row in ranking.rows.tolist()
            ]
            for section, ranking in sections.items()
        }
    if incremental is not None:
        incremental.prepare(view, UTC, lists)
    return found


@pytest.fixture(scope="module")
def _small_numbers() -> Iterator[None]:
    """A few items are sealed, and rows are given up, as many would be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealer, "DATES_AT_LEAST", 3)
        patch.setattr(site_view, "MANY_ROWS", 3)
        yield


@pytest.mark.soak
@pytest.mark.usefixtures("_small_numbers")
@runs(deadline=None, max_examples=either(25, 2000))
@given(st.integers(0, 2**32))
@example(92_499_329)  # names in two shards, of which one comes late
async def test_view_that_followed_has_the_bits_of_one_that_has_just_started(seed: int) -> None:
    world, at = World(seed), NOW
    settings = Settings.model_validate({"lists": {"all": {"listed": "all"}, "latest": {"kind": "latest"}}})
    followed, incremental = SiteView("s"), IncrementalRanker()
    seals = Sealer(world.store, settings.retention, "s")
    for _ in range(8):
        await world.happens(at)
        if world.chance.random() < 0.3:
            await seals.seal(at)
        await followed.update(world.store, at - KEEP_S)
        fresh = SiteView("s")
        await fresh.update(world.store, at - KEEP_S)
        assert held(followed) == held(fresh)
        assert sum(views(fresh).values()) == sum(n for *_, n, channel in world.seen if channel == "view")
        for view in (followed, fresh):  # the same as if it had all been counted under the item's id
            assert all(not view.names.is_alias(item) for *_, item in held(view))
        lists = settings.lists
        assert ranked(followed, at, incremental, lists) == ranked(fresh, at, None, lists)
        at += world.chance.choice([5.0, 300.0, 9000.0, 30_000.0])


def rounded(found: Any) -> Any:
    """Lists with scores to ten digits: each store sums channels in the order in which it has met them."""
    return {
        name: {
            section: [
                (item, None if score is None else f"{float.fromhex(score):.9e}", *more) for item, score, *more in rows
            ]
            for section, rows in sections.items()
        }
        for name, sections in found.items()
    }


@runs(deadline=None, max_examples=either(25, 2000))
@example(7665304)
@given(st.integers(0, 2**32))
async def test_lists_are_those_of_a_site_that_counted_all_under_ids(seed: int) -> None:
    world = World(seed)
    for _ in range(4):
        await world.happens(NOW)
    view = await view_of(world.store)
    plain = MemoryStore()
    for name, ts, n, channel in world.seen:
        plain.see(view.history.item_of(name), ts, n, channel)
    described = [item for name, item in world.items.items() if not view.names.is_alias(name)]
    plain.put(*(article(each.id, None, section=each.section, first_seen=each.first_seen) for each in described))
    lists = Settings.model_validate({"lists": {"all": {"listed": "all"}}}).lists
    alone = await view_of(plain)
    assert held(alone) == held(view)
    view.removed = frozenset()
    found, meant = (ranked(each, NOW, None, {"all": lists["all"]}) for each in (view, alone))
    assert rounded(found) == rounded(meant)
