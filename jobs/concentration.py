"""The job that adds up what all workers have tallied of a site's last hour: who sends how much for which item."""

from ranking.store.protocol import Store
from ranking.watching.concentration import SLICE_S, SLICES, Summary, concentration_of, merged

#: Slices that workers may still write.
OPEN = 2


class TakeConcentration:
    """Writes down a site's concentration. Slices that are over are read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._over: dict[str, dict[int, Summary]] = {}

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Take one site's; how many items there are to say something of, and how many of them are over the line."""
        current = int(now // SLICE_S)
        wanted = range(current - SLICES + 1, current + 1)
        over = {number: part for number, part in self._over.get(site, {}).items() if number in wanted}
        missing = [number for number in wanted if number not in over]
        read = await self._store.logbook.attempts(site, missing)
        parts = {number: merged(workers) for number, workers in zip(missing, read, strict=True)}
        self._over[site] = over | {number: part for number, part in parts.items() if number <= current - OPEN}
        found = concentration_of(merged([*over.values(), *parts.values()]), now)
        await self._store.logbook.note_concentration(site, found)
        return {"items": len(found.items), "over": sum(each.is_over for each in found.items)}
