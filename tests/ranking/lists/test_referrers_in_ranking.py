"""Lists do not know where visits began: every score is that of plain views, to the last bit."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_item_voids import ITEMS, LISTS, NOW, VOIDS, WIDTH_S
from views import Site, list_of

from ranking.counts.history import History
from ranking.lists.explain import explain
from ranking.published.edits import Edits, Subject, Void
from ranking.published.snapshot import WHOLE_SITE

CHANNELS = ["view", "view@ref:search", "view@ref:direct", "view@mail", "click", "click@list:populer#2"]
EVENTS = st.lists(
    st.tuples(st.sampled_from(ITEMS), st.integers(1, 80), st.integers(1, 9), st.sampled_from(CHANNELS)),
    min_size=1,
    max_size=40,
)


def site_of(
    events: list[tuple[str, int, int, str]], voids: list[tuple[str, tuple[int, int | None], tuple[str, ...]]]
) -> Site:
    site = Site()
    for number, item in enumerate(ITEMS):
        site.put(item, NOW - 9 * 3600 - number, f"Rubrik {number % 2}")
    for item, ago, n, channel in events:
        site.see(item, NOW - ago * WIDTH_S, n, channel)
    site.edits = Edits(
        1,
        {
            Subject("void", "", str(number), item): Void(
                NOW - since * WIDTH_S, None if until is None else NOW - until * WIDTH_S, kinds
            )
            for number, (item, (since, until), kinds) in enumerate(voids)
        },
    )
    return site


@pytest.mark.parametrize("name", LISTS)
@settings(max_examples=40, deadline=None)
@given(EVENTS, VOIDS)
def test_scores_have_the_bits_of_plain_views(name: str, events: list, voids: list) -> None:  # type: ignore[type-arg]
    of_items = [(item, span, kinds) for item, span, kinds, _ in voids]
    told = site_of(events, of_items)
    plain = site_of([(item, ago, n, c.partition("@ref:")[0]) for item, ago, n, c in events], of_items)
    of_list = list_of(**LISTS[name])
    assert told.scores(of_list, NOW) == plain.scores(of_list, NOW)
    ranker, other = told.ranker(NOW), plain.ranker(NOW)
    assert dict(zip(told.history.items, ranker.views.tolist(), strict=True)) == dict(
        zip(plain.history.items, other.views.tolist(), strict=True)
    )
    explained, plainly = (explain(each, "a", "it", of_list, WHOLE_SITE, {}) for each in (ranker, other))
    assert explained == plainly


def test_classes_stay_where_rows_are_dropped_and_names_joined() -> None:
    site = Site()
    site.see("a", NOW - WIDTH_S, 3, "view@ref:search")
    site.see("b", NOW - WIDTH_S, 2, "view@ref:search")
    site.see("b", NOW - WIDTH_S, 5)
    site.history.join({"b": "a"})

    def by_channel(history: History) -> dict[str, float]:
        columns = history.columns()
        counts = Counter[str]()
        for cell, n in zip(columns.cell.tolist(), columns.counts.tolist(), strict=True):
            counts[history.channels[columns.cell_channel[cell]]] += n
        return counts

    assert by_channel(site.history) == {"view": 10, "!ref:search": 5}
    row = site.history.known_row("a")
    assert by_channel(site.history.compacted(np.array([row], dtype=np.int32))) == {"view": 10, "!ref:search": 5}
