"""Aliases: other names of items, made and lifted. From the next refresh on their counts are the item's.

A name is what an event counts under: an id, or what `urls.item_of` makes of an address. Nothing that was counted is
rewritten (see `joined_names`), so lifting an alias parts the counts again.
"""

from collections.abc import Iterable, Mapping

from ranking.errors import InvalidEditError, TooManyEditsError
from ranking.intake.items import why_bad_id, without_controls
from ranking.intake.patterns import AddressPattern
from ranking.intake.urls import canonical, id_in, id_of_address
from ranking.store.edits import EditStore

#: Aliases of a site. Each is in the memory of the process that ranks.
MAX_ALIASES = 500_000
#: Names that one change may be about: a line of the trail has all of them.
MAX_CHANGED = 500


def names_of_url(url: str, pattern: AddressPattern | None) -> list[str]:
    """The names that events of an address count under: what `pattern` finds, and the address, as before there was one.

    >>> names_of_url("https://www.example.id/berita/7?fbclid=x", None)
    ['example.id/berita/7']

    Raises:
        InvalidEditError: it is no whole address.
    """
    try:
        address = canonical(url)
    except ValueError as error:
        raise InvalidEditError(f"urls: {error}, found {url[:80]!r}") from None
    if address.startswith("/"):
        raise InvalidEditError(f"urls: must be whole addresses, such as https://example.id/, found {url[:80]!r}")
    by_pattern = None if pattern is None else id_in(address, pattern)
    return [*([] if by_pattern is None else [by_pattern]), id_of_address(address)]


def checked_name(field: str, name: str) -> str:
    """An id as a name.

    Raises:
        InvalidEditError: it is none.
    """
    name = without_controls(name)
    if problem := why_bad_id(name):
        raise InvalidEditError(f"{field}: {problem}")
    return name


def aliases_of(aliases: Mapping[str, str], item: str) -> list[str]:
    """The names that stand for an item, in their order."""
    return sorted(name for name, stands_for in aliases.items() if stands_for == item)


async def make_aliases(edits: EditStore, site: str, made: Mapping[str, str], *, by: str) -> tuple[int, dict[str, str]]:
    """Let names stand for items (name -> item); how many did not yet, and those that cannot, each with a sentence.

    `by` as in `EditStore.change`.

    Raises:
        InvalidEditError: they are too many at once.
        TooManyEditsError: the site has all that it may have.
    """
    if len(made) > MAX_CHANGED:
        raise InvalidEditError(f"expected at most {MAX_CHANGED} names at once, found {len(made)}")
    there = await edits.aliases(site)
    after, changed, bad = dict(there), dict[str, str](), dict[str, str]()
    for name, item in made.items():
        if item in (name, there.get(name)):
            continue
        if (step := _back_at(after, name, item)) is not None:
            bad[name] = f"{name!r} would stand for itself, by way of {step!r}: lift that alias first"
        else:
            after[name] = changed[name] = item
    if len(after) > max(MAX_ALIASES, len(there)):
        raise TooManyEditsError(f"The site has {MAX_ALIASES} aliases. Lift some first.")
    if changed:
        items = set(changed.values())
        await edits.change_aliases(site, changed, items.pop() if len(items) == 1 else "", by)
    return len(changed), bad


async def lift_aliases(edits: EditStore, site: str, item: str, names: Iterable[str], *, by: str) -> int:
    """Let those of `names` that stand for an item stand for themselves again; how many did.

    Addresses that the item has had before are among them, out of the trail.
    """
    there, former = await edits.aliases(site), (await edits.former_addresses(site)).items
    names = list(names)
    if left := [name for name in names if former.get(name) == item]:
        await edits.forget_addresses(site, left)
    lifted = [name for name in names if there.get(name) == item]
    for first in range(0, len(lifted), MAX_CHANGED):
        await edits.change_aliases(site, dict.fromkeys(lifted[first : first + MAX_CHANGED]), item, by)
    return len({*lifted, *left})


def _back_at(aliases: Mapping[str, str], name: str, item: str) -> str | None:
    """The last step of the way back to `name`, if it stood for `item`; None: there is none."""
    path = {name}
    while item not in path:
        path.add(item)
        step = aliases.get(item)
        if step is None:
            return None
        if step == name:
            return item
        item = step
    return item
