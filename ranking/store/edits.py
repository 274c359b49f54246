"""The part of a store that keeps editors' edits, items' aliases, their trail, and which edition each worker shows.

An edition is a number that grows with each change of a site's edits, aliases and take-downs. A worker reports the
edition that it shows several times a second; a report holds for a lease. Whoever changes something waits until no
worker's lease covers an older edition, and a worker whose lease is over looks at the store before it shows anything. So
an answered change is what every worker shows, without a look at the store per read, and a worker that died costs one
lease at most.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from ranking.published.edits import FORMS, Edit, Edits, Subject


class Standing(NamedTuple):
    """The latest edition of a site, and the generation of each of its lists.

    `reported_at`: of this report, `reported_before`: of the worker's last one as the store has it (0: none), in
    milliseconds of the server's clock. A store with an earlier one than it took has gone back.
    """

    edition: int
    generations: dict[str, int]
    reported_at: int = 0
    reported_before: int = 0


class FormerAddresses(NamedTuple):
    """The items that had an address before, by the name that events of it count under.

    `version` grows with every address that is noted; one that is forgotten makes another edition.
    """

    version: int
    items: dict[str, str]


class Changed(NamedTuple):
    """A line of the trail. A take-down has a subject of kind "item", and the item as it was (None: not described).

    Aliases that were made or lifted at once have one of kind "alias", and what each name stood for (None: itself).
    """

    subject: Subject
    made: bool
    before: Any
    after: Any


class EditStore(Protocol):
    """Edits of all sites, their trail, and the workers that show them. Raises what `Store` raises."""

    async def read(self, site: str) -> Edits:
        """All edits of a site, also those that are over."""
        ...

    async def change(
        self,
        site: str,
        changes: Mapping[Subject, Edit | None],
        by: str,
        over: Iterable[Subject] = (),
        undoes: int | None = None,
    ) -> None:
        """Make edits, or lift them (None), as one edition; `by` is the name of the key. Clear away those in `over`.

        `undoes`: the edition that this takes back, for the trail.
        """
        ...

    async def next_void(self, site: str) -> int:
        """A number that no void of the site has had."""
        ...

    async def aliases(self, site: str) -> dict[str, str]:
        """The items that other names stand for: name -> item."""
        ...

    async def change_aliases(
        self, site: str, changes: Mapping[str, str | None], item: str, by: str, undoes: int | None = None
    ) -> None:
        """Let names stand for items, or (None) for themselves, as one edition and line of the trail.

        `item`: what the trail names, the one that all of them are of; empty for several. `by`, `undoes`: as `change`.
        """
        ...

    async def former_addresses(self, site: str) -> FormerAddresses:
        """The addresses that items have had before."""
        ...

    async def former_version(self, site: str) -> int:
        """The version of `former_addresses`."""
        ...

    async def leave_addresses(self, site: str, former: Mapping[str, str]) -> None:
        """Note addresses that items have no more: name -> item."""
        ...

    async def forget_addresses(self, site: str, names: Iterable[str]) -> None:
        """Forget whose some addresses were, as one edition and out of the trail."""
        ...

    async def restore(self, site: str, items: Iterable[str], by: str) -> None:
        """Lift the take-downs that these items have."""
        ...

    async def put_back(
        self, site: str, edits: Mapping[Subject, Edit], removed: Mapping[str, float], above: int
    ) -> list[str]:
        """Make edits and take-downs again that the store has lost, as one edition above `above`; the others stay.

        The items whose take-down it had lost.
        """
        ...

    async def note(self, sites: Iterable[str], by: str, action: str) -> None:
        """Write a line into the trail of each site: something was done that is no edit."""
        ...

    async def audit(self, site: str, limit: int) -> list[dict[str, Any]]:
        """The last changes, the newest first: `edition`, `at` (epoch seconds), `by`, `action`, what, `before`, `after`.

        What was changed at once has one edition.
        """
        ...

    async def changed_in(self, site: str, edition: int) -> list[Changed]:
        """What was changed in one edition, as far as the trail goes back."""
        ...

    async def report(self, site: str, worker: str, edition: int | None) -> Standing:
        """`worker` shows `edition` of the site; None: it shows nothing any more."""
        ...

    async def workers_behind(self, site: str, edition: int, lease_s: float) -> int:
        """Workers whose lease (`lease_s` from their last report) covers an older edition than `edition`."""
        ...


#: The kind of the subject of a take-down.
ITEM = "item"
#: The kind of the subject of aliases.
ALIAS = "alias"
#: Names in the trail: who makes edits again that a store has lost, and who works by commands.
STORE_RETURNED, COMMAND_LINE = "store-returned", "command-line"
#: What a change is called in the trail: kind of the edit -> made, lifted.
ACTIONS = {
    "pin": ("pin", "unpin"),
    "block": ("block", "unblock"),
    "boost": ("boost", "unboost"),
    "void": ("void", "unvoid"),
    ITEM: ("remove", "restore"),
    ALIAS: ("alias", "unalias"),
}
_ACTED = {
    action: (kind, made) for kind, named in ACTIONS.items() for made, action in zip((True, False), named, strict=True)
}


def trail_members(subject: Subject, *, made: bool, undoes: int | None = None) -> dict[str, Any]:
    """What the trail says that a change was about."""
    found: dict[str, Any] = {"action": ACTIONS[subject.kind][not made]}
    if undoes is not None:
        found["undoes"] = undoes
    if subject.list:
        found["list"] = subject.list
    if subject.kind == "pin":
        found["section"] = subject.section or None
    if subject.kind == "void":
        found["void"] = int(subject.section)
    return {**found, "item": subject.item}


def changed_by(line: Mapping[str, Any]) -> Changed:
    """What a line of the trail says, as it is stored."""
    kind, made = _ACTED[line["action"]]
    section = str(line["void"]) if kind == "void" else line.get("section") or ""
    subject = Subject(kind, line.get("list", ""), section, line["item"])
    forms = (
        msgspec.convert(line[when], FORMS[kind]) if kind in FORMS and line[when] is not None else line[when]
        for when in ("before", "after")
    )
    return Changed(subject, made, *forms)


def as_sent(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the trail with `before` and `after` in the form in which they can be sent again."""
    section = {"section": line["section"]} if "section" in line else {}
    forms = {
        when: {name: each for name, each in {**value, **section}.items() if name != "set_at"}
        for when in ("before", "after")
        if isinstance(value := line[when], Mapping)
    }
    return {**line, **forms}
