"""Tuning finds the half-life that was planted, says so in words, and says nothing where it knows nothing."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from planted import START, counted, new_every_hours, steady, wandering
from views import Site, list_of

from ranking.errors import NotEnoughError
from ranking.lists.ranker import View
from ranking.tuning.evidence import Candidate, Evidence, evidence_of, sentence
from ranking.tuning.outcome import Judging
from ranking.tuning.walk_forward import Plan, Wanted, plan_walk

HOUR_S, DAY_S = 3600.0, 86_400.0
JAKARTA = ZoneInfo("Asia/Jakarta")
GRID = ("20m", "1h", "3h", "9h", "1d", "7d")


def plan_of(site: View, warmup_h: float = 48, **wanted: float) -> Plan:
    return plan_walk(site.history.columns(), Wanted(warmup_s=warmup_h * HOUR_S, **wanted), START + 1000 * DAY_S)


def evidence(
    site: View, current: str = "9h", grid: Sequence[str] = GRID, plan: Plan | None = None, k: int = 10
) -> Evidence:
    tried = [Candidate({"half_life": value}, list_of(half_life=value)) for value in grid]
    return evidence_of(site, tried, list_of(half_life=current), plan or plan_of(site), Judging(k), JAKARTA)


@pytest.mark.parametrize("half_life", ["1h", "3h", "9h"])
@pytest.mark.parametrize("seed", [1, 2])
def test_evidence_finds_the_half_life_of_a_wandering_interest(half_life: str, seed: int) -> None:
    found = evidence(wandering(float(half_life.removesuffix("h")), seed=seed))
    assert found.best.candidate.changes == {"half_life": half_life}
    captures = [each.capture for each in found.measured]
    peak = captures.index(found.best.capture)
    assert captures == [*sorted(captures[:peak]), *sorted(captures[peak:], reverse=True)], "it falls off to both sides"


def test_evidence_prefers_the_longest_memory_when_nothing_changes() -> None:
    assert evidence(steady()).best.candidate.changes == {"half_life": "7d"}


def test_evidence_prefers_the_shortest_memory_when_everything_changes() -> None:
    assert evidence(new_every_hours(4)).best.candidate.changes == {"half_life": "20m"}


def test_evidence_shows_fewer_changes_with_a_longer_memory() -> None:
    kept = [each.kept for each in evidence(wandering(3)).measured]
    assert kept == sorted(kept)


def test_evidence_of_the_past_is_unchanged_by_what_is_known_later() -> None:
    site = wandering(3, hours=200)
    plan = plan_of(site)
    before = evidence(site, plan=plan)
    reads = np.full((300, 200), 7.0)
    later = counted(reads)
    for hour in range(200, 300):
        bucket = next(each for each in later.history.buckets(0) if each.start_s == START + hour * HOUR_S)
        site.history.replace(bucket, 0, [f"view|item-{hour:03}".encode()], [999])
    assert [each.capture for each in evidence(site, plan=plan).measured] == [each.capture for each in before.measured]


# What is said of it


def test_sentence_says_what_was_caught_and_what_it_costs() -> None:
    found = evidence(wandering(1))
    best, now = found.best, found.current
    assert now is not None
    assert sentence(found).startswith(
        f"half_life = 1h would have caught {100 * best.capture:.0f} % of the reads that the best 10 of the next hour "
        f"had; your 9h caught {100 * now.capture:.0f} %; "
        f"the list would change {best.changed:.1f} items an hour instead of {now.changed:.1f}."
    )
    assert "chance" not in sentence(found)


def test_sentence_names_other_spans() -> None:
    site = wandering(3)
    found = evidence(site, plan=plan_of(site, step_s=2 * HOUR_S, horizon_s=DAY_S), k=5)
    assert "of the reads that the best 5 of the next day had" in sentence(found)
    assert "items every 2h instead of" in sentence(found)


def test_sentence_says_when_the_current_setting_is_the_best() -> None:
    found = evidence(wandering(3), current="3h")
    assert found.best is found.current
    assert found.gain == (0.0, 0.0)
    assert sentence(found).startswith("Nothing tried is better than what you have: it caught")


def test_sentence_names_a_difference_by_chance_and_a_calmer_list() -> None:
    found = evidence(wandering(3, hours=150), current="3h30m", grid=("2h", "3h", "3h30m", "4h"))
    assert found.gain is not None
    assert found.best is not found.current
    assert found.gain.low <= 0.0
    assert "may be chance" in sentence(found)
    assert found.calmer is not None
    assert found.calmer.kept > found.best.kept
    assert f"and changes {found.calmer.changed:.1f}." in sentence(found)


def test_gain_is_surer_than_the_intervals_of_its_two_ends() -> None:
    found = evidence(wandering(1), current="1d")
    assert found.gain is not None
    assert found.current is not None
    assert 0 < found.gain.low < found.best.capture - found.current.capture < found.gain.high


def test_sentence_says_when_two_days_are_too_few_for_an_interval() -> None:
    found = evidence(wandering(1, hours=72), plan=plan_of(wandering(1, hours=72), warmup_h=36))
    assert found.days == 2
    assert (found.gain, found.best.interval, found.calmer) == (None, None, None)
    assert "Reads on 2 days are too few to say how sure this is." in sentence(found)


def test_sentence_omits_a_current_list_that_is_not_among_the_candidates() -> None:
    found = evidence(wandering(1), current="5h")
    assert found.current is None
    assert "your" not in sentence(found)


# What nothing stands behind


def test_evidence_refuses_steps_without_readers() -> None:
    reads = np.zeros((100, 3))
    reads[:60] = 5
    site = counted(reads)
    site.see("item-000", START + 99 * HOUR_S, width_s=3600)
    with pytest.raises(NotEnoughError, match=r"after only 1 of \d+ steps: it takes 12"):
        evidence(site, plan=plan_of(site, warmup_h=70))


def test_evidence_has_no_numbers_for_a_list_that_is_always_empty() -> None:
    site = wandering(1, items=20, hours=100)
    tried = [Candidate({"floor": "1e12"}, list_of(floor=1e12)), Candidate({}, list_of())]
    found = evidence_of(site, tried, tried[0].settings, plan_of(site), Judging(), JAKARTA)
    assert found.empty == [tried[0]]
    assert found.current is None
    assert [each.candidate for each in found.measured] == [tried[1]]
    with pytest.raises(NotEnoughError, match="the list is empty at every one of"):
        evidence_of(site, tried[:1], tried[0].settings, plan_of(site), Judging(), JAKARTA)


def test_evidence_has_the_clicks_of_lists_for_every_candidate() -> None:
    site = Site()
    for hour in range(100):
        at = START + hour * HOUR_S
        site.see("listed", at, 3, "view@list:populer#1")
        site.see("listed", at, 1, "view")
        site.see("other", at, 2, "view")
    found = evidence(site, k=1)
    assert found.own == pytest.approx(0.5)
    assert [each.own for each in found.measured] == [pytest.approx(0.75)] * len(GRID)
    assert found.best.share == pytest.approx(4 / 6)
