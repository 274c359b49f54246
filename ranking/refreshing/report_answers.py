"""Answers to questions about ranges of time. The view is held meanwhile, so that no bucket is read in two states."""

import asyncio
from typing import Any

import msgspec

from ranking.errors import NotFoundError, NotReadyError
from ranking.intake.items import Item
from ranking.lists.ranker import Ranker
from ranking.published.places import ranks_of
from ranking.refreshing.label_reader import LABELS_BEING_READ
from ranking.refreshing.questions import Report
from ranking.refreshing.ranked_site import RankedSite
from ranking.reporting.item_history import ItemHistory, item_history
from ranking.reporting.today import Today, today
from ranking.reporting.top import ITEM, LABELS, TopOfRange, TopRow, top_of_range
from ranking.scoring.sums import Moment
from ranking.store.protocol import Store

#: All lists are ranked from all counts for it, which nothing but an explanation does: not for every desk that looks.
TODAY_KEPT_S = 30.0


async def report(site: RankedSite, question: Report, at: float) -> dict[str, Any]:
    """Answer a question as a JSON document, as of the moment `at` (epoch seconds).

    Raises:
        NotFoundError: nothing is known of the item in question.
        NotReadyError: there is more to read for that than may be done at once.
    """
    if isinstance(question, ItemHistory):
        return await _history(site, question, at)
    if isinstance(question, Today):
        return await _today(site, at)
    return await _top(site, question, at)


async def _top(site: RankedSite, question: TopOfRange, at: float) -> dict[str, Any]:
    if question.by in LABELS and not await site.view.label(site.store):
        raise NotReadyError(LABELS_BEING_READ)
    document, rows = await asyncio.to_thread(top_of_range, site.view, question, at, site.settings.retention.bucket_s)
    if question.by == ITEM:
        return {**document, "rows": await _item_rows(site, rows)}
    return {**document, "rows": [{**row._asdict(), "name": row.name or None} for row in rows]}


async def _item_rows(site: RankedSite, rows: list[TopRow]) -> list[dict[str, Any]]:
    items = await site.view.details_of(site.store, [row.name for row in rows])
    return [{**described(items[name]), "views": views, "clicks": clicks} for name, views, clicks in rows]


def described(item: Item) -> dict[str, Any]:
    """The part of an item that reports show."""
    return {
        "id": item.id,
        "title": item.title or item.id,
        "url": item.url,
        "section": item.section,
        "author": item.author,
        "published_at": item.published_at,
    }


async def _history(site: RankedSite, question: ItemHistory, at: float) -> dict[str, Any]:
    view, store, name = site.view, site.store, site.view.history.item_of(question.item)
    row = view.history.known_row(name)
    if row is None:
        raise NotFoundError(f"nothing is known of item {question.item!r}: no event and no description")
    reads = await asyncio.to_thread(item_history, view, row, question, at, site.zone)
    items = await view.details_of(store, [name])
    kept = await store.lists.places(view.site, reads["from"], reads["to"])
    return {
        "at": at,
        **described(items[name]),
        **reads,
        "ranks": ranks_of(name, kept),
        "concentration": await concentration_of_item(store, view.site, name),
        "voids": [
            {"void": number, **msgspec.to_builtins(void)}
            for number, void in view.edits.in_force(at).voids.get(name, ())
        ],
    }


async def concentration_of_item(store: Store, site: str, item: str) -> dict[str, Any] | None:
    """Who sends how much for an item, as a JSON document; None where it is not among those with most attempts."""
    of_site = (await store.logbook.concentrations([site])).get(site)
    found = None if of_site is None else of_site.of(item)
    return None if found is None else msgspec.to_builtins(found)


async def _today(site: RankedSite, at: float) -> dict[str, Any]:
    if site.today is not None and at - TODAY_KEPT_S < site.today["at"] <= at:
        return site.today
    view, bucket_s = site.view, site.settings.retention.bucket_s

    def made() -> dict[str, Any]:
        return today(view, Ranker(view, Moment(at, at), site.zone), site.effective.lists, bucket_s)

    document = await asyncio.to_thread(made)
    moves = [rows for each in document["lists"] for rows in (each["entering"], each["leaving"], each["rising"])]
    mentioned = [row for rows in (document["unlisted"], document["trending_outside"], *moves) for row in rows]
    items = await view.details_of(site.store, {row["id"] for row in mentioned})
    for row in mentioned:
        row.update(described(items[row["id"]]))
    site.today = document
    return document
