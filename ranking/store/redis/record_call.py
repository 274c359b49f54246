"""A batch as the keys and arguments of lua/record.lua, which says what each of them is."""

from typing import Any

import msgspec

from ranking.counts.sealed import VOLUME_S, volume_end
from ranking.intake import networks
from ranking.intake.marks import parts_of
from ranking.intake.visits import MARK_SPAN_S, NO_PAIR, PAIR_BYTES, ConditionalVisits
from ranking.store import limits
from ranking.store.counts import Batch
from ranking.store.redis import keys
from ranking.times import HOUR_S, MINUTE_S

#: Windows outlive the repeats that they answer for, by an hour at least: a log is replayed faster than it was written.
SEEN_AT_LEAST_S = HOUR_S
#: Unused budget for new items is saved up for so many minutes.
SAVED_MINUTES = 20
#: What a network may add is bounded within so many seconds where repeats count, too.
NETWORK_SPAN_S = 1_800

_pack = msgspec.msgpack.Encoder().encode


def call_of(batch: Batch, keep_s: float) -> tuple[list[str], list[Any]]:
    """Keys and arguments of the script for `batch`, whose counts are kept for `keep_s` seconds."""
    site, shard = batch.site, batch.shard
    lifetime = int(keep_s) + limits.GRACE_S
    names = [keys.writer(site, shard, batch.writer), keys.sequence(site, shard), keys.touched(site, shard)]
    body = ""
    if batch.once is not None:
        mark, body = parts_of(batch.once)
        names.append(keys.once(site, shard, mark))
    content: list[list[str | int]] = []
    for bucket, cells in batch.counts.items():
        names.append(keys.counts(site, shard, *bucket))
        flat: list[str | int] = [keys.member(bucket), bucket.end_s + lifetime]
        for cell in cells.items():
            flat += cell
        content.append(flat)
    arguments: list[Any] = [
        batch.number if batch.after is None else f"{batch.number} {batch.after}",
        keys.WRITER_TTL_S,
        max(lifetime, keys.CHANGED_TTL_S),
        "0" if batch.once is None else f"{keys.ONCE_TTL_S} {body}",
        _pack(content),
    ]
    if batch.visits is not None:
        _add_visits(batch.visits, site, shard, names, arguments)
    return names, arguments


def naming_of(batch: Batch, keep_s: float) -> tuple[list[str], list[Any]]:
    """Keys and arguments of lua/name_items.lua for the items that a batch has named with the site's key."""
    site, shard = batch.site, batch.shard
    lifetime = int(keep_s) + limits.GRACE_S
    names = [keys.items(site, shard), keys.sequence(site, shard)]
    arguments: list[Any] = [max(lifetime, keys.CHANGED_TTL_S)]
    by_volume: dict[int, list[str]] = {}
    for item, volume in batch.named.items():
        by_volume.setdefault(volume, []).append(item)
    for volume, items in by_volume.items():
        names.append(keys.named(site, shard, volume))
        arguments += [volume_end(volume) + lifetime, len(items), *items]
    return names, arguments


def _add_visits(visits: ConditionalVisits, site: str, shard: int, names: list[str], arguments: list[Any]) -> None:
    """Add the keys and arguments that visits need."""
    span_s = visits.span_s
    day, era = visits.received_s // MARK_SPAN_S, visits.received_s // visits.known_s
    names += [
        keys.items(site, shard),
        keys.known(site, shard, era),
        keys.known(site, shard, era - 1),
        keys.budget(site, shard),
        keys.ids(site, shard, day),
        keys.ids(site, shard, day - 1),
        keys.newcomers(site, shard, visits.received_s // MINUTE_S),
        keys.pending(site, shard),
        keys.named(site, shard, visits.received_s // VOLUME_S),
        keys.named(site, shard, visits.received_s // VOLUME_S - 1),
    ]
    offsets, window_of, windows = _windows(visits, site, shard, names)
    rate = visits.new_items
    lifetimes = [2 * visits.known_s, 2 * MARK_SPAN_S, max(2 * span_s, SEEN_AT_LEAST_S)]
    limits = [span_s, *lifetimes, visits.received_s, rate, SAVED_MINUTES * rate, visits.network_items]
    arguments += [
        _pack(
            [
                visits.cells,
                offsets,
                window_of,
                windows,
                list(visits.marks),
                list(visits.newcomers),
                limits,
                visits.likely,
            ]
        ),
        visits.pairs if windows else b"",
        visits.befores,
        b"".join(visits.marks.values()),
        b"".join(visits.newcomers.values()),
    ]
    if visits.networks:
        _add_networks(visits, site, shard, names, arguments)


def _add_networks(visits: ConditionalVisits, site: str, shard: int, names: list[str], arguments: list[Any]) -> None:
    """Add the keys and arguments that bound what a network may add to an item."""
    span_s = visits.span_s or NETWORK_SPAN_S
    day = visits.received_s // MARK_SPAN_S
    windows = sorted({second // span_s for second in visits.seconds})
    every = sorted({near for window in windows for near in (window - 1, window)})
    key_of = {window: number for number, window in enumerate(every, 1)}
    names += [
        keys.network_day(site, shard, day),
        keys.network_day(site, shard, day - 1),
        keys.network_past(site, shard, day),
        keys.network_past(site, shard, day - 1),
        *(keys.network_reads(site, shard, span_s, window) for window in every),
    ]
    own = {window: (key_of[window], key_of[window - 1]) for window in windows}
    rule = [
        visits.allowance, networks.FACTOR, networks.COLD_SHARE, networks.DAYS, networks.LEAST_DAYS,
        networks.MAX_NETWORKS, networks.HEAVY_SHARE, span_s, max(2 * span_s, SEEN_AT_LEAST_S), 2 * MARK_SPAN_S,
    ]  # fmt: skip
    number_of = {window: number for number, window in enumerate(own, 1)}
    arguments += [
        _pack(
            [
                [second % span_s for second in visits.seconds],
                [number_of[second // span_s] for second in visits.seconds],
                list(own.values()),
                rule,
            ]
        ),
        visits.networks,
        visits.networks_before,
        visits.items,
    ]


def _windows(
    visits: ConditionalVisits, site: str, shard: int, names: list[str]
) -> tuple[list[int], list[int], list[tuple[int, int, int, int, int]]]:
    """Each visit's offset into its window, that window's number, and the windows; their keys are added to `names`."""
    seconds, pairs, span_s = visits.seconds, visits.pairs, visits.span_s
    if not span_s:
        return [0] * len(seconds), [0] * len(seconds), []
    offsets = [second % span_s for second in seconds]
    numbers = {second // span_s: 0 for second in dict.fromkeys(seconds)}
    numbers = {start: number for number, start in enumerate(numbers, 1)}
    every = sorted({near for start in numbers for near in (start - 1, start, start + 1)})
    key_of = {start: number for number, start in enumerate(every, 1)}
    names += [keys.seen(site, shard, span_s, start) for start in every]
    windows = [
        (key_of[start], key_of[start - 1], key_of[start + 1], numbers.get(start - 1, 0), numbers.get(start + 1, 0))
        for start in numbers
    ]
    if len(windows) == 1 and NO_PAIR not in pairs:
        return offsets, [], windows
    paired = [pairs[at : at + PAIR_BYTES] != NO_PAIR for at in range(0, len(pairs), PAIR_BYTES)]
    return (
        offsets,
        [numbers[second // span_s] if has else 0 for second, has in zip(seconds, paired, strict=True)],
        windows,
    )
