"""How much a test inflicts: enough to notice a fault in `make test`, enough to rule one out in `make soak`."""

import os
from typing import TypeVar

T = TypeVar("T")

LONG = bool(os.environ.get("POPULER_SOAK"))


def either(short: T, long: T) -> T:
    """`long` under `make soak` (POPULER_SOAK=1), else `short`."""
    return long if LONG else short
