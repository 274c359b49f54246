"""The settings in effect while the service runs: how a change of their file is taken over, or refused.

A file is taken over as a whole or not at all. It is refused for whatever it would be refused for at a start, and where
it is missing or empty: that is what a file is that somebody is writing, and to go on with the defaults, without the
sites and their keys, is never what was meant. Some settings are built into sockets, processes and connections: these
wait for the next start, which is said, and the rest of the file is in effect at once.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any, Final

import structlog

from api.filtering.addresses import too_wide
from api.monitoring.config_state import ConfigState
from populer.config import Loaded, validated, with_content
from populer.environment import FIXED_TABLES
from populer.raw_tables import Raw, leaves
from populer.service import site_keys
from populer.service.file_watch import FileContent
from ranking.errors import PopulerError, SettingsError
from ranking.settings.service import Settings
from ranking.settings.written import as_written

log = structlog.get_logger("populer")

AT_NEXT_START: Final = (
    "service.host", "service.port", "service.admin_port", "service.workers", "service.data_dir",
    "service.log_format", "service.log_level",
    "redis.shards", "redis.timeout", "redis.allow_eviction", "redis.maxmemory",
)  # fmt: skip
SPOOL: Final = "ingest.spool"
"""Its size can change at any time; whether there is one cannot."""
URL: Final = "redis.url"
"""May change at any time, except from and to the bundled server: that is another store."""
ACK: Final = "ingest.ack"
"""May change at any time, except that the bundled server must be started for `disk`."""
SHOWN_NAMES: Final = 20


class LiveSettings:
    """What the processes of the service are to go by: `raw` builds `settings`, `state` is what is said of them.

    `check_store` raises PopulerError where a store that is named anew cannot be used.
    """

    def __init__(self, loaded: Loaded, now: float, check_store: Callable[[Settings], None] = lambda _: None) -> None:
        self._check_store = check_store
        self._source = loaded.source
        self._data_dir = loaded.settings.service.data_dir
        self._kept: site_keys.Generated = {}
        self._lock = Lock()  # the files of settings and of keys are watched apart
        self._without_keys = (loaded.settings, loaded.raw)
        self.settings, self.raw = self._with_keys(*self._without_keys)
        self._say(None, self.settings)
        if mode := site_keys.open_to_others(self._data_dir):
            file = self._data_dir / site_keys.FILE
            log.warning(f"Others than its owner may read {file} (mode {mode:04o}). Set it to 0600, and make new keys.")
        self.state = ConfigState(loaded_at=now, file=str(self._source.file.absolute()))

    def take(self, found: FileContent, now: float) -> None:
        """Go by what the file holds at `now` (epoch seconds) if it can be used; say why where it cannot."""
        with self._lock:
            self._take(found, now)

    def take_keys(self) -> bool:
        """Go by the file of keys as it is now; whether that changes anything."""
        with self._lock:
            before = self.settings
            try:
                self.settings, self.raw = self._with_keys(*self._without_keys)
            except SettingsError as error:
                log.error("The file of keys was rejected. The previous keys stay in effect.", error=str(error))
            if before != self.settings:
                log.info("The keys were taken over.", file=str(self._data_dir / site_keys.FILE))
            return before != self.settings

    def _take(self, found: FileContent, now: float) -> None:
        before, waited = self.settings, self.state.at_next_start
        try:
            without_keys, waiting = self._read(found)
            settings, raw = self._with_keys(*without_keys)
        except Exception as error:  # whatever it is, the service goes on with what it has
            self._refuse(error, now)
            return
        self.settings, self.raw, self._without_keys = settings, raw, without_keys
        self.state = self.state._replace(
            loaded_at=now,
            applied=self.state.applied + 1,
            refusal=None,
            refused_at=None,
            at_next_start=waiting,
        )
        names = changed(before, settings)
        log.info(
            "the settings were taken over",
            file=str(self._source.file),
            config_version=settings.config_version,
            changed=names[:SHOWN_NAMES],
            **({"and_more": len(names) - SHOWN_NAMES} if len(names) > SHOWN_NAMES else {}),
        )
        for name in waiting:
            if name not in waited:
                log.warning(f"{name}: takes effect at the next start")
        self._say(before, settings)

    def _read(self, found: FileContent) -> tuple[tuple[Settings, Raw], tuple[str, ...]]:
        file = self._source.file
        if found.problem is not None:
            raise SettingsError(f"{file}: {found.problem}")
        if not found.content.strip():
            raise SettingsError(f"{file}: is empty; a comment in it will do where the defaults are meant")
        loaded = with_content(self._source, found.content)
        raw, waiting = held_back(loaded.raw, loaded.settings, self.settings)
        settings = validated(raw, loaded.origins)
        if settings.redis != self.settings.redis:
            self._check_store(settings)
        return (settings, raw), waiting

    def _refuse(self, error: Exception, now: float) -> None:
        if isinstance(error, PopulerError):
            refusal = " ".join(str(error).split())
            log.error("the settings' file was refused, those before stay in effect", error=refusal)
        else:
            refusal = f"{self._source.file}: a fault of the service kept it from being read; its log says more"
            log.error("the settings' file could not be read", exc_info=error)
        self.state = self.state._replace(refused=self.state.refused + 1, refusal=refusal, refused_at=now)

    def _with_keys(self, settings: Settings, raw: Raw) -> tuple[Settings, Raw]:
        """With a key of each kind for every site; one that was generated once stays as it is while the service runs."""
        without = [site for site in site_keys.generated(settings) if not self._kept.get(site)]
        settings = site_keys.with_keys(settings, self._data_dir, self._kept)
        self._kept = site_keys.known(self._data_dir, self._kept)
        if without:
            log.info("keys are in the data directory", sites=without, file=str(self._data_dir / site_keys.FILE))
        given = raw.get("sites") or [{}]
        sites = [{**table, "keys": site.keys.model_dump()} for table, site in zip(given, settings.sites, strict=True)]
        service = {**raw.get("service", {}), "data_dir": str(self._data_dir)}
        return settings, {**raw, "sites": sites, "service": service}

    def _say(self, before: Settings | None, after: Settings) -> None:
        """Log the warnings that `after` has and `before` had not."""
        known = warnings_of(before) if before else []
        for warning in warnings_of(after):
            if warning not in known:
                log.warning(warning)


def held_back(raw: Raw, wanted: Settings, running: Settings) -> tuple[Raw, tuple[str, ...]]:
    """`raw`, of which `wanted` was built, with the running values where a start is needed; the names of those."""
    was, would = _by_name(running), _by_name(wanted)
    waiting = [name for name in AT_NEXT_START if was[name] != would[name]]
    if was[URL] != would[URL] and None in (was[URL], would[URL]):
        waiting.append(URL)
    if bool(was[SPOOL]) != bool(would[SPOOL]):
        waiting.append(SPOOL)
    if was[ACK] != would[ACK] == "disk" and was["redis.url"] is None:
        waiting.append(ACK)
    held = {table: as_written(getattr(running, table)) for table in FIXED_TABLES}
    for name in waiting:
        table, _, setting = name.partition(".")
        raw = {**raw, table: {**raw.get(table, {}), setting: held[table][setting]}}
    return raw, tuple(waiting)


def changed(before: Settings, after: Settings) -> list[str]:
    """Names of the settings that differ; of a site or a list that came or has gone, the table's."""
    was, now = _by_name(before), _by_name(after)
    found = dict.fromkeys(
        name for name in {**was, **now} if name not in was or name not in now or was[name] != now[name]
    )
    tables = {_table(name) for name in found} - ({_table(name) for name in was} & {_table(name) for name in now})
    return list(dict.fromkeys(_table(name) if _table(name) in tables else name for name in found))


def _table(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _by_name(settings: Settings) -> dict[str, Any]:
    return dict(leaves(settings.model_dump(mode="json", by_alias=True)))


def warnings_of(settings: Settings) -> list[str]:
    """What an operator should know, a sentence each."""
    found = [
        f"site {site.id} takes events from any page: name its own in sites.origins, such as https://www.example.id"
        for site in settings.sites
        if not site.origins
    ]
    found += [
        f"site {site.id} takes addresses of {', '.join(site.own_hosts.names)} alone, where the service is reached: name"
        " the hosts of its pages in sites.hosts"
        for site in settings.sites
        if site.own_hosts and not (site.hosts or site.origins)
    ]
    wide = too_wide(settings.service.trusted_proxies)
    return found + ([f"service.trusted_proxies: {wide}"] if wide else [])
