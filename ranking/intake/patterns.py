"""Patterns that an operator writes and a stranger's address is searched with."""

import re
from functools import lru_cache
from typing import Final, Protocol

import re2  # type: ignore[import-untyped]

#: Memory of a pattern and of what it remembers of a search.
PATTERN_BYTES: Final = 1024**2


class Found(Protocol):
    """What a search has found: group 0 is the whole."""

    def __getitem__(self, group: int, /) -> str | None:
        """Text of a group; None where it took no part."""
        ...


class AddressPattern(Protocol):
    """A pattern with one group."""

    @property
    def pattern(self) -> str:
        """As it was written."""
        ...

    @property
    def groups(self) -> int:
        """How many groups it has."""
        ...

    def __hash__(self) -> int: ...

    def search(self, text: str, /) -> Found | None:
        """What it finds first in `text`."""
        ...


@lru_cache(maxsize=256)
def url_pattern(text: str) -> AddressPattern:
    """`text` as a pattern for addresses, with any number of groups; else as `item_pattern`."""
    return _compiled(text)


def item_pattern(text: str) -> AddressPattern:
    """`text` as a pattern for `item_of`, in RE2's syntax: its time is linear in the address, whatever the pattern.

    Rejected: Python's `re`, which an address made for the pattern keeps busy for ever.

    Raises:
        ValueError: it is no regular expression, or has not exactly one group.
    """
    pattern = _compiled(text)
    if pattern.groups != 1:
        raise ValueError(f"must have one group, which finds the item's id, not {pattern.groups}; (?:…) is no group")
    return pattern


def _compiled(text: str) -> AddressPattern:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_BYTES
    try:
        re.compile(text)  # a repetition that is too long is text to RE2, and means something else here
        pattern: AddressPattern = re2.compile(text, options)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"must be a regular expression ({error})") from None
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(
            f"must be a regular expression as RE2 takes it, without look-around and back-references ({reason[:200]})"
        ) from None
    return pattern
