"""Undo: what editors changed in one edition is as it was before, as the trail has it.

Only what nobody has changed again since is taken back: an older say never goes over a newer one. An undo is a change
like any other, with a line in the trail and an edition of its own, and can itself be undone.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ranking.errors import ChangedSinceError, NotFoundError
from ranking.intake.items import Item
from ranking.published.edits import Edit, is_over
from ranking.store.edits import ITEM, Changed
from ranking.store.protocol import Store


async def undo(store: Store, site: str, edition: int, by: str, now: float) -> list[Changed]:
    """Take back all that was changed in `edition`; what that was. `by`: the name of the key, `now` in epoch seconds.

    Raises:
        NotFoundError: the trail has no such edition.
        ChangedSinceError: something of it was changed again.
    """
    changed = await store.desk.changed_in(site, edition)
    if not changed:
        raise NotFoundError(f"the trail has no change of edition {edition}: GET /v1/audit shows what can be undone")
    known = (await store.desk.edits(site)).edits
    removed = await store.removed_items(site)
    for each in changed:
        subject = each.subject
        if subject.kind == ITEM:
            same = (subject.item in removed) is each.made
        else:
            same = _holding(known.get(subject), now) == _holding(each.after, now)
        if not same:
            raise ChangedSinceError(
                f"{subject.item!r} was changed again after edition {edition}: undo the later change first"
            )
    edits = {each.subject: _holding(each.before, now) for each in changed if each.subject.kind != ITEM}
    if edits:
        await store.desk.change(site, edits, by, undoes=edition)
    for each in changed:
        if each.subject.kind == ITEM:
            await _turn_back(store, site, each, by, now)
    return changed


async def _turn_back(store: Store, site: str, each: Changed, by: str, now: float) -> None:
    item = each.subject.item
    if not each.made:
        await store.remove_item(site, item, now, by)
    elif isinstance(each.before, Mapping):
        await store.put_items(site, [_item(each.before)], by)
    else:
        await store.desk.restore(site, [item], by)


def _holding(edit: Edit | None, now: float) -> Edit | None:
    return None if edit is None or is_over(edit, now) else edit


def _item(document: Mapping[str, Any]) -> Item:
    return msgspec.convert(document, Item)
