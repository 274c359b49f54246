"""Items that by their own word are hidden or past their `expires_at`: gone from every list on the next read.

Rankings leave them out from the next refresh on, and published lists say when their items end. What a list shows until
it is refreshed is kept out by a block that begins and ends by itself.
"""

from collections.abc import Sequence

import msgspec

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
    """Take items that are withdrawn at `now` (epoch seconds), or soon, out of lists, and let those back that are not.

    Returns once every worker shows it.
    """
    about = [each for each in said if each.named & {"hidden", "expires_at"}]
    if not about:
        return
    edits = (await context.store.edits.read(site.id)).edits
    lasting_s = max(SHORTEST_S, REFRESHES * context.settings.refresh.every_s)
    changes: dict[Subject, Edit | None] = {}
    for each in about:
        subject = Subject("block", "", "", each.item.id)
        block = edits.get(subject)
        ours = isinstance(block, Block) and block.reason == REASON
        since = now if each.item.is_withdrawn(now) else each.item.expires_at
        if since is not None and since < now + lasting_s:
            if (block is None or ours) and _is_shown(context, site, each.item.id):
                changes[subject] = Block(REASON, since + lasting_s, now, since if since > now else msgspec.UNSET)
        elif ours:
            changes[subject] = None
    if changes:
        await context.store.edits.change(site.id, changes, caller.name)
        await context.published_lists.settle(site.id)


def _is_shown(context: Context, site: SiteSettings, item: str) -> bool:
    """Whether a list has shown an item lately."""
    lists = context.published_lists
    return any(lists.was_shown(site.id, name, item, None) for name in context.settings.lists)
