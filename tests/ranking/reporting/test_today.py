"""Today has the numbers of a plain count, and says of what is read and stands in no list why."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from views import Site, list_of

from ranking.intake.events import channel_kind
from ranking.intake.items import ItemDates
from ranking.published.edits import Block, Edits, Pin, Subject
from ranking.reporting.today import MOST_UNLISTED, today

NOW = 1_764_532_920.0  # two minutes into a bucket
END = 1_764_532_800.0
WIDTH_S, HOUR_S, WEEK_S = 300, 3600, 604_800
SECTIONS = {"a": "Politik", "b": "Politik", "c": "Olahraga", "d": None}


def fares(site: Site, **lists: dict[str, Any]) -> dict[str, Any]:
    return today(site, site.ranker(NOW), {name: list_of(**table) for name, table in lists.items()}, WIDTH_S)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdx"), st.integers(0, 26), st.booleans(), st.sampled_from(["view", "click", "view@mail"])
        ),
        max_size=40,
    )
)
def test_hours_and_sections_equal_a_plain_count(seen: list[tuple[str, int, bool, str]]) -> None:
    site = Site()
    site.catalogue._all_known = False
    for item, section in SECTIONS.items():
        site.catalogue.set(item, ItemDates(section=section))
    site.see("a", NOW - WEEK_S - 3 * HOUR_S)
    for item, ago, is_past, channel in seen:  # 0: in the bucket that is not over
        site.see(item, END + WIDTH_S / 2 - ago * WIDTH_S - is_past * WEEK_S, channel=channel)
    found = fares(site)
    counts = Counter[tuple[bool, str, str | None]]()
    for item, ago, is_past, channel in seen:
        if 1 <= ago <= HOUR_S / WIDTH_S and item in SECTIONS:
            counts[is_past, channel_kind(channel), SECTIONS[item]] += 1

    def of(is_past: bool, kind: str) -> Counter[str | None]:
        return Counter({name: n for (past, of_kind, name), n in counts.items() if (past, of_kind) == (is_past, kind)})

    hour = found["hour"]
    assert (hour["from"], hour["to"]) == (END - HOUR_S, END)
    assert (hour["views"], hour["clicks"]) == (of(False, "view").total(), of(False, "click").total())
    assert hour["week_ago"]["to"] == END - WEEK_S
    assert hour["week_ago"]["views"] == of(True, "view").total()
    assert {each["name"]: (each["views"], each["week_ago_views"]) for each in found["sections"]} == {
        name: (of(False, "view")[name], of(True, "view")[name])
        for name in {*of(False, "view"), *of(False, "click"), *of(True, "view")}
    }


def test_week_ago_is_unknown_where_nothing_was_counted_then() -> None:
    site = Site()
    site.see("a", NOW - HOUR_S / 2)
    found = fares(site)
    assert found["hour"]["week_ago"] is None
    assert found["sections"] == [{"name": None, "views": 1, "clicks": 0, "week_ago_views": None}]


def test_lists_say_what_enters_leaves_and_rises() -> None:
    site = Site()
    site.see("old", NOW - 2 * HOUR_S, 50)
    site.see("riser", NOW - 2 * HOUR_S, 45)
    site.see("gone", NOW - 2 * HOUR_S, 40)
    site.see("riser", NOW - 60, 99)
    site.see("new", NOW - 60, 90)
    (of_list,) = fares(site, populer={"size": 3, "half_life": "6h", "movement": "1h", "hysteresis": 0})["lists"]
    assert of_list["entering"] == [{"id": "new", "rank": 2, "previous_rank": None}]
    assert [row["id"] for row in of_list["leaving"]] == ["gone"]
    assert [(row["id"], row["previous_rank"]) for row in of_list["rising"]] == [("riser", 2)]
    assert of_list["movement_s"] == HOUR_S


def test_clicks_of_a_list_are_shared_out_by_place() -> None:
    site = Site()
    site.see("a", NOW - HOUR_S, 40)
    for place, clicks in ((1, 6), (2, 2), (3, 2)):
        site.see("a", NOW - HOUR_S, clicks, channel=f"click@list:populer#{place}")
    site.see("a", NOW - HOUR_S, 5, channel="click@list:other#1")
    (of_list,) = fares(site, populer={})["lists"]
    assert of_list["clicks"]["clicks"] == 10
    assert of_list["clicks"]["share_of_views"] == 0.25
    assert [(each["place"], each["share"]) for each in of_list["clicks"]["places"]] == [(1, 0.6), (2, 0.2), (3, 0.2)]


def test_what_is_read_and_stands_in_no_list_comes_with_the_reason_of_each() -> None:
    site = Site()
    site.catalogue._all_known = False
    reads = {"blocked": 90, "unknown": 80, "old": 70, "top": 60, "capped": 50, "pinned": 3, "few": 1}
    for item, views in reads.items():
        site.see(item, NOW - HOUR_S / 2, views)
        if item != "unknown":
            published = NOW - (40 * 86_400 if item == "old" else HOUR_S)
            site.put(item, published, "Politik" if item in ("top", "capped") else None)
    site.edits = Edits(
        1,
        {Subject("block", "", "", "blocked"): Block(), Subject("pin", "populer", "", "pinned"): Pin(1)},
    )
    found = fares(site, populer={"size": 2, "max_per_section": 1, "sections": False, "hysteresis": 0, "max_age": "7d"})
    assert {row["id"]: row["reasons"]["populer"]["rule"] for row in found["unlisted"]} == {
        "blocked": "blocked", "unknown": "not_known", "old": "too_old", "capped": "over_section_cap",
    }  # fmt: skip
    assert [row["views"] for row in found["unlisted"]] == [90, 80, 70, 50]
    assert found["unlisted"][0]["reasons"]["populer"]["why"] == "an editor has blocked it"


def test_item_that_its_section_shows_is_listed() -> None:
    site = Site()
    for number in range(MOST_UNLISTED + 5):
        site.put(f"p{number}", NOW - HOUR_S, "Politik")
        site.see(f"p{number}", NOW - HOUR_S / 2, 50 + number)
    site.put("bola", NOW - HOUR_S, "Olahraga")
    site.see("bola", NOW - HOUR_S / 2, 45)
    found = fares(site, populer={"size": 2})["unlisted"]
    assert len(found) == MOST_UNLISTED
    assert "bola" not in [row["id"] for row in found]
    assert found[0]["reasons"]["populer"] == {"rule": "listed", "why": "others score more", "rank": 3}


def test_what_trends_and_stands_in_no_list_of_its_section_is_told() -> None:
    site = Site()
    for item, section in {"banjir": "Nasional", "kabinet": "Nasional", "gol": "Olahraga"}.items():
        site.put(item, NOW - 2 * 86_400, section)
        site.see(item, NOW - 86_400, 200 if item == "kabinet" else 1)
    site.see("banjir", NOW - HOUR_S / 4, 50)
    site.see("gol", NOW - HOUR_S / 4, 50)
    lists = {
        "populer": {"size": 1, "half_life": "1d", "hysteresis": 0},
        "trending": {"kind": "burst", "sections": False},
    }
    assert fares(site, **lists)["trending_outside"] == [{"id": "banjir", "list": "trending"}]
    lists["populer"]["sections"] = False  # nothing is known of desks
    assert fares(site, **lists)["trending_outside"] == []
