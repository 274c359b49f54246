"""Editors' edits in Redis. See `keys` for what lies where."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ranking.published.edits import FORMS, Edit, Edits, Subject
from ranking.store import limits
from ranking.store.edits import (
    ALIAS,
    ITEM,
    STORE_RETURNED,
    Changed,
    FormerAddresses,
    Standing,
    as_sent,
    changed_by,
    trail_members,
)
from ranking.store.redis import keys
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import LuaScript

AMEND = LuaScript("amend")
REPORT = LuaScript("report")
WORKERS_BEHIND = LuaScript("workers_behind")
NEXT_VOID = LuaScript("next_void")
PUT_BACK = LuaScript("put_back")
NOTE_TRAIL = LuaScript("note_trail")
EDITION, VOIDS = b"edition", b"voids"
#: Beside the names of addresses, none of which is empty.
VERSION = b""
FORGOTTEN_AFTER_S = 600
NOTHING = b"null"


class RedisEdits:
    """EditStore on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def read(self, site: str) -> Edits:
        found: dict[bytes, bytes] = await self._link.command("HGETALL", keys.edits(site))
        edition = int(found.pop(EDITION, 0))
        found.pop(VOIDS, None)
        return Edits(edition, dict(_edit_of(field, value) for field, value in found.items()))

    async def change(
        self,
        site: str,
        changes: Mapping[Subject, Edit | None],
        by: str,
        over: Iterable[Subject] = (),
        undoes: int | None = None,
    ) -> None:
        parts: list[Any] = []
        for subject, edit in changes.items():
            value = b"" if edit is None else msgspec.json.encode(edit)
            members = trail_members(subject, made=edit is not None, undoes=undoes)
            parts += [_field(subject), value, _members(members), b"", b""]
        for subject in over:
            if subject not in changes:
                parts += [_field(subject), b"", b"", b"", b""]
        await self._amend(site, keys.edits(site), by, ("edits", ""), parts)

    async def next_void(self, site: str) -> int:
        return int(await self._link.run(NEXT_VOID, [keys.edits(site)], [VOIDS]))

    async def aliases(self, site: str) -> dict[str, str]:
        found: dict[bytes, bytes] = await self._link.command("HGETALL", keys.aliases(site))
        return {name.decode(): item.decode() for name, item in found.items()}

    async def change_aliases(
        self, site: str, changes: Mapping[str, str | None], item: str, by: str, undoes: int | None = None
    ) -> None:
        names = list(changes)
        held = await self._link.command("HMGET", keys.aliases(site), *names)
        before = {name: None if old is None else old.decode() for name, old in zip(names, held, strict=True)}
        changed = {name: new for name, new in changes.items() if before[name] != new}
        members = trail_members(Subject(ALIAS, "", "", item), made=any(changed.values()), undoes=undoes)
        line = _members(members), msgspec.json.encode({name: before[name] for name in changed})
        parts: list[Any] = []
        for name, new in changed.items():
            in_trail = (b"", b"", b"") if parts else (*line, msgspec.json.encode(changed))
            parts += [name, new or b"", *in_trail]
        if parts:
            await self._amend(site, keys.aliases(site), by, ("aliases", ""), parts)

    async def former_addresses(self, site: str) -> FormerAddresses:
        found: dict[bytes, bytes] = await self._link.command("HGETALL", keys.former(site))
        version = int(found.pop(VERSION, 0))
        return FormerAddresses(version, {name.decode(): item.decode() for name, item in found.items()})

    async def former_version(self, site: str) -> int:
        return int(await self._link.command("HGET", keys.former(site), VERSION) or 0)

    async def leave_addresses(self, site: str, former: Mapping[str, str]) -> None:
        if former and int(await self._link.command("HLEN", keys.former(site))) < limits.FORMER_ADDRESSES:
            flat = [part for pair in former.items() for part in pair]
            await self._link.command("HSET", keys.former(site), *flat)
            await self._link.command("HINCRBY", keys.former(site), VERSION, 1)

    async def forget_addresses(self, site: str, names: Iterable[str]) -> None:
        parts = [part for name in names for part in (name, b"", b"", b"", b"")]
        await self._amend(site, keys.former(site), "", ("aliases", ""), parts)

    async def take_down(self, site: str, item: str, now: float, by: str, before: bytes) -> None:
        """Mark an item as removed at `now` (epoch seconds); `before` is what it was (JSON)."""
        members = _members(trail_members(Subject(ITEM, "", "", item), made=True))
        parts = [item, repr(now), members, before, NOTHING]
        await self._amend(site, keys.removed(site), by, ("item", item), parts)

    async def restore(self, site: str, items: Iterable[str], by: str) -> None:
        parts: list[Any] = []
        for item in items:
            members = trail_members(Subject(ITEM, "", "", item), made=False)
            parts += [item, b"", _members(members), NOTHING, NOTHING]
        await self._amend(site, keys.removed(site), by, ("removed", ""), parts)

    async def forget_removed(self, site: str, items: Iterable[str]) -> None:
        """Lift take-downs that nobody remembers."""
        parts = [part for item in items for part in (item, b"", b"", b"", b"")]
        await self._amend(site, keys.removed(site), "", ("removed", ""), parts)

    async def put_back(
        self, site: str, edits: Mapping[Subject, Edit], removed: Mapping[str, float], above: int
    ) -> list[str]:
        parts: list[Any] = []
        for subject, edit in edits.items():
            parts += [_field(subject), msgspec.json.encode(edit), _members(trail_members(subject, made=True))]
        for item, since in removed.items():
            parts += [item, repr(since), _members(trail_members(Subject(ITEM, "", "", item), made=True))]
        voids = max((int(subject.section) for subject in edits if subject.kind == "void"), default=0)
        lost = await self._link.run(
            PUT_BACK,
            [keys.edits(site), keys.removed(site), keys.audit(site)],
            [
                STORE_RETURNED, keys.AUDIT_TTL_S, limits.AUDIT_LINES, keys.news(site), above, voids, len(edits), *parts,
            ],
        )  # fmt: skip
        return [item.decode() for item in lost]

    async def note(self, sites: Iterable[str], by: str, action: str) -> None:
        for site in sites:
            line = [by, keys.AUDIT_TTL_S, limits.AUDIT_LINES, _members({"action": action, "item": None})]
            await self._link.run(NOTE_TRAIL, [keys.audit(site)], line)

    async def audit(self, site: str, limit: int) -> list[dict[str, Any]]:
        lines = await self._link.command("LRANGE", keys.audit(site), 0, limit - 1)
        return [as_sent(msgspec.json.decode(line)) for line in lines]

    async def changed_in(self, site: str, edition: int) -> list[Changed]:
        lines = map(msgspec.json.decode, await self._link.command("LRANGE", keys.audit(site), 0, -1))
        return [changed_by(line) for line in lines if line.get("edition") == edition and line["item"] is not None]

    async def report(self, site: str, worker: str, edition: int | None) -> Standing:
        latest, at, before, *lists = await self._link.run(
            REPORT,
            [keys.workers(site), keys.edits(site), keys.generations(site)],
            [worker, "" if edition is None else edition, keys.WORKERS_TTL_S],
        )
        names, generations = lists[::2], lists[1::2]
        of_lists = {name.decode(): int(n) for name, n in zip(names, generations, strict=True)}
        return Standing(int(latest), of_lists, int(at or 0), int(before or 0))

    async def workers_behind(self, site: str, edition: int, lease_s: float) -> int:
        arguments = [edition, round(lease_s * 1000), FORGOTTEN_AFTER_S * 1000]
        return int(await self._link.run(WORKERS_BEHIND, [keys.workers(site)], arguments))

    async def _amend(self, site: str, amended: str, by: str, news: tuple[str, str], parts: list[Any]) -> None:
        await self._link.run(
            AMEND,
            [amended, keys.edits(site), keys.audit(site)],
            [by, keys.AUDIT_TTL_S, limits.AUDIT_LINES, keys.news(site), *news, *parts],
        )


def _field(subject: Subject) -> bytes:
    return msgspec.json.encode(subject)


def _edit_of(field: bytes, value: bytes) -> tuple[Subject, Edit]:
    subject = Subject(*msgspec.json.decode(field, type=tuple[str, str, str, str]))
    return subject, msgspec.json.decode(value, type=FORMS[subject.kind])


def _members(named: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(named)[1:-1]
