"""Which items a list takes: what it allows, and what it denies, of what descriptions say.

Names are compared in canonical Unicode without regard to case and surplus blanks; a language takes its own forms, so
that `en` is `en-GB`, too. Rejected: filters on what is listed, after the limit, which make lists short.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ranking.intake.items import ItemDates
from ranking.intake.patterns import url_pattern
from ranking.intake.text import folded


class Names(NamedTuple):
    """Names of one side of a filter, `folded`; empty: none is asked for. `url` is a pattern in RE2's syntax."""

    sections: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    premium: bool | None = None
    url: str = ""

    def matches(self, item: ItemDates) -> list[bool]:
        """For each thing that is asked for, whether an item has it."""
        found = []
        for wanted, names in (
            (self.sections, item.sections or (item.section,)),
            (self.authors, item.authors or (item.author,)),
            (self.tags, item.tags),
            (self.types, (item.type,)),
        ):
            if wanted:
                found.append(any(_folded(name or "") in wanted for name in names))
        if self.languages:
            language = (item.language or "").lower()
            found.append(language in self.languages or language.partition("-")[0] in self.languages)
        if self.premium is not None:
            found.append((item.premium or False) is self.premium)
        if self.url:
            found.append(item.url is not None and url_pattern(self.url).search(item.url) is not None)
        return found


class ItemFilter(NamedTuple):
    """Takes an item that has all that is allowed, and nothing that is denied."""

    allow: Names = Names()
    deny: Names = Names()

    def takes(self, item: ItemDates | None) -> bool:
        """Whether an item may be listed; None: nobody has described it."""
        item = item or ItemDates()
        return all(self.allow.matches(item)) and not any(self.deny.matches(item))


def names_of(
    sections: Sequence[str],
    tags: Sequence[str],
    authors: Sequence[str],
    types: Sequence[str],
    languages: Sequence[str],
    premium: bool | None,
    url: str,
) -> Names:
    """Names as settings write them."""
    return Names(
        frozenset(map(_folded, sections)),
        frozenset(map(_folded, tags)),
        frozenset(map(_folded, authors)),
        frozenset(map(_folded, types)),
        frozenset(each.lower().replace("_", "-") for each in languages),
        premium,
        url,
    )


_folded = lru_cache(maxsize=65_536)(folded)
