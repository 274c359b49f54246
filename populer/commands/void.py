"""`populer void`: events of an item in a span of time weigh nothing, or a share, from the next refresh on."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from api.serving.date_labels import published_label
from populer.commands.options import moment, site_named, store_url
from populer.stores import opened_store
from ranking.errors import PopulerError
from ranking.published.edits import Void
from ranking.refreshing.voids import NumberedVoid, lift_void, make_void, voids_of
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.store.edits import COMMAND_LINE


class VoidOptions(NamedTuple):
    """What the command was given. `undo`: the number of a void to lift."""

    item: str
    since: str | None
    until: str | None
    kinds: Sequence[str]
    sources: Sequence[str]
    share: float
    undo: int | None


def run(settings: Settings, site: str | None, options: VoidOptions, *, as_json: bool) -> None:
    """Make, lift or list voids of an item, and print what there is.

    Raises:
        PopulerError: an option cannot be used, or the store does not answer.
    """
    if options.undo is not None and (options.since or options.until):
        raise PopulerError("--undo lifts a void that is there: leave out --from and --to")
    if options.until and not options.since:
        raise PopulerError("--from: is missing; say from when on the events are void")
    chosen, now = site_named(settings, site), time.time()
    since = moment(options.since, chosen, now, "--from") if options.since else None
    until = moment(options.until, chosen, now, "--to") if options.until else None
    void = None
    if since is not None:
        void = Void(since, until, tuple(options.kinds), tuple(options.sources), options.share, now)
    made, there = asyncio.run(changed(settings, store_url(settings), chosen, options, void, now))
    if as_json:
        document = {"item": options.item, "voids": [_wire(each) for each in there]}
        print(json.dumps(document if made is None else {"void": made.number, **document}, ensure_ascii=False))  # noqa: T201
        return
    if made is not None:
        print(f"void {made.number} of {options.item} is in every list from the next refresh on")  # noqa: T201
    if options.undo is not None:
        print(f"void {options.undo} of {options.item} is lifted from the next refresh on")  # noqa: T201
    for each in there:
        print(_line(each, chosen))  # noqa: T201
    if not there:
        print(f"{options.item} has no voids")  # noqa: T201


async def changed(
    settings: Settings, url: str, site: SiteSettings, options: VoidOptions, void: Void | None, now: float
) -> tuple[NumberedVoid | None, list[NumberedVoid]]:
    """Make `void`, or lift what the options name; the void made, and all of the item then."""
    async with opened_store(settings, url) as store:
        made = None
        if options.undo is not None:
            await lift_void(store.edits, site.id, options.item, options.undo, by=COMMAND_LINE)
        elif void is not None:
            made = await make_void(
                store.edits, site.id, options.item, void, by=COMMAND_LINE, now=now, retention=settings.retention
            )
        return made, voids_of(await store.edits.read(site.id), options.item)


def _wire(each: NumberedVoid) -> dict[str, Any]:
    return {"void": each.number, **msgspec.to_builtins(each.void)}


def _line(each: NumberedVoid, site: SiteSettings) -> str:
    void = each.void
    until = "no end" if void.until is None else published_label(void.until, site)
    about = [*(f"kind {kind}" for kind in void.kinds), *(f"source {source}" for source in void.sources)]
    only = f", only {', '.join(about)}" if about else ""
    weighs = f"weigh {void.share:g} of it" if void.share else "weigh nothing"
    return f"  {each.number}: from {published_label(void.since, site)} to {until}{only}: {weighs}"
