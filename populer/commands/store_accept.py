"""`populer store accept`: take a store that came back without what it held as it is; lists are made of it again."""

import asyncio
from datetime import UTC, datetime

from populer.commands.options import store_url
from populer.stores import opened_store
from ranking.settings.service import Settings
from ranking.store.edits import COMMAND_LINE
from ranking.store.server import Life

#: Names in the trail what was done.
ACTION = "accept_store"


def run(settings: Settings) -> None:
    """Accept the store, and print what that means.

    Raises:
        PopulerError: the store does not answer.
    """
    before = asyncio.run(accepted(settings, store_url(settings)))
    if before.held_since is None:
        print("The store holds what the service knows. There is nothing to accept.")  # noqa: T201
        return
    since = datetime.fromtimestamp(before.held_since, UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(  # noqa: T201
        f"The store that came back without what it held, at {since}, is accepted as it is. Every list is made of it"
        " from the next refresh on. Send items again that are missing, with PUT /v1/items or `populer items import`."
    )


async def accepted(settings: Settings, url: str) -> Life:
    """Accept the store at `url`, with a line in the trail of every site; the life that it had."""
    async with opened_store(settings, url) as store:
        before = await store.server.accept()
        if before.held_since is not None:
            await store.edits.note([site.id for site in settings.sites], COMMAND_LINE, ACTION)
    return before
