"""Lists of some items, as readers ask for them by filters: ranked and published for as long as somebody asks.

A request is a list and a filter's key. Workers note it in the store; each refresh ranks those that were asked for
lately, at most `MOST_FILTERED` of a site, the latest first. A reader's filter costs no list that nobody reads.
"""

from collections.abc import Mapping, Sequence

from ranking.errors import NotReadyError
from ranking.intake.reader_filter import MARK, filter_from_key
from ranking.refreshing.label_reader import LABELS_BEING_READ
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.site_view import SiteView
from ranking.settings.lists import ListSettings
from ranking.store.protocol import Store
from ranking.times import MINUTE_S

MOST_FILTERED = 100
KEPT_S = 10.0 * MINUTE_S


class FilteredLists:
    """The lists of some items of one site that are published now."""

    def __init__(self) -> None:
        self._narrowed: dict[str, tuple[ListSettings, ListSettings]] = {}

    async def requested(self, site: RankedSite, at: float) -> Mapping[str, ListSettings]:
        """Request -> the settings of its list with its filter, which the site's view knows from now on.

        `at`: the moment that is ranked for, in epoch seconds.
        """
        found = self.narrowed(site, await self.requests(site, at))
        return found if await self.choose(site, found) else {}

    async def choose(self, site: RankedSite, narrowed: Mapping[str, ListSettings]) -> bool:
        """Have the site's view know these filters alone. False: it has yet to read what descriptions say."""
        return await site.view.choose(site.store, {each.filters[-1] for each in narrowed.values()})

    async def requests(self, site: RankedSite, at: float) -> list[str]:
        """What readers have asked for lately before `at` (epoch seconds); the rest is forgotten."""
        noted = await site.store.lists.filters(site.view.site)
        lately = sorted((request for request in noted if noted[request] > at - KEPT_S), key=lambda each: -noted[each])
        kept = list(self.narrowed(site, lately[:MOST_FILTERED]))
        if over := noted.keys() - set(kept):
            await site.store.lists.forget_filters(site.view.site, over)
        return kept

    def narrowed(self, site: RankedSite, requests: Sequence[str]) -> dict[str, ListSettings]:
        """Request -> the settings of its list with its filter, the same object while these stay."""
        kept = {}
        for request in requests:
            name, _, key = request.partition(MARK)
            choice, settings = filter_from_key(MARK + key), site.effective.lists.get(name)
            if choice is None or settings is None:
                continue
            known = self._narrowed.get(request)
            same = known is not None and known[0] is settings
            kept[request] = known if known and same else (settings, settings.with_choice(choice.item_filter))
        self._narrowed = kept
        return {request: narrowed for request, (_, narrowed) in kept.items()}


async def settings_of_part(
    store: Store, view: SiteView, settings: ListSettings, section: str, *, patient: bool = True
) -> ListSettings:
    """The settings that a part of a list is ranked by; `section` may be a filter's key, which `view` then knows.

    Raises:
        NotReadyError: there is more to read for that than may be done at once, and the caller is not `patient`.
    """
    choice = filter_from_key(section)
    if choice is None:
        return settings
    while not await view.choose(store, {*view.catalogue.chosen, choice.item_filter}):
        if not patient:
            raise NotReadyError(LABELS_BEING_READ)
    return settings.with_choice(choice.item_filter)
