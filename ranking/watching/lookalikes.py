"""Lookalikes: names that are counted apart and look like one article.

Two names look alike where canonicalisation would fold them if they were sent as addresses, or where both hold the same
long number: most sites have an article's id in its address, and its slug beside it changes.

Rejected: comparing titles. Live pages, columns and galleries share theirs for years.
"""

import contextlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from ranking.intake.urls import canonical, id_of_address

#: A number that is a segment of a path, or stands at the end of one, as ids do. Shorter ones are years, pages, prices.
NUMBER = re.compile(r"[/\-_.](\d{5,12})(?=[/.?&]|$)")
DAY = re.compile(r"(?:19|20)\d\d[01]\d[0-3]\d")
#: Patterns that `item_pattern` may be, each for one of the characters that stand before such a number.
PATTERNS = {"/": r"/(\d{5,})(?:[/.?]|$)", "-": r"-(\d{5,})(?:[/.?]|$)", "_": r"_(\d{5,})(?:[/.?]|$)"}
#: A number in more addresses than these is a day, or a section's.
MANY_NAMES = 4


class Lookalikes(NamedTuple):
    """Groups of names, and a pattern that would make one item of most of them; empty: none would."""

    groups: list[list[str]]
    pattern: str

    @property
    def names(self) -> int:
        """How many names there are in all groups."""
        return sum(map(len, self.groups))


def lookalikes(names: Iterable[str]) -> Lookalikes:
    """The names that look like one article, by groups, each name in one.

    >>> lookalikes(["k.example/12345/beras", "k.example/12345/beras-naik", "k.example/99999/cabai"]).groups
    [['k.example/12345/beras', 'k.example/12345/beras-naik']]
    """
    groups: list[list[str]] = []
    one_of_each: list[str] = []
    for same in _grouped((_folded(name), name) for name in names):
        one_of_each.append(same[0])
        if len(same) > 1:
            groups.append(same)
    before: Counter[str] = Counter()
    for same in _grouped((_number(name), name) for name in one_of_each):
        if 1 < len(same) <= MANY_NAMES and _number(same[0]):
            groups.append(same)
            before.update(mark for name in same if (mark := _mark(name)))
    likeliest = max(before, key=lambda mark: (before[mark], mark), default="")
    return Lookalikes(sorted(groups), PATTERNS.get(likeliest, ""))


def _grouped(keyed: Iterable[tuple[object, str]]) -> Iterable[list[str]]:
    groups: defaultdict[object, list[str]] = defaultdict(list)
    for key, name in keyed:
        groups[key].append(name)
    return (sorted(same) for same in groups.values())


def _folded(name: str) -> str:
    """An address as canonicalisation and lower case leave it; another id without blanks around it."""
    is_whole = "://" in name[:9]
    if not is_whole and ("/" not in name or "." not in name.partition("/")[0]):
        return name.strip()
    with contextlib.suppress(ValueError):
        name = id_of_address(canonical(name if is_whole else f"https://{name}"))
    return name.strip("/").lower()


def _number(name: str) -> str:
    """The number that is an id, or that an address holds; "" where there is none, or several."""
    found = {number for number in NUMBER.findall(f"/{name}") if not DAY.fullmatch(number)}
    return found.pop() if len(found) == 1 else ""


def _mark(name: str) -> str:
    """What stands before the number of an address."""
    match = NUMBER.search(name)
    return "" if match is None else match[0][0]
