"""The part of a store that knows the servers behind it."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class ServerInfo(NamedTuple):
    """One server as an operator sees it. Memory in bytes, `time` its clock in epoch seconds.

    `memory_limit` 0: none; `evicted`: keys that it dropped for want of memory; `persistent`: it keeps an append-only
    file; `writes`: the last write to that succeeded; `clients`: connections to it.
    """

    address: str
    version: str
    policy: str
    memory: int
    memory_limit: int
    evicted: int
    persistent: bool
    writes: bool
    time: float
    clients: int = 0


class LogState(NamedTuple):
    """How the server's append-only log stands, over all primaries.

    `servers` names them and their starts; `kept`: there is a log; `rewriting`: one is being rewritten now or is about
    to be; `failed`: the last rewrite of one did not succeed.
    """

    servers: str
    kept: bool
    rewriting: bool
    failed: bool


class Life(NamedTuple):
    """The name of a store's content. Another name means that the content was lost and began anew.

    `held_since`: when it came back so under a service that knew it otherwise, in epoch seconds of the server's clock;
    None where it did not, or where an operator has accepted it.
    """

    name: str
    held_since: float | None = None


class ServerState(Protocol):
    """The server or servers behind a store. Raises what `Store` raises."""

    async def life(self) -> Life:
        """The store's life as it is now. One that this process has not known is held from now on."""
        ...

    async def accept(self) -> Life:
        """Accept what is held as it is, under another name. The life as it was before."""
        ...

    async def hold_emptied(self, site: str, shards: Iterable[int]) -> bool:
        """Hold the store if one of a site's `shards` has lost the mark that was left there: its server was emptied.

        A server that went back has an earlier mark, unless it went back to before the first one.
        """
        ...

    async def time(self) -> float:
        """What the store's clock says, in epoch seconds."""
        ...

    async def ping(self) -> None:
        """Return if the store answers."""
        ...

    async def server_info(self) -> list[ServerInfo]:
        """One ServerInfo per node that answers."""
        ...

    async def secured(self, site: str, items: Iterable[str] = ()) -> str:
        """How safe all is that was written before of a site's edits, and of `items`: commit, replica or disk.

        It waits for what the store was told to promise, and no longer than a batch does.
        """
        ...

    async def log_state(self) -> LogState:
        """Whether what was deleted may still be read in the server's log."""
        ...

    async def rewrite_log(self) -> None:
        """Have every primary begin to rewrite its log, which leaves out what was deleted before."""
        ...
