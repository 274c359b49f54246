"""Today: the last hour beside the same one a week ago, what moves in the lists, what is read and stands in none.

The last hour ends with the last bucket that is over, so that both hours are whole. How often a list was seen is not
known, as nothing counts that: the share of its clicks is of all reads of the site. Numbers are of known items; those
that nobody has described may be among what is read and stands in no list.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from ranking.counts.arrays import NO_SECTION, FloatArray
from ranking.intake.events import CLICK, LIST_SOURCE, channel_kind, channel_position, channel_source
from ranking.lists.explanation import SENTENCES
from ranking.lists.ordering import best
from ranking.lists.ranker import Ranker, Ranking, View
from ranking.lists.rules import Rule
from ranking.lists.selection import Selector
from ranking.lists.visible_parts import VisibleParts
from ranking.published.snapshot import WHOLE_SITE
from ranking.reporting.range_counts import Range, RangeCounts, known_rows, summed
from ranking.settings.lists import ListSettings
from ranking.times import DAY_S, HOUR_S

WEEK_S: Final = 7.0 * DAY_S
MOST_UNLISTED: Final = 10
MOST_MOVES: Final = 10
#: Reads of an hour from which on it is worth a word that an item stands in no list.
LEAST_READS: Final = 2


class Today(msgspec.Struct, frozen=True, tag="today"):
    """How does a site fare now?"""

    site: str


class _List(NamedTuple):
    """A list as it is ranked: over all sections, with what it would have been one `movement` ago."""

    name: str
    settings: ListSettings
    selector: Selector
    ranking: Ranking


def today(view: View, ranker: Ranker, settings: Mapping[str, ListSettings], bucket_s: int) -> dict[str, Any]:
    """The answer; items by their ids, under `id`. `settings`: of each list."""
    at, columns = ranker.moment.at, ranker.pool.counts.columns
    end = at // bucket_s * bucket_s

    def counted(until: float, span_s: float) -> RangeCounts:
        return RangeCounts(view.history, columns, Range(until - span_s, until), bucket_s)

    hour, day = counted(end, HOUR_S), counted(end, DAY_S)
    before = counted(end - WEEK_S, HOUR_S) if view.history.start() <= end - WEEK_S - HOUR_S else None
    read, known = hour.by_row()[0], known_rows(view)
    for each in (hour, day, before):
        if each is not None:
            each.keep(known)
    lists = _ranked(ranker, settings)
    return {
        "at": at,
        "hour": {**_totals(hour), "week_ago": None if before is None else _totals(before)},
        "sections": _sections(view, hour, before),
        "lists": [{**_moves(ranker, each), "clicks": _clicks(day, each)} for each in lists],
        "trending_outside": _trending_outside(ranker, lists),
        "unlisted": _unlisted(ranker, lists, read),
    }


def _ranked(ranker: Ranker, settings: Mapping[str, ListSettings]) -> list[_List]:
    visible, found = VisibleParts(settings, lambda: ranker), []
    for name, of_list in settings.items():
        selector = visible.selector(ranker, name, of_list)
        found.append(_List(name, of_list, selector, ranker.rank_selected(selector, WHOLE_SITE)))
    return found


def _totals(counts: RangeCounts) -> dict[str, float]:
    since, until = counts.range
    return {"from": since, "to": until, "views": round(counts.views.sum()), "clicks": round(counts.clicks.sum())}


def _sections(view: View, hour: RangeCounts, before: RangeCounts | None) -> list[dict[str, Any]]:
    """Every section that was read in one of the hours, the most read first; the first has no name."""
    names, section = [None, *view.catalogue.sections], view.catalogue.section + 1

    def by_section(counts: RangeCounts) -> tuple[FloatArray, FloatArray]:
        views, clicks = counts.by_row()
        return summed(section, views, len(names)), summed(section, clicks, len(names))

    views, clicks = by_section(hour)
    ago = np.zeros(len(names)) if before is None else by_section(before)[0]
    read = np.flatnonzero((views > 0) | (clicks > 0) | (ago > 0)).tolist()
    return [
        {
            "name": names[number],
            "views": round(views[number]),
            "clicks": round(clicks[number]),
            "week_ago_views": None if before is None else round(ago[number]),
        }
        for number in sorted(read, key=lambda number: (-views[number], -ago[number], names[number] or ""))
    ]


def _moves(ranker: Ranker, of: _List) -> dict[str, Any]:
    """What came onto the first page within the list's `movement`, what left it, and what rose on it."""
    names, size, rows = ranker.pool.names, of.settings.size, of.ranking.rows.tolist()
    before: Mapping[int, int] = of.ranking.previous or {}
    now = {row: rank for rank, row in enumerate(rows, 1)}

    def row_of(row: int) -> dict[str, Any]:
        return {"id": names[row], "rank": now.get(row), "previous_rank": before.get(row)}

    was_shown = {row for row, rank in before.items() if rank <= size}
    shown = rows[:size] if before else []
    rising = [row for row in shown if row in before and before[row] > now[row]]
    return {
        "name": of.name,
        "title": of.settings.title,
        "movement_s": of.settings.movement_s,
        "entering": [row_of(row) for row in shown if row not in was_shown][:MOST_MOVES],
        "leaving": [row_of(row) for row in sorted(was_shown - set(shown), key=before.__getitem__)][:MOST_MOVES],
        "rising": [row_of(row) for row in sorted(rising, key=lambda row: now[row] - before[row])][:MOST_MOVES],
    }


def _clicks(day: RangeCounts, of: _List) -> dict[str, Any]:
    """Clicks in a list in the last day by place, 0 where none was said, and as a share of all views of the site."""
    source, by_place = LIST_SOURCE + of.name, dict[int, float]()
    by_channel = summed(day.channel, day.clicks, len(day.channels))
    for name, clicks in zip(day.channels, by_channel.tolist(), strict=True):
        if clicks and channel_kind(name) == CLICK and channel_source(name) == source:
            place = channel_position(name) or 0
            by_place[place] = by_place.get(place, 0.0) + clicks
    total, views = sum(by_place.values()), float(day.views.sum())
    return {
        "from": day.range.since,
        "to": day.range.until,
        "clicks": round(total),
        "share_of_views": round(total / views, 4) if views else None,
        "places": [
            {"place": place or None, "clicks": round(clicks), "share": round(clicks / total, 4)}
            for place, clicks in sorted(by_place.items())
        ],
    }


def _unlisted(ranker: Ranker, lists: Sequence[_List], views: FloatArray) -> list[dict[str, Any]]:
    """The most read items of the last hour that no list has on the first page of all sections or of their own."""
    names, section = ranker.pool.names, ranker.pool.facts.section
    rows = np.flatnonzero(views >= LEAST_READS)
    most = best(rows, score=views, published=ranker.published, names=names, limit=len(rows)).tolist()
    unlisted = list[dict[str, Any]]()
    for row in most:
        if any(_shows(ranker, each, row, int(section[row])) for each in lists):
            continue
        reasons = {each.name: _reason(each, row) for each in lists}
        unlisted.append({"id": names[row], "views": round(views[row]), "reasons": reasons})
        if len(unlisted) == MOST_UNLISTED:
            break
    return unlisted


def _trending_outside(ranker: Ranker, lists: Sequence[_List]) -> list[dict[str, Any]]:
    """What stands on the first page of a burst list and on that of its own section in no other list."""
    names, section, found = ranker.pool.names, ranker.pool.facts.section, dict[int, dict[str, Any]]()
    others = [each for each in lists if each.settings.kind != "burst" and each.settings.sections]
    for of in lists:
        for row in of.ranking.rows[: of.settings.size].tolist() if of.settings.kind == "burst" else ():
            number = int(section[row])
            if number != NO_SECTION and others and not any(_shows_in(ranker, each, row, [number]) for each in others):
                found.setdefault(row, {"id": names[row], "list": of.name})
    return list(found.values())


def _shows(ranker: Ranker, of: _List, row: int, section: int) -> bool:
    """Whether a list shows a row on its first page, over all sections or in the row's own, pinned or not."""
    return _shows_in(ranker, of, row, [None, section] if section != NO_SECTION and of.settings.sections else [None])


def _shows_in(ranker: Ranker, of: _List, row: int, numbers: Sequence[int | None]) -> bool:
    """Whether a list shows a row on its first page over all sections (None) or in some, pinned or not."""
    item, selected = ranker.pool.names[row], of.selector.selected(numbers)
    return any(
        row in selected[number].rows[: of.settings.size].tolist()
        or any(pinned == item for _, pinned in ranker.pins_of(of.name, ranker.section_name(number)))
        for number in numbers
    )


def _reason(of: _List, row: int) -> dict[str, Any]:
    (rule,) = of.selector.rules_of([row], None)
    ranked = of.ranking.rows.tolist()
    why = "others score more" if rule is Rule.LISTED else SENTENCES[rule].format("another list")
    return {"rule": rule.name.lower(), "why": why, "rank": ranked.index(row) + 1 if row in ranked else None}
