"""On the real reads of an article site, what tunes itself does as well as what one would have set knowing them all."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from populer.log_files.log_site import LogSite, Rules
from ranking.settings.lists import ListSettings
from ranking.tuning.backtest import Backtest, backtest
from ranking.tuning.measures import draws_of_days, interval
from ranking.tuning.nightly import fixed_candidates
from ranking.tuning.outcome import Judging
from ranking.tuning.tried import served_lists
from ranking.tuning.walk_forward import Plan, Wanted, plan_walk

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "article-reads"
ZONE = ZoneInfo("Asia/Seoul")
DAY_S = 86_400.0
K = 10

pytestmark = [pytest.mark.real_data, pytest.mark.timeout(300)]


class Reads(NamedTuple):
    """The log, and the lists from the eighth day on that its measures are of."""

    site: LogSite
    plan: Plan


@pytest.fixture(scope="module")
def real() -> Reads:
    if not REAL.exists():
        pytest.skip(f"needs the real reads at {REAL}")
    site, rules = LogSite(), Rules(300, ZONE)
    site.describe([REAL / "items.csv.gz"], rules)
    site.count([REAL / "events.csv.gz"], rules)
    return Reads(site, plan_walk(site.history.columns(), Wanted(), site.known_until))


def walked(real: Reads, lists: Sequence[ListSettings]) -> Backtest:
    return backtest(real.site, lists, real.plan, Judging(K, dated_only=True), ZONE)


@pytest.mark.parametrize(("way", "share"), [("auto", 0.99), ("rule", 0.97)])
def test_it_lands_near_the_best_half_life_in_hindsight(real: Reads, way: str, share: float) -> None:
    settings = ListSettings.model_validate({"size": K})
    ours = served_lists(real.site, settings, real.plan, Judging(K, dated_only=True), ZONE, [way])[way]
    found = walked(real, [each.settings for each in fixed_candidates(settings)])
    best = max(float(np.nanmean(trace.capture)) for trace in found.traces)
    assert np.nanmean(ours.trace.capture) > share * best
    assert ours.last.why


def test_a_forecast_catches_surely_more_than_the_best_half_life(real: Reads) -> None:
    half_lives = [ListSettings.model_validate({"half_life": each}) for each in ("30m", "45m", "1h", "90m")]
    found = walked(real, [ListSettings.model_validate({"decay": "forecast", "half_life": "1h"}), *half_lives])
    ours, *others = found.traces
    best = max(others, key=lambda trace: float(np.nanmean(trace.capture)))
    day = np.array([int((at + 9 * 3600) // DAY_S) for at in real.plan.moments])
    day -= day[0]
    gain = interval(ours.capture - best.capture, day, draws_of_days(int(day[-1]) + 1))
    assert gain is not None
    assert gain.low > 0.003
    assert 0.006 < np.nanmean(ours.capture - best.capture) < 0.02, "and that is about a point"
    assert np.nanmean(ours.kept) > np.nanmean(best.kept) - 0.6
