"""`populer restore`: put what a backup holds into a store of any kind, also under a running service.

The whole file is compared with its checksum before anything is written. While a site is restored the store is held, as
one that came back empty is: lists stay as they are, events are counted, and the alarm `store_emptied` is raised. At the
end it is accepted, and every list is made of it anew. A restore that dies leaves the store held; it is begun again with
`--replace`.

Sealed counts are sealed again under the numbers of the store's own names, which a store of as many shards gives out
alike and another does not. Where anything has been counted in their span since, they are added to it as open counts.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from populer.commands.backup_file import BackupReader
from populer.commands.options import progress_bar, store_url
from populer.commands.site_restore import SiteRestore
from populer.service import site_keys
from populer.stores import opened_store
from ranking.errors import PopulerError
from ranking.settings.service import Settings

ACTION = "restore_backup"


def run(settings: Settings, path: Path, site: str | None, *, replace: bool) -> None:
    """Restore, and print what was.

    Raises:
        PopulerError: the file or the store cannot be used, or a site is not empty.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file, progress_bar(in_bytes=True) as progress:
            task = progress.add_task("restore", total=2 * size)
            backup = BackupReader(path, file, lambda n: progress.advance(task, n))
            sites = _sites(backup, settings, path, site)
            said = asyncio.run(restored(settings, store_url(settings), backup, sites, time.time(), replace=replace))
    except OSError as error:
        raise PopulerError(f"{path}: cannot be read ({error.strerror}); name another file") from None
    for line in said:
        print(line)  # noqa: T201


def _sites(backup: BackupReader, settings: Settings, path: Path, wanted: str | None) -> list[str]:
    there, known = list(backup.index.sites), {site.id for site in settings.sites}
    if wanted is not None and wanted not in there:
        raise PopulerError(f"{path}: has no site {wanted!r}; there are {', '.join(there)}")
    sites = [wanted] if wanted is not None else there
    if unknown := [site for site in sites if site not in known]:
        raise PopulerError(f"the settings have no site {unknown[0]!r}: add it, or choose another with --site")
    return sites


async def restored(
    settings: Settings, url: str, backup: BackupReader, sites: Sequence[str], now: float, *, replace: bool
) -> list[str]:
    """Restore `sites` at `now` (epoch seconds); what there is to say of it."""
    said, writer = [], f"restore-{secrets.token_hex(4)}"
    async with opened_store(settings, url) as store:
        filled = [site for site in sites if not await store.archive.is_empty(site)]
        if filled and not replace:
            raise PopulerError(
                f"site {filled[0]} is not empty, nothing was restored: --replace clears it first, its counts, items"
                " and edits"
            )
        was_held = await store.server.hold()
        index = backup.index
        for day, (salt, lifetime_s) in (index.salts or {}).items():
            if (left_s := index.finished_at + lifetime_s - now) > 0:
                await store.salts.salt(day, salt, left_s)
        if index.secret is not None:
            await store.salts.secret(index.secret)
        for site in sites:
            if site in filled:
                await store.sites.clear(site, settings.lists, now, settings.retention.keep_s, followed=True)
            part = index.sites[site]
            buckets = await SiteRestore(store, settings, backup, site, part, writer).restore(now, ACTION)
            past = len({bucket[:2] for shard in part.shards for bucket in shard.buckets}) - buckets
            said.append(f"site {site}: {part.items:,} items, counts of {buckets:,} buckets, {part.edits:,} edits")
            if past:
                said.append(f"  counts of {past:,} buckets are past retention.keep and were left out")
            if part.keys:
                kept = site_keys.read(settings.service.data_dir)
                site_keys.write(settings.service.data_dir, {**kept, site: {**kept.get(site, {}), **part.keys}})
                said.append(f"  its {len(part.keys)} API keys are in the data directory")
        missing = [site.id for site in settings.sites if site.id not in sites] if was_held else []
        if missing:
            said.append(
                f"The store was held before and stays so, as {', '.join(missing)} may still lack what it had: restore"
                " the rest, or take it as it is with `populer store accept`."
            )
        else:
            await store.server.accept()
    return said
