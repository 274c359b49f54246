"""Desk: the part of a store where editors and workers meet. What editors say, the trail of it, and who shows it.

An edition is a number that grows with each change of a site's edits and take-downs. A worker reports the edition that
it shows several times a second; what it says holds for a lease. Whoever changes something waits until no worker's lease
covers an older edition, and a worker whose lease is over looks at the store before it shows anything. So an answered
change is what every worker shows, without a look at the store per read, and a worker that died costs one lease at most.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from ranking.editorial import Edit, Edits, Subject


class Standing(NamedTuple):
    """The latest edition of a site, and the generation of each of its lists."""

    edition: int
    generations: dict[str, int]


class Desk(Protocol):
    """Raises what `Store` raises."""

    async def edits(self, site: str) -> Edits:
        """All edits of a site, also those that are over."""
        ...

    async def change(
        self, site: str, changes: Mapping[Subject, Edit | None], by: str, over: Iterable[Subject] = ()
    ) -> None:
        """Make edits, or lift them (None), as one edition; `by` is the grade of the key. Clear away those in `over`."""
        ...

    async def audit(self, site: str, limit: int) -> list[dict[str, Any]]:
        """The last changes, the newest first: `at` (epoch seconds), `by`, `action`, about what, `before`, `after`."""
        ...

    async def report(self, site: str, worker: str, edition: int | None) -> Standing:
        """`worker` shows `edition` of the site; None: it shows nothing any more."""
        ...

    async def unaware(self, site: str, edition: int, lease_s: float) -> int:
        """How many workers may show something older than `edition`: their last report was within `lease_s`."""
        ...


#: What a change is called in the trail: kind of the edit -> made, lifted.
ACTIONS = {"pin": ("pin", "unpin"), "block": ("block", "unblock"), "boost": ("boost", "unboost")}


def trail_members(subject: Subject, *, made: bool) -> dict[str, Any]:
    """What the trail says that a change was about."""
    found: dict[str, Any] = {"action": ACTIONS[subject.kind][not made]}
    if subject.list:
        found["list"] = subject.list
    if subject.kind == "pin":
        found["section"] = subject.section or None
    return {**found, "item": subject.item}


def as_sent(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the trail with `before` and `after` in the form in which they can be sent again."""
    section = {"section": line["section"]} if "section" in line else {}
    forms = {
        when: {name: each for name, each in {**value, **section}.items() if name != "set_at"}
        for when in ("before", "after")
        if isinstance(value := line[when], Mapping)
    }
    return {**line, **forms}
