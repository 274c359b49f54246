"""`populer doctor`: is the store fit to keep counts, and what to do where it is not."""

import asyncio
import contextlib
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from api.monitoring import metrics
from populer.commands.content_findings import content_findings
from populer.commands.findings import Finding, State, checked
from populer.commands.options import store_url
from populer.service import descriptors, site_keys
from populer.service.left_behind import ADVICE, left_behind
from populer.stores import open_store
from ranking import __version__
from ranking.errors import MissingRightsError, PopulerError
from ranking.settings.service import Settings
from ranking.store.server import ServerInfo
from ranking.watching.alarms import MOST_MEMORY

OLDEST_VERSION = (7, 0)
CLOCK_MAY_DIFFER_S = 2.0
DISK_IS_SHORT = 512 * 1024**2
FEW_DESCRIPTORS = 4_096
CONNECTIONS_ARE_SHORT = 0.8
MIB = 1024**2


def run(settings: Settings, *, as_json: bool) -> None:
    """Examine and print.

    Raises:
        PopulerError: a check is bad, after all were printed.
    """
    findings = asyncio.run(examined(settings, store_url(settings)))
    if as_json:
        print(json.dumps([{**finding._asdict(), "state": finding.state.value} for finding in findings]))  # noqa: T201
    else:
        for finding in findings:
            advice = f": {finding.advice}" if finding.advice else ""
            print(f"{finding.state.value:<8} {finding.name:<34} {finding.found}{advice}")  # noqa: T201
    bad = [finding.name for finding in findings if finding.state is State.BAD]
    if bad:
        raise PopulerError(f"{len(bad)} of {len(findings)} checks are bad: {', '.join(bad)}")


async def examined(settings: Settings, url: str) -> list[Finding]:
    """Everything that is looked at, in order. A store that cannot be reached is a finding as well."""
    found = [Finding("versions", State.GOOD, f"populer {__version__}, Python {sys.version.split()[0]}")]
    found += _of_settings(settings)
    store = open_store(settings, url)
    try:
        await store.open()
        found.append(Finding("rights", State.GOOD, "the user in redis.url has all that are needed"))
        began = time.time()
        servers = await store.server.server_info()
        now = (began + time.time()) / 2
        for server in servers:
            found += _of_server(server, now)
        found += [each async for each in content_findings(store, settings)]
    except MissingRightsError as error:
        found.append(Finding("rights", State.BAD, str(error)))
    except PopulerError as error:
        found.append(Finding("store", State.BAD, str(error).removesuffix("."), "start it, or correct redis.url"))
    finally:
        with contextlib.suppress(PopulerError):
            await store.close()
    return found


def _of_settings(settings: Settings) -> Iterator[Finding]:
    data_dir = settings.service.data_dir
    for site in settings.sites:
        origins = ", ".join(site.origins)
        yield checked(
            f"site {site.id}: origins",
            origins or "any page may send events",
            is_wrong=not origins,
            advice="name the site's pages in sites.origins, such as https://www.example.id",
        )
    try:
        kept = site_keys.read(data_dir)
        missing = [site.id for site in settings.sites if not (site.keys.by_name("write") or site.id in kept)]
        yield checked(
            "keys",
            f"none yet for {', '.join(missing)}" if missing else "every site has its own",
            is_wrong=bool(missing),
            advice="the first `populer serve` makes them",
        )
    except PopulerError as error:
        yield Finding("keys", State.BAD, str(error))
    yield from _key_file(data_dir)
    if unused := left_behind(settings):
        folder, size = unused
        found = f"{folder} holds {size / MIB:,.1f} MiB that redis.url leaves unused"
        yield Finding("bundled store", State.WARNING, found, ADVICE)
    yield _descriptors(data_dir / metrics.FOLDER)
    if data_dir.exists():
        free = shutil.disk_usage(data_dir).free
        yield checked(
            "disk",
            f"{free / MIB:,.0f} MiB free for {data_dir}",
            is_wrong=free < DISK_IS_SHORT,
            advice="make room: the bundled Valkey and the spool refuse events when it is full",
        )


def _key_file(data_dir: Path) -> Iterator[Finding]:
    """Who may read the keys that are kept."""
    file = data_dir / site_keys.FILE
    mode = site_keys.open_to_others(data_dir)
    if mode is not None:
        yield Finding("key file", State.BAD, f"others may read it: mode {mode:04o}", f"chmod 600 {file}, and new keys")
    elif file.exists():
        yield Finding("key file", State.GOOD, "its owner alone may read it")


def _descriptors(metrics_dir: Path) -> Finding:
    """The hard limit of open files here, and what the workers that run beside us make of theirs."""
    hard = descriptors.hard_limit()
    found = f"{'no hard limit' if hard is None else f'hard limit {hard:,}'} of open files"
    short = hard is not None and hard < FEW_DESCRIPTORS
    workers = metrics.connections_of(metrics_dir) if metrics_dir.is_dir() else None
    if workers is not None:
        found += f"; busiest worker: {workers.open:,} of {workers.most:,} connections"
        if workers.refused:
            found += f", {workers.refused:,} refused"
        short = short or workers.refused > 0 or workers.open > CONNECTIONS_ARE_SHORT * workers.most
    return checked(
        "descriptors",
        found,
        is_wrong=short,
        advice="raise the hard limit (LimitNOFILE= of systemd, ulimit -Hn): every connection takes one",
    )


def _of_server(server: ServerInfo, now: float) -> Iterator[Finding]:
    where = f"server {server.address}"
    numbers = tuple(int(part) for part in server.version.rpartition(" ")[2].split(".")[:2] if part.isdigit())
    yield checked(
        where,
        server.version,
        is_wrong=numbers < OLDEST_VERSION,
        advice="use Redis 7.0 or Valkey",
        state=State.BAD,
    )
    yield checked(
        f"{where}: maxmemory-policy",
        server.policy,
        is_wrong=server.policy not in ("noeviction", "unknown"),
        advice="CONFIG SET maxmemory-policy noeviction, and in its settings: anything else drops counts",
        state=State.BAD,
    )
    if server.evicted:
        advice = "counts are lost: rank with care until they have aged, or replay a log"
        yield Finding(f"{where}: evictions", State.BAD, f"{server.evicted:,} keys since its start", advice)
    limit = f"of {server.memory_limit / MIB:,.0f} MiB" if server.memory_limit else "without a limit"
    yield checked(
        f"{where}: memory",
        f"{server.memory / MIB:,.1f} MiB {limit}",
        is_wrong=bool(server.memory_limit) and server.memory > MOST_MEMORY * server.memory_limit,
        advice="raise maxmemory, or lower retention.keep: at the limit events are refused",
    )
    yield _persistence(f"{where}: persistence", server)
    ahead_s = server.time - now
    yield checked(
        f"{where}: clock",
        f"{abs(ahead_s):.1f} s {'ahead of' if ahead_s > 0 else 'behind'} ours",
        is_wrong=abs(ahead_s) > CLOCK_MAY_DIFFER_S,
        advice="run NTP on both: lifetimes go by the server's clock, counts by ours",
    )


def _persistence(name: str, server: ServerInfo) -> Finding:
    if not server.persistent:
        return Finding(
            name, State.WARNING, "none", "CONFIG SET appendonly yes, or its next start has forgotten all counts"
        )
    if not server.writes:
        return Finding(name, State.BAD, "its last write failed", "its disk is full or broken: see its log")
    return Finding(name, State.GOOD, "append-only file")
