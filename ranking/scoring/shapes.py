"""Shapes: from a sum to a score before aging, (rows,) float64 in and out. A sum of 0 scores 0."""

import numpy as np

from ranking.counts.arrays import FloatArray

ENOUGH_POSTS = 10
#: What the parts of "discourse-top" are of.
TOPIC_PARTS = ("views", "first likes", "likes per reply", "ten replies", "replies")


def plain(n: FloatArray, exponent: float = 1.0) -> FloatArray:
    """n ** exponent.

    >>> plain(np.array([0.0, 4.0]), 0.5).tolist()
    [0.0, 2.0]
    """
    return n if exponent == 1.0 else np.power(n, exponent)


def minus_one(n: FloatArray, exponent: float = 1.0) -> FloatArray:
    """(n - 1) ** exponent, so that an item's first event (its author's, where votes are counted) is worth nothing.

    Sources: Hacker News (1), news.arc (0.8), Mastodon's `trends/statuses.rb` (2).

    >>> minus_one(np.array([0.0, 0.5, 1.0, 41.0]), 2.0).tolist()
    [0.0, 0.0, 0.0, 1600.0]
    """
    return plain(np.maximum(n - 1.0, 0.0), exponent)


def plus_one(n: FloatArray) -> FloatArray:
    """n + 1. Source: Lobsters, `story.rb`.

    >>> plus_one(np.array([0.0, 3.0])).tolist()
    [0.0, 4.0]
    """
    return np.where(n > 0.0, n + 1.0, 0.0)


def log(n: FloatArray) -> FloatArray:
    """log10(max(2, n + 2)). Source: Lemmy, `utils.sql`.

    >>> log(np.array([0.0, 98.0])).tolist()
    [0.0, 2.0]
    """
    return np.where(n > 0.0, np.log10(np.maximum(n + 2.0, 2.0)), 0.0)


def discourse_top(*counts: FloatArray) -> FloatArray:
    """The sum of `discourse_parts`.

    >>> discourse_top(*(np.array([n]) for n in (1000.0, 14.0, 30.0, 10.0, 10.0))).tolist()
    [27.0]
    """
    first, *others = discourse_parts(*counts)
    return sum(others, first)


def discourse_parts(
    views: FloatArray, first_likes: FloatArray, likes: FloatArray, replies: FloatArray, all_replies: FloatArray
) -> list[FloatArray]:
    """2 log10(max(views, 1)) + first_likes / 2 + min(likes // replies, 3) + log10(max(replies, 1)) (+ 10).

    A topic of ten replies has 10 more. Whole numbers divide as in the original's SQL, where the malus for a short
    topic, -((10 - posts) / 20) * first_likes, is therefore 0 as well; without replies nothing is divided.
    `first_likes` are those of the opening post, `all_replies` those of all time. Source: Discourse, `top_topic.rb`.

    >>> [float(part[0]) for part in discourse_parts(*(np.array([n]) for n in (1000.0, 14.0, 30.0, 10.0, 10.0)))]
    [6.0, 7.0, 3.0, 10.0, 1.0]
    """
    each = np.where(replies >= 1.0, np.floor_divide(likes, np.maximum(replies, 1.0)), 0.0)
    return [
        2.0 * np.log10(np.maximum(views, 1.0)),
        0.5 * first_likes,
        np.minimum(each, 3.0),
        np.where(all_replies >= ENOUGH_POSTS, 10.0, 0.0),
        np.log10(np.maximum(replies, 1.0)),
    ]
