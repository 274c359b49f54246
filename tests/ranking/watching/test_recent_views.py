"""Views of late are counted into equal steps, and none is lost or doubled on the way."""

from hypothesis import given
from hypothesis import strategies as st
from views import WIDTH_S, Site

from ranking.watching.recent_views import MOST_STEPS, RecentViews, recent_views

#: A moment inside a bucket of five minutes.
NOW = 1_764_532_140.0
HOUR_S = 3600.0


def views(site: Site, *items: str, hours: float = 6.0) -> dict[str, list[int]]:
    found: dict[str, list[int]] = recent_views(
        site.history, RecentViews("s", list(items), hours * HOUR_S), NOW, WIDTH_S
    )["views"]
    return found


def test_recent_views_end_with_the_present_step() -> None:
    site = Site()
    site.see("a", NOW - 1, 3)
    site.see("a", NOW - 5.9 * HOUR_S, 2)
    site.see("a", NOW - 7 * HOUR_S, 100)
    found = views(site, "a")["a"]
    assert len(found) <= MOST_STEPS
    assert found[-1] == 3
    assert sum(found) == 5


def test_recent_views_count_views_of_any_source_alone() -> None:
    site = Site()
    site.see("a", NOW - 60, 2)
    site.see("a", NOW - 60, 5, channel="view@amp")
    site.see("a", NOW - 60, 7, channel="click")
    assert sum(views(site, "a")["a"]) == 7


def test_recent_views_are_flat_for_an_unread_item() -> None:
    site = Site()
    site.see("a", NOW - 60)
    found = views(site, "a", "never seen")
    assert set(found["never seen"]) == {0}
    assert len(found["never seen"]) == len(found["a"])


def test_recent_views_are_empty_for_an_empty_site() -> None:
    assert set(views(Site(), "a")["a"]) == {0}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5 * HOUR_S), st.integers(1, 9)), max_size=40),
    st.floats(0.1, 48),
)
def test_recent_views_hold_every_view_within_the_span(seen: list[tuple[str, float, int]], hours: float) -> None:
    site = Site()
    for item, age_s, times in seen:
        site.see(item, NOW - age_s, times)
    found = views(site, *"abc", hours=hours)
    total = sum(times for _, _, times in seen)
    shown = sum(sum(line) for line in found.values())
    assert shown <= total
    if hours >= 6:
        assert shown == total
