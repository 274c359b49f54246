"""An item's history has every counted event in the step of the site's clock in which it happened."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from test_top import EVENTS, NOW, VOIDS, WIDTH_S, Seen, site_of

from ranking.intake.events import channel_kind, channel_source
from ranking.published.places import places_packed, ranks_of
from ranking.reporting.item_history import MOST_STEPS, ItemHistory, Step, item_history

HOUR_S, DAY_S = 3600, 86_400
JAKARTA, KATHMANDU, LORD_HOWE = ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("Australia/Lord_Howe")


def history(site: Any, item: str = "a", zone: Any = JAKARTA, **asked: Any) -> dict[str, Any]:
    row = site.history.known_row(item)
    return item_history(site, row, ItemHistory("s", item, **{"until": NOW, **asked}), NOW, zone)


@pytest.mark.parametrize("zone", [JAKARTA, KATHMANDU])
@pytest.mark.parametrize("step", ["hour", "day"])
@settings(deadline=None)
@given(EVENTS, VOIDS)
def test_history_equals_a_plain_count_by_step_and_source(
    step: Step, zone: ZoneInfo, events: list[Seen], voids: list[Any]
) -> None:
    found = history(site_of([*events, ("a", 90, 1, "view")], voids), zone=zone, step=step)
    counted = [
        (NOW - ago * WIDTH_S, channel, n)
        for item, ago, n, channel in [*events, ("a", 90, 1, "view")]
        if item == "a"
        and not any(
            of == "a" and since >= ago > until
            and (not kinds or channel_kind(channel) in kinds)
            and (not sources or channel_source(channel) in sources)
            for of, (since, until), kinds, sources in voids
        )
    ]  # fmt: skip

    def begin(at: float) -> float:
        local = datetime.fromtimestamp(at, zone).replace(minute=0)
        return (local.replace(hour=0) if step == "day" else local).timestamp()

    def by_step(kind: str, source: str | None) -> list[int]:
        counts = Counter[float]()
        for at, channel, n in counted:
            if channel_kind(channel) == kind and source in (None, channel_source(channel)):
                counts[begin(at)] += n
        return [counts[at] for at in found["steps"]]

    assert found["steps"] == sorted({begin(at) for at in [*(at for at, _, _ in counted), *found["steps"]]})
    assert (found["views"], found["clicks"]) == (by_step("view", None), by_step("click", None))
    assert found["total"]["views"] == sum(n for _, channel, n in counted if channel_kind(channel) == "view")
    for of_source in found["sources"]:
        assert of_source["views"] == by_step("view", of_source["name"] or "")
        assert of_source["clicks"] == by_step("click", of_source["name"] or "")
    assert [sum(one) for one in zip(*(each["views"] for each in found["sources"]), strict=True)] == found["views"]


def test_history_begins_with_publication_or_with_what_was_asked() -> None:
    site = site_of([("a", 20, 3, "view"), ("b", 90, 1, "view")], [])
    site.put("a", published_at=NOW - 5 * HOUR_S)
    assert history(site)["from"] == NOW - 5 * HOUR_S
    asked = history(site, since=NOW - 2 * HOUR_S + 1)
    assert (asked["from"], asked["to"], asked["total"]["views"]) == (NOW - 2 * HOUR_S, NOW, 3)


def test_days_are_those_of_the_site_also_when_clocks_change() -> None:
    end = datetime(2025, 10, 7, 12, tzinfo=LORD_HOWE).timestamp()  # on the 5th clocks went half an hour on
    site = site_of([], [])
    found = history(site, zone=LORD_HOWE, step="day", until=end, since=end - 4 * DAY_S)
    days = [datetime.fromtimestamp(at, UTC).astimezone(LORD_HOWE) for at in found["steps"]]
    assert [(day.day, day.hour, day.minute) for day in days] == [(number, 0, 0) for number in range(3, 8)]
    assert {timedelta(seconds=b - a) for a, b in pairwise(found["steps"])} == {
        timedelta(days=1), timedelta(hours=23, minutes=30)
    }  # fmt: skip


def test_history_is_bounded() -> None:
    found = history(site_of([], []), since=0.0)
    assert len(found["steps"]) <= MOST_STEPS
    assert found["to"] == NOW


def test_ranks_are_those_of_kept_pages() -> None:
    kept = [
        places_packed(NOW - HOUR_S, {"populer": ["b", "a"], "update": []}),
        places_packed(NOW, {"populer": ["a", "b"]}),
    ]
    assert ranks_of("a", kept) == {
        "populer": [{"at": NOW - HOUR_S, "rank": 2}, {"at": NOW, "rank": 1}],
        "update": [{"at": NOW - HOUR_S, "rank": None}],
    }
