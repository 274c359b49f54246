"""`populer rank`: a list as it would be, now or at a past moment, with other settings. A dry run.

By the store, or by files: logs, or the counts and items that `populer export` has written, however old.
"""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from api.serving.date_labels import published_label
from api.serving.rendered_list import Query, RenderedList
from populer.commands.options import moment, site_named, store_url
from populer.config import Loaded, with_list_settings
from populer.log_files.log_site import LogSite, Rules
from populer.log_files.page_requests import page_rules
from populer.stores import opened_store
from ranking.errors import PopulerError
from ranking.intake.items import Item
from ranking.intake.reader_filter import reader_filter
from ranking.lists.ranker import Ranker, Ranking, View, entries
from ranking.lists.traffic_start import with_traffic
from ranking.lists.visible_parts import VisibleParts
from ranking.published.snapshot import Stamp, encode_entries
from ranking.refreshing.filtered_lists import settings_of_part
from ranking.refreshing.site_view import SiteView
from ranking.scoring.sums import Moment
from ranking.settings.learned import LearnedSetting, in_words
from ranking.settings.lists import ListSettings
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
    events: Sequence[Path] = (),
    items: Sequence[Path] = (),
) -> None:
    """Rank and print. `filters`: those of a reader, by their parameters. `events`, `items`: in place of the store.

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
    if items and not events:
        raise PopulerError("--items: goes with --events, as the store has items of its own")
    if events and choice is not None:
        raise PopulerError(f"--{next(name for name, text in filters.items() if text)}: goes without --events")
    if events:
        read = _read_files(settings, chosen, events, items)
        wanted = ListAtMoment(chosen, list_name, section, moment(at, chosen, read.known_until), limit)
        document = ranked_from_files(settings, read, wanted)
    else:
        wanted = ListAtMoment(chosen, list_name, section, moment(at, chosen, now), limit)
        document = asyncio.run(ranked(settings, store_url(settings), wanted, now))
    if as_json:
        print(json.dumps(document, ensure_ascii=False))  # noqa: T201
    else:
        _print_list(document, chosen, settings.lists[list_name].size)


class ListAtMoment(NamedTuple):
    """A list of a site, or a section of it, at a moment (epoch seconds).

    `limit` None: the list's size, and for a shorter one the places below its cut up to the tenth.
    """

    site: SiteSettings
    name: str
    section: str
    at: float
    limit: int | None = None


async def ranked(settings: Settings, url: str, wanted: ListAtMoment, now: float) -> dict[str, Any]:
    """The list answer (see the HTTP contract) by the store at `url`, counted up to `now` (epoch seconds).

    Raises:
        NotFoundError: no such section.
    """
    async with viewed(settings, url, wanted.site, now) as (store, view):
        learned = with_traffic(await store.findings.in_effect(wanted.site.id), settings.lists, view, wanted.at)
        settings = settings.under(learned)
        list_settings = await settings_of_part(store, view, settings.lists[wanted.name], wanted.section)
        ranker, ranking = _ranking(settings, list_settings, view, wanted, now)
        details = await view.details(store, ranking.rows.tolist())
    return _document(settings, list_settings, wanted, learned, ranker, ranking, details)


def ranked_from_files(settings: Settings, read: LogSite, wanted: ListAtMoment) -> dict[str, Any]:
    """The list answer by what files hold. Nobody has pinned, blocked or voided anything in them.

    Raises:
        NotFoundError: no such section.
    """
    learned = with_traffic({}, settings.lists, read, wanted.at)
    settings = settings.under(learned)
    list_settings = settings.lists[wanted.name]
    ranker, ranking = _ranking(settings, list_settings, read, wanted, read.known_until)
    details = read.details(ranking.rows.tolist())
    return _document(settings, list_settings, wanted, learned, ranker, ranking, details)


def _read_files(settings: Settings, site: SiteSettings, events: Sequence[Path], items: Sequence[Path]) -> LogSite:
    """The site out of files, counted as the service counts.

    Raises:
        PopulerError: a file cannot be read, or none has an event.
    """
    pages = page_rules(site.item_pattern or None, None, secrets.token_hex())
    dedupe_s = settings.ingest.dedupe_window_s
    rules = Rules(settings.retention.bucket_s, site.zone, dedupe_s, pages=pages, item_pattern=pages.pattern)
    read = LogSite()
    read.describe(items, rules)
    read.count(events, rules)
    if not read.known_until:
        raise PopulerError(f"--events: no event in {', '.join(map(str, events))}; name another file")
    return read


def _ranking(
    settings: Settings, list_settings: ListSettings, view: View, wanted: ListAtMoment, known_until: float
) -> tuple[Ranker, Ranking]:
    ranker = Ranker(view, Moment(at=wanted.at, known_until=max(wanted.at, known_until)), wanted.site.zone)
    parts = VisibleParts(settings.lists, lambda: ranker)
    return ranker, parts.rank(ranker, wanted.name, list_settings, wanted.section)


def _document(
    settings: Settings,
    list_settings: ListSettings,
    wanted: ListAtMoment,
    learned: Mapping[str, LearnedSetting],
    ranker: Ranker,
    ranking: Ranking,
    details: Mapping[int, Item],
) -> dict[str, Any]:
    name = wanted.name
    body = encode_entries(entries(ranking, list_settings, ranker.views, ranker.published, details))
    stamp = Stamp(
        name, list_settings.title, list_settings.size, wanted.at, settings.config_version, {},
        views_span_s=settings.retention.keep_s,
    )  # fmt: skip
    rendered = RenderedList(wanted.site, wanted.section, 0, stamp, body)
    answer = rendered.answer(Query(wanted.limit or max(list_settings.size, SHOWN_AT_LEAST)))
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
