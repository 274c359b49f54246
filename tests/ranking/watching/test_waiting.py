"""What is read and in no list is counted over the last hour, and named."""

import numpy as np
from views import WIDTH_S, Site

from ranking.watching.waiting import NAMED, Waiting, waiting_of

NOW = 1_764_531_000.0
assert NOW % WIDTH_S == 0


def waiting(site: Site, *shown: str, gone: frozenset[str] = frozenset()) -> Waiting:
    return waiting_of(site.history, np.array([item in shown for item in site.history.items], bool), gone, NOW)


def test_waiting_counts_the_views_of_the_last_hour() -> None:
    site = Site()
    site.see("lama", NOW - 4_000, 50)
    site.see("shown", NOW - 600, 6)
    site.see("a", NOW - 3_500, 1)
    site.see("a", NOW - 300, 2)
    site.see("b", NOW - 300, 4)
    site.see("b", NOW - 300, 4, channel="click")
    site.see("gone", NOW - 300, 5)
    found = waiting(site, "shown", gone=frozenset(["gone", "never seen"]))
    assert found == Waiting(2, 7, 18, (("b", 4), ("a", 3)))


def test_waiting_names_the_most_read_alone() -> None:
    site = Site()
    for number in range(NAMED + 5):
        site.see(f"item {number:02}", NOW - 300, 1)
    found = waiting(site)
    assert (found.items, [item for item, _ in found.top]) == (NAMED + 5, [f"item {n:02}" for n in range(NAMED)])


def test_waiting_is_nothing_where_nothing_is_read() -> None:
    assert waiting(Site()) == Waiting(0, 0, 0, ())
