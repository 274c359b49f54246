"""A tuned site of thirty items, and the page about it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from populer.config import load
from populer.log_files.log_site import LogSite
from populer.report.page import page
from populer.tuning.candidates import based
from populer.tuning.run import TuneRequest, Tuning, tune
from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts
from ranking.intake.items import Item
from ranking.settings.sites import SiteSettings
from ranking.tuning.walk_forward import Wanted

HOUR_S, START = 3600, 1_764_522_000
ZONE = ZoneInfo("Asia/Jakarta")


def tuning(grid: str = "half_life=1h,6h", hours: int = 144, presets: Sequence[str] = (), own: bool = False) -> Tuning:
    """Reads of thirty items whose interest comes and goes."""
    site = LogSite()
    draw = np.random.default_rng(1)
    for number in range(30):
        site.history.item_row(f"item-{number}")
    for hour in range(hours):
        rate = 40 * np.exp(-(((hour - 5.0 * np.arange(30)) % 150) / 12))
        reads = draw.poisson(rate)
        rows = np.flatnonzero(reads).astype(np.int32)
        parts = [ChannelCounts("view", rows, reads[rows])]
        if own:
            parts.append(ChannelCounts("view@list:populer#1", rows[:3], reads[rows[:3]]))
        site.history.replace_parts(Bucket(HOUR_S, START + hour * HOUR_S), 0, parts)
    loaded = load(Path("/dev/null"), {})
    base = based(loaded.settings, loaded.raw, "populer", [], ["view"])
    asked = TuneRequest(base, Wanted(warmup_s=24 * HOUR_S), 5, [grid], presets)
    return tune(site, asked, ZONE, START + hours * HOUR_S, lambda _: lambda: None)


def details_of(**shown: Any) -> Any:
    """What to show of any rows: titles by number, and whatever is told."""

    def details(rows: Sequence[int]) -> Mapping[int, Item]:
        return {row: Item(id=f"item-{row}", **{"title": f"Judul {row}", **shown}) for row in rows}

    return details


def html_of(tuned: Tuning, **shown: Any) -> str:
    """The page about it, its items shown as told."""
    return page(tuned, SiteSettings(), details_of(**shown))
