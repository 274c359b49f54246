"""Whether an item may have a place in a list by an editor's word: a pin that cannot be shown is refused."""

from api.context import Context
from api.http.problems import Problem
from ranking.counts.sealed import VOLUME_S
from ranking.errors import NotFoundError
from ranking.lists.shortlist import depth_of
from ranking.published.edits import Edits
from ranking.settings.lists import ListSettings
from ranking.settings.sites import SiteSettings

REFUSED = "cannot be pinned"


async def check_pinnable(context: Context, site: SiteSettings, edits: Edits, name: str, item: str, place: int) -> None:
    """Return if the list `name` of a site can show `item` at `place` now. `edits`: those of the site.

    Raises:
        NotFoundError: the newsroom has neither described nor named it.
        Problem: 409, it is taken down, blocked or not yet published, or the list is not so long.
    """
    settings, now = context.settings.lists[name], context.clock()
    if place > depth_of(settings):
        raise Problem(409, REFUSED, f"List {name} has {depth_of(settings)} places. Choose one of them.")
    if item in await context.store.items.removed_items(site.id):
        raise Problem(409, REFUSED, f"Item {item!r} is taken down. Describe it again first (PUT /v1/items/{{id}}).")
    if item in edits.in_force(now).blocked:
        raise Problem(409, REFUSED, f"Item {item!r} is blocked. Lift its block first.")
    (described,) = await context.store.items.get_items(site.id, [item])
    if described is None and not await _is_listable(context, site, settings, item):
        raise NotFoundError(f"Item {item!r} is not known in list {name}. Describe it first (PUT /v1/items).")
    if described is not None and (described.published_at or 0.0) > now:
        raise Problem(409, REFUSED, f"Item {item!r} is not yet published. Pin it once it is.")


async def _is_listable(context: Context, site: SiteSettings, settings: ListSettings, item: str) -> bool:
    """Whether a list may show an item that is not described."""
    if settings.shows != "known":
        return settings.shows == "all"
    now = context.clock()
    volumes = range(int((now - context.settings.retention.keep_s) // VOLUME_S), int(now // VOLUME_S) + 1)
    return await context.store.items.named(site.id, item, volumes)
