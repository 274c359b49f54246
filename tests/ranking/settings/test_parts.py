"""A site that is shared out to several jobs processes has no list that takes all of its items at once."""

from typing import Any

import pytest
from pydantic import ValidationError

from ranking.settings.service import Settings


def settings_of(site: dict[str, Any], **lists: dict[str, Any]) -> Settings:
    return Settings.model_validate({"sites": [{"id": "koran", **site}], "lists": {"populer": {}, **lists}})


@pytest.mark.parametrize(
    ("lists", "setting"),
    [
        ({}, "lists.populer.half_life: a duration such as 2h"),
        ({"populer": {"decay": "forecast", "half_life": "2h"}}, 'lists.populer.decay: not "forecast"'),
        ({"populer": {"half_life": "2h", "hysteresis": 0.1}}, "lists.populer.hysteresis: 0"),
        ({"populer": {"half_life": "2h", "scale": "section-best"}}, 'lists.populer.scale: "none"'),
        ({"populer": {"half_life": "2h", "section_floor": 50}}, "lists.populer.section_floor: 0"),
    ],
)
def test_list_that_takes_all_items_is_refused_where_parts_are_ranked(
    lists: dict[str, dict[str, Any]], setting: str
) -> None:
    assert settings_of({"discover": False}, **lists).sites[0].jobs_processes == 1
    with pytest.raises(ValidationError, match=r"jobs_processes is above 1") as refused:
        settings_of({"discover": False, "jobs_processes": 4}, **lists)
    assert setting in str(refused.value)


def test_discovery_is_refused_where_parts_are_ranked() -> None:
    with pytest.raises(ValidationError, match=r"sites\.0\.discover: false"):
        settings_of({"jobs_processes": 4}, populer={"half_life": "2h"})


def test_site_of_parts_has_lists_that_look_at_rows() -> None:
    lists = {"half_life": "2h", "max_per_section": 2, "max_tenure": "6h", "fill": "latest"}
    assert settings_of({"discover": False, "jobs_processes": 4}, populer=lists).sites[0].jobs_processes == 4
