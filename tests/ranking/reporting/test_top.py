"""A report has the numbers of a plain walk over the events that counted, of whole buckets, voids left out."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views import Site

from ranking.intake.events import channel_kind, channel_source
from ranking.intake.items import ItemDates
from ranking.published.edits import Edits, Subject, Void
from ranking.reporting.range_counts import Range, whole_buckets
from ranking.reporting.top import BY, TopOfRange, TopRow, top_of_range

NOW = 1_764_532_800.0  # the start of a bucket
WIDTH_S, HOUR_S = 300, 3600
ITEMS = "abcdef"
CHANNELS = [
    "view",
    "view@ref:search",
    "view@ref:direct",
    "click",
    "click@list:populer#2",
    "view@list:populer",
    "view@mail",
    "comment",
]
DESCRIBED = {
    "a": ItemDates(section="Politik", author="Siti", tags=("pilkada", "jakarta")),
    "b": ItemDates(section="Politik", authors=("Siti", "Budi"), tags=("Jakarta",)),
    "c": ItemDates(section="Olahraga", author="siti"),
    "d": ItemDates(),
}

Seen = tuple[str, int, int, str]  # item, buckets ago, events, channel
EVENTS = st.lists(
    st.tuples(st.sampled_from(ITEMS), st.integers(1, 80), st.integers(1, 9), st.sampled_from(CHANNELS)), max_size=60
)
#: Of one source: never of a visit's beginning, as those are plain views.
VOIDS = st.lists(
    st.tuples(
        st.sampled_from(ITEMS),
        st.tuples(st.integers(0, 90), st.integers(0, 90)).filter(lambda span: span[0] > span[1]),
        st.sampled_from([(), ("view",), ("click",)]),
        st.sampled_from([(), ("list:populer",), ("mail",)]),
    ),
    max_size=4,
)
#: Seconds ago, from and to; mostly inside of buckets.
SPANS = st.tuples(st.integers(1, 90 * WIDTH_S), st.integers(0, 90 * WIDTH_S)).filter(lambda span: span[0] > span[1])


def site_of(events: list[Seen], voids: list[Any]) -> Site:
    site = Site()
    site.catalogue._all_known = False
    for item, dates in DESCRIBED.items():
        site.catalogue.set(item, dates)
    for item, ago, n, channel in events:
        site.see(item, NOW - ago * WIDTH_S, n, channel)
    site.edits = Edits(
        1,
        {
            Subject("void", "", str(number), item): Void(
                NOW - first * WIDTH_S, NOW - last * WIDTH_S, kinds, sources, set_at=NOW - HOUR_S
            )
            for number, (item, (first, last), kinds, sources) in enumerate(voids)
        },
    )
    return site


def named(item: str, channel: str, by: str) -> list[str]:
    """What an event of an item counts for."""
    dates = DESCRIBED[item]
    folded = {
        "item": [item],
        "section": [dates.section or ""],
        "author": [name.lower() for name in dates.authors or (dates.author,) if name] or [""],
        "tag": [name.lower() for name in dates.tags] or [""],
        "source": [channel_source(channel)],
    }
    return folded[by]


@pytest.mark.parametrize("list_name", ["", "populer"])
@settings(deadline=None)
@given(EVENTS, VOIDS, SPANS)
def test_top_equals_a_plain_count_of_the_events(
    list_name: str, events: list[Seen], voids: list[Any], span: tuple[int, int]
) -> None:
    site = site_of(events, voids)
    first, last = -(-span[0] // WIDTH_S), span[1] // WIDTH_S  # in buckets ago
    counted = [
        (item, channel, n)
        for item, ago, n, channel in events
        if last < ago <= first
        and (not list_name or channel_source(channel) == f"list:{list_name}")
        and not any(
            item == of and since >= ago > until
            and (not kinds or channel_kind(channel) in kinds)
            and (not sources or channel_source(channel) in sources)
            for of, (since, until), kinds, sources in voids
        )
    ]  # fmt: skip
    for by in BY:
        question = TopOfRange("s", NOW - span[0], NOW - span[1], by, list_name)
        document, rows = top_of_range(site, question, NOW, WIDTH_S)
        assert (document["from"], document["to"]) == (NOW - first * WIDTH_S, NOW - last * WIDTH_S)
        views, clicks = Counter[str](), Counter[str]()
        for item, channel, n in counted:
            counter = {"view": views, "click": clicks}.get(channel_kind(channel))
            if counter is not None and item in DESCRIBED:
                counter.update(dict.fromkeys(named(item, channel, by), n))
        fold = str.lower if by in ("author", "tag") else str
        assert {fold(row.name): (row.views, row.clicks) for row in rows} == {
            name: (views[name], clicks[name]) for name in {**views, **clicks}
        }
        assert [(row.views, row.clicks) for row in rows] == sorted(((r.views, r.clicks) for r in rows), reverse=True)
        unknown = sum(n for item, channel, n in counted if item not in DESCRIBED and channel_kind(channel) == "view")
        assert document["unknown"]["views"] == unknown
        known = sum(n for item, channel, n in counted if item in DESCRIBED and channel_kind(channel) == "click")
        assert document["total"]["clicks"] == known


def test_top_shows_no_more_than_its_limit_with_ties_in_order() -> None:
    site = site_of([("c", 1, 2, "view"), ("b", 1, 2, "view"), ("a", 1, 2, "view"), ("b", 1, 1, "click")], [])
    _, rows = top_of_range(site, TopOfRange("s", NOW - HOUR_S, NOW, limit=2), NOW, WIDTH_S)
    assert rows == [TopRow("b", 2, 1), TopRow("a", 2, 0)]


def test_range_is_widened_to_what_is_kept_by_the_hour() -> None:
    site = Site()
    site.see("a", NOW - 2 * HOUR_S, 4, width_s=HOUR_S)
    site.see("a", NOW - 60)
    asked = Range(NOW - 1.5 * HOUR_S, NOW - 1.2 * HOUR_S)
    assert whole_buckets(site.history.columns(), asked, WIDTH_S) == (NOW - 2 * HOUR_S, NOW - HOUR_S)
    document, rows = top_of_range(site, TopOfRange("s", *asked), NOW, WIDTH_S)
    assert (document["from"], document["to"]) == (NOW - 2 * HOUR_S, NOW - HOUR_S)
    assert rows == [TopRow("a", 4, 0)]


def test_top_of_an_empty_site_has_no_rows() -> None:
    document, rows = top_of_range(Site(), TopOfRange("s", NOW - HOUR_S, NOW), NOW, WIDTH_S)
    assert (document["total"], rows) == ({"views": 0, "clicks": 0}, [])


def test_item_that_was_taken_down_keeps_its_reads() -> None:
    site = site_of([("e", 1, 3, "view")], [])
    site.removed = frozenset("e")
    _, rows = top_of_range(site, TopOfRange("s", NOW - HOUR_S, NOW), NOW, WIDTH_S)
    assert rows == [TopRow("e", 3, 0)]
