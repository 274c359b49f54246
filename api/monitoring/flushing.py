"""Flushing: what a worker has counted, stored every few seconds; what is not taken stays for the next time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from ranking.errors import PopulerError

FLUSH_EVERY_S: Final = 5.0

Span = tuple[str, int]
"""A site, and the number of a span of time."""


async def store_spans(unsaved: set[Span], store: Callable[[str, int], Awaitable[None]]) -> None:
    """Store every span of `unsaved` and take it out; one that changes meanwhile comes back by itself.

    Raises:
        PopulerError: the store does not take one; it and those after it stay.
    """
    for span in sorted(unsaved):
        unsaved.discard(span)
        try:
            await store(*span)
        except PopulerError:
            unsaved.add(span)
            raise


async def flush_loop(flush: Callable[[], Awaitable[None]]) -> None:
    """Flush every few seconds, until cancelled."""
    while True:
        await asyncio.sleep(FLUSH_EVERY_S)
        with contextlib.suppress(PopulerError):
            await flush()
