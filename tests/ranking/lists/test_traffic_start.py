"""A new site's lists begin by their traffic, and whoever ranks them has the same half-life."""

from planted import START
from views import Site, list_of

from ranking.lists.explain import amount, explain
from ranking.lists.traffic_start import by_traffic, with_sections, with_traffic
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


# Sections


def two_sections(small: int = 1) -> Site:
    """A large section, and one with hardly a reader: an item of it was read often yesterday, and another lately."""
    site = Site()
    for hour in range(30):
        for part in range(12):
            site.see(f"item-{part % 6}", START + hour * HOUR_S + part * 300, 100)
    for number in range(6):
        site.put(f"item-{number}", START, "Nasional")
    site.see("daerah-1", START + 10 * HOUR_S, 5 * small)
    site.see("daerah-2", START + 29 * HOUR_S, small)
    for name in ("daerah-1", "daerah-2"):
        site.put(name, START, "Daerah")
    return site


AT = START + 30 * HOUR_S
LARGE = list_of()


def test_a_small_section_s_list_has_a_longer_half_life_than_the_site_s() -> None:
    site = two_sections()
    found = with_sections(by_traffic(LARGE, site, AT), LARGE, site, AT)
    assert found.half_life_s == 1200.0
    assert set(found.sections) == {"Daerah"}
    assert found.sections["Daerah"] == 86_400.0, "and no longer than the objective has it"


def test_a_section_is_ranked_by_its_own_half_life_and_the_whole_by_the_list_s() -> None:
    site = two_sections()
    under = LARGE.under(with_sections(by_traffic(LARGE, site, AT), LARGE, site, AT))
    ranker = site.ranker(AT)
    names, lists = site.history.items, ranker.rank_sections(under)
    assert [names[row] for row in lists["Daerah"].rows.tolist()] == ["daerah-1", "daerah-2"]
    assert lists["Daerah"].score is not None
    expected = ranker.rank(list_of(half_life="1d"), "Daerah")
    assert expected.score is not None
    assert lists["Daerah"].score[lists["Daerah"].rows].tolist() == expected.score[expected.rows].tolist()
    assert lists["Nasional"].rows.tolist() == ranker.rank(list_of(half_life="20m"), "Nasional").rows.tolist()
    whole = [names[row] for row in lists[""].rows.tolist()]
    assert whole == site.listed(list_of(half_life="20m"), AT)
    assert whole.index("daerah-2") < whole.index("daerah-1")


def test_an_explanation_in_a_section_is_by_its_half_life() -> None:
    site = two_sections()
    under = LARGE.under(with_sections(by_traffic(LARGE, site, AT), LARGE, site, AT))
    found = explain(site.ranker(AT), "daerah-1", "it", under, "Daerah", {})
    assert found is not None
    assert (found.rank, found.score) == (1, amount(found.terms))
    assert "2^-(age / 1d)" in found.formula
    elsewhere = explain(site.ranker(AT), "daerah-1", "it", under, "", {})
    assert elsewhere is not None
    assert "2^-(age / 20m)" in elsewhere.formula


def test_a_read_of_last_month_stands_below_one_of_this_morning() -> None:
    site = Site()
    site.see("old", AT - 29 * 24 * HOUR_S)
    site.see("new", AT - 2 * HOUR_S)
    for name in ("old", "new"):
        site.put(name, AT - 30 * 24 * HOUR_S, "Daerah")
    under = list_of().under(with_sections(by_traffic(list_of(), site, AT), list_of(), site, AT))
    for section in ("", "Daerah"):
        assert site.listed(under, AT, section) == ["new", "old"]
