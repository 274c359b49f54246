"""The real service of tests/populer is what the faults are done to."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "populer"))
sys.path.append(str(Path(__file__).parent / "fail_points"))


@pytest.fixture
def collected() -> Iterator[None]:
    """Leaves nothing for the garbage collector to find during a later test."""
    yield
    gc.collect()
