"""`populer delete item|site`: everything that the store has of one, with a report of what went.

A deleted item stays taken down, so that a catalogue which has it still does not bring it back; what it was is in no
line of the trail that this writes. A site is cleared away at once, whether the settings name it or not.
"""

import asyncio
import sys
import time

from populer.commands.options import site_named, store_url
from populer.service import site_keys
from populer.stores import opened_store
from ranking.errors import PopulerError
from ranking.published.edits import Edit, Subject
from ranking.refreshing.erased_items import erase_counts
from ranking.settings.service import Settings
from ranking.store.edits import COMMAND_LINE
from ranking.store.redis.archive import Desk
from ranking.store.redis.store import RedisStore

ACTION = "delete_site"
#: In place of what an item was.
UNSAID = b"null"


def run_item(settings: Settings, site: str | None, item: str, *, yes: bool) -> None:
    """Delete an item and print what went.

    Raises:
        PopulerError: nobody agreed, or the store does not answer.
    """
    chosen = site_named(settings, site).id
    _agree(f"Delete item {item} of site {chosen}, with its counts and edits?", yes=yes)
    print(asyncio.run(item_deleted(settings, store_url(settings), chosen, item, time.time())))  # noqa: T201


def run_site(settings: Settings, site: str, *, yes: bool) -> None:
    """Delete a site and print what went.

    Raises:
        PopulerError: nobody agreed, or the store does not answer.
    """
    configured = any(each.id == site for each in settings.sites)
    _agree(f"Delete all that the store has of site {site}?", yes=yes)
    print(asyncio.run(site_deleted(settings, store_url(settings), site, time.time(), followed=configured)))  # noqa: T201
    kept = site_keys.read(settings.service.data_dir)
    if configured:
        print("The settings name the site: it goes on, empty.")  # noqa: T201
    elif kept.pop(site, None) is not None:
        site_keys.write(settings.service.data_dir, kept)
        print("Its keys in the data directory are gone, too.")  # noqa: T201


def _agree(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise PopulerError("nothing was deleted: confirm with --yes")
    print(f"{question} This cannot be undone. [y/N] ", end="", flush=True)  # noqa: T201
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise PopulerError("nothing was deleted")


async def item_deleted(settings: Settings, url: str, site: str, item: str, now: float) -> str:
    """Delete an item at `now` (epoch seconds); what went, in words."""
    async with opened_store(settings, url) as store:
        (described,) = await store.items.get_items(site, [item])
        aliases = [name for name, into in (await store.edits.aliases(site)).items() if into == item]
        former = [name for name, of in (await store.edits.former_addresses(site)).items.items() if of == item]
        await store.edits.take_down(site, item, now, COMMAND_LINE, UNSAID)
        await store.items.forget_items(site, [item])
        edits = await _edits_lifted(store, site, item)
        erased = await erase_counts(store, settings.retention, site, {item, *aliases, *former}, now)
        if aliases:
            await store.edits.change_aliases(site, dict.fromkeys(aliases), item, COMMAND_LINE)
        if former:
            await store.edits.forget_addresses(site, former)
    return (
        f"item {item} of site {site}: {'a description' if described else 'no description'}, {erased.events:,} events in"
        f" {erased.counts:,} counts, {edits} edits, {len(aliases) + len(former)} other names. It stays taken down."
    )


async def _edits_lifted(store: RedisStore, site: str, item: str) -> int:
    """Lift what editors said of an item; how much that was."""
    edits = await store.edits.read(site)
    changes: dict[Subject, Edit | None] = {subject: None for subject in edits.edits if subject.item == item}
    if changes:
        await store.edits.change(site, changes, COMMAND_LINE)
    return len(changes)


async def site_deleted(settings: Settings, url: str, site: str, now: float, *, followed: bool) -> str:
    """Delete a site at `now` (epoch seconds); what went, in words."""
    async with opened_store(settings, url) as store:
        trail = (await store.archive.desk(site, [])).trail
        gone = await store.sites.clear(site, settings.lists, now, settings.retention.keep_s, followed=followed)
        if followed:  # as an edition of its own, which workers show
            await store.archive.put_desk(site, Desk([[], [], [], []], trail, [], {}, [[], []], None), ACTION)
        else:
            await store.edits.note([site], COMMAND_LINE, ACTION)
    return (
        f"site {site}: {gone.items:,} items, counts of {gone.buckets:,} buckets, {gone.edits:,} edits,"
        f" {gone.lists} published lists, {gone.keys:,} keys of the store. The trail stays for a year."
    )
