"""Every error the core raises: one root, few leaves.

The message is a full sentence for the person who has to act on it. The HTTP status of each lives in
`api/http/problems.py`, the exit code in `populer/cli/`; nothing here knows of either.
"""

import difflib
from collections.abc import Iterable

#: Names that a misspelt one is compared with: anyone may ask, and each takes some 10 µs.
MOST_COMPARED = 200
MOST_NAMED = 20


class PopulerError(Exception):
    """Root of all errors that carry a sentence for a user."""


class SettingsError(PopulerError):
    """A setting is missing, misspelt or has a value that cannot be used."""


class InvalidEventError(PopulerError):
    """An event that cannot be counted; the message names the field."""


class KeyReusedError(PopulerError):
    """An idempotency key came again with another body; nothing of this one was counted."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key came with another body before; send each batch under a key of its own")


class OtherWriterError(PopulerError):
    """Another process has counted in this writer's name, or the store has gone back; nothing was counted."""


class ForeignHostError(InvalidEventError):
    """An address of a host that is none of the site's."""


class InvalidItemError(PopulerError):
    """An item that cannot be stored; the message names the field."""


class InvalidQuestionError(PopulerError):
    """A question about a list that cannot be answered as it was put; the message names the field."""


class InvalidEditError(PopulerError):
    """A pin, block, boost or void that cannot be made; the message names the field."""


class TooManyEditsError(PopulerError):
    """A site has as many edits as it may have; the message says what to lift."""


class ChangedSinceError(PopulerError):
    """It is not as it was any more; the message says what to do first."""


class InvalidCursorError(PopulerError):
    """A cursor that no answer has given, or that was given for another list."""


class GoneError(PopulerError):
    """It was here once; the message says what to ask for instead."""


class NotFoundError(PopulerError):
    """A site, list, section or item that does not exist here."""


def unknown_section(name: str, known: Iterable[str]) -> NotFoundError:
    """No item has ever been in a section of this name; what to ask for instead of those that are `known`."""
    return NotFoundError(f"no item is in a section called {name!r}; {_instead_of_section(name, known)}")


def unlisted_section(name: str, known: Iterable[str]) -> NotFoundError:
    """No list that was published has a section of this name; what to ask for instead, of those that have."""
    return NotFoundError(f"no list has a section called {name!r}; {_instead_of_section(name, known)}")


def _instead_of_section(name: str, known: Iterable[str]) -> str:
    there = sorted(known)
    near = [each for each in there if each.lower() == name.lower()]
    if not near and len(there) <= MOST_COMPARED:
        near = difflib.get_close_matches(name, there, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    if there:
        more = " …" if len(there) > MOST_NAMED else ""
        return f"there are {', '.join(there[:MOST_NAMED])}{more}"
    return "no item has a section: say it as `section` where items are described (PUT /v1/items)"


class NotReadyError(PopulerError):
    """It will be there in a moment: nothing was published yet."""


class NotEnoughError(PopulerError):
    """Too little is known to say anything; the message says how much it takes."""


class StoreUnavailableError(PopulerError):
    """The store did not answer, or answered that it cannot work now. Trying again may help."""


class StoreMovingError(StoreUnavailableError):
    """Keys of the call lie on two nodes of a cluster, as a slot goes key by key from one to the other."""

    def __init__(self) -> None:
        super().__init__(
            "A slot of the cluster is on its way to another node, key by key. It is tried again until the slot has"
            " arrived; if that does not end, see redis-cli --cluster check"
        )


class StoreRefusedError(PopulerError):
    """The store answered and will not do it until someone changes something (memory, policy, layout)."""


class StoreDeniedError(StoreRefusedError):
    """The store takes nothing from us for now: password, rights, disk or memory. Events wait as if it were away."""


class StoreHeldError(PopulerError):
    """The store has lost what lists were made of. They stay as they are until an operator accepts it."""

    def __init__(self) -> None:
        super().__init__(
            "The store came back without what it held. The lists stay as they were. Restore a backup, or accept it as"
            " it is: populer store accept"
        )


class ClocksDifferError(PopulerError):
    """This process's clock is `ahead_s` seconds ahead of the store's (or behind, below 0), and one of them is wrong."""

    def __init__(self, ahead_s: float) -> None:
        where = "ahead of" if ahead_s > 0 else "behind"
        super().__init__(
            f"This process's clock is {abs(ahead_s):,.0f} s {where} the store's, so nothing was done. Set both clocks"
            " right, by NTP"
        )


class MissingRightsError(StoreRefusedError):
    """The store's user may not do all that the service does; the message names the rights to be given."""


class OvertakenError(PopulerError):
    """Another process has taken over the scheduled work, in the term `epoch`, and published already."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"another process has taken over the scheduled work (epoch {epoch})")
        self.epoch = epoch


class DataDirLockedError(PopulerError):
    """Another Populer service holds the data directory."""
