"""What a source says of articles, put into the catalogue."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from jobs.sources.entries import SourceEntry
from ranking.errors import InvalidItemError
from ranking.intake.items import Description, ItemInput
from ranking.recording.describing import described
from ranking.settings.sites import SiteSettings
from ranking.store.protocol import Store
from ranking.times import DAY_S

PUT_AT_ONCE = 500


class Checked(NamedTuple):
    """Descriptions that can be stored, and the other entries with the reason why they cannot."""

    descriptions: list[Description]
    faults: list[tuple[SourceEntry, str]]


def checked(entries: Iterable[SourceEntry], now: float, site: SiteSettings) -> Checked:
    """Entries as descriptions of the site's items at `now` (epoch seconds).

    One that is dated more than a day ahead is an error of its source and not stored: it would be the newest.
    """
    found = Checked([], [])
    for entry in entries:
        try:
            one = described(msgspec.convert(msgspec.to_builtins(entry), ItemInput), now, site)
        except InvalidItemError as error:
            found.faults.append((entry, str(error)))
            continue
        published = one.item.published_at
        if published is not None and published > now + DAY_S:
            found.faults.append((entry, f"is dated {(published - now) / DAY_S:.0f} days ahead"))
        else:
            found.descriptions.append(one)
    return found


async def put(store: Store, site: str, descriptions: Sequence[Description], by: str) -> int:
    """Store descriptions in the name of `by`; how many were. Items that are taken down stay so."""
    stored = 0
    for first in range(0, len(descriptions), PUT_AT_ONCE):
        part = descriptions[first : first + PUT_AT_ONCE]
        down = await store.items.put_items(site, [each.item for each in part], by, [each.named for each in part])
        stored += len(part) - len(down)
    return stored
