"""`populer config show`: every setting in effect with its origin, and what lists have learned, which no file says."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain

from populer.commands.options import store_url
from populer.config import Loaded, effective
from populer.stores import opened_store
from ranking.errors import PopulerError
from ranking.settings.learned import LearnedSetting
from ranking.settings.objective import AUTO
from ranking.settings.service import Settings
from ranking.times import format_duration

Row = tuple[str, str, str]


def run(loaded: Loaded) -> None:
    """Print name, value and origin of each setting."""
    settings = loaded.settings
    rows = list(effective(settings))
    width = max(len(name) for name, _ in rows)
    tuned = {f"lists.{name}.half_life" for name, each in settings.lists.items() if each.auto}
    origins = ((name, AUTO if name in tuned else value, loaded.origins.get(name, "default")) for name, value in rows)
    for name, value, origin in chain(origins, learned_rows(settings, lambda: store_url(settings))):
        print(f"{name:<{width}}  {value:<28}  {origin}")  # noqa: T201


def learned_rows(settings: Settings, url: Callable[[], str]) -> Iterator[Row]:
    """Name, value and origin of each learned setting at each site; a row that says so if the store does not answer."""
    names = [name for name, each in settings.lists.items() if each.learns]
    if not names:
        return
    try:
        learned_at = asyncio.run(_in_effect(settings, url()))
    except PopulerError as error:
        yield from ((f"lists.{name}", "?", f"what it has learned is in the store: {error}") for name in names)
        return
    for site in settings.sites:
        under = settings.under(learned_at[site.id])
        for name in names:
            learned = learned_at[site.id].get(name)
            where = f"lists.{name}"
            if learned is None or not learned.since:
                since = "has learned nothing yet"
            elif settings.lists[name].objective.pinned and settings.lists[name].auto:
                since = "pinned"
            else:
                since = f"learned, since {datetime.fromtimestamp(learned.since, site.zone):%Y-%m-%d %H:%M}"
            yield f"{where}.half_life", format_duration(under.lists[name].half_life_s), f"site {site.id}: {since}"
            if correction := under.lists[name].correction:
                weights = ", ".join(f"{feature} {weight:g}" for feature, weight in correction.weights.items())
                yield (
                    f"{where}.forecast",
                    weights,
                    f"site {site.id}: of the next {format_duration(correction.horizon_s)}",
                )
        yield "config version", under.config_version, f"site {site.id}: with what was learned"


async def _in_effect(settings: Settings, url: str) -> Mapping[str, Mapping[str, LearnedSetting]]:
    async with opened_store(settings, url) as store:
        return {site.id: await store.findings.in_effect(site.id) for site in settings.sites}
