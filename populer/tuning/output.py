"""Evidence as a JSON document, as a table for a terminal, and as TOML to paste."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from populer.tuning.run import Tuning
from populer.tuning.weights import BestWeight
from ranking.settings.uses import idle_reasons
from ranking.tuning.evidence import TRY, Candidate, Evidence, Measured, percent, sentence
from ranking.tuning.measures import Interval
from ranking.tuning.trade_off import best_within, front

if TYPE_CHECKING:
    from rich.table import Table

DIGITS = 6
BAR_CHARS = 20
WIDE = 100
NUMBER_CHARS = {"capture": 7, "95 %": 11, "NDCG": 5, "kept": 5, "of all": 6, "self": 6}


def document(tuning: Tuning) -> dict[str, Any]:
    """As the contract has it, and more. Shares from 0 to 1, times in epoch seconds, durations in seconds."""
    found, objective = tuning.evidence, tuning.request.objective
    plan, within = found.plan, best_within(found, objective) if objective.limits else None
    return {
        "list": tuning.request.base.name,
        "section": tuning.request.section or None,
        "horizon_s": plan.horizon_s,
        "step_s": plan.step_s,
        "warmup_s": tuning.request.wanted.warmup_s,
        "k": found.judging.k,
        "reads": list(found.judging.kinds),
        "events": None if tuning.events is None else tuning.events._asdict(),
        "from": plan.moments[0],
        "to": plan.moments[-1],
        "steps": found.steps,
        "days": found.days,
        "self_clicks": _rounded(found.own),
        "candidates": [_of(each) | _days(found, each) for each in found.measured],
        "best": _of(found.best),
        "current": None if found.current is None else _of(found.current),
        "gain_ci": _bounds(found.gain),
        "calmer": None if found.calmer is None else _of(found.calmer),
        "sentence": sentence(found),
        "toml": toml(tuning),
        "notes": tuning.notes,
        "front": [
            {
                "settings": dict(each.measured.candidate.changes),
                "cost": _rounded(each.less),
                "ci": _bounds(each.interval),
            }
            for each in front(found)
        ],
        "within": None if within is None else _of(within),
        "weight": None if tuning.weight is None else _weight(tuning.weight),
    }


def _weight(best: BestWeight) -> dict[str, Any]:
    bounds = _bounds(best.interval)
    return {"best": best.weight, "ci": bounds, "clicks": best.clicks, "sentence": best.sentence}


def _of(one: Measured) -> dict[str, Any]:
    return {
        "settings": dict(one.candidate.changes),
        "capture": _rounded(one.capture),
        "ndcg": _rounded(one.ndcg),
        "kept": _rounded(one.kept),
        "ci": _bounds(one.interval),
        "changed": _rounded(one.changed),
        "share_of_reads": _rounded(one.share),
        "self_clicks": None if one.own is None else _rounded(one.own),
        "median_age_s": None if one.age_s is None else _rounded(one.age_s),
        "sections": _rounded(one.sections),
    }


def _days(found: Evidence, one: Measured) -> dict[str, int]:
    return {"days": found.days_of(one)} if TRY in one.candidate.changes else {}


def _bounds(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [_rounded(bound) for bound in interval]


def _rounded(number: float) -> float:
    return round(number, DIGITS)


def table(tuning: Tuning, width: int) -> "Table":
    """One row per candidate in at most `width` columns; the best is bold, the list as it is is marked."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    found = tuning.evidence
    with_bars, with_own = width >= WIDE, found.own > 0
    shown = Table(
        title=_title(tuning), title_justify="left", caption=_legend(found), caption_justify="left",
        box=SIMPLE_HEAD, pad_edge=False,
    )  # fmt: skip
    shown.add_column("", no_wrap=True, overflow="ellipsis")
    bars, own = ([""] if with_bars else []), (["self"] if with_own else [])
    for name in ("capture", *bars, "95 %", "NDCG", "kept", "of all", *own):
        # What is too narrow shortens names, and no number.
        shown.add_column(name, justify="right" if name else "left", no_wrap=True, min_width=NUMBER_CHARS.get(name))
    for each in found.measured:
        cells = [f"{each.candidate.name}{' (yours)' if each is found.current else ''}", f"{each.capture:.3f}"]
        if with_bars:
            cells.append("█" * round(BAR_CHARS * each.capture))
        cells.append("–" if each.interval is None else f"{each.interval.low:.3f}–{each.interval.high:.3f}")
        cells += [f"{each.ndcg:.3f}", f"{each.kept:.1f}", percent(each.share, 1)]
        if with_own:
            cells.append("–" if each.own is None else percent(each.own, 1))
        shown.add_row(*cells, style="bold" if each is found.best else "")
    return shown


def _legend(found: Evidence) -> str:
    k = found.judging.k
    text = f"capture: of the reads that the best {k} had, those of the {k} listed; 95 %: its interval over days; NDCG: "
    text += "the same by place; kept: how many stay for the next step; of all: of all reads, those of the listed"
    return f"{text}; self: of these, clicks in lists" if found.own > 0 else text


def _title(tuning: Tuning) -> str:
    found = tuning.evidence
    section = f", {tuning.request.section}" if tuning.request.section else ""
    return f"{tuning.request.base.name}{section}, {found.judging.k} places: {found.steps:,} steps on {found.days} days"


def toml(tuning: Tuning) -> str:
    """The best candidate's settings as a table of the file; empty where nothing is to change."""
    found = tuning.evidence
    base = tuning.request.base
    return (
        ""
        if found.best is found.current
        else toml_of(base.name, found.best.candidate, base.shared(found.best.candidate.changes))
    )


def toml_of(list_name: str, candidate: Candidate, shared: Mapping[str, str] = MappingProxyType({})) -> str:
    """What makes a list the candidate, and what all that was tried shared, as a table of the file.

    A table within it is whole.
    """
    lines = [f"[lists.{list_name}]"]
    changes = {**shared, **candidate.changes}
    idle = idle_reasons(candidate.settings, {key.partition(".")[0] for key in changes})
    for key in dict.fromkeys(key.partition(".")[0] for key in changes if key.partition(".")[0] not in idle):
        within = getattr(candidate.settings, key, None)
        lines.append(f"{key} = {_toml_table(within) if isinstance(within, dict) else _toml_value(changes[key])}")
    return "\n".join(lines) + "\n"


def _toml_table(table: Mapping[str, float]) -> str:
    return "{ " + ", ".join(f"{json.dumps(key)} = {value:g}" for key, value in table.items()) + " }"


def _toml_value(text: str) -> str:
    """As TOML writes what `--grid` reads: numbers, booleans and arrays as they are, all else quoted."""
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    return text if not isinstance(found, str) else json.dumps(text, ensure_ascii=False)
