"""What `populer doctor` finds."""

from enum import Enum
from typing import NamedTuple


class State(Enum):
    """What a finding asks for: nothing, attention, action."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


class Finding(NamedTuple):
    """What was looked at, how it is, and what to do where it is not good."""

    name: str
    state: State
    found: str
    advice: str = ""


def checked(name: str, found: str, *, is_wrong: bool, advice: str, state: State = State.WARNING) -> Finding:
    """A finding that is good, or of `state` and with `advice` where it `is_wrong`."""
    return Finding(name, state, found, advice) if is_wrong else Finding(name, State.GOOD, found)
