"""Sealed dates say of every item what the store says, whatever has changed since, and spare asking for each."""

import math
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_store import MemoryStore
from views import history_of

from ranking.counts.buckets import Bucket
from ranking.counts.catalogue import Catalogue
from ranking.counts.history import History
from ranking.counts.item_dates import pack_dates, unpack_dates
from ranking.errors import StoreRefusedError
from ranking.intake.items import Item, ItemDates
from ranking.refreshing.sealer import Sealer
from ranking.refreshing.site_view import SiteView
from ranking.settings.service import RetentionSettings

NOW = 1_700_000_000.0
TIMES = st.none() | st.floats(-1e10, 1e10) | st.integers(0, 2 * 10**9).map(float)
DATES = st.none() | st.builds(
    ItemDates,
    section=st.none() | st.sampled_from(["Politik", "Olahraga", "Gaya hidup – “Sehat”"]),
    published_at=TIMES,
    first_seen=st.floats(0, 1e10),
    group=st.none() | st.sampled_from(["g1", "g2"]),
)
IDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
Known = dict[str, tuple[str | None, float, bool, int]]


def known(catalogue: Catalogue, history: History) -> Known:
    """What a catalogue says of each item."""
    published = catalogue.published(history.first_event()).tolist()
    return {
        item: (
            None if number < 0 else catalogue.sections[number],
            published[row],
            bool(catalogue.stored[row]),
            int(catalogue.group[row]),
        )
        for row, (item, number) in enumerate(zip(history.items, catalogue.section.tolist(), strict=True))
    }


@settings(deadline=None)
@given(st.dictionaries(IDS, DATES, max_size=20), st.dictionaries(IDS, DATES, max_size=20))
def test_catalogue_set_by_chunks_equals_one_set_item_by_item(
    first: dict[str, ItemDates | None], later: dict[str, ItemDates | None]
) -> None:
    single_history, chunked_history = History(), history_of({Bucket(300, 900): {f"view|{item}": 1 for item in later}})
    single, chunked = Catalogue(single_history), Catalogue(chunked_history)
    for chunk in (first, later):
        for item, dates in chunk.items():
            single.set(item, dates)
        chunked.set_many(unpack_dates(pack_dates(chunk)))
    chunked_history.forget_before(math.inf)
    assert known(chunked, chunked_history) == known(single, single_history)


@pytest.mark.parametrize(
    "damage", [lambda chunk: chunk[:-2], lambda chunk: b"\x81" + chunk, lambda _: b"\x95\xc4\x01x"]
)
def test_unpack_dates_names_damage(damage: object) -> None:
    packed = pack_dates({"a": ItemDates("Politik", 1.0, 2.0), "b": None})
    with pytest.raises(StoreRefusedError, match="cannot be read"):
        unpack_dates(damage(packed))  # type: ignore[operator]


@pytest.fixture(autouse=True)
def _few_are_enough() -> Iterator[None]:
    with patch("ranking.refreshing.sealer.DATES_AT_LEAST", 10), patch("ranking.refreshing.sealer.CHUNK_ITEMS", 8):
        yield


def put(store: MemoryStore, *numbers: int, section: str = "Politik") -> None:
    store.put(*(Item(id=f"berita/{n}", section=section, published_at=NOW - n, first_seen=NOW) for n in numbers))


async def seal(store: MemoryStore) -> None:
    await Sealer(store, RetentionSettings(), "s").seal(NOW)


async def known_to(view: SiteView, store: MemoryStore) -> Known:
    await view.update(store, 0)
    return {item: what for item, what in known(view.catalogue, view.history).items() if what[2]}


async def test_view_knows_the_same_with_sealed_and_unsealed_dates() -> None:
    sealed, plain = MemoryStore(), MemoryStore()
    for store in (sealed, plain):
        put(store, *range(50))
    await seal(sealed)
    for store in (sealed, plain):
        put(store, 3, 4, section="Olahraga")
        await store.items.remove_item("s", "berita/5", NOW)
    expected = await known_to(SiteView("s"), plain)
    assert await known_to(SiteView("s"), sealed) == expected
    assert len(expected) == 49
    assert expected["berita/4"] == ("Olahraga", NOW - 4, True, -1)


async def test_view_reads_no_sealed_date_one_by_one() -> None:
    store = MemoryStore(1)
    put(store, *range(50))
    await seal(store)
    put(store, 7)
    state = await store.items.dates_state("s", 0)
    assert (state.unsealed, state.known, state.entries) == (1, 50, 50)
    assert list((await store.items.changed_items("s", 0, state.cursor)).dates) == ["berita/7"]


async def test_seal_dates_leaves_a_few_changes_and_adds_many() -> None:
    store = MemoryStore(1)
    put(store, *range(50))
    await seal(store)
    put(store, *range(9))
    before = (await store.items.dates_state("s", 0)).chunks
    await seal(store)
    assert (await store.items.dates_state("s", 0)).chunks == before
    put(store, *range(40, 60), section="Olahraga")
    await seal(store)
    state = await store.items.dates_state("s", 0)
    assert (state.unsealed, state.chunks) == (0, before + 4)
    assert (await known_to(SiteView("s"), store))["berita/45"][0] == "Olahraga"


async def test_seal_dates_seals_anew_when_most_is_out_of_date() -> None:
    store = MemoryStore(1)
    for _ in range(8):
        put(store, *range(20))
        await seal(store)
    state = await store.items.dates_state("s", 0)
    assert state.entries <= 3 * 20
    assert len(await known_to(SiteView("s"), store)) == 20


async def test_view_reads_dates_of_a_store_whose_changes_were_counted_anew() -> None:
    store = MemoryStore(1)
    put(store, *range(50))
    await seal(store)
    shard = store._shard("s", 0)
    shard.sequence, shard.changed = 0, {}
    put(store, 1)
    assert "berita/1" in await known_to(SiteView("s"), store)
