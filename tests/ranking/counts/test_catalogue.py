"""The catalogue keeps its columns beside the history's rows, however many there are and whoever gave them out."""

import numpy as np
import pytest
from views import history_of

from ranking.counts.buckets import Bucket
from ranking.counts.catalogue import FIRST_CAPACITY, NO_SECTION, Catalogue
from ranking.counts.history import History
from ranking.intake.items import ItemDates

PUBLISHED, SEEN = 1_700_000_000.0, 1_700_000_500.0


def published(catalogue: Catalogue, history: History) -> dict[str, float]:
    return dict(zip(history.items, catalogue.published(history.first_event()).tolist(), strict=True))


def test_catalogue_has_the_publish_time_when_it_is_known() -> None:
    history = history_of({Bucket(300, 900): {"view|a": 1}})
    catalogue = Catalogue(history)
    catalogue.set("a", ItemDates(published_at=PUBLISHED, first_seen=SEEN))
    assert published(catalogue, history) == {"a": PUBLISHED}


@pytest.mark.parametrize(("first_event", "first_put"), [(900, 1000), (1200, 1000)])
def test_catalogue_has_the_first_trace_when_the_publish_time_is_unknown(first_event: int, first_put: float) -> None:
    history = history_of({Bucket(300, first_event): {"view|a": 1}})
    catalogue = Catalogue(history)
    assert published(catalogue, history) == {"a": first_event}
    catalogue.set("a", ItemDates(first_seen=first_put))
    assert published(catalogue, history) == {"a": min(first_event, first_put)}


def test_catalogue_dates_an_unread_item_by_when_it_was_put() -> None:
    history = History()
    catalogue = Catalogue(history)
    catalogue.set("a", ItemDates(first_seen=SEEN))
    assert published(catalogue, history) == {"a": SEEN}


def test_catalogue_dates_a_removed_item_by_its_events() -> None:
    history = history_of({Bucket(300, 900): {"view|a": 1}})
    catalogue = Catalogue(history)
    for item in ("a", "b"):
        catalogue.set(item, ItemDates("Politik", PUBLISHED, SEEN))
        catalogue.set(item, None)
    assert published(catalogue, history) == {"a": 900, "b": np.inf}
    assert catalogue.section.tolist() == [NO_SECTION, NO_SECTION]
    assert catalogue.stored.tolist() == [False, False]


def test_catalogue_knows_which_items_are_stored_and_filed() -> None:
    history = history_of({Bucket(300, 900): {"view|read": 1}})
    catalogue = Catalogue(history)
    catalogue.set("filed", ItemDates("Politik"))
    catalogue.set("unfiled", ItemDates())
    assert history.items == ["read", "filed", "unfiled"]
    assert catalogue.stored.tolist() == [False, True, True]
    assert catalogue.section.tolist() == [NO_SECTION, 0, NO_SECTION]


def test_catalogue_numbers_a_section_once_and_an_item_may_move() -> None:
    history = History()
    catalogue = Catalogue(history)
    for item, section in [("a", "Politik"), ("b", "Olahraga"), ("c", "Politik"), ("a", "Olahraga")]:
        catalogue.set(item, ItemDates(section))
    assert catalogue.sections == ["Politik", "Olahraga"]
    assert catalogue.section.tolist() == [1, 1, 0]
    assert [catalogue.section_number(name) for name in ("Politik", "Olahraga", "Kuliner")] == [0, 1, None]


@pytest.mark.parametrize("rows", [FIRST_CAPACITY, FIRST_CAPACITY + 1, 5 * FIRST_CAPACITY])
def test_catalogue_reaches_as_far_as_the_history(rows: int) -> None:
    history = History()
    catalogue = Catalogue(history)
    catalogue.set("first", ItemDates("Politik", PUBLISHED, SEEN))
    for number in range(1, rows - 1):
        history.item_row(f"item-{number}")
    catalogue.set("last", ItemDates("Politik", PUBLISHED, SEEN))
    assert len(catalogue.section) == len(catalogue.stored) == len(published(catalogue, history)) == rows
    for item in ("first", "last"):
        row = history.known_row(item)
        assert (catalogue.section[row], catalogue.stored[row], published(catalogue, history)[item]) == (
            0, True, PUBLISHED,
        )  # fmt: skip
    assert catalogue.stored.sum() == 2


def test_catalogue_reaches_as_far_as_a_history_that_grew_by_events() -> None:
    history = History()
    catalogue = Catalogue(history)
    for number in range(FIRST_CAPACITY + 1):
        history.item_row(f"item-{number}")
    assert len(catalogue.section) == FIRST_CAPACITY + 1
