"""Which lists leave out what others show, and whether that can be: each list is ranked after those that it names."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from ranking.times import NO_LIMIT

if TYPE_CHECKING:
    from ranking.settings.lists import ListSettings


def as_names(value: Any) -> Any:
    """Names of lists: of one or several with commas between, `none` for no list, or as a list of the file.

    >>> as_names("populer"), as_names("populer, update"), as_names("none")
    (('populer',), ('populer', 'update'), ())
    """
    if not isinstance(value, str):
        return value
    return () if value == NO_LIMIT else tuple(name.strip() for name in value.split(","))


def check_without(lists: Mapping[str, "ListSettings"]) -> None:
    """Return if every list can be ranked after the lists that it leaves out.

    Raises:
        ValueError: one names a list that is not there, or itself, also by way of others.
    """
    for name, settings in lists.items():
        for other in settings.without:
            if other not in lists or other == name:
                there = ", ".join(each for each in lists if each != name)
                raise ValueError(f"lists.{name}.without: names of other lists ({there}), found {other!r}")
    try:
        ranking_order(lists)
    except CycleError as error:
        circle = [*reversed(error.args[1])]
        raise ValueError(
            f"lists.{circle[0]}.without: no list that leaves this one out itself, found {' without '.join(circle)}"
        ) from None


def ranking_order(lists: Mapping[str, "ListSettings"]) -> list[str]:
    """The names of lists, each after those that it leaves out.

    Raises:
        CycleError: there is no such order.
    """
    return [*TopologicalSorter({name: settings.without for name, settings in lists.items()}).static_order()]
