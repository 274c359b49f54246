"""A list that counts the clicks it has caused keeps itself as it is; told to weigh them, it follows its readers again.

The readers here do as readers do: everyone looks at the first place, half of them at the second, a third at the third
(the curve of `ranking.scoring.channel_weights`), and who looks clicks as often as the article appeals. Some readers
find articles by themselves. Every step is five minutes and there is no chance in it.
"""

from typing import Any

import pytest
from views import Site, list_of

from ranking.scoring.channel_weights import ChannelWeights

NOW = 1_700_000_100.0
STEP_S = 300
LOOKING, FINDING = 600, 20  # readers per step that look at the list, and that find an article without it
SIZE = 7
WEAK = {f"weak-{number}": 0.2 + 0.01 * number for number in range(SIZE)}
STRONG = {f"strong-{number}": 0.6 + 0.01 * number for number in range(SIZE)}


def lived(appeal: dict[str, float], first: list[str], hours: int, **settings: Any) -> list[str]:
    """The list after some hours in which it showed what its readers' clicks made of it; `first` is where it began."""
    site = Site()
    chosen = list_of(size=SIZE, half_life="1h", **settings)
    listed = first
    at = NOW
    for _ in range(hours * 3600 // STEP_S):
        for item, how_much in appeal.items():
            site.see(item, at, round(FINDING * how_much))
        for position, item in enumerate(listed, 1):
            clicks = round(LOOKING / position * appeal[item])
            site.see(item, at, clicks, f"click@list:populer#{position}")
        at += STEP_S
        listed = site.listed(chosen, at)[:SIZE]
    return listed


def test_a_list_that_feeds_on_its_own_clicks_stays_what_it_was_while_better_articles_wait() -> None:
    assert set(lived(WEAK | STRONG, list(WEAK), 12)) == WEAK.keys()


@pytest.mark.parametrize("settings", [{"self_click_weight": 0.02}, {"self_click_weight": 0.1, "position_bias": 1}])
def test_told_to_weigh_its_own_clicks_less_it_finds_them(settings: dict[str, Any]) -> None:
    assert set(lived(WEAK | STRONG, list(WEAK), 12, **settings)) == STRONG.keys()


def test_the_order_inside_a_list_freezes_by_position_and_the_correction_puts_it_right() -> None:
    by_appeal = sorted(STRONG, key=lambda item: -STRONG[item])
    upside_down = by_appeal[::-1]
    assert lived(STRONG, upside_down, 12) == upside_down
    assert lived(STRONG, upside_down, 12, position_bias=1, position_cap=SIZE) == by_appeal


def test_only_what_a_list_caused_is_weighed_and_what_is_said_of_one_source_holds_for_it_alone() -> None:
    channels = ["click", "click@list:populer", "click@list:populer#1", "click@list:update#10", "click@newsletter#1"]
    assert ChannelWeights({"click": 4}, self_click_weight=0.5).per_channel(channels).tolist() == [4, 2, 2, 2, 4]
    assert ChannelWeights({"click": 4}, 0.5, position_bias=1).per_channel(channels).tolist() == [4, 2, 0.2, 2, 4]
    named = {"click": 4, "click@list:populer": 1, "click@newsletter": 9}
    assert ChannelWeights(named, 0.5).per_channel(channels).tolist() == [4, 1, 1, 2, 9]


def test_no_place_makes_a_click_weigh_more_than_one_without_a_place() -> None:
    channels = [f"click@list:populer#{position}" for position in (1, 2, 7, 10, 11, 1000)]
    weights = ChannelWeights({"click": 3}, position_bias=2).per_channel(channels).tolist()
    assert weights == sorted(weights)
    assert weights[-3:] == [3, 3, 3]
