"""Named points of a worker at which it can be told to die, as `kill -9` would have it.

A point is armed by a file of its name in a folder. The first worker that passes takes the file away and dies, so a test
knows that it happened, and that it happened once. The product knows nothing of this: what stands before and behind each
point is wrapped here, in a child process of a service that was started by `armed_service_environment`.
"""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

COMMITTING = ("before the script", "after the script", "before the answer")
SPOOLING = ("before a batch is on disk", "between a row and its count", "after a batch is on disk")
REPLAYING = (
    "before a waiting batch is sent",
    "after a waiting batch is counted",
    "before waiting batches are forgotten",
    "between their count and their rows",
    "after waiting batches are forgotten",
)

_doing = threading.local()
_folder = ""


def environment(folder: Path) -> dict[str, str]:
    """What makes the workers of a service look into `folder`."""
    import ranking

    here, root = Path(__file__).parent, Path(ranking.__file__).parents[1]
    return {"FAIL_POINTS": str(folder), "PYTHONPATH": f"{here}{os.pathsep}{root}"}


def passes(name: str) -> None:
    """Die here if the point is armed."""
    try:
        os.unlink(f"{_folder}/{name}")  # noqa: PTH108 - every event of a worker passes here
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class _Between:
    """A store with a point before and behind every batch."""

    def __init__(self, store: Any, before: str, behind: str) -> None:
        self._store = store
        self._points = before, behind

    async def record(self, *arguments: Any, **named: Any) -> Any:
        passes(self._points[0])
        outcome = await self._store.record(*arguments, **named)
        passes(self._points[1])
        return outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def set_up(folder: str) -> None:
    """Put the points into this process."""
    from api.http import asgi
    from ranking.recording.overflow import Spooling
    from ranking.recording.recorder import Recorder
    from ranking.store.spool.lock_file import Ledger
    from ranking.store.spool.spool import Spool

    global _folder  # noqa: PLW0603 - one per process
    _folder = folder
    recorder, spooling, answer = Recorder.__init__, Spooling.__init__, asgi.answer
    append, remove, write = Spool.append, Spool.remove, Ledger.write

    def of_recorder(self: Recorder, store: Any, **named: Any) -> None:
        recorder(self, _Between(store, *COMMITTING[:2]), **named)

    def of_spooling(self: Spooling, own: Any, store: Any, **named: Any) -> None:
        spooling(self, own, _Between(store, *REPLAYING[:2]), **named)

    async def answered(send: Any, status: int, *rest: Any) -> None:
        if status == 202:
            passes(COMMITTING[2])
        await answer(send, status, *rest)

    def noted(self: Ledger, facts: Any) -> None:
        if getattr(_doing, "what", None) == "append":
            passes(SPOOLING[1])
        write(self, facts)
        if getattr(_doing, "what", None) == "remove":
            passes(REPLAYING[3])

    Recorder.__init__ = of_recorder  # type: ignore[method-assign]
    Spooling.__init__ = of_spooling  # type: ignore[method-assign]
    asgi.answer = answered
    Spool.append = _watched(append, "append", SPOOLING[0], SPOOLING[2])  # type: ignore[method-assign]
    Spool.remove = _watched(remove, "remove", REPLAYING[2], REPLAYING[4])  # type: ignore[method-assign]
    Ledger.write = noted  # type: ignore[method-assign]


def _watched(call: Callable[..., Any], what: str, before: str, behind: str) -> Callable[..., Any]:
    def watched(*arguments: Any, **named: Any) -> Any:
        passes(before)
        _doing.what = what
        try:
            outcome = call(*arguments, **named)
        finally:
            _doing.what = None
        passes(behind)
        return outcome

    return watched
