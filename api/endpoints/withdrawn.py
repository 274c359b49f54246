"""Items that by their own word are hidden or past their `expires_at`: gone from every list on the next read.

Rankings leave them out from the next refresh on. What a list shows until then is kept out by a block that ends by
itself.
"""

from collections.abc import Sequence

from api.context import Context
from api.http.auth import Caller
from ranking.intake.items import Description
from ranking.published.edits import Block, Edit, Subject
from ranking.settings.sites import SiteSettings

REASON = "hidden, or its expires_at is over"
SHORTEST_S = 60.0
REFRESHES = 3


async def withdraw(
    context: Context, site: SiteSettings, caller: Caller, said: Sequence[Description], now: float
) -> None:
    """Take items that are withdrawn at `now` (epoch seconds) out of what is shown, and let those back that are no more.

    Returns once every worker shows it.
    """
    about = [each for each in said if each.named & {"hidden", "expires_at"}]
    if not about:
        return
    edits = (await context.store.edits.read(site.id)).edits
    until = now + max(SHORTEST_S, REFRESHES * context.settings.refresh.every_s)
    changes: dict[Subject, Edit | None] = {}
    for each in about:
        subject = Subject("block", "", "", each.item.id)
        block = edits.get(subject)
        if each.item.is_withdrawn(now):
            if block is None and _is_shown(context, site, each.item.id):
                changes[subject] = Block(REASON, until, now)
        elif isinstance(block, Block) and block.reason == REASON:
            changes[subject] = None
    if changes:
        await context.store.edits.change(site.id, changes, caller.name)
        await context.published_lists.settle(site.id)


def _is_shown(context: Context, site: SiteSettings, item: str) -> bool:
    """Whether a list has shown an item lately."""
    lists = context.published_lists
    return any(lists.was_shown(site.id, name, item, None) for name in context.settings.lists)
