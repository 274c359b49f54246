"""What would have been served night by night is what each night, asked on its own, would have set."""

from bisect import bisect_right
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from planted import START, counted, wandering
from views import Site, list_of

from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import ListSettings
from ranking.tuning.backtest import backtest
from ranking.tuning.nightly import night_before, suggestion
from ranking.tuning.outcome import Judging
from ranking.tuning.tried import ServedByNight, served_lists
from ranking.tuning.walk_forward import Plan, Wanted, plan_walk

HOUR_S, DAY_S = 3600.0, 86_400.0
JAKARTA = ZoneInfo("Asia/Jakarta")
SETTINGS = list_of(size=10)


def plan_of(site: Site, warmup_s: float = 7 * DAY_S) -> Plan:
    return plan_walk(site.history.columns(), Wanted(warmup_s=warmup_s), np.inf)


def ways(site: Site, plan: Plan, settings: ListSettings = SETTINGS) -> dict[str, ServedByNight]:
    return served_lists(site, settings, plan, Judging(10), JAKARTA, ("auto", "rule"))


@pytest.fixture(scope="module")
def site() -> Site:
    return wandering(3, hours=24 * 13)


def test_served_lists_are_those_of_what_each_night_sets_by_itself(site: Site) -> None:
    plan = plan_of(site)
    at, learned, nights = night_before(START + DAY_S, JAKARTA), LearnedSetting(7200.0, 0.0), []
    while at <= plan.moments[-1]:
        learned = suggestion(site, "it", SETTINGS, learned, at, JAKARTA).after
        nights.append((at, learned.half_life_s))
        at += DAY_S
    in_effect = [nights[bisect_right(nights, (moment, np.inf)) - 1][1] for moment in plan.moments]
    assert len(set(in_effect)) > 1, "it moves on the way"
    used = sorted(set(in_effect))
    fixed = [SETTINGS.model_copy(update={"auto": False, "half_life_s": each}) for each in used]
    walked = backtest(site, fixed, plan, Judging(10), JAKARTA)
    auto = ways(site, plan)["auto"]
    for step, half_life_s in enumerate(in_effect):
        assert (auto.trace.rows[step] == walked.traces[used.index(half_life_s)].rows[step]).all()
        assert auto.trace.capture[step] == walked.traces[used.index(half_life_s)].capture[step]
    assert auto.last.half_life_s == in_effect[-1]


def test_served_lists_ignore_what_comes_later(site: Site) -> None:
    until = 24 * 11
    other = wandering(3, hours=24 * 13)
    draw = np.random.default_rng(5)
    for hour in range(until, 24 * 13):  # another future
        rows = np.arange(200, dtype=np.int32)
        parts = [ChannelCounts("view", rows, draw.permutation(rows).astype(np.int64) * 9 + 1)]
        other.history.replace_parts(Bucket(int(HOUR_S), START + hour * int(HOUR_S)), 0, parts)
    plan = plan_of(site)
    known = until - 24 * 7
    for way, found in ways(site, plan).items():
        again = ways(other, plan)[way]
        assert (found.trace.rows[:known] == again.trace.rows[:known]).all()
        assert (found.trace.rows[known + 24 :] != again.trace.rows[known + 24 :]).any()


def test_auto_leaves_the_rule_where_its_days_surely_say_so(site: Site) -> None:
    found = ways(site, plan_of(site))
    assert found["rule"].last.half_life_s == 900.0, "so many reads say a quarter of an hour"
    assert found["auto"].last.half_life_s >= 1800.0, "and the planted three hours are better"
    assert np.nanmean(found["auto"].trace.capture) > np.nanmean(found["rule"].trace.capture)


@pytest.mark.parametrize("seed", range(4))
def test_auto_is_never_much_below_the_rule_on_a_small_site(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rate = np.exp(draw.normal(-4.0, 1.0, 400))
    small = counted(draw.poisson(rate, (24 * 24, 400)).astype(np.float64))
    found = ways(small, plan_of(small))
    assert np.nanmean(found["auto"].trace.capture) >= 0.99 * np.nanmean(found["rule"].trace.capture)


def test_forecast_is_served_from_the_night_on_whose_days_surely_say_so(site: Site) -> None:
    plan = plan_of(site)
    found = served_lists(site, SETTINGS, plan, Judging(10), JAKARTA, ("auto", "forecast"))
    settings = list_of(size=10, decay="forecast")
    learned, at, corrected = LearnedSetting(7200.0, 0.0), night_before(START + DAY_S, JAKARTA), {}
    while at <= plan.moments[-1]:
        learned = suggestion(site, "it", settings, learned, at, JAKARTA).after
        corrected[at] = learned.correction is not None
        at += DAY_S
    in_effect = [corrected[max(night for night in corrected if night <= moment)] for moment in plan.moments]
    assert found["forecast"].corrected == np.mean(in_effect) > 0
    alike = (found["forecast"].trace.rows == found["auto"].trace.rows).all(axis=1)
    assert not alike[np.array(in_effect)].all()
    assert alike[~np.array(in_effect)].all()


def test_a_new_site_goes_by_its_traffic_from_its_first_hours_on(site: Site) -> None:
    plan = plan_of(site, warmup_s=HOUR_S)
    half_life_s = ways(site, plan)["rule"].last.half_life_s
    fixed = SETTINGS.model_copy(update={"auto": False, "half_life_s": half_life_s})
    walked = backtest(site, [fixed], plan, Judging(10), JAKARTA)
    assert (ways(site, plan)["rule"].trace.rows == walked.traces[0].rows).all()
