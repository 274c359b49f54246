"""What calm, freshness and variety cost: the front of the trade-off, and the best that keeps an objective."""

import math
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from planted import START, wandering
from views import Site, list_of

from ranking.settings.learned import LearnedSetting, Tuned
from ranking.settings.objective import Objective
from ranking.tuning.evidence import Candidate, Evidence, evidence_of
from ranking.tuning.nightly import suggestion
from ranking.tuning.outcome import Judging
from ranking.tuning.trade_off import best_within, front, in_words
from ranking.tuning.walk_forward import Wanted, plan_walk

HOUR_S, DAY_S = 3600.0, 86_400.0
JAKARTA = ZoneInfo("Asia/Jakarta")
GRID = ("1h", "3h", "9h", "1d")


def newsroom(days: int = 9) -> Site:
    """Every four hours a story of one of three sections, read for a day, and old stories that are read for ever."""
    site, draw = Site(), np.random.default_rng(5)
    stories = [(START + hour * HOUR_S, f"Rubrik {hour % 3}") for hour in range(0, days * 24, 4)]
    for number, (published, section) in enumerate(stories):
        site.put(f"story {number}", published, section)
    for number in range(10):
        site.put(f"old {number}", START - 90 * DAY_S, "Arsip")
    for hour in range(days * 24):
        at = START + hour * HOUR_S
        for number, (published, _) in enumerate(stories):
            if 0 <= at - published < DAY_S:
                site.see(f"story {number}", at + 60, int(draw.poisson(60 * 2 ** (-(at - published) / (4 * HOUR_S)))))
        for number in range(10):
            site.see(f"old {number}", at + 60, int(draw.poisson(3)))
    return site


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    site = newsroom()
    plan = plan_walk(site.history.columns(), Wanted(warmup_s=2 * DAY_S), START + 9 * DAY_S)
    tried = [Candidate({"half_life": value}, list_of(half_life=value)) for value in GRID]
    return evidence_of(site, tried, list_of(half_life="9h"), plan, Judging(6), JAKARTA)


def test_visible_items_have_the_median_age_and_sections_that_they_have(evidence: Evidence) -> None:
    facts, moments = newsroom(), evidence.plan.moments
    names, catalogue = facts.history.items, facts.catalogue
    published, section = catalogue.published(facts.history.first_event()), catalogue.section
    for each in evidence.measured:
        for step in (0, 40, len(moments) - 1):
            rows = [row for row in each.trace.rows[step].tolist() if row >= 0]
            ages = sorted(moments[step] - float(published[row]) for row in rows)
            assert len(names) > max(rows)
            assert each.trace.age_s[step] == pytest.approx(float(np.median(ages)), abs=1)
            assert each.trace.sections[step] == len({int(section[row]) for row in rows})
        assert each.age_s == pytest.approx(float(np.mean(each.trace.age_s)))
        assert each.sections == pytest.approx(float(np.mean(each.trace.sections)))


def test_front_has_what_no_other_beats_and_what_it_costs(evidence: Evidence) -> None:
    costs = front(evidence)
    assert costs[0].measured is evidence.best
    assert (costs[0].less, costs[0].interval) == (0.0, (0.0, 0.0))
    captures = [each.measured.capture for each in costs]
    assert captures == sorted(captures, reverse=True)
    for each in costs:
        assert each.less == pytest.approx(evidence.best.capture - each.measured.capture)
        assert each.interval is not None
        assert each.interval.low <= each.less <= each.interval.high
    left = [each for each in evidence.measured if all(each is not of_front.measured for of_front in costs)]
    for out in left:
        assert any(
            better.capture >= out.capture and better.kept >= out.kept and better.sections >= out.sections
            for better in evidence.measured if better is not out
        )  # fmt: skip


def test_best_within_an_objective_catches_most_of_those_that_keep_it(evidence: Evidence) -> None:
    by_age = sorted(evidence.measured, key=lambda each: each.age_s or math.inf)
    age_s = by_age[1].age_s
    assert age_s is not None
    found = best_within(evidence, Objective.model_validate({"freshness": f"{age_s + 1:.0f}s"}))
    assert found is max(by_age[:2], key=lambda each: each.capture)
    assert best_within(evidence, Objective()) is evidence.best
    assert best_within(evidence, Objective(variety=5)) is None
    (*_, last) = in_words(evidence, Objective(variety=5))
    assert last == "No list that was tried keeps the objective (items of at least 5 sections)."
    (*_, last) = in_words(evidence, Objective(variety=1))
    assert last.startswith("Within the objective (items of at least 1 sections) half_life = ")


def night(**objective: Any) -> Tuned:
    settings = list_of(half_life="auto", size=6, objective=objective)
    return suggestion(newsroom(16), "populer", settings, LearnedSetting(3 * HOUR_S, 1.0), START + 16 * DAY_S, JAKARTA)


def test_list_that_tunes_itself_keeps_the_freshness_and_variety_that_are_asked_for() -> None:
    free, fresh, varied = night(), night(freshness="15h"), night(variety=3.9)
    assert free.suggested_s is not None
    assert fresh.suggested_s is not None
    assert varied.suggested_s is not None
    assert fresh.suggested_s > free.suggested_s, (
        "on this site a short memory has old items in places that nothing fills"
    )
    assert varied.suggested_s < fresh.suggested_s
    never = night(freshness="1m")
    assert never.suggested_s == free.suggested_s
    assert "no half-life keeps the objective's freshness and variety" in never.why


def test_ages_are_unknown_where_no_publish_time_is() -> None:
    site = wandering(3, hours=200)
    plan = plan_walk(site.history.columns(), Wanted(warmup_s=2 * DAY_S), START + 200 * HOUR_S)
    tried = [Candidate({"half_life": "3h"}, list_of(half_life="3h"))]
    found = evidence_of(site, tried, list_of(half_life="3h"), plan, Judging(10, dated_only=True), JAKARTA)
    assert found.best.age_s is None
    assert found.best.sections == 0
