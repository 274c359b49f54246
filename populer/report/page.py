"""The page: everything that `populer tune` found, in one file that asks no other host for anything.

It can be read without its script, which only moves the slider. Titles and addresses are what a newsroom or a log says:
they are escaped on their way in, and the script writes them as text.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from populer.report.figures import (
    NARROW,
    WIDE,
    Pair,
    by_day,
    by_hour,
    days,
    hours,
    over_time,
    pair_of,
    short_name,
    trade_off,
)
from populer.tuning.output import toml
from populer.tuning.run import Tuning
from ranking.errors import PopulerError
from ranking.intake.items import Item
from ranking.settings.sites import SiteSettings
from ranking.tuning.evidence import Measured, sentence, span
from ranking.tuning.outcome import NOBODY
from ranking.tuning.trade_off import in_words

HERE = Path(__file__).parent
Details = Callable[[Iterable[int]], Mapping[int, Item]]


def write(path: Path, tuning: Tuning, site: SiteSettings, details: Details) -> None:
    """Write the page to `path`; `details` says what to show of some rows.

    Raises:
        PopulerError: it cannot be written.
    """
    html = page(tuning, site, details)
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise PopulerError(f"--report: {path} cannot be written: {error.strerror or error}") from None


def page(tuning: Tuning, site: SiteSettings, details: Details) -> str:
    """The page as HTML."""
    found, zone = tuning.evidence, ZoneInfo(site.timezone)
    pair = pair_of(found)
    strip, frame = over_time(found, pair)
    of_hours, of_days = hours(found, pair, zone), days(found, pair, zone)
    lists = _lists(tuning, pair, zone, details)
    moments = found.plan.moments
    return (
        _templates()
        .get_template("report.html")
        .render(
            css=_read("report.css"),
            script=_read("report.js"),
            site=site,
            list_name=tuning.request.base.name,
            section=tuning.request.section,
            found=found,
            pair=pair,
            since=datetime.fromtimestamp(moments[0], zone),
            until=datetime.fromtimestamp(moments[-1] + found.plan.horizon_s, zone),
            step=span(found.plan.step_s),
            horizon=span(found.plan.horizon_s),
            sentence=sentence(found),
            toml=toml(tuning),
            notes=tuning.notes,
            rows=_rows(found.measured, pair),
            front=list(in_words(found, tuning.request.objective)),
            trade_off=[trade_off(found, pair, frame) for frame in (WIDE, NARROW)],
            hours=of_hours,
            by_hour=by_hour(of_hours),
            days=of_days,
            by_day=by_day(of_days),
            strip=strip,
            strip_width=frame.width,
            lists=lists,
            embedded=json.dumps(lists, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        )
    )


def _rows(measured: Iterable[Measured], pair: Pair) -> list[dict[str, Any]]:
    return [
        {"of": each, "class": "theirs" if each is pair.theirs else "ours" if each is pair.ours else ""}
        for each in measured
    ]


def _lists(tuning: Tuning, pair: Pair, zone: ZoneInfo, details: Details) -> dict[str, Any]:
    """Three lists at every step: ours, theirs, and the best that there could have been; items by number."""
    found = tuning.evidence
    columns = [
        (pair.ours.trace.rows, pair.ours.trace.reads),
        (pair.theirs.trace.rows, pair.theirs.trace.reads),
        (found.backtest.best_rows, found.backtest.best_reads),
    ]
    rows = sorted({int(row) for of, _ in columns for row in np.unique(of)} - {NOBODY})
    number = {row: place for place, row in enumerate(rows)}
    known = details(rows)
    return {
        "items": [_shown(known[row]) for row in rows],
        "names": [short_name(pair.ours), short_name(pair.theirs)],
        "at": [f"{datetime.fromtimestamp(at, zone):%a %d %b %Y, %H:%M}" for at in found.plan.moments],
        "lists": [[[number[row] for row in step if row != NOBODY] for step in of.tolist()] for of, _ in columns],
        "reads": [[_whole(step, of[place]) for place, step in enumerate(reads)] for of, reads in columns],
        "capture": [_shares(each.trace.capture) for each in pair],
        "start": int(np.argmax(found.backtest.reads)),
    }


def _shown(item: Item) -> list[str]:
    """Title and address; an address of the site itself leads nowhere from a file."""
    url = item.url or ""
    return [item.title or item.id, url if url.startswith(("https://", "http://")) else ""]


def _whole(reads: npt.NDArray[np.float64], rows: npt.NDArray[np.int32]) -> list[int]:
    return [round(each) for each in reads[rows != NOBODY].tolist()]


def _shares(values: npt.NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(each) else round(each, 4) for each in values.tolist()]


@lru_cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _read(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")
