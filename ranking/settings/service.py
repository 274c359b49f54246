"""Settings: every name, its type, its default and what it may be, as one frozen value.

The front door reads the file and the environment (`populer/config.py`) and hands the result in; nothing in the core
reads either. What is not listed here is not a setting: an unknown name is refused, because a misspelt one that is
silently ignored is found months later. Attributes carry their unit (`half_life_s`), the names in the file do not.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import (
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ranking.calendar import offset_step_s
from ranking.intake.events import DEFAULT_KIND, LIST_SOURCE
from ranking.intake.item_filter import ItemFilter
from ranking.intake.networks import ALLOWANCE
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import DEFAULT_LISTS, ListSettings, with_defaults
from ranking.settings.parts import check_parts
from ranking.settings.sites import SiteSettings
from ranking.settings.types import (
    IDLE_SETTING,
    Bytes,
    Kind,
    Name,
    ProcessName,
    Seconds,
    SecondsOrNone,
    SecondsOrOff,
    Source,
    Table,
    as_bytes,
    as_bytes_or_none,
    as_seconds,
)
from ranking.settings.uses import idle_reasons
from ranking.settings.webhooks import WebhookSettings
from ranking.settings.without import check_without
from ranking.times import DAY_S, HOUR_S, format_duration

MIN_QUIET_S = 60.0
REDIS_SCHEMES = (
    "redis://", "rediss://", "unix://",
    "redis+sentinel://", "rediss+sentinel://", "redis+cluster://", "rediss+cluster://",
)  # fmt: skip


class ServiceSettings(Table):
    """[service]: where the service listens and keeps its files."""

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(1, ge=1, le=256)
    data_dir: Path = Path("populer-data")
    admin_port: int | None = Field(None, ge=1, le=65535)
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1")
    internal: tuple[str, ...] = ("127.0.0.0/8", "::1")
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    access_log: bool = False
    request_timeout_s: Seconds = Field(8.0, alias="request_timeout")
    templates: Path | None = None
    streams: int = Field(1_000, ge=0, le=100_000)
    streams_per_address: int = Field(100, ge=0, le=100_000)
    fetch_private: bool = False
    drain_s: SecondsOrOff = Field(0.0, alias="drain")
    jobs_name: ProcessName | Literal[""] = ""


class RedisSettings(Table):
    """[redis]: the store. Without a url the bundled Valkey runs in `service.data_dir`."""

    url: str | None = None
    shards: int | None = Field(None, ge=1, le=1024)
    timeout_s: Seconds = Field(5.0, alias="timeout")
    allow_eviction: bool = False
    maxmemory: Annotated[Annotated[int, Field(ge=16 * 1024**2)] | None, BeforeValidator(as_bytes_or_none)] = None

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(REDIS_SCHEMES):
            raise ValueError(f"an address that starts with one of {', '.join(REDIS_SCHEMES)}")
        return url


class IngestSettings(Table):
    """[ingest]: what events may say and when they are answered."""

    ack: Literal["memory", "commit", "replica", "disk"] = "commit"
    dedupe_window_s: SecondsOrOff = Field(1800.0, alias="dedupe_window", le=DAY_S)
    bots: bool = True
    gpc: Literal["no-visitor", "ignore", "refuse"] = "no-visitor"
    visitor_limit: int = Field(600, ge=0, le=1_000_000)
    network_allowance: int = Field(ALLOWANCE, ge=0, le=1_000_000)
    address_limit: int = Field(60_000, ge=0, le=100_000_000)
    new_items: int = Field(1_000, ge=0, le=10_000_000)
    kinds: tuple[Kind, ...] = Field((DEFAULT_KIND, "click"), min_length=1)
    sources: tuple[Source, ...] = ()
    max_body: Bytes = 1024**2
    deadline_s: Seconds = Field(10.0, alias="deadline")
    max_pending: int = Field(100_000, ge=1_000)
    spool: Annotated[int, BeforeValidator(as_bytes), Field(ge=0)] = 256 * 1024**2
    spool_after_s: Seconds = Field(1.0, alias="spool_after")

    @cached_property
    def known_kinds(self) -> frozenset[str]:
        """`kinds` to look one up in."""
        return frozenset(self.kinds)


class RollUpSettings(Table):
    """retention.roll_up: the age from which counts are kept by the hour, and by the day. Infinite: never."""

    hour_s: SecondsOrNone = Field(math.inf, alias="hour")
    day_s: SecondsOrNone = Field(math.inf, alias="day")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.day_s < self.hour_s < math.inf:
            raise ValueError("day: not before hour")
        return self

    @property
    def tiers(self) -> dict[int, float]:
        """Width of a bucket -> age from which counts are kept so; both in seconds."""
        return {width_s: age_s for width_s, age_s in ((HOUR_S, self.hour_s), (DAY_S, self.day_s)) if age_s < math.inf}


class RetentionSettings(Table):
    """[retention]: how finely counts are kept, and for how long."""

    bucket_s: Annotated[int, BeforeValidator(as_seconds)] = Field(300, alias="bucket", ge=10, le=DAY_S)
    keep_s: Seconds = Field(30.0 * DAY_S, alias="keep")
    seal_after_s: SecondsOrOff = Field(1800.0, alias="seal_after")
    unknown_s: Seconds = Field(1.0 * DAY_S, alias="unknown", ge=HOUR_S)
    roll_up: RollUpSettings = RollUpSettings()
    removed_sites_s: SecondsOrNone = Field(30.0 * DAY_S, alias="removed_sites", ge=DAY_S)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if DAY_S % self.bucket_s:
            raise ValueError("bucket: a duration that divides a day evenly, such as 1m, 5m, 15m or 1h")
        if self.keep_s < self.bucket_s:
            raise ValueError("keep: at least one bucket")
        return self


class RefreshSettings(Table):
    """[refresh]: how often lists are ranked, when one counts as stale, and how long a lost process keeps its sites."""

    every_s: Seconds = Field(5.0, alias="every", ge=0.25, le=HOUR_S)
    stale_after_s: Seconds = Field(60.0, alias="stale_after")
    lease_s: Seconds = Field(10.0, alias="lease", ge=0.2, le=HOUR_S)
    paging_s: SecondsOrOff = Field(600.0, alias="paging", le=DAY_S)


class AlarmSettings(Table):
    """[alarms]: when silence is one, and who receives alarms. See `alarms`."""

    quiet_s: SecondsOrOff = Field(900.0, alias="quiet", le=DAY_S)
    usual_events: float = Field(10.0, ge=1, le=1e9)
    webhooks: dict[Name, WebhookSettings] = Field({}, max_length=20)

    @field_validator("quiet_s")
    @classmethod
    def _seen(cls, quiet_s: float) -> float:
        if 0 < quiet_s < MIN_QUIET_S:
            raise ValueError(f"0s for none, or at least {MIN_QUIET_S:.0f}s, as counts are kept in buckets")
        return quiet_s


class ConsumeSettings(Table):
    """[consume]: how `populer consume` reads a log's records.

    `fields`: a field of an event by where a record has it: a path of names such as `data.article_id`, `@key` or
    `@timestamp`; empty: the record is an event. `options` go to the client library as they are.
    """

    fields: dict[Literal["item", "url", "kind", "ts", "source", "position", "visitor", "id"], str] = Field({})
    options: dict[str, str] = Field({}, repr=False)


class Settings(Table):
    """All settings of a service."""

    service: ServiceSettings = ServiceSettings()
    redis: RedisSettings = RedisSettings()
    ingest: IngestSettings = IngestSettings()
    retention: RetentionSettings = RetentionSettings()
    refresh: RefreshSettings = RefreshSettings()
    alarms: AlarmSettings = AlarmSettings()
    consume: ConsumeSettings = ConsumeSettings()
    sites: tuple[SiteSettings, ...] = (SiteSettings(),)
    lists: dict[Name, ListSettings] = Field(default={}, validate_default=True)
    _tables: Mapping[str, Mapping[str, Any]] = {}

    def table(self, name: str) -> Mapping[str, Any]:
        """The table of a list as it is written, without what presets and defaults put under it."""
        return self._tables.get(name, {})

    @model_validator(mode="wrap")
    @classmethod
    def _with_tables(cls, given: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        settings = check(given)
        if isinstance(given, dict) and isinstance(given.get("lists"), dict):
            settings._tables = given["lists"]
        return settings

    @field_validator("lists", mode="wrap")
    @classmethod
    def _with_default_lists(cls, given: Any, check: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(given, dict):
            return check(given)
        tables: dict[str, Any] = {**{name: {} for name in DEFAULT_LISTS}, **given}
        lists: dict[str, ListSettings] = check(
            {
                name: with_defaults(str(name), table) if isinstance(table, dict) else table
                for name, table in tables.items()
            }
        )
        reasons = {
            f"{name}.{setting}": reason
            for name, table in given.items()
            if isinstance(table, dict)
            for setting, reason in idle_reasons(lists[name], table).items()
        }
        if reasons:
            raise PydanticCustomError(
                IDLE_SETTING,
                "{sentences}",
                {"reasons": reasons, "sentences": "; ".join(f"{name}: {reason}" for name, reason in reasons.items())},
            )
        return lists

    @field_validator("sites")
    @classmethod
    def _distinct(cls, sites: tuple[SiteSettings, ...]) -> tuple[SiteSettings, ...]:
        ids = [site.id for site in sites]
        if not ids or len(set(ids)) < len(ids):
            raise ValueError("at least one site, and an id of its own for each")
        return sites

    def under(self, learned: Mapping[str, LearnedSetting]) -> Self:
        """The settings with the learned settings of a site's lists, by the list's name."""
        if not any(each.learns for each in self.lists.values()):
            return self
        lists = {name: each.under(learned.get(name)) for name, each in self.lists.items()}
        return self.model_copy(update={"lists": lists})

    @model_validator(mode="after")
    def _buckets_part_days(self) -> Self:
        """Where a site's days do not begin with an hour, buckets of an hour or less are as narrow as it takes."""
        given_s = self.retention.bucket_s
        width_s = math.gcd(given_s, *(offset_step_s(site.zone) for site in self.sites))
        if width_s < given_s <= HOUR_S:
            object.__setattr__(self, "retention", self.retention.model_copy(update={"bucket_s": width_s}))
        return self

    @model_validator(mode="after")
    def _horizons_fit(self) -> Self:
        for name, each in self.lists.items():
            named = "horizon_s" in each.objective.model_fields_set  # the default is taken as whole buckets
            if each.learns and named and each.objective.horizon_s % self.retention.bucket_s:
                width, found = format_duration(self.retention.bucket_s), format_duration(each.objective.horizon_s)
                raise ValueError(
                    f"lists.{name}.objective.horizon: a multiple of retention.bucket ({width}), found {found}"
                )
        return self

    @model_validator(mode="after")
    def _webhooks_fit(self) -> Self:
        known = [site.id for site in self.sites]
        for name, webhook in self.alarms.webhooks.items():
            for site in set(webhook.sites).difference(known):
                raise ValueError(f"alarms.webhooks.{name}.sites: one of {', '.join(known)}, found {site!r}")
        return self

    @model_validator(mode="after")
    def _lists_in_order(self) -> Self:
        check_without(self.lists)
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        check_parts(self.sites, self.lists)
        return self

    @cached_property
    def item_filters(self) -> frozenset[ItemFilter]:
        """What the lists allow and deny of items."""
        return frozenset(each.item_filter for each in self.lists.values() if each.item_filter is not None)

    @cached_property
    def known_sources(self) -> frozenset[str]:
        """Sources that public events may name: the lists, those of `ingest.sources`, and those that a list weighs."""
        named = (kind for each in self.lists.values() for kind in (*each.weights, *each.revival_weights))
        weighed = (kind.partition("@")[2] for kind in named if "@" in kind)
        return frozenset([*(f"{LIST_SOURCE}{name}" for name in self.lists), *self.ingest.sources, *weighed])

    @cached_property
    def config_version(self) -> str:
        """Digest of everything that a list's content depends on; equal on every host with equal settings."""
        names = sorted(self.lists)
        lists = [self.lists[name].model_dump(mode="python") for name in names]
        lists += [dict(own) for name in names if (own := self.lists[name].section_half_lives)]
        lists += [msgspec.to_builtins(learned) for name in names if (learned := self.lists[name].correction)]
        retention = self.retention.model_dump(mode="python", exclude={"seal_after_s", "unknown_s", "removed_sites_s"})
        calendars = [site.timezone for site in self.sites if any(each.by_calendar for each in self.lists.values())]
        text = json.dumps([sorted(self.lists), calendars, retention, *lists], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
