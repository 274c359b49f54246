"""`populer rank`: a list as it would be, now or at a past moment, with other settings. Nothing is published."""

from typing import Any

import msgspec

from api.rendering import Query, RenderedList
from populer.child import open_store
from ranking.errors import NotFoundError, PopulerError, StoreUnavailableError
from ranking.refresh import Moment, Ranker, SiteView, entries
from ranking.settings import Settings, SiteSettings
from ranking.snapshot import Stamp, encode_entries


async def ranked(
    settings: Settings, url: str, *, site: SiteSettings, name: str, section: str, at: float, now: float
) -> dict[str, Any]:
    """The list answer (see the HTTP contract) for the moment `at`, counted up to `now` (both epoch seconds).

    Raises:
        NotFoundError: no such list or section.
    """
    if name not in settings.lists:
        raise NotFoundError(f"no list is called {name!r}; there are {', '.join(settings.lists)}")
    list_settings = settings.lists[name]
    store = open_store(settings, url)
    try:
        await store.open()
        view = SiteView(site.id)
        await view.update(store, now - settings.retention.keep_s)
        ranker = Ranker(view, Moment(at=at, known_until=max(at, now)))
        ranking = ranker.rank(list_settings, section)
        details = await view.details(store, ranking.rows.tolist())
    except StoreUnavailableError as error:
        raise PopulerError(f"{error}; is the service running?") from error
    finally:
        await store.close()
    body = encode_entries(entries(ranking, list_settings, ranker.views, ranker.published, details))
    stamp = Stamp(name, list_settings.title, list_settings.size, at, settings.config_version, {})
    rendered = RenderedList(site, section, 0, stamp, body)
    answer = rendered.answer(Query(list_settings.size, 0, frozenset()), frozenset())
    found: dict[str, Any] = msgspec.json.decode(answer.before + b',"age_s":0,"stale":false' + answer.after)
    return {**found, "generation": None, "next": None}
