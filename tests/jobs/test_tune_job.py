"""Every night, once, the lists that learn are tuned; the list that is published next goes by what was found."""

import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "ranking"))

from memory_store import MemoryStore

from jobs.tune import SuggestHalfLives
from ranking.refreshing.answers import answer_as_ranked
from ranking.refreshing.questions import Explain
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.learned import LearnedSetting
from ranking.settings.service import Settings
from ranking.times import format_duration
from ranking.tuning.nightly import night_before

SITE, HOUR_S, DAY_S = "s", 3600.0, 86_400.0
JAKARTA = ZoneInfo("Asia/Jakarta")
START = 1_764_522_000.0  # midnight in Jakarta
NIGHT = START + 6 * DAY_S + 3 * HOUR_S


def settings_of(**of_list: Any) -> Settings:
    lists = {"populer": {"half_life": "auto", "size": 3, **of_list}}
    return Settings.model_validate({"sites": [{"id": SITE}], "lists": lists, "refresh": {"paging": "0s"}})


def read(store: MemoryStore, days: int = 6) -> None:
    """Twelve stories, each read as much as ever, but for chance: a long memory is best."""
    draw = np.random.default_rng(1)
    for hour in range(days * 24 + 3):
        for story in range(12):
            if n := int(draw.poisson(6 + 0.5 * story)):
                store.see(f"story-{story}", START + hour * HOUR_S, n)


@pytest.fixture
def store() -> MemoryStore:
    found = MemoryStore(1)
    read(found)
    return found


def test_a_night_ends_at_three_by_the_clock_of_the_site_also_when_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for now in range(1_774_700_000, 1_774_900_000, 5_000):  # over the night of 29 March 2026
        night = night_before(now, berlin)
        assert night <= now < night + 25 * HOUR_S
        assert night_before(night, berlin) == night
        assert night_before(night - 1, berlin) < night


async def test_a_night_is_tuned_once_and_the_next_one_again(store: MemoryStore) -> None:
    job = SuggestHalfLives(store, settings_of())
    assert (await job(SITE, NIGHT + 60, 1))["tuned"] == 1
    assert await job(SITE, NIGHT + 600, 1) == {}
    assert await SuggestHalfLives(store, settings_of())(SITE, NIGHT + DAY_S - 1, 2) == {}
    assert (await job(SITE, NIGHT + DAY_S, 2))["tuned"] == 1
    nights = await store.findings.nights(SITE, "populer", 9)
    assert [night.at for night in nights] == [NIGHT + DAY_S, NIGHT]
    assert nights[0].before == nights[1].after
    assert nights[1].trials


async def test_where_there_was_too_little_it_is_tried_again_every_hour() -> None:
    store = MemoryStore(1)
    read(store, days=1)
    job = SuggestHalfLives(store, settings_of())
    night = START + DAY_S + 3 * HOUR_S
    assert (await job(SITE, night, 1))["tuned"] == 1
    for hour in range(9):
        store.see("story-1", night + hour * HOUR_S, 5)
        done = await job(SITE, night + hour * HOUR_S + 10, 1)
        assert done.get("tuned", 0) == 0, "the night's record says what it takes, and another would say no more"
    read(store, days=2)
    assert (await job(SITE, night + 15 * HOUR_S, 1))["tuned"] == 1
    last, first = await store.findings.nights(SITE, "populer", 9)
    assert "that is too short" in first.why
    assert last.trials


async def test_two_processes_find_the_same_and_write_it_once(store: MemoryStore) -> None:
    other = MemoryStore(1)
    read(other)
    for each in (store, other):
        await SuggestHalfLives(each, settings_of())(SITE, NIGHT + 60, 1)
    assert await store.findings.nights(SITE, "populer", 9) == await other.findings.nights(SITE, "populer", 9)


async def test_the_next_list_goes_by_what_was_found_and_says_so(store: MemoryStore) -> None:
    settings = settings_of(objective={"longest": "1h"})
    refresher = Refresher(RankedSite(store, settings, SITE))
    await refresher.refresh(NIGHT)
    first = await store.lists.published(SITE, "populer", {})
    assert first is not None
    assert first.stamp.learned is not None, "before its first night it goes by traffic"
    assert first.stamp.learned.reads is not None
    assert first.stamp.config_version == settings.under({"populer": first.stamp.learned}).config_version
    assert (await SuggestHalfLives(store, settings)(SITE, NIGHT + 60, 1))["tuned"] == 1
    after = (await store.findings.in_effect(SITE))["populer"]
    assert after.since == NIGHT
    await refresher.refresh(NIGHT + 120)
    then = await store.lists.published(SITE, "populer", {})
    assert then is not None
    fixed = settings_of(half_life=format_duration(after.half_life_s)).lists["populer"]
    assert then.stamp.learned == after
    assert then.stamp.config_version == settings.under({"populer": after}).config_version != settings.config_version
    found = await answer_as_ranked(refresher.site, Explain(SITE, "populer", "story-1"))
    assert found["config_version"] == then.stamp.config_version
    assert f"2^-(age / {format_duration(after.half_life_s)}), tuned on the site's past" in found["formula"]
    other = Refresher(RankedSite(store, settings, SITE))  # another process, which has tuned nothing
    assert (await other.refresh(NIGHT + 120)).get("populer") is None, "it comes to the same list, which is there"
    plain = MemoryStore(1)
    read(plain)
    await Refresher(RankedSite(plain, settings_of(half_life=f"{fixed.half_life_s:g}s"), SITE)).refresh(NIGHT + 120)
    assert plain.listed("populer") == store.listed("populer")


async def test_a_pinned_list_stays_and_goes_on_to_say_what_it_would_be(store: MemoryStore) -> None:
    settings = settings_of(objective={"pin": "15m"})
    await SuggestHalfLives(store, settings)(SITE, NIGHT + 60, 1)
    refresher = Refresher(RankedSite(store, settings, SITE))
    await refresher.refresh(NIGHT + 120)
    published = await store.lists.published(SITE, "populer", {})
    assert published is not None
    assert published.stamp.learned == LearnedSetting(900.0, 0.0)
    (night,) = await store.findings.nights(SITE, "populer", 9)
    assert night.pinned
    assert night.suggested_s is not None
    assert night.suggested_s > 900.0


async def test_a_forecast_that_surely_catches_more_corrects_what_is_served() -> None:
    store, settings, night = MemoryStore(1), settings_of(half_life="15m", decay="forecast"), NIGHT + 6 * DAY_S
    read(store, days=12)
    await SuggestHalfLives(store, settings)(SITE, night + 60, 1)
    refresher = Refresher(RankedSite(store, settings, SITE))
    await refresher.refresh(night + 120)
    published = await store.lists.published(SITE, "populer", {})
    assert published is not None
    assert published.stamp.learned is not None
    assert published.stamp.learned.correction is not None
    found = await answer_as_ranked(refresher.site, Explain(SITE, "populer", store.listed("populer")[0]))
    assert sum(channel["part"] for channel in found["channels"]) == found["counted"]
    assert any(term["name"].startswith("forecast: ") for term in found["terms"])


async def test_lists_that_stay_as_they_are_are_not_tuned(store: MemoryStore) -> None:
    assert await SuggestHalfLives(store, settings_of(half_life="2h"))(SITE, NIGHT, 1) == {}
    assert await store.findings.in_effect(SITE) == {}
