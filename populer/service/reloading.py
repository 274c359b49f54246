"""The files that a running service goes by: its settings and its keys. Read anew when they change, or when asked to."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from populer.service.file_watch import NO_FILE, POLL_S, FileContent, Watch, look
from populer.service.live_settings import LiveSettings

log = structlog.get_logger("populer")


async def settings_loop(
    file: Path, known: FileContent, reload: asyncio.Event, in_effect: LiveSettings, tell: Callable[[], None]
) -> None:
    """Take over what the settings' file says, whenever it says something else, and `tell` of it; until cancelled.

    `known` is what it held at the start. `reload` set: it is read as it is now, also where it says the same. A service
    without a file goes on without one.
    """
    watch = Watch(known)
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reload.wait(), POLL_S)
        there = await asyncio.to_thread(look, file)
        if reload.is_set():
            reload.clear()
            watch, found = Watch(there), None if known == there == NO_FILE else there
        else:
            found = watch.seen(there, time.monotonic())
        if found is None:
            continue
        try:
            await asyncio.to_thread(in_effect.take, found, time.time())
            tell()
        except Exception:  # the next change must be seen all the same
            log.exception("The processes could not be told of the settings. Change the file once more.")


async def keys_loop(file: Path, in_effect: LiveSettings, tell: Callable[[], None]) -> None:
    """Take over the keys that are in the file, whenever it changes, and `tell` of them; until cancelled."""
    watch = Watch(NO_FILE)
    while True:
        await asyncio.sleep(POLL_S)
        if watch.seen(await asyncio.to_thread(look, file), time.monotonic()) is None:
            continue
        try:
            if await asyncio.to_thread(in_effect.take_keys):
                tell()
        except Exception:  # the next change must be seen all the same
            log.exception("The processes could not be told of the keys. Change the file once more.")
