"""A score is a sum over what happened, weighted by kind and age; nothing else moves it."""

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views import history_of

from ranking.counts.buckets import Bucket, bucket_start
from ranking.counts.fields import field
from ranking.counts.history import History
from ranking.scoring.channel_weights import ChannelWeights
from ranking.scoring.decay import Alike, HalfLife
from ranking.scoring.sums import Horizon, Moment, Span, Sums, counts_of

HOUR_S = 3600.0
VIEWS = {"view": 1.0}
WEIGHTS = {"view": 1.0, "click": 3.0, "share": 0.1}
ITEMS = ["a", "b|c", "dua kata", "berita 🔥"]
CHANNELS = ["view", "click", "view@list:populer#1", "share", "like"]

COUNTS = st.dictionaries(
    st.tuples(st.sampled_from(CHANNELS), st.sampled_from(ITEMS)), st.integers(1, 10**6), min_size=1, max_size=6
)
PILES = st.dictionaries(
    st.builds(Bucket, st.just(300), st.integers(0, 500).map(lambda n: 300 * n)), COUNTS, min_size=1, max_size=8
)
HALF_LIVES = st.sampled_from([HOUR_S, 2 * HOUR_S, 6 * HOUR_S, 86_400.0, math.inf])

Pile = Mapping[Bucket, Mapping[tuple[str, str], int]]


def history_from(pile: Pile) -> History:
    return history_of({bucket: {field(*cell): n for cell, n in cells.items()} for bucket, cells in pile.items()})


def score_of(
    history: History,
    at: float,
    half_life_s: float,
    weights: Mapping[str, float] = VIEWS,
    known_until: float | None = None,
) -> dict[str, float]:
    moment = Moment(at, at if known_until is None else known_until)
    sums = Sums(counts_of(history), moment).total(
        Horizon(HalfLife(half_life_s)), ChannelWeights(weights).per_channel(history.channels)
    )
    return dict(zip(history.items, sums.tolist(), strict=True))


def naive_score(pile: Pile, item: str, at: float, half_life_s: float, weights: Mapping[str, float]) -> float:
    """The definition, one bucket at a time: what began before `at` counts, as old as the middle of its past."""
    parts = []
    for bucket, cells in pile.items():
        if bucket.start_s >= at:
            continue
        age_s = at - (bucket.start_s + min(bucket.end_s, at)) / 2
        for (channel, of), count in cells.items():
            if of == item:
                parts.append(count * weights.get(channel.split("@")[0], 0.0) * 2.0 ** (-age_s / half_life_s))
    return math.fsum(parts)


@settings(deadline=None)
@given(PILES, st.integers(0, 200_000).map(float), HALF_LIVES)
def test_a_score_is_the_sum_over_buckets_of_counts_by_weight_by_decay(pile: Pile, at: float, hl_s: float) -> None:
    history = history_from(pile)
    for item, score in score_of(history, at, hl_s, WEIGHTS).items():
        assert score == pytest.approx(naive_score(pile, item, at, hl_s, WEIGHTS), rel=1e-12, abs=0)


@settings(deadline=None)
@given(PILES, st.integers(0, 200_000).map(float), HALF_LIVES, st.randoms(use_true_random=False))
def test_the_order_in_which_buckets_and_shards_arrive_does_not_show_in_one_bit(
    pile: Pile, at: float, hl_s: float, random: Random
) -> None:
    blocks = []
    for bucket, cells in pile.items():
        fields = [(field(*cell).encode(), count) for cell, count in cells.items()]
        half = len(fields) // 2
        blocks += [(bucket, 0, fields[:half]), (bucket, 1, fields[half:])]
    results = []
    for _ in range(2):
        random.shuffle(blocks)
        history = History()
        for bucket, shard, fields in blocks:
            history.replace(bucket, shard, [name for name, _ in fields], [count for _, count in fields])
        results.append(score_of(history, at, hl_s, WEIGHTS))
    assert results[0] == results[1]


def test_a_bucket_read_twice_counts_as_read_last() -> None:
    history = history_of({Bucket(300, 0): {"view|a": 7}})
    assert score_of(history, 300, math.inf) == {"a": 7}
    history.replace(Bucket(300, 0), 0, [b"view|a"], [9])
    assert score_of(history, 300, math.inf) == {"a": 9}


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 100_000, allow_subnormal=False), min_size=1, max_size=50),
    st.integers(100_000, 200_000_000).map(lambda milliseconds: milliseconds / 1000),
    st.sampled_from([60, 300, 900]),
    st.sampled_from([HOUR_S, 2 * HOUR_S, 6 * HOUR_S]),
)
def test_bucketing_costs_no_more_than_half_a_bucket_of_age(
    events: list[float], at: float, width_s: int, hl_s: float
) -> None:
    recorded = [ts for ts in events if ts < at]
    pile: dict[Bucket, dict[str, int]] = {}
    for ts in recorded:
        cells = pile.setdefault(Bucket(width_s, bucket_start(ts, width_s)), {"view|a": 0})
        cells["view|a"] += 1
    exact = math.fsum(2.0 ** (-(at - ts) / hl_s) for ts in recorded)
    bound = 2.0 ** (width_s / (2 * hl_s)) - 1
    score = score_of(history_of(pile), at, hl_s).get("a", 0.0)
    assert exact / (1 + bound) * (1 - 1e-9) <= score <= exact * (1 + bound) * (1 + 1e-9)


def test_a_hundred_events_of_twelve_hours_ago_are_worth_twenty_five_at_a_half_life_of_six() -> None:
    history = history_of({Bucket(300, 0): {"view|a": 100}})
    assert score_of(history, 150 + 12 * HOUR_S, 6 * HOUR_S) == {"a": pytest.approx(25, rel=1e-14)}


def test_the_bucket_vector_of_metarank_holds() -> None:
    """[10, 5, 2] at a decay of 0.8 per bucket and ages of 0, 1, 2 is 15.28; ours are half a bucket older."""
    history = history_of({Bucket(300, 300 * k): {"view|a": n} for k, n in enumerate([2, 5, 10])})
    half_life_s = 300 * math.log(0.5) / math.log(0.8)
    assert score_of(history, 900, half_life_s)["a"] == pytest.approx(15.28 * 0.8**0.5, rel=1e-12)


def test_a_steady_thousand_an_hour_settles_at_eight_thousand_six_hundred_and_fifty_six() -> None:
    pile = {Bucket(300, 300 * k): {"view|a": 1000} for k in range(12 * 24 * 7)}
    assert score_of(history_of(pile), 7 * 86_400, 6 * HOUR_S)["a"] / 12 == pytest.approx(8656, rel=1e-4)


@settings(deadline=None)
@given(PILES, st.integers(0, 200_000).map(float), st.sampled_from([HOUR_S, 6 * HOUR_S]))
def test_one_half_life_later_without_a_read_every_score_is_half(pile: Pile, at: float, hl_s: float) -> None:
    end = max(at, *(bucket.end_s for bucket in pile))
    history = history_from(pile)
    now, later = score_of(history, end, hl_s, WEIGHTS), score_of(history, end + hl_s, hl_s, WEIGHTS)
    assert later == {item: pytest.approx(score / 2, rel=1e-12, abs=0) for item, score in now.items()}


@settings(deadline=None)
@given(PILES, PILES, st.integers(0, 150_000).map(float), HALF_LIVES)
def test_what_happens_after_a_moment_never_changes_a_score_of_that_moment(
    pile: Pile, later: Pile, at: float, hl_s: float
) -> None:
    past = {bucket: cells for bucket, cells in pile.items() if bucket.start_s < at}
    future = {Bucket(300, bucket_start(at, 300) + 300 + start): cells for (_, start), cells in later.items()}
    alone = score_of(history_from(past), at, hl_s, WEIGHTS)
    with_future = score_of(history_from({**future, **past}), at, hl_s, WEIGHTS)
    assert {item: score for item, score in with_future.items() if score} == {
        item: score for item, score in alone.items() if score
    }


def test_kinds_weigh_as_told_whatever_their_source_and_an_unknown_kind_counts_nothing() -> None:
    channels = ["view", "click", "click@list:populer", "click@list:populer#3", "like", "like@app"]
    assert ChannelWeights({"view": 1.0, "click": 3.0}).per_channel(channels).tolist() == [1.0, 3.0, 3.0, 3.0, 0.0, 0.0]
    assert ChannelWeights(VIEWS).per_channel([]).tolist() == []


def test_a_past_moment_counts_the_bucket_that_straddles_it_in_proportion() -> None:
    history = history_of({Bucket(300, 0): {"view|a": 10}, Bucket(300, 300): {"view|a": 100}})
    assert score_of(history, 375, math.inf, known_until=10_000) == {"a": 35}


def test_an_item_without_counts_scores_nothing() -> None:
    history = History()
    assert score_of(history, 300, HOUR_S) == {}
    history.item_row("unread")
    assert score_of(history, 300, HOUR_S) == {"unread": 0}
    history.replace(Bucket(300, 0), 0, [b"view|a"], [1])
    history.item_row("described later")
    assert score_of(history, 300, math.inf) == {"unread": 0, "a": 1, "described later": 0}


def total(history: History, since: float, until: float, *kinds: str, known_until: float = 10_000) -> list[float]:
    horizon = Horizon(Alike(), (Span(since, until),))
    channel_weights = ChannelWeights(dict.fromkeys(kinds, 1.0)).per_channel(history.channels)
    return Sums(counts_of(history), Moment(until, known_until)).total(horizon, channel_weights).tolist()


def test_totals_count_the_kinds_asked_for_between_two_moments() -> None:
    history = history_of({Bucket(300, 300 * k): {"view|a": 10**k, "view@feed|a": 4, "click|a": 7} for k in range(3)})
    assert total(history, -math.inf, 10_000, "view") == [123]
    assert total(history, 300, 600, "view") == [14]
    assert total(history, 300, 600, "view", "click") == [21]
    assert total(history, 300, 600) == [0]


@settings(deadline=None)
@given(PILES, st.lists(st.integers(0, 200_000).map(float), min_size=2, max_size=4).map(sorted))
def test_totals_of_adjoining_spans_add_up(pile: Pile, moments: list[float]) -> None:
    history = history_from(pile)
    spans = [total(history, *span, "view", known_until=2e5) for span in pairwise(moments)]
    whole = total(history, moments[0], moments[-1], "view", known_until=2e5)
    assert np.sum(spans, axis=0).tolist() == pytest.approx(whole, rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(PILES)
def test_totals_of_everything_are_exact_counts(pile: Pile) -> None:
    history = history_from(pile)
    found = dict(zip(history.items, total(history, -math.inf, 2e5, "view", known_until=2e5), strict=True))
    for item, count in found.items():
        parts = [n for cells in pile.values() for (channel, of), n in cells.items() if of == item and "view" in channel]
        assert Fraction(count) == sum(parts)


def test_the_order_of_fields_inside_a_bucket_does_not_show_in_one_bit() -> None:
    results = []
    for step in (1, -1):
        history = History()
        for k in range(3):
            fields = [(b"view|a", 23), (b"click|a", 7), (b"view@list:populer|a", 31)][::step]
            history.replace(
                Bucket(300, 1_699_999_500 + 300 * k), 0, [name for name, _ in fields], [n for _, n in fields]
            )
        results.append(score_of(history, 1_700_000_400.0, 7200.0, {"view": 1.0, "click": 3.0}))
    assert results[0] == results[1]
