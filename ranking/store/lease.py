"""The part of a store that keeps the lease on the scheduled work, which one of many processes holds."""

from typing import NamedTuple, Protocol


class Lease(NamedTuple):
    """The lease on the scheduled work: the epoch of the term, or 0 where another process holds it for `left_s` more."""

    epoch: int
    left_s: float


class LeaseStore(Protocol):
    """The lease. Raises what `Store` raises."""

    async def hold_lease(self, holder: str, lease_s: float, above: int | None) -> Lease:
        """Take or renew the lease on the scheduled work for `lease_s` from now.

        `above` None goes on with the term that runs; otherwise a new one begins, whose epoch is above that number.
        """
        ...

    async def end_lease(self, holder: str) -> None:
        """Let go of the lease, if `holder` has it."""
        ...
