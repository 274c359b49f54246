"""What is known of the servers behind a store, and the lease that one of many processes holds."""

from typing import NamedTuple


class Lease(NamedTuple):
    """The lease on the scheduled work: the epoch of the term, or 0 where another process holds it for `left_s` more."""

    epoch: int
    left_s: float


class ServerInfo(NamedTuple):
    """What the operator is told about a server. Memory in bytes, `time` its clock in epoch seconds.

    `memory_limit` 0: none; `evicted`: keys that it dropped for want of memory; `persistent`: it keeps an append-only
    file; `writes`: the last write to that succeeded.
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


class LogState(NamedTuple):
    """How the server's append-only log stands, over all primaries.

    `servers` names them and their starts; `kept`: there is a log; `rewriting`: one is being rewritten now or is about
    to be; `failed`: the last rewrite of one did not succeed.
    """

    servers: str
    kept: bool
    rewriting: bool
    failed: bool
