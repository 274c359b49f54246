"""What a site's readers did becomes its lists: the same counts, settings and moment give the same bytes."""

import math
from collections.abc import Mapping
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from memory_store import MemoryStore

from ranking.counts.buckets import Bucket
from ranking.counts.catalogue import FIRST_CAPACITY
from ranking.errors import NotFoundError
from ranking.intake.items import Item
from ranking.lists.ranker import Ranker, Ranking, entries
from ranking.published.snapshot import WHOLE_SITE, Entry, decode_entries, decode_stamp, digest, encode_stamp
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.site_view import SiteView
from ranking.scoring.sums import Moment
from ranking.settings.service import Settings

NOW = 1_700_000_100.0  # a multiple of 300 s
HOUR_S, DAY_S = 3600.0, 86_400.0
KEEP_S = 30 * DAY_S
ITEMS = ["a", "b", "c|d", "dua kata", "berita 🔥", "f", "g"]
assert NOW % 300 == 0

Seen = list[tuple[str, int, int]]  # item, seconds before now, events
SEEN = st.lists(st.tuples(st.sampled_from(ITEMS), st.integers(-7200, 200_000), st.integers(1, 50)), max_size=25)
PUT = st.lists(
    st.builds(
        Item,
        id=st.sampled_from(ITEMS),
        title=st.just("Judul"),
        section=st.none() | st.sampled_from(["Politik", "Olahraga"]),
        published_at=st.none() | st.integers(-7200, 200_000).map(lambda age_s: NOW - age_s),
        first_seen=st.integers(0, 200_000).map(lambda age_s: NOW - age_s),
    ),
    unique_by=lambda item: item.id,
    max_size=6,
)


def settings_with(lists: Mapping[str, Any] | None = None, **tables: Any) -> Settings:
    return Settings.model_validate({"lists": lists or {}, **tables})


def described(item: str, **fields: Any) -> Item:
    return Item(**{"id": item, "title": item.upper(), "published_at": NOW - DAY_S, "first_seen": NOW - DAY_S, **fields})


async def view_of(store: MemoryStore, keep_since: float = NOW - KEEP_S) -> SiteView:
    view = SiteView("s")
    await view.update(store, keep_since)
    return view


async def ranker_on(store: MemoryStore, at: float = NOW, known_until: float | None = None) -> Ranker:
    return Ranker(await view_of(store), Moment(at, at if known_until is None else known_until))


async def refreshed(store: MemoryStore, settings: Settings | None = None, now: float = NOW) -> dict[str, int]:
    return await Refresher(RankedSite(store, settings or Settings(), "s")).refresh(now)


def shown(store: MemoryStore, name: str = "populer", section: str = WHOLE_SITE) -> dict[str, Entry]:
    return {entry.id: entry for entry in decode_entries(store.bodies(name)[section])}


def named(view: SiteView, ranking: Ranking) -> list[str]:
    return [view.history.items[row] for row in ranking.rows]


def counts_in(view: SiteView) -> dict[tuple[float, str, str], float]:
    columns = view.history.columns()
    channel, item = columns.cell_channel[columns.cell], columns.cell_item[columns.cell]
    cells = zip(columns.bucket, channel, item, columns.counts.tolist(), strict=True)
    return {
        (float(columns.start_s[bucket]), view.history.channels[channel], view.history.items[item]): count
        for bucket, channel, item, count in cells
    }


# The view


async def test_view_reads_everything_once_and_then_only_changes() -> None:
    store = MemoryStore()
    for number in range(20):
        store.see(f"berita/{number}", NOW - 300 * number)
    view = await view_of(store)
    assert len(store.read) == 20
    store.read.clear()
    await view.update(store, NOW - KEEP_S)
    assert store.read == []
    store.see("berita/3", NOW - 450, n=5)
    await view.update(store, NOW - KEEP_S)
    assert store.read == [Bucket(300, int(NOW) - 600)]
    assert counts_in(view)[NOW - 600, "view", "berita/3"] == 5


@runs(deadline=None, max_examples=50)
@given(SEEN, PUT, SEEN, PUT, st.sampled_from([1, 3]))
async def test_view_that_followed_equals_a_view_that_came_late(
    seen: Seen, put: list[Item], seen_later: Seen, put_later: list[Item], shards: int
) -> None:
    store = MemoryStore(shards)
    followed = SiteView("s")
    for events, items in ((seen, put), (seen_later, put_later)):
        for item, age_s, n in events:
            store.see(item, NOW - age_s, n)
        store.put(*items)
        await followed.update(store, NOW - 150_000)
    late = await view_of(store, NOW - 150_000)
    assert counts_in(followed) == counts_in(late)
    published = [
        zip(view.history.items, view.catalogue.published(view.history.first_event()).tolist(), strict=True)
        for view in (followed, late)
    ]
    kept, anew = ({item: when for item, when in each if when < math.inf} for each in published)
    assert kept == anew


async def test_view_forgets_buckets_past_the_retention_and_reads_none_of_them() -> None:
    store = MemoryStore()
    store.see("old", NOW - 3600)
    store.see("new", NOW - 60)
    view = await view_of(store, NOW - 3300)
    assert [name for _, _, name in counts_in(view)] == ["new"]
    assert store.read == [Bucket(300, int(NOW) - 300)]
    await view.update(store, NOW)
    assert counts_in(view) == {}


async def test_view_is_read_anew_when_the_store_was_lost() -> None:
    store = MemoryStore()
    for _ in range(10):
        store.see("before", NOW - 60)
    store.put(described("before"))
    view = await view_of(store)
    await store.items.remove_item("s", "before", NOW)
    await view.update(store, NOW - KEEP_S)
    assert view.removed == {"before"}
    store.lose_everything()
    await view.update(store, NOW - KEEP_S)
    assert counts_in(view) == {}
    assert view.history.items == []
    assert view.removed == frozenset()
    store.see("after", NOW - 60, n=2)
    await view.update(store, NOW - KEEP_S)
    assert counts_in(view) == {(NOW - 300, "view", "after"): 2}


async def test_view_shows_the_id_of_an_item_until_it_is_described() -> None:
    store = MemoryStore()
    store.see("a", NOW - 60)
    view = await view_of(store)
    assert await view.details(store, [0]) == {0: Item(id="a")}
    store.put(described("a"))
    assert await view.details(store, [0]) == {0: Item(id="a")}, "not read again before it is known to have changed"
    await view.update(store, NOW - KEEP_S)
    assert await view.details(store, [0]) == {0: described("a")}


# What is listed, and in which order


async def test_list_is_in_order_of_decayed_counts() -> None:
    store = MemoryStore()
    store.see("yesterday's giant", NOW - DAY_S, n=500)
    store.see("fading", NOW - 4 * HOUR_S, n=38)
    store.see("fresh", NOW - 150, n=10)
    await refreshed(store, settings_with({"populer": {"half_life": "2h"}}))
    assert store.listed("populer") == ["fresh", "fading", "yesterday's giant"]
    await refreshed(store, settings_with({"populer": {"half_life": "6h"}}), NOW + 5)
    assert store.listed("populer") == ["yesterday's giant", "fading", "fresh"]


async def test_list_weighs_kinds_and_counts_views_beside() -> None:
    store = MemoryStore()
    store.see("viewed", NOW - 60, n=5)
    store.see("clicked", NOW - 60, n=2, channel="click@list:populer#1")
    store.see("liked", NOW - 60, n=99, channel="like")
    await refreshed(store, settings_with({"populer": {"half_life": "none"}}))
    assert [(entry.id, entry.score, entry.views) for entry in shown(store).values()] == [
        ("clicked", 6.0, 0), ("viewed", 5.0, 5),
    ]  # fmt: skip
    await refreshed(store, settings_with({"populer": {"half_life": "none", "weights": {"view": 2}}}), NOW + 5)
    assert store.listed("populer") == ["viewed"]


async def test_list_breaks_ties_by_newer_publication_and_then_by_id() -> None:
    store = MemoryStore()
    for item in ("c", "b", "a", "old"):
        store.see(item, NOW - 60, n=3)
        store.put(described(item, published_at=NOW - DAY_S - (item == "old")))
    await refreshed(store)
    assert store.listed("populer") == ["a", "b", "c", "old"]


async def test_list_dates_an_item_by_its_first_trace_when_its_publish_time_is_unknown() -> None:
    store = MemoryStore()
    store.see("read first", NOW - 3 * HOUR_S)
    store.see("read first", NOW - 60)
    store.put(Item(id="read first", first_seen=NOW - HOUR_S))
    store.see("put first", NOW - 60)
    store.put(Item(id="put first", first_seen=NOW - 5 * HOUR_S))
    store.see("never put", NOW - 60)
    await refreshed(store)
    assert {item: entry.published_at for item, entry in shown(store).items()} == {
        "read first": NOW - 3 * HOUR_S, "put first": NOW - 5 * HOUR_S, "never put": NOW - 300,
    }  # fmt: skip


async def test_list_drops_an_item_over_max_age_whether_its_age_is_known_or_not() -> None:
    store = MemoryStore()
    for item in ("young", "old", "edge", "long read"):
        store.see(item, NOW - 60)
    store.see("long read", NOW - DAY_S - 300)
    store.put(described("young", published_at=NOW - HOUR_S), described("old", published_at=NOW - DAY_S - 1))
    store.put(described("edge", published_at=NOW - DAY_S))
    await refreshed(store, settings_with({"populer": {"max_age": "1d"}}))
    assert set(store.listed("populer")) == {"young", "edge"}
    await refreshed(store, settings_with({"populer": {"max_age": "none"}}), NOW + 5)
    assert set(store.listed("populer")) == {"young", "edge", "old", "long read"}


async def test_list_omits_an_item_that_is_taken_down_until_it_is_put_again() -> None:
    store = MemoryStore()
    refresher = Refresher(RankedSite(store, settings_with({"trending": {"without": "none"}}), "s"))
    for item in ("a", "b"):
        store.see(item, NOW - 60, n=20)
        store.put(described(item, section="Politik"))
    for now, down in ((NOW, False), (NOW + 5, True), (NOW + 10, False)):
        if down:
            assert await store.items.remove_item("s", "a", NOW)
            assert not await store.items.remove_item("s", "never heard of", NOW)
        else:
            store.put(described("a", section="Politik"))
        await refresher.refresh(now)
        wanted = {"b"} if down else {"a", "b"}
        for name in ("populer", "trending", "update"):
            assert set(store.listed(name)) == set(store.listed(name, "Politik")) == wanted


async def test_list_takes_an_item_up_once_it_is_named_or_described_with_all_its_counts() -> None:
    store = MemoryStore()
    site = RankedSite(store, Settings(), "s")
    refresher = Refresher(site)
    for item, events in (("a", 9), ("b", 5), ("c", 2)):
        store.see(item, NOW - 7_200, events, named=False)
    await refresher.refresh(NOW)
    assert shown(store) == {}
    store.see("b", NOW)
    store.put(described("c"))
    await refresher.refresh(NOW + 5)
    await refresher.refresh(NOW + 10)
    assert [(item, entry.views) for item, entry in shown(store).items()] == [("b", 6), ("c", 2)]
    store.lose_everything()
    store.see("a", NOW, named=False)
    store.see("c", NOW)
    await refresher.refresh(NOW + 15)
    assert list(shown(store)) == ["c"]


async def test_view_forgets_the_named_with_the_counts_of_their_30_days() -> None:
    store = MemoryStore()
    store.see("a", NOW)
    store.see("a", NOW + 61 * DAY_S, named=False)
    view = await view_of(store)
    assert view.catalogue.known.tolist() == [True]
    await view.update(store, NOW + 31 * DAY_S)
    late = await view_of(store, NOW + 31 * DAY_S)
    assert view.catalogue.known.tolist() == late.catalogue.known.tolist() == [False]


async def test_latest_list_has_described_items_newest_first_and_none_of_the_future() -> None:
    store = MemoryStore()
    store.see("sent by anyone", NOW - 60, n=100)
    store.put(described("older", published_at=NOW - 7200), described("newer", published_at=NOW - 60))
    store.put(described("tomorrow", published_at=NOW + DAY_S), described("right now", published_at=NOW))
    store.put(Item(id="undated", first_seen=NOW - 3600))
    await refreshed(store)
    assert store.listed("update") == ["right now", "newer", "undated", "older"]
    assert {(entry.score, entry.previous_rank, entry.is_new) for entry in shown(store, "update").values()} == {
        (None, None, False)
    }


async def test_trending_list_has_what_stands_out_from_its_own_week() -> None:
    store = MemoryStore()
    for hour in range(7 * 24):
        store.see("giant", NOW - 60 - hour * HOUR_S, n=1000)
    store.see("quiet", NOW - 60, n=40)
    store.see("a little", NOW - 60, n=4)
    store.see("clicked only", NOW - 60, n=400, channel="click")
    await refreshed(store, settings_with({"populer": {"size": 1}}))
    assert store.listed("trending") == ["quiet"]
    quiet = shown(store, "trending")["quiet"]
    assert quiet.score is not None
    assert quiet.times_usual == pytest.approx(40 / (40 - quiet.score), abs=0.01)


async def test_list_is_as_deep_as_its_setting_and_never_shallower_than_its_size() -> None:
    store = MemoryStore()
    for number in range(12):
        store.see(f"item-{number:02}", NOW - 60, n=100 - number)
    await refreshed(store, settings_with({"populer": {"size": 2, "depth": 5}, "long": {"size": 8, "depth": 1}}))
    assert store.listed("populer") == [f"item-{number:02}" for number in range(5)]
    assert [entry.rank for entry in shown(store, "long").values()] == list(range(1, 9))


# Sections


async def test_list_has_one_list_per_section() -> None:
    store = MemoryStore()
    for number, (item, section) in enumerate([("a", "Politik"), ("b", "Olahraga"), ("c", "Politik"), ("d", None)]):
        store.see(item, NOW - 60, n=10 - number)
        store.put(described(item, section=section))
    await refreshed(store, settings_with({"whole": {"sections": False}}))
    assert store.listed("populer") == ["a", "b", "c", "d"]
    assert store.bodies("populer").keys() == {WHOLE_SITE, "Politik", "Olahraga"}
    assert store.listed("populer", "Politik") == ["a", "c"]
    assert [entry.rank for entry in shown(store, "populer", "Politik").values()] == [1, 2]
    assert store.bodies("whole").keys() == {WHOLE_SITE}


@runs(deadline=None, max_examples=50)
@given(SEEN, PUT, st.sampled_from(["ranked", "burst", "latest"]))
async def test_section_ranked_alone_equals_the_section_ranked_among_all(seen: Seen, put: list[Item], kind: str) -> None:
    store = MemoryStore()
    for item, age_s, n in seen:
        store.see(item, NOW - age_s, n)
    store.put(*put)
    least = {"minimum": 1} if kind == "burst" else {}
    settings = settings_with({"it": {"kind": kind, "depth": 3, "size": 1, **least}}).lists["it"]
    ranker = await ranker_on(store)
    together = ranker.rank_sections(settings)
    for section, ranking in together.items():
        alone = ranker.rank(settings, section)
        assert alone.rows.tolist() == ranking.rows.tolist()
        assert alone.previous == ranking.previous
    for section in {item.section for item in put if item.section} - set(together):
        assert ranker.rank(settings, section).rows.tolist() == []


async def test_section_is_not_found_when_no_item_is_in_it() -> None:
    ranker = await ranker_on(MemoryStore())
    with pytest.raises(NotFoundError, match="no item is in a section called 'Kuliner'"):
        ranker.rank(Settings().lists["populer"], "Kuliner")


async def test_every_section_has_its_list_however_many_there_are() -> None:
    store = MemoryStore()
    for number in range(300):
        store.see(f"item {number}", NOW - 60, 1)
        store.put(described(f"item {number}", section=f"Kabupaten {number}", published_at=NOW - 60))
    await refreshed(store)
    for name in ("populer", "update"):
        assert len(store.bodies(name)) == 301
        assert [each.id for each in decode_entries(store.bodies(name)["Kabupaten 299"])] == ["item 299"]


async def test_lists_of_many_sections_are_those_of_a_process_that_has_just_started() -> None:
    store, settings = MemoryStore(), settings_with({"it": {"half_life": "15m"}, "kept": {"hysteresis": 0.1}})
    for number in range(120):
        store.see(f"item {number}", NOW - 60 * number, 1 + number % 3)
        store.put(
            described(f"item {number}", section=f"Kabupaten {number % 60}", published_at=NOW - 60 * (number % 7) - 9000)
        )
    steady = Refresher(RankedSite(store, settings, "s"))
    for step in range(4):
        store.see(f"item {7 * step}", NOW + 5 * step, 2)
        store.put(described(f"item {step}", title="Ralat", section="Kabupaten 3", published_at=NOW - 60))
        await steady.refresh(NOW + 5 * step, 2 * step + 1)
        bodies = {name: store.bodies(name) for name in settings.lists}
        await Refresher(RankedSite(store, settings, "s")).refresh(NOW + 5 * step, 2 * step + 2)
        assert {name: store.bodies(name) for name in settings.lists} == bodies


async def test_a_section_that_all_items_have_left_is_known_and_quiet() -> None:
    store = MemoryStore()
    refresher = Refresher(RankedSite(store, settings_with(), "s"))
    store.put(described("a", section="Politik", published_at=NOW - 60))
    await refresher.refresh(NOW)
    assert store.stamp("update").quiet == ()
    store.put(described("a", section="Hukum", published_at=NOW - 60))
    await refresher.refresh(NOW + 5)
    stamp = store.stamp("update")
    assert (sorted(stamp.digests), stamp.quiet) == ([WHOLE_SITE, "Hukum"], ("Politik",))


@pytest.mark.parametrize(
    ("period", "more"),
    [
        *((period, {}) for period in ("today", "yesterday", "this week", "this month")),
        *((period, {"decay": "half-life"}) for period in ("today", "yesterday", "this week", "this month")),
        *((period, {"kind": "burst", "minimum": 1}) for period in ("today", "this week", "this month")),
    ],
)
async def test_a_list_by_the_calendar_is_refreshed_before_anything_is_counted(
    period: str, more: dict[str, Any]
) -> None:
    store = MemoryStore()
    refresher = Refresher(RankedSite(store, settings_with({"it": {"period": period, **more}}), "s"))
    for seconds in (0, 5):
        assert await refresher.refresh(NOW + seconds) == dict.fromkeys(
            ("populer", "trending", "update", "it"), 1 + seconds // 5
        )
    store.put(described("a", published_at=NOW - 60))
    await refresher.refresh(NOW + 10)
    assert store.listed("update") == ["a"]


# Movement


async def test_entry_has_its_previous_rank_and_whether_it_is_new() -> None:
    store = MemoryStore()
    store.see("a", NOW - 2 * HOUR_S, n=10)
    store.see("b", NOW - 2 * HOUR_S, n=5)
    store.see("b", NOW - 60, n=20)
    store.see("c", NOW - 60, n=8)
    await refreshed(store, settings_with({"populer": {"half_life": "none"}}))
    assert [(entry.id, entry.previous_rank, entry.is_new) for entry in shown(store).values()] == [
        ("b", 2, False), ("a", 1, False), ("c", None, True),
    ]  # fmt: skip


async def test_entry_is_new_when_it_rises_into_the_visible_part() -> None:
    store = MemoryStore()
    for item, n in [("a", 10), ("b", 5), ("c", 2)]:
        store.see(item, NOW - 2 * HOUR_S, n)
    store.see("c", NOW - 60, n=20)
    await refreshed(store, settings_with({"populer": {"half_life": "none", "size": 1}}))
    assert [(entry.id, entry.previous_rank, entry.is_new) for entry in shown(store).values()] == [
        ("c", 3, True), ("a", 1, False), ("b", 2, False),
    ]  # fmt: skip


async def test_entry_is_not_new_when_there_was_no_list_before() -> None:
    store = MemoryStore()
    store.see("a", NOW - 60)
    await refreshed(store)
    assert [(entry.previous_rank, entry.is_new) for entry in shown(store).values()] == [(None, False)]


async def test_entry_is_new_when_its_section_had_no_list_but_the_site_had_one() -> None:
    store = MemoryStore()
    store.see("a", NOW - 2 * HOUR_S)
    store.see("b", NOW - 60)
    store.put(described("a", section="Politik"), described("b", section="Olahraga"))
    await refreshed(store)
    [entry] = shown(store, "populer", "Olahraga").values()
    assert (entry.previous_rank, entry.is_new) == (None, True)


# Entries


def test_entry_shows_the_item_and_falls_back_to_its_id() -> None:
    ranking = Ranking(np.array([1, 0]), np.array([2.0, 3.5]), None)
    full = Item(id="b", title="Judul", url="/b", section="Politik", published_at=5.0, image="/b.jpg", author="Ani")
    found = entries(
        ranking,
        Settings().lists["populer"],
        views=np.array([1.4, 7.6]),
        published=np.array([np.inf, 5.0]),
        details={0: Item(id="a"), 1: full},
    )
    assert found == [
        Entry(1, "b", "Judul", "/b", "Politik", 5.0, "/b.jpg", 3.5, 8),
        Entry(2, "a", "a", None, None, None, None, 2.0, 1),
    ]


# Publishing


async def test_refresh_ranks_for_the_aligned_moment_before_now_and_stamps_it() -> None:
    store = MemoryStore()
    settings = settings_with(refresh={"every": "5s"}, lists={"populer": {"half_life": "2h"}})
    store.see("a", NOW - 60)
    assert await refreshed(store, settings, NOW + 4.9) == {"populer": 1, "trending": 1, "update": 1}
    published = await store.lists.published("s", "populer", {})
    assert published is not None
    stamp = published.stamp
    assert (stamp.list, stamp.title, stamp.size, stamp.generated_at) == ("populer", "Populer", 7, NOW)
    assert stamp.config_version == settings.config_version
    assert stamp.digests == {section: digest(body) for section, body in store.bodies("populer").items()}
    assert decode_stamp(encode_stamp(stamp)) == stamp


async def test_refresh_publishes_an_empty_list_when_the_history_is_empty() -> None:
    store = MemoryStore()
    assert await refreshed(store) == {"populer": 1, "trending": 1, "update": 1}
    assert [store.listed(name) for name in ("populer", "trending", "update")] == [[], [], []]


async def test_refresh_clears_a_list_when_its_last_item_is_gone() -> None:
    store = MemoryStore()
    refresher = Refresher(RankedSite(store, settings_with(retention={"keep": "1d"}), "s"))
    store.see("a", NOW - 60)
    await refresher.refresh(NOW)
    assert store.listed("populer") == ["a"]
    await refresher.refresh(NOW + DAY_S + 300)
    assert store.listed("populer") == []


async def test_refresh_publishes_a_slot_once_and_none_before_it() -> None:
    store = MemoryStore()
    refresher = Refresher(RankedSite(store, settings_with({}, refresh={"every": "5s"}), "s"))
    generations = [(await refresher.refresh(now)).get("populer") for now in (NOW, NOW + 4, NOW - 5, NOW + 5, NOW + 11)]
    assert generations == [1, None, None, 2, 3]


async def test_refresh_ranks_for_the_moment_of_a_settings_change_and_then_for_the_slots() -> None:
    store = MemoryStore()
    before = settings_with(refresh={"every": "1m"})
    after = settings_with({"populer": {"title": "Lain"}}, refresh={"every": "1m"})
    refresher = Refresher(RankedSite(store, before, "s"))
    slot = NOW // 60 * 60

    async def published(now: float) -> tuple[int | None, float, str, str]:
        generation = (await refresher.refresh(now)).get("populer")
        found = await store.lists.published("s", "populer", {})
        assert found is not None
        return generation, found.stamp.generated_at, found.stamp.title, found.stamp.config_version

    assert await published(slot + 10) == (1, slot, "Populer", before.config_version)
    refresher.site.use(after, since=slot + 20)
    assert await published(slot + 20) == (2, slot + 20, "Lain", after.config_version)
    assert (await published(slot + 59))[0] is None
    assert await published(slot + 60) == (3, slot + 60, "Lain", after.config_version)
    refresher.site.use(before, since=slot + 70)
    assert (await published(slot + 65))[0] is None, "a clock that was put back ranks nothing for the future"


async def test_refresh_ranks_forgotten_counts_again_when_the_retention_grows() -> None:
    store = MemoryStore()
    short, long = (settings_with({"populer": {"half_life": "none"}}, retention={"keep": keep}) for keep in ("1h", "1d"))
    refresher = Refresher(RankedSite(store, short, "s"))
    store.see("old", NOW - 2 * HOUR_S, n=9)
    store.see("new", NOW - 60)
    await refresher.refresh(NOW)
    assert store.listed("populer") == ["new"]
    refresher.site.use(long, since=NOW + 1)
    await refresher.refresh(NOW + 1)
    assert store.listed("populer") == ["old", "new"]
    refresher.site.use(short, since=NOW + 2)
    await refresher.refresh(NOW + 2)
    assert store.listed("populer") == ["new"]


async def test_refresh_sends_the_base_that_it_has_published_last() -> None:
    store = MemoryStore()
    settings = settings_with({}, refresh={"every": "5s"})
    one, other = Refresher(RankedSite(store, settings, "s")), Refresher(RankedSite(store, settings, "s"))
    for refresher, now in ((one, NOW), (one, NOW + 5), (other, NOW + 10), (one, NOW + 10), (one, NOW + 15)):
        await refresher.refresh(now)
    believed = [base.generation if base else None for base in store.bases[:: len(settings.lists)]]
    assert believed == [None, 1, None, 2, 2]


@runs(deadline=None, max_examples=60)
@given(SEEN, PUT, st.randoms(use_true_random=False), st.integers(0, 3), st.integers(0, 599).map(lambda s: NOW + s))
async def test_refresh_publishes_the_same_bytes_in_any_order_of_arrival(
    seen: Seen, put: list[Item], random: Random, looks: int, now: float
) -> None:
    """Two scheduler processes: one that looked in between, one that came late, over changes in two orders."""
    lists = {"populer": {"half_life": "1h", "depth": 4}, "trending": {"minimum": 1}}
    settings = settings_with(lists, refresh={"every": "5s"})
    results = []
    for times in (looks, 0):
        changes: list[Any] = [*seen, *put]
        random.shuffle(changes)
        store = MemoryStore()
        refresher = Refresher(RankedSite(store, settings, "s"))
        for number, change in enumerate(changes):
            if isinstance(change, Item):
                store.put(change)
            else:
                store.see(change[0], NOW - change[1], change[2])
            if number < times:
                await refresher.refresh(NOW - DAY_S + 5 * number)
        assert (await refresher.refresh(now)).keys() == settings.lists.keys()
        results.append({name: store.bodies(name) for name in settings.lists})
    assert results[0] == results[1]


@runs(deadline=None, max_examples=60)
@given(SEEN, PUT, st.lists(st.tuples(st.sampled_from([*ITEMS, "x"]), st.integers(0, 9000), st.integers(1, 10**6))))
@pytest.mark.parametrize("at", [NOW, NOW + 130])
async def test_refresh_of_a_slot_ignores_what_happens_after_its_bucket(
    at: float, seen: Seen, put: list[Item], later: Seen
) -> None:
    end = NOW + (0 if at == NOW else 300)
    lists = []
    for future in ([], later):
        store = MemoryStore()
        store.put(*put)
        for item, age_s, n in seen:
            store.see(item, min(NOW - age_s, end - 1), n)
        for item, after_s, n in future:
            store.see(item, end + after_s, n)
        await refreshed(store, settings_with({"trending": {"minimum": 1}}, refresh={"every": "10s"}), at)
        lists.append({name: store.bodies(name) for name in ("populer", "trending", "update")})
    assert lists[0] == lists[1]


@runs(deadline=None, max_examples=60)
@given(SEEN, SEEN, st.integers(0, 100_000).map(lambda age_s: NOW - age_s))
async def test_preview_of_the_past_ignores_what_came_after_its_bucket(seen: Seen, later: Seen, at: float) -> None:
    settings = settings_with({"populer": {"half_life": "2h"}}).lists["populer"]
    end = at // 300 * 300 + 300
    lists = []
    for future in ([], later):
        store = MemoryStore()
        for item, age_s, n in seen:
            store.see(item, min(NOW - age_s, end - 1), n)
        for item, age_s, n in future:
            store.see(item, end + abs(age_s), n)
        view = await view_of(store)
        ranking = Ranker(view, Moment(at, known_until=NOW + 300_000)).rank(settings, WHOLE_SITE)
        assert ranking.score is not None
        names = named(view, ranking)
        was = ranking.previous and {view.history.items[row]: rank for row, rank in ranking.previous.items()}
        lists.append((names, [float(ranking.score[row]) for row in ranking.rows], was))
    assert lists[0] == lists[1]


async def test_refresh_ranks_any_number_of_items_that_nobody_described() -> None:
    store = MemoryStore()
    for number in range(5 * FIRST_CAPACITY + 1):
        store.see(f"item-{number}", NOW - 60)
    await refreshed(store)
    assert len(store.listed("populer")) == 200


async def test_refresh_publishes_the_same_bytes_when_channels_come_in_any_order() -> None:
    bodies = []
    for step in (1, -1):
        store = MemoryStore()
        changes = [(n, c, k) for k in range(3) for c, n in (("view", 23), ("click", 7), ("view@list:populer", 31))]
        for n, channel, k in changes[::step]:
            store.see("a", NOW - 60 - 300 * k, n, channel)
        await refreshed(store)
        bodies.append(store.bodies("populer"))
    assert bodies[0] == bodies[1]


async def test_entry_is_not_new_below_the_visible_part() -> None:
    store = MemoryStore()
    store.see("a", NOW - 2 * HOUR_S, n=10)
    store.see("b", NOW - 60)
    await refreshed(store, settings_with({"populer": {"half_life": "none", "size": 1}}))
    assert shown(store)["b"].rank == 2
    assert not shown(store)["b"].is_new


async def test_refresh_publishes_the_same_stamp_when_sections_were_met_in_another_order() -> None:
    stamps = []
    for step in (1, -1):
        store = MemoryStore()
        for item, section in [("a", "Politik"), ("b", "Olahraga")][::step]:
            store.see(item, NOW - 60)
            store.put(described(item, section=section))
        await refreshed(store)
        stamps.append(encode_stamp((await store.lists.published("s", "populer", {})).stamp))
    assert stamps[0] == stamps[1]


async def test_view_is_read_anew_when_a_lost_store_has_counted_further_than_before() -> None:
    store = MemoryStore(1)
    store.see("before", NOW - 60)
    refresher = Refresher(RankedSite(store, settings_with(), "s"))
    await refresher.refresh(NOW)
    store.lose_everything()
    store.see("after", NOW - 400)
    store.see("after", NOW - 400)
    await refresher.refresh(NOW + 5)
    assert store.listed("populer") == ["after"]
