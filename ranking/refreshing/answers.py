"""Answers that take the whole history of a site: why is this item here, what would that setting do.

An answer is of the moment that the lists were last ranked for, from the very counts that they were ranked by, unless
the question names a past moment. Nothing is published. All ranking runs in a thread: the event loop of the process
that answers renews the lease that it leads by.
"""

import asyncio
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

import msgspec

from ranking.errors import InvalidQuestionError, NotFoundError
from ranking.intake.reader_filter import filter_from_key, shown_part
from ranking.lists.explain import explain
from ranking.lists.explanation import Explanation, VoidPart
from ranking.lists.ranker import Ranker, Ranking, entries
from ranking.lists.traffic_start import with_traffic
from ranking.lists.visible_parts import VisibleParts
from ranking.published.snapshot import Entry, encode_entries
from ranking.refreshing.filtered_lists import settings_of_part
from ranking.refreshing.questions import MOST_SHOWN, Explain, Filtered, Preview, Question, Report
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.report_answers import concentration_of_item, report
from ranking.refreshing.site_view import SiteView
from ranking.scoring import describe
from ranking.scoring.sums import Moment
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import ListSettings, unknown_kind, with_changes
from ranking.settings.service import Settings
from ranking.settings.without import check_without
from ranking.store.protocol import Store
from ranking.watching.recent_views import RecentViews, recent_views

#: So many names of an item are asked for what was left out of them.
MOST_NAMES = 20


class QuestionContext(NamedTuple):
    """The sources of an answer, and the moment in question; `zone` is the site's. `patient`: nothing waits for it."""

    store: Store
    view: SiteView
    settings: Settings
    zone: tzinfo
    moment: Moment
    patient: bool = True


async def answer_as_ranked(site: RankedSite, question: Question) -> dict[str, Any]:
    """Answer a question from what a site's lists were last ranked by, as a JSON document.

    Raises:
        NotReadyError: nothing was ranked yet.
        NotFoundError, InvalidQuestionError: see `answer`.
    """
    async with site.as_ranked() as slot:
        if isinstance(question, RecentViews):
            bucket_s = site.settings.retention.bucket_s
            return await asyncio.to_thread(recent_views, site.view.history, question, slot, bucket_s)
        if isinstance(question, Report):
            return await report(site, question, slot)
        at = None if isinstance(question, Filtered) else question.at
        moment = Moment(slot if at is None else at, slot)
        context = QuestionContext(site.store, site.view, site.effective, site.zone, moment, patient=False)
        return await answer(context, question)


async def answer(context: QuestionContext, question: Explain | Preview | Filtered) -> dict[str, Any]:
    """Answer a question as a JSON document.

    Raises:
        NotFoundError: no such list, section or item.
        InvalidQuestionError: a setting that no list has, or a value that it cannot have.
    """
    settings = context.settings.lists.get(question.list_name)
    if settings is None:
        known = ", ".join(context.settings.lists)
        raise NotFoundError(f"no list is called {question.list_name!r}; there are {known}")
    settings = await settings_of_part(context.store, context.view, settings, question.section, patient=context.patient)
    ranker = await asyncio.to_thread(Ranker, context.view, context.moment, context.zone)
    if isinstance(question, Explain):
        return await _explained(context, ranker, question, settings)
    if isinstance(question, Filtered):
        return await _filtered(context, ranker, question, settings)
    return await _previewed(context, ranker, question, settings)


async def _filtered(
    context: QuestionContext, ranker: Ranker, question: Filtered, settings: ListSettings
) -> dict[str, Any]:
    visible = VisibleParts(context.settings.lists, lambda: ranker)
    ranking = await asyncio.to_thread(visible.rank, ranker, question.list_name, settings, question.section)
    details = await context.view.details(context.store, ranking.rows.tolist())
    return {"body": encode_entries(entries(ranking, settings, ranker.views, ranker.published, details))}


async def _explained(
    context: QuestionContext, ranker: Ranker, question: Explain, settings: ListSettings
) -> dict[str, Any]:
    history = context.view.history
    name = history.item_of(question.item)
    names = history.names_of(name)
    shadows = await context.store.counts.shadows(question.site, names[:MOST_NAMES])
    explanation = await asyncio.to_thread(
        explain, ranker, name, question.list_name, settings, question.section, shadows, context.settings.lists
    )
    if explanation is None:
        raise NotFoundError(f"nothing is known of item {question.item!r}: no event and no description")
    (item,) = await context.store.items.get_items(question.site, [name])
    title = item.title if item is not None and item.title else name
    return {
        "title": title,
        "names": names[1 : MOST_NAMES + 1],
        "config_version": context.settings.config_version,
        **document(explanation),
        "concentration": await concentration_of_item(context.store, question.site, name),
    }


def document(explanation: Explanation) -> dict[str, Any]:
    """An explanation as a JSON document, under the names of the API."""
    fields = explanation._asdict()
    channels = [
        {**channel._asdict(), "buckets": [bucket._asdict() for bucket in channel.buckets]}
        for channel in explanation.channels
    ]
    sides = (("above", explanation.above), ("below", explanation.below))
    neighbours = {side: neighbour and neighbour._asdict() for side, neighbour in sides}
    plain = {name: [part._asdict() for part in fields[name]] for name in ("terms", "moves")}
    voids = [_void(part) for part in explanation.voids]
    part = shown_part(explanation.section, otherwise="")
    return {
        **fields, "list": fields.pop("list_name"), **part, "channels": channels, **neighbours, **plain, "voids": voids,
    }  # fmt: skip


def _void(part: VoidPart) -> dict[str, Any]:
    fields = part._asdict()
    return {"void": fields.pop("void"), "from": fields.pop("since"), "to": fields.pop("until"), **fields}


async def _previewed(
    context: QuestionContext, ranker: Ranker, question: Preview, settings: ListSettings
) -> dict[str, Any]:
    changed = _changed(context.settings, question, settings)
    if changed.auto and not settings.auto:  # it would begin by traffic
        begun = with_traffic({}, {question.list_name: changed}, context.view, ranker.moment.at)
        changed = changed.under(begun.get(question.list_name))
    choice = filter_from_key(question.section)
    changed = changed if choice is None else changed.with_choice(choice.item_filter)
    visible, name = VisibleParts(context.settings.lists, lambda: ranker), question.list_name

    def ranked() -> list[Ranking]:
        return [visible.rank(ranker, name, under, question.section) for under in (settings, changed)]

    live, preview = await asyncio.to_thread(ranked)
    limit = min(question.limit or max(settings.size, changed.size), MOST_SHOWN)
    rows = {row for ranking in (live, preview) for row in ranking.rows[:limit].tolist()}
    details = await context.view.details(context.store, rows)

    def shown(ranking: Ranking, under: ListSettings) -> list[Entry]:
        page = ranking._replace(rows=ranking.rows[:limit])
        return entries(page, under, ranker.views, ranker.published, details)

    now, then = shown(live, settings), shown(preview, changed)
    ages_s = describe.ages_for(settings, changed)
    return {
        "list": question.list_name,
        "site": question.site,
        **shown_part(question.section),
        "at": ranker.moment.at,
        "settings": question.settings,
        "live": [_plain(entry) for entry in now],
        "preview": [_moved(entry, live.rows.tolist(), preview.rows.tolist()) for entry in then],
        "entered": _only(then, now),
        "left": _only(now, then),
        "decay": {
            "ages_s": ages_s.tolist(),
            "live": describe.curve(settings, ages_s),
            "preview": describe.curve(changed, ages_s),
            "live_words": describe.in_words(settings),
            "preview_words": describe.in_words(changed),
        },
    }


def _changed(settings: Settings, question: Preview, live: ListSettings) -> ListSettings:
    """The list as the file would have it with the changes; what it has learned stays, where it still learns.

    Raises:
        InvalidQuestionError: a setting that no list has, or a value that it cannot have.
    """
    name = question.list_name
    try:
        changed = with_changes(name, settings.table(name), question.settings)
        check_without({**settings.lists, name: changed})
    except ValueError as error:
        raise InvalidQuestionError(f"settings.{str(error).removeprefix(f'lists.{name}.')}") from None
    if found := unknown_kind(changed, settings.ingest.known_kinds):
        there = ", ".join(sorted(settings.ingest.known_kinds))
        raise InvalidQuestionError(f"settings.{found[0]}: expected one of ingest.kinds ({there}), found {found[1]!r}")
    alike = (changed.auto, changed.decay) == (live.auto, live.decay)
    learned = LearnedSetting(live.half_life_s, 0.0, live.correction, sections=dict(live.section_half_lives))
    return changed.under(learned) if alike else changed


def _plain(entry: Entry) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(entry)
    return document


def _moved(entry: Entry, live: Sequence[int], preview: Sequence[int]) -> dict[str, Any]:
    """An entry with its rank in the live list, and how many places it has risen against it."""
    row = preview[entry.rank - 1]
    rank = live.index(row) + 1 if row in live else None
    return {**_plain(entry), "live_rank": rank, "move": None if rank is None else rank - entry.rank}


def _only(shown: Sequence[Entry], others: Sequence[Entry]) -> list[str]:
    """The ids of the entries that are not among the others."""
    known = {entry.id for entry in others}
    return [entry.id for entry in shown if entry.id not in known]
