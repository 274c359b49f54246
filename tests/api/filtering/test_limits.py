"""A sender is allowed its burst and its rate, exactly, whoever else sends and however much; and memory has a bound."""

import tracemalloc
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.filtering.limits import CLOCK_STEP_S, Limiter

NOW = 1_764_532_140.0
#: What reading a clock in floats and microseconds may add to a span.
TICK_S = Fraction(2, 1_000_000)

rates = st.sampled_from([0.1, 1.0, 7.0, 59.99, 60.0, 600.0, 1e6])
bursts = st.one_of(st.integers(1, 50), st.floats(1, 50))
keys = st.sampled_from([b"a", b"b", b"c", b"d", "a"])
#: (seconds since the call before, key, events): small steps back are there too.
calls = st.lists(
    st.tuples(st.sampled_from([0.0, 0.001, 0.3, 1.0, 17.5, 90.0, -0.5]), keys, st.integers(0, 60)), max_size=20
)


def allowed_at(limiter: Limiter, taken: list[tuple[float, bytes | str, int]]) -> list[tuple[float, bytes | str, int]]:
    times = list(accumulate((step for step, _, _ in taken), initial=NOW))[1:]
    return [(now, key, limiter.take(key, n, now)) for now, (_, key, n) in zip(times, taken, strict=True)]


@given(rates, bursts, st.sampled_from([1, 2, 100]), calls)
def test_in_no_span_more_than_the_burst_and_the_rate(
    per_minute: float, burst: float, remembered: int, taken: list[tuple[float, bytes | str, int]]
) -> None:
    got = allowed_at(Limiter(per_minute, burst, remembered), taken)
    latest = accumulate((now for now, _, _ in got), max)  # what a clock says that goes back counts no more than that
    got = [(now, key, n) for now, (_, key, n) in zip(latest, got, strict=True)]
    rate = Fraction(str(per_minute)) / 60
    for key in {key for _, key, _ in got}:
        own = [(now, n) for now, each, n in got if each == key]
        for first in range(len(own)):
            for last in range(first, len(own)):
                span = own[first : last + 1]
                times = [Fraction(now) for now, _ in span]
                most = Fraction(str(burst)) + rate * (max(times) - min(times) + TICK_S)
                assert sum(n for _, n in span) <= most


@given(rates, st.integers(1, 50), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60)), max_size=40))
def test_a_sender_gets_all_that_its_bucket_holds(per_minute: float, burst: int, taken: list[tuple[int, int]]) -> None:
    limiter = Limiter(per_minute, burst, 10)
    level, now = Fraction(burst), NOW
    for step_s, count in taken:
        now += step_s
        level = min(Fraction(burst), level + step_s * Fraction(str(per_minute)) / 60)
        expected = min(count, int(level))
        assert limiter.take(b"a", count, now) == expected
        level -= expected


@given(rates, bursts, st.integers(1, 60))
def test_after_the_wait_one_more_is_allowed_and_not_before(per_minute: float, burst: float, count: int) -> None:
    limiter = Limiter(per_minute, burst, 10)
    limiter.take(b"a", count, 0.0)
    wait_s = limiter.wait_s(b"a", 0.0)
    assert (wait_s == 0.0) == (int(burst) > count or burst - count >= 1)
    if wait_s > 0.001:
        assert limiter.take(b"a", 1, wait_s - 0.001) == 0
    assert limiter.take(b"a", 1, wait_s + 0.000_001) == 1


def test_senders_do_not_pay_for_one_another() -> None:
    limiter = Limiter(60, 5, 100)
    assert limiter.take(b"a", 99, NOW) == 5
    assert limiter.take(b"b", 3, NOW) == 3
    assert limiter.take(b"a", 1, NOW) == 0
    assert limiter.take(b"a", 9, NOW + 2) == 2


def test_asking_for_the_wait_costs_nothing() -> None:
    limiter = Limiter(60, 2, 100)
    for _ in range(10):
        assert limiter.wait_s(b"a", NOW) == 0.0
    assert len(limiter) == 0
    assert limiter.take(b"a", 9, NOW) == 2
    assert limiter.wait_s(b"a", NOW) == 1.0


def test_full_buckets_are_forgotten() -> None:
    limiter = Limiter(60, 5, 10_000)
    for number in range(1000):
        limiter.take(f"early {number}", 5, NOW)
    assert len(limiter) == 1000
    for number in range(400):
        limiter.take(f"late {number}", 1, NOW + 6 + number)
    assert len(limiter) <= 2


def test_whoever_sent_nothing_that_was_allowed_takes_no_memory() -> None:
    limiter = Limiter(60, 5, 100)
    assert limiter.take(b"a", 0, NOW) == 0
    assert len(limiter) == 0


def test_a_million_keys_take_no_more_memory_than_is_allowed() -> None:
    limiter = Limiter(60, 5, 1000)
    tracemalloc.start()
    try:
        for number in range(20_000):
            limiter.take(number.to_bytes(8, "big"), 1, NOW)
        early, _ = tracemalloc.get_traced_memory()
        for number in range(20_000, 100_000):
            limiter.take(number.to_bytes(8, "big"), 1, NOW)
        late, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(limiter) <= 1000
    assert late < 1.2 * early < 1_000_000


@given(st.integers(1, 20), st.integers(1, 5))
def test_an_exhausted_sender_stays_so_however_many_others_come(remembered: int, each: int) -> None:
    limiter = Limiter(60, 5, remembered)
    assert limiter.take(b"attacker", 5, NOW) == 5
    for number in range(3 * remembered):
        limiter.take(f"other {number}", each, NOW)
        assert limiter.take(b"attacker", 5, NOW) == 0
    assert limiter.take(b"attacker", 5, NOW + 1) <= 1


def test_two_senders_cannot_take_turns_at_being_forgotten() -> None:
    limiter = Limiter(60, 5, 1)
    got = {b"a": 0, b"b": 0}
    for turn in range(100):
        key = (b"a", b"b")[turn % 2]
        got[key] += limiter.take(key, 1, NOW)
    assert max(got.values()) <= 5


def test_newcomers_get_their_burst_while_the_memory_is_large_enough() -> None:
    limiter = Limiter(60, 5, 1000)
    for number in range(999):
        limiter.take(f"busy {number}", 5, NOW)
    assert limiter.take(b"newcomer", 5, NOW) == 5


def test_a_reader_is_let_in_although_the_memory_is_full_of_exhausted_senders() -> None:
    limiter = Limiter(60, 9, 1000)
    for number in range(1000):
        limiter.take(f"busy {number}", 9, NOW)
    assert [limiter.take(f"reader {number}", 1, NOW) for number in range(100)] == [1] * 100
    assert limiter.take(b"newcomer", 9, NOW + 9) == 9


def test_a_clock_that_is_set_back_stops_nobody() -> None:
    limiter = Limiter(60, 5, 100)
    assert limiter.take(b"a", 5, NOW) == 5
    back = NOW - 3600
    assert limiter.take(b"a", 5, back) == 0
    assert limiter.wait_s(b"a", back) == 1.0
    assert limiter.take(b"a", 5, back + 3) == 3


def test_a_clock_that_jitters_gives_nobody_time_twice() -> None:
    limiter = Limiter(60, 5, 100)
    limiter.take(b"a", 5, NOW)
    jitter_s = CLOCK_STEP_S - 1
    assert [limiter.take(b"a", 5, NOW - jitter_s * (turn % 2)) for turn in range(20)] == [0] * 20


@pytest.mark.parametrize(
    ("per_minute", "burst", "remembered"),
    [(0, 1, 1), (-1, 1, 1), (60, 0.5, 1), (60, 1, 0), (float("nan"), 1, 1), (float("inf"), 1, 1), (1, float("inf"), 1)],
)
def test_a_limit_that_allows_nothing_is_refused(per_minute: float, burst: float, remembered: int) -> None:
    with pytest.raises(ValueError, match=f"per_minute={per_minute}, burst={burst}, remembered={remembered}"):
        Limiter(per_minute, burst, remembered)


@given(rates, calls)
def test_what_is_charged_afterwards_is_paid_before_anything_is_allowed(
    per_minute: float, taken: list[tuple[float, bytes | str, int]]
) -> None:
    limiter, now = Limiter(per_minute, 20, 100), NOW
    for step, key, n in taken:
        now += abs(step)
        before = limiter.wait_s(key, now)
        limiter.charge(key, n, now)
        assert limiter.wait_s(key, now) >= before
        assert limiter.wait_s(key, now) <= 21 * 60 / per_minute + 1
    assert limiter.take(b"a", 1, now + 40 * 60 / per_minute + 1) == 1
    assert limiter.take_all(b"another", 20, now)
    assert not limiter.take_all(b"another", 1, now)
    limiter.give_back(b"another", 5)
    assert not limiter.take_all(b"another", 6, now)
    assert limiter.take_all(b"another", 5, now)
