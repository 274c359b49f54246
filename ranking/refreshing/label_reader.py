"""Label reader: what descriptions say beside dates, read in steps, once readers' filters ask for it."""

import asyncio
from collections.abc import Mapping

from ranking.counts.history import History
from ranking.counts.labels import Labels
from ranking.store.protocol import Store

#: Descriptions that are read in one refresh: a million would hold up the lists for a minute.
LABELLED_AT_ONCE = 100_000
LABELLED_BETWEEN_PAUSES = 2_000
LABELS_BEING_READ = "what items say is being read; ask again in a moment"


class LabelReader:
    """Reads the labels of a site's items, up to where its view has read their dates, from which on the view goes on."""

    def __init__(self, site: str, shards: int) -> None:
        self._site = site
        self._cursors = dict.fromkeys(range(shards), 0)  # shards that are not all read -> the change they are up to

    async def read(self, store: Store, labels: Labels, history: History, until: Mapping[int, int]) -> bool:
        """Read on, each shard as far as the change `until`. Whether all that is described has been read."""
        left = LABELLED_AT_ONCE
        for shard, cursor in list(self._cursors.items()):
            while cursor < until.get(shard, 0):
                if left <= 0:
                    return False
                changed = await store.items.changed_items(self._site, shard, cursor, LABELLED_BETWEEN_PAUSES)
                if not changed.dates:
                    break
                left -= len(changed.dates)
                cursor = self._cursors[shard] = changed.cursor  # noqa: PLW2901 - it goes on
                known = ((history.known_row(item), item, dates) for item, dates in changed.dates.items())
                labels.add_many(
                    (row, dates)
                    for row, item, dates in known
                    if row is not None and dates is not None and history.item_of(item) == item
                )
                await asyncio.sleep(0)
            del self._cursors[shard]
        return True
