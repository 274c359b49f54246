"""What is published of presets, periods and rules: by the site's clock, marked, the same from every process."""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from memory_store import MemoryStore

from ranking.intake.items import Item
from ranking.published.snapshot import decode_entries
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.service import Settings

NOW = 1_764_530_940.0  # 2025-12-01T02:29:00+07:00, on the fifth minute of no hour
HOUR_S = 3600.0
LISTS: dict[str, Any] = {
    "populer": {"hysteresis": 0.1, "max_per_section": 2, "fill": "widen", "floor": 2, "size": 2},
    "trending": {"hold": "1d", "minimum": 1, "section_floor": 30, "section_minimum": 1},
    "update": {"fill": "widen", "max_age": "2h"},
    "hn": {"preset": "hacker-news"},
    "mastodon": {"preset": "mastodon"},
    "inn": {"preset": "inn"},
    "lemmy": {"preset": "lemmy-scaled"},
    "today": {"period": "today", "fill": "latest"},
    "long": {"max_tenure": "2h", "decay": "power"},
    "surprise": {"kind": "burst", "method": "z-score", "minimum": 1},
}
ITEMS = ["a", "b", "c|d", "dua kata", "berita 🔥", "f", "g"]
SEEN = st.lists(
    st.tuples(
        st.sampled_from(ITEMS),
        st.integers(1, 200_000),
        st.integers(1, 50),
        st.sampled_from(["view", "click@list:populer#2", "click", "view@feed"]),
    ),
    max_size=25,
)
PUT = st.lists(
    st.builds(
        Item,
        id=st.sampled_from(ITEMS),
        section=st.none() | st.sampled_from(["Politik", "Olahraga"]),
        published_at=st.none() | st.integers(-7200, 200_000).map(lambda age_s: NOW - age_s),
        first_seen=st.integers(0, 200_000).map(lambda age_s: NOW - age_s),
    ),
    unique_by=lambda item: item.id,
    max_size=6,
)


@runs(deadline=None, max_examples=20)
@given(SEEN, PUT, st.randoms(use_true_random=False), st.integers(0, 599).map(lambda s: NOW + s))
async def test_refresh_publishes_the_same_bytes_of_every_ranking(
    seen: list[tuple[str, int, int, str]], put: list[Item], random: Random, now: float
) -> None:
    settings = Settings.model_validate({"sites": [{"id": "s"}], "lists": LISTS})
    results = []
    for looks in (2, 0):
        changes: list[Any] = [*seen, *put]
        random.shuffle(changes)
        store = MemoryStore()
        refresher = Refresher(RankedSite(store, settings, "s"))
        for number, change in enumerate(changes):
            if isinstance(change, Item):
                store.put(change)
            else:
                item, age_s, n, channel = change
                store.see(item, NOW - age_s, n, channel)
            if number < looks:
                await refresher.refresh(NOW - 90_000 + 5 * number)
        await refresher.refresh(now)
        results.append({name: store.bodies(name) for name in settings.lists})
    assert results[0] == results[1]


async def test_refresh_publishes_a_list_of_today_by_the_clock_of_its_site() -> None:
    listed = {}
    for zone in ("Asia/Jakarta", "UTC"):
        store = MemoryStore()
        for item, hours in (("this morning", 1), ("last night", 5)):
            store.see(item, NOW - hours * HOUR_S, 9)
        settings = Settings.model_validate(
            {"sites": [{"id": "s", "timezone": zone}], "lists": {"today": {"period": "today"}}}
        )
        await Refresher(RankedSite(store, settings, "s")).refresh(NOW)
        listed[zone] = set(store.listed("today"))
    assert listed == {"Asia/Jakarta": {"this morning"}, "UTC": {"this morning", "last night"}}


async def test_config_version_depends_on_the_zone_only_when_a_list_does() -> None:
    def version(zone: str, **table: str) -> str:
        return Settings.model_validate({"sites": [{"timezone": zone}], "lists": {"it": table}}).config_version

    assert version("UTC") == version("Asia/Jakarta")
    assert version("UTC", period="today") != version("Asia/Jakarta", period="today")
    assert version("UTC", preset="inn") != version("Asia/Jakarta", preset="inn")


async def test_refresh_marks_an_entry_that_fills_a_list_up() -> None:
    store = MemoryStore()
    store.see("read", NOW - 60, 9)
    store.see("hardly", NOW - 60, 2)
    settings = Settings.model_validate({"lists": {"populer": {"floor": 5, "fill": "widen"}}})
    await Refresher(RankedSite(store, settings, "s")).refresh(NOW)
    entries = decode_entries(store.bodies("populer")[""])
    assert [(entry.rank, entry.id, entry.source) for entry in entries] == [(1, "read", "ranked"), (2, "hardly", "fill")]
