"""The context of a request: what every handler of one worker shares."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from starlette.requests import Request

from api.filtering.callers import Callers
from api.filtering.event_filter import EventFilter
from api.http.auth import Caller, Grade, require
from api.http.problems import Problem
from api.monitoring.alarm_facts import AlarmFacts
from api.monitoring.attempts import Attempts
from api.monitoring.config_state import ConfigState
from api.monitoring.page_addresses import PageAddresses
from api.monitoring.traffic import Traffic
from api.serving.published_lists import PublishedLists
from api.serving.templating import Templates
from ranking.recording.overflow import Spooling
from ranking.recording.recorder import Recorder
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.store.protocol import Store


class Context(NamedTuple):
    """Settings, store, and the parts built on them. `clock` gives epoch seconds.

    `secret` gives what marks are hashed under. `draining`: this worker will stop soon.
    """

    settings: Settings
    store: Store
    recorder: Recorder
    published_lists: PublishedLists
    clock: Callable[[], float]
    event_filter: EventFilter
    callers: Callers
    config: ConfigState
    alarm_facts: AlarmFacts
    traffic: Traffic
    attempts: Attempts
    page_addresses: PageAddresses
    templates: Templates
    spooling: Spooling | None = None
    secret: Callable[[], bytes] = bytes
    draining: bool = False


#: Gives the context of a request that begins now. A handler calls it once: a reload replaces the context.
CurrentContext = Callable[[], Context]


def site_of(context: Context, query: Sequence[tuple[str, str]]) -> SiteSettings:
    """The site that `?site=` names; the first one without.

    Raises:
        Problem: 404, there is no such site.
    """
    sites = context.settings.sites
    wanted_id = next((value for name, value in query if name == "site"), None) if query else None
    if wanted_id is None:
        return sites[0]
    for site in sites:
        if site.id == wanted_id:
            return site
    raise Problem(404, "no such site", f"No site is called {wanted_id!r}; there are {', '.join(s.id for s in sites)}.")


def site_and_caller(context: Context, request: Request, need: Grade) -> tuple[SiteSettings, Caller]:
    """The site of a request, and the holder of a key of it whose grade allows `need`.

    Raises:
        Problem: 401 or 403, the key is another one or absent; 404, there is no such site; 429, too many wrong keys.
    """
    site = site_of(context, request.query_params.multi_items())
    caller = context.callers.identify(request.scope, site)
    require(caller, need, site)
    return site, caller
