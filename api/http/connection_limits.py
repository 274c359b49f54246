"""How many connections a worker takes, in all and from one address.

A worker without descriptors serves nobody, and the kernel's refusal is silent: the event loop accepts and closes. So a
worker stops short of its limit, keeps a reserve for the store and for files, and says what it refuses. One address may
have an eighth of what there is. A trusted proxy is not bounded: its connections are those of all readers.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Final

#: Descriptors for the store, files, and connections that are about to be refused.
RESERVE: Final = 128
MOST_PER_ADDRESS: Final = 1_000
SHARE_PER_ADDRESS: Final = 8
FEWEST: Final = 16


class ConnectionLimits:
    """Bounds for one worker with `descriptors` file descriptors.

    `sender` maps a peer's host to what is bounded as one, None for a proxy; `refused` is told "descriptors" or
    "address" with every connection that is refused, and "malformed" with each whose request cannot be read. `leaving`
    set: connections end with their next answer.
    """

    leaving = False

    def __init__(
        self,
        descriptors: int,
        sender: Callable[[str], Hashable | None],
        refused: Callable[[str], None],
    ) -> None:
        self.most = max(FEWEST, descriptors - RESERVE)
        self.per_sender = max(FEWEST, min(MOST_PER_ADDRESS, self.most // SHARE_PER_ADDRESS))
        self.open = 0
        self.without_descriptor = 0
        self._sender = sender
        self.refused = refused
        self._of_sender: Counter[Hashable] = Counter()

    def enter(self, host: str | None) -> tuple[bool, Hashable | None]:
        """Whether one more connection of a peer is taken, and the key to `leave` with."""
        if self.open >= self.most:
            self.without_descriptor += 1
            self.refused("descriptors")
            return False, None
        sender = None if host is None else self._sender(host)
        if sender is not None:
            if self._of_sender[sender] >= self.per_sender:
                self.refused("address")
                return False, None
            self._of_sender[sender] += 1
        self.open += 1
        return True, sender

    def leave(self, sender: Hashable | None) -> None:
        """A connection that was taken has ended."""
        self.open -= 1
        if sender is not None:
            self._of_sender[sender] -= 1
            if not self._of_sender[sender]:
                del self._of_sender[sender]
