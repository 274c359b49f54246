"""What a site whose items are shared out to several jobs processes cannot have: what takes all of its items at once."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ranking.settings.lists import ListSettings
    from ranking.settings.sites import SiteSettings


def check_parts(sites: Iterable["SiteSettings"], lists: Mapping[str, "ListSettings"]) -> None:
    """Return if the lists can be made of parts on every site that has several jobs processes.

    Raises:
        ValueError: one cannot.
    """
    for number, site in enumerate(sites):
        if site.jobs_processes == 1:
            continue
        if site.discover:
            raise ValueError(
                f"sites.{number}.discover: false, as what waits for a description is not known where"
                f" sites.{number}.jobs_processes is above 1, found true"
            )
        for name, settings in lists.items():
            if fault := _fault(settings):
                setting, expected, reason = fault
                raise ValueError(
                    f"lists.{name}.{setting}: {expected}, as {reason} where sites.{number}.jobs_processes is above 1"
                )


def _fault(settings: "ListSettings") -> tuple[str, str, str] | None:
    """The setting of a list that no part can rank by: its name, what was expected, and why."""
    if settings.auto:
        return "half_life", "a duration such as 2h", "a list cannot tune itself"
    if settings.learns:
        return "decay", 'not "forecast"', "a list cannot learn"
    if settings.hysteresis:
        return "hysteresis", "0", "the past of a list cannot be replayed"
    if settings.scale != "none":
        return "scale", '"none"', "scores cannot be compared with those of a whole section"
    if settings.section_floor:
        return "section_floor", "0", "scores cannot be compared with those of a whole section"
    return None
