"""Buckets tile time, and say honestly how much of them had happened and how old it is."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.counts.buckets import Bucket, ages, bucket_start, observed_share

WIDTHS = st.sampled_from([10, 60, 300, 900, 3600, 86_400])
MOMENTS = st.floats(0, 4e9)


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@settings(deadline=None)
@given(MOMENTS, WIDTHS)
def test_bucket_start_finds_the_one_bucket_of_a_moment(ts: float, width_s: int) -> None:
    bucket = Bucket(width_s, bucket_start(ts, width_s))
    assert bucket.start_s % width_s == 0
    assert bucket.start_s <= ts < bucket.end_s


def test_bucket_start_opens_a_bucket_at_its_edge() -> None:
    assert bucket_start(600, 300) == 600
    assert bucket_start(599.999, 300) == 300
    assert Bucket(300, 600).end_s == 900


@settings(deadline=None)
@given(st.integers(0, 4 * 10**9), WIDTHS, st.integers(-50, 50))
def test_observed_share_is_all_of_what_has_begun_when_ranking_this_moment(now: int, width_s: int, offset: int) -> None:
    start = bucket_start(now, width_s) + offset * width_s
    assert observed_share(array(width_s), array(start), now, now).tolist() == [1.0 if start < now else 0.0]


@settings(deadline=None)
@given(MOMENTS, WIDTHS, st.floats(-1e5, 1e5), st.floats(0, 1e5), st.floats(0, 1e5))
def test_observed_share_grows_from_nothing_to_all(
    known_until: float, width_s: int, back: float, first: float, later: float
) -> None:
    start = bucket_start(known_until, width_s) + bucket_start(back, width_s)
    early, late = known_until - first - later, known_until - later
    [[before], [after]] = (observed_share(array(width_s), array(start), at, known_until) for at in (early, late))
    assert 0 <= before <= after <= 1


def test_observed_share_is_proportional_when_a_past_moment_straddles_the_bucket() -> None:
    shares = observed_share(array(300, 300, 300), array(0, 300, 600), 375, known_until=10_000)
    assert shares.tolist() == [1.0, 0.25, 0.0]


def test_observed_share_covers_the_recorded_part_of_an_open_bucket() -> None:
    assert observed_share(array(300), array(0), 50, known_until=100).tolist() == [0.5]
    assert observed_share(array(300), array(0), 100, known_until=100).tolist() == [1.0]


def test_observed_share_is_nothing_an_infinite_time_ago() -> None:
    assert observed_share(array(300, 10), array(0, 50), -np.inf, known_until=1000).tolist() == [0.0, 0.0]


def test_ages_measure_from_the_middle_of_a_bucket_or_of_its_past() -> None:
    assert ages(array(300, 300), array(0, 600), 700).tolist() == [550.0, 50.0]


@settings(deadline=None)
@given(MOMENTS, WIDTHS, st.integers(-50, 50), st.floats(0, 1, exclude_max=True))
def test_ages_are_within_half_a_width_of_every_event_and_never_negative(
    at: float, width_s: int, offset: int, within: float
) -> None:
    start = bucket_start(at, width_s) + offset * width_s
    [age] = ages(array(width_s), array(start), at)
    assert age >= 0
    event = start + within * (min(start + width_s, at) - start)
    if start <= at:
        assert abs(age - (at - event)) <= width_s / 2 + 1e-6
