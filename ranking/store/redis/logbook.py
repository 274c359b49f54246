"""The logbook in Redis. See `keys` for what lies where."""

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from ranking.store import limits
from ranking.store.logbook import JobRun, Minute
from ranking.store.redis import keys
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import READ_HASHES, LuaScript
from ranking.watching.concentration import Concentration, Summary
from ranking.watching.episodes import Episode, Key, Raised, ReceiverState
from ranking.watching.pulse import Pulse
from ranking.watching.sources import Discovery, FeedMemory, FeedState

NOTE = LuaScript("note")
READ_AT_ONCE = 100

T = TypeVar("T")


class RedisLogbook:
    """Logbook on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def note_traffic(self, site: str, worker: str, minute: int, events: Minute) -> None:
        fields = [part for name, count in events.items() for part in (f"{worker} {name}", count)]
        if fields:
            await self._link.run(NOTE, [keys.traffic(site, minute)], [limits.TRAFFIC_TTL_S, *fields])

    async def traffic(self, site: str, minutes: Sequence[int]) -> list[dict[str, int]]:
        found: list[dict[str, int]] = []
        for first in range(0, len(minutes), READ_AT_ONCE):
            wanted = [keys.traffic(site, minute) for minute in minutes[first : first + READ_AT_ONCE]]
            found += [_added_up(fields) for fields in await self._link.run(READ_HASHES, wanted, [])]
        return found

    async def note_run(self, run: JobRun) -> None:
        await self._note(keys.JOB_RUNS, keys.JOB_RUNS_TTL_S, f"{run.job} {run.site}", run)

    async def runs(self) -> list[JobRun]:
        found = await self._noted(keys.JOB_RUNS, JobRun)
        return [found[field] for field in sorted(found)]

    async def note_pulse(self, site: str, pulse: Pulse) -> None:
        await self._set(keys.pulse(site), keys.PULSE_TTL_S, pulse)

    async def pulses(self, sites: Iterable[str]) -> dict[str, Pulse]:
        return await self._of_sites(sites, keys.pulse, Pulse)

    async def note_attempts(self, site: str, worker: str, number: int, summary: Summary) -> None:
        await self._note(keys.attempts(site, number), limits.ATTEMPTS_TTL_S, worker, summary)

    async def attempts(self, site: str, numbers: Sequence[int]) -> list[list[Summary]]:
        found = await self._link.run(READ_HASHES, [keys.attempts(site, number) for number in numbers], [])
        summaries = [[_read(content, Summary) for content in fields[1::2]] for fields in found]
        return [[each for each in of_slice if each is not None] for of_slice in summaries]

    async def note_concentration(self, site: str, concentration: Concentration) -> None:
        await self._set(keys.concentration(site), keys.PULSE_TTL_S, concentration)

    async def concentrations(self, sites: Iterable[str]) -> dict[str, Concentration]:
        return await self._of_sites(sites, keys.concentration, Concentration)

    async def note_raised(self, worker: str, raised: Raised) -> None:
        await self._note(keys.ALARMS_RAISED, keys.ALARMS_RAISED_TTL_S, worker, raised)

    async def raised(self) -> list[Raised]:
        return list((await self._noted(keys.ALARMS_RAISED, Raised)).values())

    async def note_episode(self, episode: Episode) -> None:
        await self._note(keys.ALARM_EPISODES, keys.ALARM_EPISODES_TTL_S, " ".join(episode.key), episode)

    async def episodes(self) -> list[Episode]:
        return list((await self._noted(keys.ALARM_EPISODES, Episode)).values())

    async def forget_episodes(self, keys_: Sequence[Key]) -> None:
        if keys_:
            await self._link.command("HDEL", keys.ALARM_EPISODES, *(" ".join(key) for key in keys_))

    async def note_receiver(self, name: str, state: ReceiverState) -> None:
        await self._note(keys.ALARM_RECEIVERS, keys.ALARM_EPISODES_TTL_S, name, state)

    async def receivers(self) -> dict[str, ReceiverState]:
        return await self._noted(keys.ALARM_RECEIVERS, ReceiverState)

    async def _set(self, key: str, ttl_s: int, content: object) -> None:
        await self._link.command("SET", key, msgspec.json.encode(content), "EX", ttl_s)

    async def _note(self, key: str, ttl_s: int, field: str, content: object) -> None:
        await self._link.run(NOTE, [key], [ttl_s, field, msgspec.json.encode(content)])

    async def _noted(self, key: str, form: type[T]) -> dict[str, T]:
        """What the fields of a hash hold, by their names."""
        found: dict[bytes, bytes] = await self._link.command("HGETALL", key)
        contents = {field.decode(): _read(content, form) for field, content in found.items()}
        return {field: content for field, content in contents.items() if content is not None}

    async def note_feed(self, site: str, feed: FeedState, memory: FeedMemory) -> None:
        for key, content in ((keys.feed_memory(site), memory), (keys.feeds(site), feed)):
            await self._note(key, keys.FEEDS_TTL_S, feed.url, content)

    async def feed_memory(self, site: str, url: str) -> FeedMemory:
        content = await self._link.command("HGET", keys.feed_memory(site), url)
        return _read(content, FeedMemory) or FeedMemory()

    async def feeds(self, site: str) -> dict[str, FeedState]:
        return await self._noted(keys.feeds(site), FeedState)

    async def forget_feeds(self, site: str, urls: Sequence[str]) -> None:
        if urls:
            for key in (keys.feeds(site), keys.feed_memory(site)):
                await self._link.command("HDEL", key, *urls)

    async def note_discovery(self, site: str, discovery: Discovery) -> None:
        await self._set(keys.discovery(site), keys.FEEDS_TTL_S, discovery)

    async def want_pages(self, site: str, items: Sequence[str]) -> None:
        await self._set(keys.wanted_pages(site), keys.PAGES_TTL_S, items)

    async def wanted_pages(self, site: str) -> Collection[str]:
        return _read(await self._link.command("GET", keys.wanted_pages(site)), frozenset[str]) or ()

    async def note_pages(self, site: str, pages: Mapping[str, str]) -> None:
        fields = [part for page in pages.items() for part in page]
        await self._link.run(NOTE, [keys.noted_pages(site)], [keys.PAGES_TTL_S, *fields])

    async def take_pages(self, site: str) -> dict[str, str]:
        key = keys.noted_pages(site)
        found: dict[bytes, bytes] = await self._link.command("HGETALL", key)
        if found:
            await self._link.command("HDEL", key, *found)
        return {item.decode(): url.decode() for item, url in found.items()}

    async def discoveries(self, sites: Iterable[str]) -> dict[str, Discovery]:
        return await self._of_sites(sites, keys.discovery, Discovery)

    async def _of_sites(self, sites: Iterable[str], key: Callable[[str], str], form: type[T]) -> dict[str, T]:
        found = {}
        for site in sites:  # one by one: in a cluster they lie apart
            content = _read(await self._link.command("GET", key(site)), form)
            if content is not None:
                found[site] = content
        return found


def _read(content: bytes | None, form: type[T]) -> T | None:
    """What was written down; None for what another version has written in another form."""
    if content is not None:
        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.json.decode(content, type=form)
    return None


def _added_up(fields: Sequence[bytes]) -> dict[str, int]:
    """The events of all workers: `WORKER NAME`, count, `WORKER NAME`, count, ..."""
    found: dict[str, int] = {}
    for field, count in zip(fields[::2], fields[1::2], strict=True):
        name = field.partition(b" ")[2].decode()
        found[name] = found.get(name, 0) + int(count)
    return found
