"""Answers to questions about ranges of time. The view is held meanwhile, so that no bucket is read in two states."""

import asyncio
from typing import Any

from ranking.errors import NotReadyError
from ranking.refreshing.questions import Report
from ranking.refreshing.ranked_site import RankedSite
from ranking.reporting.top import ITEM, LABELS, TopRow, top_of_range


async def report(site: RankedSite, question: Report, at: float) -> dict[str, Any]:
    """Answer a question as a JSON document, as of the moment `at` (epoch seconds).

    Raises:
        NotReadyError: there is more to read for that than may be done at once.
    """
    if question.by in LABELS and not await site.view.label(site.store):
        raise NotReadyError("what items say is being read; ask again in a moment")
    document, rows = await asyncio.to_thread(top_of_range, site.view, question, at, site.settings.retention.bucket_s)
    if question.by == ITEM:
        return {**document, "rows": await _item_rows(site, rows)}
    return {**document, "rows": [{**row._asdict(), "name": row.name or None} for row in rows]}


async def _item_rows(site: RankedSite, rows: list[TopRow]) -> list[dict[str, Any]]:
    items = await site.view.details_of(site.store, [row.name for row in rows])
    found = []
    for name, views, clicks in rows:
        item = items[name]
        found.append(
            {
                "id": name,
                "title": item.title or name,
                "url": item.url,
                "section": item.section,
                "author": item.author,
                "published_at": item.published_at,
                "views": views,
                "clicks": clicks,
            }
        )
    return found
