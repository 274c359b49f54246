"""`populer rank`: a list as it would be, now or at a past moment, with other settings. A dry run."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from api.serving.date_labels import published_label
from api.serving.rendered_list import Query, RenderedList
from populer.commands.options import moment, site_named, store_url
from populer.config import Loaded, with_list_settings
from populer.stores import opened_store
from ranking.errors import NotFoundError, PopulerError
from ranking.intake.reader_filter import reader_filter
from ranking.lists.ranker import Ranker, entries
from ranking.lists.traffic_start import with_traffic
from ranking.lists.visible_parts import VisibleParts
from ranking.published.snapshot import Stamp, encode_entries
from ranking.refreshing.filtered_lists import settings_of_part
from ranking.refreshing.site_view import SiteView
from ranking.scoring.sums import Moment
from ranking.settings.learned import in_words
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.store.protocol import Store
from ranking.times import spoken_duration

SHOWN_AT_LEAST = 10


@contextlib.asynccontextmanager
async def viewed(settings: Settings, url: str, site: SiteSettings, now: float) -> AsyncIterator[tuple[Store, SiteView]]:
    """The store at `url`, and what it knows of a site now (epoch seconds).

    Raises:
        PopulerError: it does not answer.
    """
    async with opened_store(settings, url) as store:
        view = SiteView(site.id, filters=settings.item_filters)
        await view.update(store, now - settings.retention.keep_s)
        yield store, view


def run(
    loaded: Loaded,
    site: str | None,
    *,
    list_name: str,
    section: str,
    filters: Mapping[str, str | None],
    at: str | None,
    changes: list[str],
    limit: int | None,
    as_json: bool,
) -> None:
    """Rank and print. `filters`: those of a reader, by their parameters.

    Raises:
        PopulerError: an option cannot be used, or the store does not answer.
    """
    settings = with_list_settings(loaded.settings, loaded.raw, list_name, changes)
    try:
        choice = reader_filter(section, {name: text for name, text in filters.items() if text})
    except ValueError as error:
        raise PopulerError(f"--{error}") from None
    section = section if choice is None else choice.key
    chosen, now = site_named(settings, site), time.time()
    document = asyncio.run(
        ranked(
            settings, store_url(settings), site=chosen, name=list_name, section=section, at=moment(at, chosen, now),
            now=now, limit=limit,
        )
    )  # fmt: skip
    if as_json:
        print(json.dumps(document, ensure_ascii=False))  # noqa: T201
    else:
        _print_list(document, chosen, settings.lists[list_name].size)


async def ranked(
    settings: Settings,
    url: str,
    *,
    site: SiteSettings,
    name: str,
    section: str,
    at: float,
    now: float,
    limit: int | None = None,
) -> dict[str, Any]:
    """The list answer (see the HTTP contract) for the moment `at`, counted up to `now` (both epoch seconds).

    `limit` None: the list's size, and for a shorter one the places below its cut up to the tenth.

    Raises:
        NotFoundError: no such list or section.
    """
    if name not in settings.lists:
        raise NotFoundError(f"no list is called {name!r}; there are {', '.join(settings.lists)}")
    async with viewed(settings, url, site, now) as (store, view):
        learned = with_traffic(await store.findings.in_effect(site.id), settings.lists, view, at)
        settings = settings.under(learned)
        list_settings = await settings_of_part(store, view, settings.lists[name], section)
        ranker = Ranker(view, Moment(at=at, known_until=max(at, now)), site.zone)
        ranking = VisibleParts(settings.lists, lambda: ranker).rank(ranker, name, list_settings, section)
        details = await view.details(store, ranking.rows.tolist())
    body = encode_entries(entries(ranking, list_settings, ranker.views, ranker.published, details))
    stamp = Stamp(
        name, list_settings.title, list_settings.size, at, settings.config_version, {},
        views_span_s=settings.retention.keep_s,
    )  # fmt: skip
    rendered = RenderedList(site, section, 0, stamp, body)
    answer = rendered.answer(Query(limit or max(list_settings.size, SHOWN_AT_LEAST)))
    found: dict[str, Any] = msgspec.json.decode(answer.document(0, stale=False))
    has_learned = name in learned and list_settings.learns and not list_settings.objective.pinned
    return {**found, "generation": None, "next": None, "half_life": in_words(learned[name]) if has_learned else ""}


def _print_list(document: dict[str, Any], site: SiteSettings, size: int) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{document['title']}, {published_label(document['generated_at'], site)}"
    table = Table(title=title, title_justify="left")
    views = f"views in {spoken_duration(document['views_span_s'])}"
    for name in ("", "title", "published", "score", views):
        table.add_column(name, justify="left" if name in ("title", "published") else "right")
    for entry in document["items"]:
        score = "" if entry["score"] is None else _rounded(entry["score"])
        row = (str(entry["rank"]), entry["title"], entry["published_label"], score, f"{entry['views']:,}")
        table.add_row(*row, end_section=entry["rank"] == size)  # the line under which the list is cut
    Console().print(table)
    if document["half_life"]:
        print(document["half_life"])  # noqa: T201
    if not document["items"]:
        print("nothing to rank: no counted events on eligible items in the retained past")  # noqa: T201


def _rounded(score: float) -> str:
    """Two decimals, or three digits where two decimals would not tell scores apart."""
    return f"{score:,.2f}" if score >= 1 or score == 0 else f"{score:.3g}"
