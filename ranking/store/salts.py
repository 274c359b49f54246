"""The part of a store that keeps the daily salts of visitors' hashes, and the secret of the marks."""

from collections.abc import Iterable
from typing import Protocol


class SaltStore(Protocol):
    """Salts by day. Raises what `Store` raises."""

    async def salt(self, day: int, fresh: bytes, lifetime_s: float) -> bytes:
        """The salt of a day (days since the epoch): `fresh` where it has none yet, gone `lifetime_s` from now."""
        ...

    async def secret(self, fresh: bytes) -> bytes:
        """The secret that marks are hashed under: `fresh` where it has none yet. It is kept for good."""
        ...

    async def forget_salts(self, days: Iterable[int]) -> int:
        """Delete the salts of some days; how many there were."""
        ...
