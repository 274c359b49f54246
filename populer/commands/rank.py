"""`populer rank`, `explain`: a list as it would be, now or at a past moment, with other settings. A dry run."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from api.serving.rendered_list import Query, RenderedList
from populer.stores import open_store
from ranking.errors import NotFoundError, PopulerError, StoreUnavailableError
from ranking.lists.ranker import Ranker, entries
from ranking.published.snapshot import Stamp, encode_entries
from ranking.refreshing.answers import QuestionContext, answer
from ranking.refreshing.questions import Explain
from ranking.refreshing.site_view import SiteView
from ranking.scoring.sums import Moment
from ranking.settings.service import Settings, SiteSettings
from ranking.store.protocol import Store

SHOWN_AT_LEAST = 10


@contextlib.asynccontextmanager
async def viewed(settings: Settings, url: str, site: SiteSettings, now: float) -> AsyncIterator[tuple[Store, SiteView]]:
    """The store at `url`, and what it knows of a site now (epoch seconds).

    Raises:
        PopulerError: it does not answer.
    """
    store = open_store(settings, url)
    try:
        await store.open()
        view = SiteView(site.id)
        await view.update(store, now - settings.retention.keep_s)
        yield store, view
    except StoreUnavailableError as error:
        raise PopulerError(f"{error}; is the service running?") from error
    finally:
        await store.close()


async def explained(
    settings: Settings, url: str, *, site: SiteSettings, name: str, item: str, section: str, at: float, now: float
) -> dict[str, Any]:
    """Why an item is at its rank at the moment `at`, counted up to `now` (both epoch seconds).

    Raises:
        NotFoundError: no such list, section or item.
    """
    async with viewed(settings, url, site, now) as (store, view):
        settings = settings.under(await store.findings.in_effect(site.id))
        ranker = Ranker(view, Moment(at=at, known_until=max(at, now)), site.zone)
        context = QuestionContext(store, view, settings, ranker)
        return await answer(context, Explain(site.id, name, item, section, at))


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
        settings = settings.under(await store.findings.in_effect(site.id))
        list_settings = settings.lists[name]
        ranker = Ranker(view, Moment(at=at, known_until=max(at, now)), site.zone)
        ranking = ranker.rank(list_settings, section, ranker.boosts_of(name))
        details = await view.details(store, ranking.rows.tolist())
    body = encode_entries(entries(ranking, list_settings, ranker.views, ranker.published, details))
    stamp = Stamp(name, list_settings.title, list_settings.size, at, settings.config_version, {})
    rendered = RenderedList(site, section, 0, stamp, body)
    answer = rendered.answer(Query(limit or max(list_settings.size, SHOWN_AT_LEAST)))
    found: dict[str, Any] = msgspec.json.decode(answer.document(0, stale=False))
    return {**found, "generation": None, "next": None}
