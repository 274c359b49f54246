"""Undo: restores what editors changed in one edition, as the trail has it.

Invariant: only what nobody has changed again since is taken back: an older edit never replaces a newer one.

An undo is a change like any other, with a line in the trail and an edition of its own, and can itself be undone.
"""

from collections.abc import Mapping

from ranking.errors import ChangedSinceError, NotFoundError
from ranking.intake.items import item_from_wire
from ranking.published.edits import FORMS, Edit, is_over
from ranking.store.edits import ALIAS, ITEM, Changed
from ranking.store.protocol import Store


async def undo(store: Store, site: str, edition: int, by: str, now: float) -> list[Changed]:
    """Take back and return all changes of `edition`. `by`: the name of the key, `now` in epoch seconds.

    Raises:
        NotFoundError: the trail has no such edition.
        ChangedSinceError: something of it was changed again.
    """
    changed = await store.edits.changed_in(site, edition)
    if not changed:
        raise NotFoundError(f"the trail has no change of edition {edition}: GET /v1/audit shows what can be undone")
    known = (await store.edits.read(site)).edits
    removed = await store.items.removed_items(site)
    aliases = await store.edits.aliases(site)
    for change in changed:
        subject = change.subject
        if subject.kind == ITEM:
            same = (subject.item in removed) is change.made
        elif subject.kind == ALIAS:
            same = all(aliases.get(name) == item for name, item in change.after.items())
        else:
            same = _holding(known.get(subject), now) == _holding(change.after, now)
        if not same:
            what = repr(subject.item) if subject.item else "an alias"
            raise ChangedSinceError(f"{what} was changed again after edition {edition}: undo the later change first")
    edits = {change.subject: _holding(change.before, now) for change in changed if change.subject.kind in FORMS}
    if edits:
        await store.edits.change(site, edits, by, undoes=edition)
    for change in changed:
        if change.subject.kind == ALIAS:
            await store.edits.change_aliases(site, change.before, change.subject.item, by, undoes=edition)
        if change.subject.kind == ITEM:
            await _restore(store, site, change, by, now)
    return changed


async def _restore(store: Store, site: str, change: Changed, by: str, now: float) -> None:
    item = change.subject.item
    if not change.made:
        await store.items.remove_item(site, item, now, by)
    elif isinstance(change.before, Mapping):
        await store.items.put_items(site, [item_from_wire(change.before)], by, lift=True)
    else:
        await store.edits.restore(site, [item], by)


def _holding(edit: Edit | None, now: float) -> Edit | None:
    return None if edit is None or is_over(edit, now) else edit
