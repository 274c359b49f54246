"""Presets: the rankings that others use, as settings of the one formula.

`preset = "reddit"` in a list's table means the settings below; what the table names itself goes over them. What an
event counts is the site's to say: votes, likes or points are what the list's `weights` name, by default views and
clicks, and weights of the list's own table stay under a preset that is tried later. Events older than
`retention.keep` are not counted, so "all votes" are all that are kept.

`differs` says where a preset orders as its original does but prints another number, or leaves something out that counts
cannot tell.

Rejected: rankings that counts cannot feed, which are Forem's black box (featured numbers, spam scores), Gorse (any
expression of its operator), and measures of quality that need impressions (Wilson's bound, click-through rates).
"""

import difflib
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ranking.times import DAY_S, HOUR_S, exact_duration

NO_PRESET = "none"
#: What an event counts is the site's to say: weights that a list's own table names stay under any preset.
KEPT = frozenset({"weights"})


class Preset(NamedTuple):
    """A ranking by the settings of a list's table, where it comes from, and where it differs from that."""

    settings: Mapping[str, Any]
    source: str
    differs: str = ""


def log_and_time(scale_s: float) -> float:
    """Half-life in seconds of a score log10(n) + published / scale: it orders as n * 2 ** -(age / half-life).

    >>> [round(log_and_time(scale_s) / HOUR_S, 2) for scale_s in (45_000, 79_200, 10_000, 240_000, 200_000)]
    [3.76, 6.62, 0.84, 20.07, 16.72]
    """
    return scale_s * math.log10(2)


def ewma_half_life(spans: int, span_s: float) -> float:
    """Half-life in seconds of a moving average with a = 2 / (spans + 1) for each span.

    >>> round(ewma_half_life(24, HOUR_S) / HOUR_S, 2)
    8.31
    """
    return span_s * math.log(0.5) / math.log(1 - 2 / (spans + 1))


def _by_age(half_life_s: float, **more: Any) -> dict[str, Any]:
    return {**_ALL, "aging": "half-life", "aging_half_life": exact_duration(half_life_s), **more}


def _window(span: str) -> dict[str, Any]:
    return {**_RANKED, "decay": "window", "window": span}


#: A preset is a whole formula: it names what it leaves at rest too, or a list's own other settings would mix with it.
_RANKED: dict[str, Any] = {
    "kind": "ranked", "window": "none", "period": "none", "shape": "plain", "exponent": 1.0, "aging": "none",
    "revival": "0s", "scale": "none", "bonus_kinds": [], "min_count": 0.0, "floor": 0.0,
}  # fmt: skip
_ALL: dict[str, Any] = {**_RANKED, "decay": "window"}  # every event counts alike
_BURST: dict[str, Any] = {
    "kind": "burst", "method": "chi-square", "period": "none", "hold": "0s", "poisson_floor": True, "min_age": "0s",
    "floor": 0.0,
}  # fmt: skip
_LEMMY = {**_ALL, "shape": "log", "aging": "gravity", "gravity": 1.8, "gravity_offset": "2h", "max_age": "7d"}
_WEEK = math.log(2) * 7 * DAY_S  # half-life in seconds of e^(-age / 1 week)
_LOG = "orders the same; the original prints log10(n) + publish time / {} s"

PRESETS: dict[str, Preset] = {
    # The age of the item
    "hacker-news": Preset(
        {**_ALL, "shape": "minus-one", "aging": "gravity", "gravity": 1.8, "gravity_offset": "2h"},
        "Hacker News, simplified: (p - 1) / (hours + 2)^1.8",
    ),
    "hacker-news-arc": Preset(
        {**_ALL, "shape": "minus-one", "exponent": 0.8, "aging": "gravity", "gravity": 1.8, "gravity_offset": "2h"},
        "news.arc: (p - 1)^0.8 / ((minutes + 120) / 60)^1.8",
        "without the penalties for missing links, lightweight sites and controversy",
    ),
    "reddit": Preset(_by_age(log_and_time(45_000)), "Reddit hot, `_sorts.pyx`", _LOG.format("45,000")),
    "lobsters": Preset(
        _by_age(
            log_and_time(79_200),
            shape="plus-one",
            weights={"view": 1, "click": 3, "comment": 0.5},
            bonus_kinds=["comment"],
        ),
        "Lobsters, `story.rb`",
        _LOG.format("79,200") + ", rounded to 7 places; comments count as of one vote each, without tags' modifiers",
    ),
    "lemmy": Preset(
        _LEMMY,
        "Lemmy hot, `utils.sql`: log10(max(2, n + 2)) / (hours + 2)^1.8, none after 7 days",
    ),
    "lemmy-scaled": Preset(
        {**_LEMMY, "scale": "section-activity"},
        "Lemmy scaled, `utils.sql`: as `lemmy`, / log10(2 + interactions of the community in a month)",
        "a section's interactions are its counted events of 30 days",
    ),
    "lamernews": Preset(
        {**_ALL, "aging": "gravity", "gravity": 1.1, "gravity_offset": "8h", "max_age": "30d"},
        "Lamer News, `app.rb`: n * 10^6 / (seconds + 28,800)^1.1",
        "orders the same; the original prints 122.48 (10^6 / 3600^1.1) times as much",
    ),
    "daily-dev": Preset(_by_age(log_and_time(200_000)), "daily.dev", _LOG.format("200,000")),
    "hive-hot": Preset(_by_age(log_and_time(10_000)), "Hive, `hot_and_trends.sql`", _LOG.format("10,000")),
    "hive-trending": Preset(_by_age(log_and_time(240_000)), "Hive, `hot_and_trends.sql`", _LOG.format("240,000")),
    "mastodon-status": Preset(
        _by_age(HOUR_S, shape="minus-one", exponent=2.0, min_count=5.0, floor=0.3),
        "Mastodon, `trends/statuses.rb`: (n - 1)^2 * 0.5^(age / 1 h) from 5 on, none below 0.3",
    ),
    "discourse-hot": Preset(
        {**_ALL, "aging": "gravity", "gravity": 1.2, "gravity_offset": "2h", "revival": "7d"},
        "Discourse, `topic_hot_score.rb`: likes / (hours + 2)^1.2 + (recent likes and posters - 1) / (hours since the "
        "first recent one + 2)^1.2",
        "recent posters are recent events of a kind, not people: `revival_weights`",
    ),
    # The age of the events
    "drupal-radioactivity": Preset(
        {**_RANKED, "decay": "half-life", "half_life": "6h", "floor": 0.5},
        "Drupal Radioactivity: 2^-(age / half-life) per event, none below 0.5; its documentation has 6 to 12 hours",
    ),
    "kitsu": Preset(
        {**_RANKED, "decay": "half-life", "half_life": "7d"},
        "Kitsu, `trending_review.rb`",
        "the original moves in steps of a whole half-life, by integer division, and prints 2^(time since 2020 / 7 d) "
        "times as much",
    ),
    "metarank": Preset(
        {**_RANKED, "decay": "daily", "daily": 1.0, "window": "30d"},
        "Metarank, `TrendingRecommender.scala`: n * decay^days over 30 days; its decay is 1 by default (`daily`)",
        "a day is 24 hours of age, not a date",
    ),
    # Bursts
    "mastodon": Preset(
        {**_BURST, "period": "today", "minimum": 5.0, "hold": "2d", "peak_half_life": "8h", "floor": 1.0},
        "Mastodon, `trends/links.rb`: (today - yesterday)^2 / yesterday from 5 on, the peak of two days fading with a "
        "half-life of 8 hours, none below 1",
        "a day is the site's and not UTC's; the peak is looked for every half hour; views are people only where "
        "repeated ones are left out",
    ),
    "mastodon-tags": Preset(
        {**_BURST, "period": "today", "minimum": 5.0, "hold": "2d", "peak_half_life": "4h", "floor": 1.0},
        "Mastodon, `trends/tags.rb`: as `mastodon`, with a half-life of 4 hours",
        "as `mastodon`",
    ),
    "forgetsy": Preset(
        {**_BURST, "method": "ratio", "short": exact_duration(_WEEK), "baseline": exact_duration(2 * _WEEK)},
        "forgetsy, `delta.rb`: two sums of e^(-age / t), of t = 1 week and of twice that, the one over the other",
        "only items whose shorter sum is 5 (`minimum`) are ranked",
    ),
    "z-score": Preset(
        {**_BURST, "method": "z-score", "short": "1h", "baseline": "25h", "poisson_floor": False, "floor": 2.0},
        "(x - mean) / deviation of the 24 hours before, from 2 on; Stack Overflow 787496",
    ),
    "ewma-z": Preset(
        {
            **_BURST,
            "method": "ewma",
            "short": "1h",
            "baseline": "7d",
            "half_life": exact_duration(ewma_half_life(24, HOUR_S)),
        },
        "(x - mean) / deviation, both exponentially weighted with a = 2 / (24 + 1) per hour, with a Poisson floor",
    ),
    "daily-dev-trending": Preset(
        {
            **_BURST,
            "method": "share",
            "short": "30m",
            "baseline": "1h",
            "minimum": 15.0,
            "floor": 0.55,
            "min_age": "30m",
        },
        "daily.dev, `updateTrending.ts`: at least 55 % of the last hour's 15 or more in its second half",
    ),
    "universal-recommender": Preset(
        {**_BURST, "method": "excess", "short": "12h", "baseline": "1d", "minimum": 1.0, "poisson_floor": False},
        "Universal Recommender, `PopModel.scala`, trending: events of the newer half less those of the older one",
    ),
    "universal-recommender-hot": Preset(
        {**_BURST, "method": "acceleration", "short": "8h", "baseline": "1d", "minimum": 1.0},
        "Universal Recommender, `PopModel.scala`, hot: the second difference of the thirds of a day",
    ),
    # Windows
    "wordpress-popular-posts": Preset(_window("1d"), "WordPress Popular Posts, `Query.php`: the last 24 hours"),
    "jetpack": Preset(_window("2d"), "Jetpack top posts: the last 48 hours"),
    "guardian": Preset(_window("3h"), "The Guardian, `MostPopularAgent.scala`: the last 3 hours"),
    "inn": Preset(
        {**_RANKED, "decay": "day-blend", "aging": "half-life", "aging_half_life": "14d"},
        "INN Analytic Bridge, `AnalyticBridgePopularPosts.php`: (today * r + yesterday * (1 - r)) * 0.5^((hours - 1) / "
        "half-life), r the share of today that has passed; 14 days by default",
        "orders the same; the original prints 2^(1 h / half-life) times as much",
    ),
    "discourse-top": Preset(
        {**_window("1d"), "shape": "discourse-top", "weights": {"view": 1, "like": 1, "first-like": 1, "reply": 1}},
        "Discourse, `top_topic.rb`; the window is its period",
    ),
}


def replaced_by(name: object) -> frozenset[str]:
    """The settings of a list's own table that a preset chosen later takes the place of; its weights stay."""
    return frozenset(preset_settings(name)) - KEPT


def preset_settings(name: object) -> Mapping[str, Any]:
    """The settings that a preset stands for; none for a name that is no preset's."""
    preset = PRESETS.get(name) if isinstance(name, str) else None
    return preset.settings if preset else {}


def checked_preset(name: str) -> str:
    """The name of a preset, or `none`.

    Raises:
        ValueError: there is none of that name; the message has all of them, and the nearest.
    """
    if name != NO_PRESET and name not in PRESETS:
        near = difflib.get_close_matches(name.lower(), PRESETS, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"none or one of {', '.join(PRESETS)}{meant}")
    return name
