"""An item is known once it is described, or as long as an event that named it with the site's key may be kept."""

from ranking.counts.catalogue import Catalogue
from ranking.counts.history import History
from ranking.intake.items import ItemDates


def known(catalogue: Catalogue, history: History) -> dict[str, bool]:
    return dict(zip(history.items, catalogue.known.tolist(), strict=True))


def test_catalogue_knows_what_is_described_or_named() -> None:
    history = History()
    catalogue = Catalogue(history, all_known=False)
    catalogue.set("described", ItemDates())
    catalogue.set_named(["named"], until=2_000.0)
    catalogue.set_named([], until=2_000.0)
    history.item_row("read")
    assert known(catalogue, history) == {"described": True, "named": True, "read": False}
    assert catalogue.changed().tolist() == [0, 1]
    catalogue.set("described", None)
    assert not known(catalogue, history)["described"]


def test_catalogue_forgets_the_named_when_their_events_are_kept_no_more() -> None:
    history = History()
    catalogue = Catalogue(history, all_known=False)
    catalogue.set_named(["a", "b"], until=2_000.0)
    catalogue.set_named(["b"], until=3_000.0)
    catalogue.set_named(["b"], until=1_000.0)
    for moment, expected in ((1_999.0, [True, True]), (2_000.0, [False, True]), (3_000.0, [False, False])):
        catalogue.forget_before(moment)
        assert catalogue.known.tolist() == expected


def test_catalogue_of_a_log_knows_every_item() -> None:
    history = History()
    catalogue = Catalogue(history)
    history.item_row("read")
    assert catalogue.known.tolist() == [True]
