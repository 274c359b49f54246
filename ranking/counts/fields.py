"""Fields: the names of cells in an open bucket, which is a hash of `channel|item` -> events."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ranking.counts.arrays import Mask
from ranking.counts.columns import ChannelCounts
from ranking.intake.events import DEFAULT_KIND, channel_kind, channel_source
from ranking.intake.referrers import REFERRER_SOURCE
from ranking.intake.visits import SHADOW

FIELD_SEPARATOR = b"|"


def field(channel: str, item: str) -> str:
    """A cell's name inside a bucket. A channel never holds the separator; an item id may.

    >>> field("view", "a|b")
    'view|a|b'
    """
    return f"{channel}|{item}"


def is_shadow(channel: str) -> bool:
    """Whether a channel counts events that were left out.

    >>> is_shadow("!robot"), is_shadow("view")
    (True, False)
    """
    return channel.startswith(SHADOW)


def channels_of(channels: Sequence[str], kind: str, source: str | None = None) -> Mask:
    """The channels of a kind, (channels,) bool; `source`: of those that came from there alone."""
    return np.array(
        [channel_kind(name) == kind and source in (None, channel_source(name)) for name in channels], dtype=np.bool_
    )


def by_referrer(part: ChannelCounts) -> list[ChannelCounts]:
    """Counts of one channel; views that say where their visit began as plain views, and beside them by the class.

    So lists do not know of referrers: a view weighs the same from anywhere, to the last bit of a sum. The second part
    is a shadow, which weighs nothing.
    """
    kind, _, source = part.channel.partition("@")
    if kind != DEFAULT_KIND or not source.startswith(REFERRER_SOURCE):
        return [part]
    return [part._replace(channel=kind), part._replace(channel=SHADOW + source)]


def referrer_of(channel: str) -> str:
    """The source of a channel that counts views by where their visit began; "" for any other.

    >>> referrer_of("!ref:search"), referrer_of("!robot"), referrer_of("view")
    ('ref:search', '', '')
    """
    return channel[len(SHADOW) :] if channel.startswith(SHADOW + REFERRER_SOURCE) else ""


def parts_from_fields(
    fields: Iterable[bytes],
    counts: Iterable[int],
    known: Callable[[str], int | None],
    number: Callable[[str], int],
) -> list[ChannelCounts]:
    """Counts by field as counts by channel and row.

    `known` gives the row of an item or None, `number` gives one out. No row is given out for a shadow.
    """
    by_channel: dict[bytes, tuple[list[int], list[int]]] = {}
    for name, count in zip(fields, counts, strict=True):
        channel, _, item = name.partition(FIELD_SEPARATOR)
        columns = by_channel.get(channel)
        if columns is None:
            columns = by_channel[channel] = [], []
        text = item.decode()
        row = known(text)
        if row is None:
            if is_shadow(channel.decode()):
                continue
            row = number(text)
        columns[0].append(row)
        columns[1].append(count)
    return [
        ChannelCounts(channel.decode(), np.array(rows, dtype=np.int32), np.array(events, dtype=np.int64))
        for channel, (rows, events) in by_channel.items()
    ]
