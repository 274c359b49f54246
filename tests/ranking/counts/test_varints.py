"""What is packed comes back as it was, and what was damaged says so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whole_counts import as_fields

from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts
from ranking.counts.sealed import VOLUME_S, merged_parts, pack_counts, unpack_counts, volume_end, volume_of
from ranking.counts.varints import numbers_from_varints, pack_texts, unpack_texts, varints_from
from ranking.errors import StoreRefusedError

NUMBERS = st.integers(0, 2**63 - 1) | st.integers(0, 300)
CHANNELS = st.sampled_from(["view", "click", "click@list:populer#3", "!robot", "é"])
PART = st.dictionaries(st.integers(0, 10**6) | st.integers(0, 20), st.integers(0, 10**12) | st.just(1), max_size=30)
PARTS = st.lists(st.tuples(CHANNELS, PART), max_size=6)


def part(channel: str, counts: dict[int, int]) -> ChannelCounts:
    return ChannelCounts(channel, np.array(list(counts), dtype=np.int64), np.array(list(counts.values()), np.int64))


def plain(parts: list[ChannelCounts]) -> dict[tuple[str, int], int]:
    return {
        (each.channel, number): count
        for each in parts
        for number, count in zip(each.numbers.tolist(), each.counts.tolist(), strict=True)
    }


@settings(deadline=None)
@given(st.lists(NUMBERS, max_size=50))
def test_varints_come_back_as_the_numbers(numbers: list[int]) -> None:
    assert numbers_from_varints(varints_from(np.array(numbers, dtype=np.int64))).tolist() == numbers


@pytest.mark.parametrize(("number", "length"), [(0, 1), (127, 1), (128, 2), (16383, 2), (16384, 3), (2**63 - 1, 9)])
def test_varints_take_a_byte_for_every_seven_bits(number: int, length: int) -> None:
    assert len(varints_from(np.array([number]))) == length


def test_varints_refuse_a_negative_number() -> None:
    with pytest.raises(ValueError, match="negative"):
        varints_from(np.array([1, -1]))


@pytest.mark.parametrize("text", [b"\x80", b"\x01\xff"])
def test_varints_refuse_a_number_cut_short(text: bytes) -> None:
    with pytest.raises(ValueError, match="cut short"):
        numbers_from_varints(text)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20) | st.binary(min_size=300, max_size=600), max_size=12))
def test_pack_texts_keeps_any_bytes(texts: list[bytes]) -> None:
    assert unpack_texts(pack_texts(texts)) == texts


@settings(deadline=None)
@given(PARTS)
def test_pack_counts_sums_channels_by_name_and_numbers_rising(
    parts: list[tuple[str, dict[int, int]]],
) -> None:
    expected: dict[tuple[str, int], int] = {}
    for channel, counts in parts:
        for number, count in counts.items():
            expected[channel, number] = expected.get((channel, number), 0) + count
    found = unpack_counts(pack_counts(part(*each) for each in parts))
    assert plain(found) == expected
    assert [each.channel for each in found] == sorted({channel for channel, _ in expected})
    assert all((np.diff(each.numbers) > 0).all() for each in found)


@settings(deadline=None)
@given(PARTS, st.randoms(use_true_random=False))
def test_pack_counts_gives_equal_bytes_for_equal_counts(
    parts: list[tuple[str, dict[int, int]]], random: object
) -> None:
    given_parts = [part(*each) for each in parts]
    once = merged_parts(given_parts)
    random.shuffle(given_parts)  # type: ignore[attr-defined]
    assert pack_counts(given_parts) == pack_counts(once)


def test_pack_counts_gives_no_bytes_for_nothing() -> None:
    assert pack_counts([]) == pack_counts([part("view", {})]) == b""
    assert unpack_counts(b"") == []


def test_pack_counts_takes_few_bytes_a_count() -> None:
    random = np.random.default_rng(7)
    numbers = np.unique(random.integers(0, 100_000, 2_000))
    counts = random.geometric(0.7, len(numbers))
    assert len(pack_counts([ChannelCounts("view", numbers, counts)])) < 3 * len(numbers)


@pytest.mark.parametrize(
    "damage", [lambda v: b"9" + v[1:], lambda v: v[:-3], lambda v: v[:1] + b"x" * 9, lambda v: v[:3]]
)
@pytest.mark.parametrize("many", [1, 500])
def test_unpack_counts_names_damage(damage: object, many: int) -> None:
    value = pack_counts([part("view", dict.fromkeys(range(many), 1))])
    with pytest.raises(StoreRefusedError, match="cannot be read"):
        unpack_counts(damage(value))  # type: ignore[operator]


def test_as_fields_gives_back_the_fields_of_sealed_counts() -> None:
    parts = [part("view", {0: 3, 2: 1}), part("!robot", {1: 9})]
    assert as_fields(parts, [b"a", b"b|c", "é".encode()]) == {b"view|a": 3, "view|é".encode(): 1, b"!robot|b|c": 9}


def test_volume_of_puts_a_bucket_into_one_volume() -> None:
    last = Bucket(86_400, VOLUME_S - 86_400)
    assert volume_of(last) == 0
    assert volume_end(0) == last.end_s == VOLUME_S
    assert volume_of(Bucket(300, VOLUME_S)) == 1
