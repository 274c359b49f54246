"""Items that events with a site's key have named ride along with their batch, once an hour and volume of a process."""

import math

from ranking.counts.sealed import VOLUME_S
from ranking.intake.events import Event
from ranking.recording.batches import OpenBatch, SeenVisits, Terms
from ranking.store.counts import Batch, Committed
from ranking.times import HOUR_S

TERMS = Terms(300, math.inf, 1.0, 10)


def batch(seen: SeenVisits, *items: str, at: float = 0.0, ts: float = 0.0, vouched: bool = True) -> Batch:
    """A batch opened at `at` of the loop's clock, of views at `ts`, once it is counted."""
    opened = OpenBatch(at, TERMS, seen)
    for item in items:
        opened.add(Event(item, "view", ts), 0, vouched=vouched)
    numbered = opened.numbered("s", 0, "w", 1)
    opened.settle(Committed())
    return numbered


def test_batch_names_items_of_a_key_once() -> None:
    seen = SeenVisits()
    assert batch(seen, "publik", vouched=False).named == {}
    assert batch(seen, "a", "a", "b", ts=VOLUME_S).named == {"a": 1, "b": 1}
    assert batch(seen, "a", "c", ts=VOLUME_S).named == {"c": 1}


def test_batch_names_an_item_again_in_a_later_volume_and_not_in_an_earlier_one() -> None:
    seen = SeenVisits()
    batch(seen, "a", ts=5 * VOLUME_S)
    assert batch(seen, "a", ts=4 * VOLUME_S).named == {}
    assert batch(seen, "a", ts=6 * VOLUME_S).named == {"a": 6}


def test_batch_names_an_item_again_after_an_hour_as_the_store_may_have_been_lost() -> None:
    seen = SeenVisits()
    batch(seen, "a", ts=VOLUME_S)
    assert batch(seen, "a", ts=VOLUME_S, at=HOUR_S).named == {}
    assert batch(seen, "a", ts=VOLUME_S, at=HOUR_S + 1).named == {"a": 1}


def test_batch_that_went_to_disk_names_its_items_again() -> None:
    seen = SeenVisits()
    opened = OpenBatch(0.0, TERMS, seen)
    opened.add(Event("a", "view", VOLUME_S), 0, vouched=True)
    opened.settle(None)
    assert batch(seen, "a", ts=VOLUME_S).named == {"a": 1}
