"""Who sends how much for which item: shares never above the truth, and no carrier or common agent is accused."""

from collections import Counter
from hashlib import blake2b
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.watching import concentration
from ranking.watching.concentration import (
    Attempt,
    Concentration,
    ItemConcentration,
    abridged,
    concentration_of,
    distinct,
    merged,
    summary_of,
)

CHROME = "Android 10; K"


def attempt(item: str, network: object, agent: object = CHROME) -> Attempt:
    return item, hashed(network), hashed(agent)


def hashed(name: object) -> bytes:
    return blake2b(str(name).encode(), digest_size=8).digest()


def taken(*parts: list[Attempt]) -> Concentration:
    return concentration_of(merged([abridged(summary_of(part)) for part in parts]), 7.0)


def of(item: str, *parts: list[Attempt]) -> ItemConcentration:
    found = taken(*parts).of(item)
    assert found is not None
    return found


#: Readers of other items: a third behind one carrier, the rest spread; three in five with one agent.
CHANCE = Random(3)
USUAL = [
    attempt(
        f"item {n % 20}",
        "carrier" if CHANCE.random() < 0.33 else f"home {CHANCE.randrange(70)}",
        CHROME if CHANCE.random() < 0.6 else f"agent {CHANCE.randrange(40)}",
    )
    for n in range(800)
]


def test_item_is_over_the_line_that_one_network_sent_most_of() -> None:
    attack = [attempt("x", "attacker" if n % 2 else f"home {n}") for n in range(100)]
    found = of("x", USUAL, attack)
    assert found.is_over
    assert (found.attempts, found.network.share) == (100, 0.5)
    assert found.network.usual is not None and found.network.usual < 0.02
    assert not found.agent.is_over, "every reader of that site has it"
    assert 45 <= found.networks <= 60
    assert [each.item for each in taken(USUAL, attack).items if each.is_over] == ["x"]


def test_item_is_over_the_line_that_one_rare_agent_sent_most_of() -> None:
    for rare, share in ((2, 0.4), (5, 1.0)):
        found = of("x", USUAL, [attempt("x", f"home {n}", "script" if n % 5 < rare else CHROME) for n in range(100)])
        assert (found.is_over, found.agent.is_over, found.network.is_over) == (True, True, False)
        assert found.agent.share == share


@pytest.mark.parametrize("share", [3, 2])
def test_carrier_that_is_a_third_of_the_site_is_never_over_the_line(share: int) -> None:
    crowd = [attempt("x", "carrier" if n % share == 0 else f"home {n % 70}") for n in range(300)]
    assert not of("x", USUAL, crowd).is_over


def test_few_attempts_and_sites_with_no_others_to_compare_with_say_nothing() -> None:
    few, many = [attempt("x", "one")] * 29, [attempt("x", "one")] * 30
    assert not of("x", USUAL, few).is_over
    assert of("x", USUAL, many).is_over
    assert of("x", many, [attempt("y", n) for n in range(29)]).network.usual is None
    assert not of("x", many).is_over


def test_parts_of_workers_and_slices_add_up() -> None:
    attack = [attempt("x", "attacker" if n % 2 else f"home {n}") for n in range(100)]
    whole, parts = of("x", USUAL + attack), of("x", USUAL[::2], attack[:50], attack[50:], USUAL[1::2])
    assert (parts.attempts, parts.networks, parts.network.share) == (whole.attempts, whole.networks, 0.5)
    assert parts.agent == whole.agent


PARTS = st.lists(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 12), st.integers(0, 5)), min_size=1, max_size=60),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(PARTS)
def test_shares_of_an_item_are_never_above_the_truth_nor_those_of_the_site_below(
    parts: list[list[tuple[int, int, int]]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(concentration, "PER_ITEM", 2)
        patch.setattr(concentration, "PER_SITE", 3)
        patch.setattr(concentration, "LEAST_ATTEMPTS", 1)
        found = taken(*([attempt(f"i{item}", network, agent) for item, network, agent in part] for part in parts))
    seen = [each for part in parts for each in part]
    attempts = Counter(item for item, _, _ in seen)
    assert {each.item: each.attempts for each in found.items} == {f"i{item}": n for item, n in attempts.items()}
    for each in found.items:
        mine = [(network, agent) for item, network, agent in seen if f"i{item}" == each.item]
        others = [(network, agent) for item, network, agent in seen if f"i{item}" != each.item]
        for place, sent in enumerate((each.network, each.agent)):
            counts = Counter(pair[place] for pair in mine)
            assert sent.share <= max(counts.values()) / len(mine) + 1e-4
            if others and sent.usual is not None:
                at_others = Counter(pair[place] for pair in others)
                greatest = [name for name, count in counts.items() if count / len(mine) >= sent.share - 1e-4]
                assert sent.usual >= min(at_others[name] for name in greatest) / len(others) - 1e-4


def test_summary_is_bounded_whatever_is_sent() -> None:
    flood = [attempt(f"made up {n}", n, n) for n in range(5000)] + [attempt("x", "one")] * 40
    found = summary_of(flood)
    assert len(found.items) == concentration.ITEMS
    assert found.items["x"].attempts == 40
    assert len(found.networks) == len(found.agents) == concentration.PER_SITE
    busy = merged([summary_of([attempt("x", (part, n)) for n in range(200)]) for part in range(50)])
    assert len(busy.items["x"].networks) <= 6 * concentration.PER_ITEM
    assert len(abridged(busy).items["x"].networks) == concentration.PER_ITEM


def test_distinct_is_near_the_truth() -> None:
    for many in (1, 10, 100, 400):
        bits = 0
        for n in range(many):
            bits |= 1 << hashed(n)[0]
        assert distinct(bits) == pytest.approx(many, rel=0.15)
