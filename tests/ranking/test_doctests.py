"""Every formula lives once, in a docstring, and its example holds."""

import doctest
import importlib

import pytest

PURE_RING = {
    "aging", "buckets", "columns", "catalogue", "cells", "dates", "decay", "errors", "events", "history", "hysteresis",
    "items", "leaderboard", "measures", "packed", "periods", "presets", "rules", "scoring", "sealed", "shapes",
    "snapshot", "times", "trending", "urls", "weighing",
}  # fmt: skip
WITH_EXAMPLES = {
    "aging", "buckets", "columns", "decay", "events", "hysteresis", "leaderboard", "measures", "packed", "periods",
    "presets", "sealed", "shapes", "store.keys", "times", "trending", "tune", "urls", "weighing",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(PURE_RING | WITH_EXAMPLES))
def test_the_examples_in_a_module_hold(name: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(f"ranking.{name}"))
    assert not failed
    assert attempted or name not in WITH_EXAMPLES
