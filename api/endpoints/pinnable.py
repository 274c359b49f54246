"""Whether an item may have a place in a list by an editor's word: a pin that cannot be shown is refused."""

from collections.abc import Sequence
from typing import Final

from api.context import Context
from api.http.problems import Problem
from ranking.counts.sealed import VOLUME_S
from ranking.lists.shortlist import depth_of
from ranking.published.edits import Edits
from ranking.settings.lists import ListSettings
from ranking.settings.sites import SiteSettings

#: Each reason with the sentence that says it and the one thing to do.
SENTENCES: Final = {
    "unknown": "Item {item!r} is not known in list {name}. Describe it first (PUT /v1/items).",
    "removed": "Item {item!r} is taken down. Describe it again first (PUT /v1/items/{{id}}).",
    "blocked": "Item {item!r} is blocked. Lift its block first.",
    "scheduled": "Item {item!r} is not yet published. Pin it once it is.",
}


async def check_pinnable(context: Context, site: SiteSettings, edits: Edits, name: str, item: str, place: int) -> None:
    """Return if the list `name` of a site can show `item` at `place` now. `edits`: those of the site.

    Raises:
        Problem: 404, the newsroom has neither described nor named it; 409, it is taken down, blocked or not yet
            published, or the list is not so long. `reason` names which.
    """
    depth = depth_of(context.settings.lists[name])
    if place > depth:
        detail = f"List {name} has {depth} places. Choose one of them."
        raise Problem(409, "cannot be pinned", detail, reason="depth", depth=depth)
    reason = (await pin_refusals(context, site, edits, name, [item]))[item]
    if reason is not None:
        status, title = (404, "not found") if reason == "unknown" else (409, "cannot be pinned")
        raise Problem(status, title, SENTENCES[reason].format(item=item, name=name), reason=reason)


async def pin_refusals(
    context: Context, site: SiteSettings, edits: Edits, name: str, items: Sequence[str]
) -> dict[str, str | None]:
    """Why each item cannot have a place in the list `name` now, as a key of `SENTENCES`; None: it can."""
    settings, now = context.settings.lists[name], context.clock()
    removed, blocked = await context.store.items.removed_items(site.id), edits.in_force(now).blocked
    refusals: dict[str, str | None] = {}
    for item, described in zip(items, await context.store.items.get_items(site.id, list(items)), strict=True):
        refusals[item] = None
        if item in removed:
            refusals[item] = "removed"
        elif item in blocked:
            refusals[item] = "blocked"
        elif described is None and not await _is_listable(context, site, settings, item):
            refusals[item] = "unknown"
        elif described is not None and (described.published_at or 0.0) > now:
            refusals[item] = "scheduled"
    return refusals


async def _is_listable(context: Context, site: SiteSettings, settings: ListSettings, item: str) -> bool:
    """Whether a list may show an item that is not described."""
    if settings.shows != "known":
        return settings.shows == "all"
    now = context.clock()
    volumes = range(int((now - context.settings.retention.keep_s) // VOLUME_S), int(now // VOLUME_S) + 1)
    return await context.store.items.named(site.id, item, volumes)
