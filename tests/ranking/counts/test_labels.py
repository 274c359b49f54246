"""What labels say of a filter is what the filter says of each description, whatever has changed before."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.counts.catalogue import Catalogue
from ranking.counts.history import History
from ranking.counts.labels import Labels
from ranking.intake.items import ItemDates
from ranking.intake.reader_filter import ReaderFilter, filter_from_key, reader_filter

WORDS = ("", "Pemilu", "  RUPIAH  kuat", "é", "e\u0301")
FILTERS = [
    ReaderFilter(tag="pemilu"),
    ReaderFilter(author="rupiah kuat"),
    ReaderFilter(section="é", tag="rupiah kuat"),
    ReaderFilter(language="en"),
    ReaderFilter(language="en-gb", premium=True),
    ReaderFilter(premium=False),
    ReaderFilter(type="pemilu", premium=False),
]


def _described(random: Random) -> ItemDates | None:
    if random.random() < 0.2:
        return None
    some = [word for word in random.choices(WORDS, k=3) if word]
    return ItemDates(
        section=random.choice(WORDS) or None,
        sections=tuple(some) if random.random() < 0.3 else (),
        tags=tuple(random.choices(WORDS[1:], k=random.randrange(4))),
        author=random.choice(WORDS) or None,
        language=random.choice([None, "id", "en", "en-gb"]),
        type=random.choice(WORDS) or None,
        premium=random.choice([None, True, False]),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_catalogue_takes_by_labels_what_filters_take_by_descriptions(seed: int) -> None:
    random, history, said = Random(seed), History(), dict[str, ItemDates | None]()
    catalogue, wanted = Catalogue(history), {each.item_filter for each in FILTERS}
    catalogue.labels = Labels()
    for _ in range(random.randrange(1, 6)):
        for _ in range(random.choice([3, 60, 700])):
            item = f"item {random.randrange(150)}"
            said[item] = _described(random)
            catalogue.set(item, said[item])
        history.item_rows([f"read {random.randrange(9)}"])
        catalogue.choose(wanted)
        taken = catalogue.taken(slice(0, len(history.items)))
        for each in wanted:
            expected = [each.takes(said.get(item)) for item in history.items]
            assert taken[each].tolist() == expected
    catalogue.choose([])
    assert catalogue.taken(slice(0, 1)) == {}


def test_key_of_a_filter_says_it_all() -> None:
    for each in FILTERS:
        assert filter_from_key(each.key) == each
    assert reader_filter("Politik", {"tag": ""}) is None
    odd = reader_filter("A&b=c", {"tag": "x\x00y=1&z", "premium": "NO"})
    assert odd is not None
    assert filter_from_key(odd.key) == odd
