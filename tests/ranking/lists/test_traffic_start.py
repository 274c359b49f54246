"""A new site's lists begin by their traffic, and whoever ranks them has the same half-life."""

from planted import START
from views import Site, list_of

from ranking.lists.traffic_start import by_traffic, with_traffic
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import ListSettings

HOUR_S = 3600.0


def site_with(reads_an_hour: int, hours: int = 3) -> Site:
    site = Site()
    for hour in range(hours):
        for part in range(12):
            site.see(f"item-{part % 6}", START + hour * HOUR_S + part * 300, max(reads_an_hour // 12, 1))
    return site


def half_life_h(site: Site, settings: ListSettings, at: float) -> float:
    return with_traffic({}, {"it": settings}, site, at)["it"].half_life_s / HOUR_S


def test_a_small_site_remembers_long_in_its_first_hour_and_a_large_one_does_not() -> None:
    first_hour = START + 0.5 * HOUR_S
    assert half_life_h(site_with(12), list_of(), first_hour) == 8.0
    assert half_life_h(site_with(12_000), list_of(), first_hour) == 0.25
    assert list_of().auto
    assert not list_of(half_life="2h").auto


def test_a_list_that_has_had_a_night_stays_with_it() -> None:
    learned = {"it": LearnedSetting(7200.0, 5.0)}
    assert with_traffic(learned, {"it": list_of()}, site_with(12), START + HOUR_S) == learned
    noted = {"it": LearnedSetting(7200.0, 0.0)}
    assert with_traffic(noted, {"it": list_of()}, site_with(12), START + HOUR_S) != noted, (
        "a night without reads is none"
    )


def test_lists_with_a_half_life_or_a_pin_of_their_own_do_not_go_by_traffic() -> None:
    lists = {
        "fixed": list_of(half_life="2h"), "pinned": list_of(objective={"pin": "2h"}), "latest": list_of(kind="latest"),
        "burst": list_of(kind="burst"), "window": list_of(decay="window"), "reddit": list_of(preset="reddit"),
    }  # fmt: skip
    assert with_traffic({}, lists, site_with(12), START + HOUR_S) == {}


def test_a_half_life_by_traffic_is_that_of_the_counts_before_its_moment() -> None:
    one, other = site_with(12), site_with(12)
    other.see("item-1", START + HOUR_S + 1_800, 100_000)
    at = START + HOUR_S + 1_790
    assert with_traffic({}, {"it": list_of()}, one, at) == with_traffic({}, {"it": list_of()}, other, at)


def test_a_list_goes_by_the_reads_of_what_it_takes() -> None:
    site = site_with(12_000)
    all_items, bounds = by_traffic(list_of(), site, START + HOUR_S), list_of(objective={"shortest": "3h"})
    assert all_items.half_life_s == 900.0
    assert by_traffic(bounds, site, START + HOUR_S).half_life_s == 10_800.0


def test_a_half_life_says_why_it_stands_where_it_stands() -> None:
    found = by_traffic(list_of(), site_with(120), START + 2 * HOUR_S)
    assert found.why == "by the traffic, 120 reads an hour of the ten most read"
    assert found.since == START + 2 * HOUR_S
