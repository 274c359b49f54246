"""Settings: every name, its type, its default and what it may be, as one frozen value.

The front door reads the file and the environment (`populer/config.py`) and hands the result in; nothing in the core
reads either. What is not listed here is not a setting: an unknown name is refused, because a misspelt one that is
silently ignored is found months later. Attributes carry their unit (`half_life_s`), the names in the file do not.
"""

import hashlib
import json
import math
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ranking.events import DEFAULT_KIND
from ranking.times import NO_LIMIT, parse_duration
from ranking.urls import item_pattern

REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "redis+cluster://")
SIZE_UNITS = {"kib": 1024, "mib": 1024**2, "b": 1}
MIN_HALF_LIFE_S = 1.0
MAX_LISTED = 1_000


def _seconds(value: Any) -> Any:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a duration such as 90s, 15m, 6h or 7d")
    return float(value)


def _seconds_or_none(value: Any) -> Any:
    return math.inf if value == NO_LIMIT else _seconds(value)


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    for unit, factor in SIZE_UNITS.items():
        if value.lower().endswith(unit) and value[: -len(unit)].strip().isdigit():
            return int(value[: -len(unit)]) * factor
    raise ValueError("a size such as 65536, 512KiB or 1MiB")


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=100 * 365 * 86400)]
SecondsOrOff = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]
SecondsOrNone = Annotated[float, BeforeValidator(_seconds_or_none), Field(gt=0)]
Bytes = Annotated[int, BeforeValidator(_bytes), Field(ge=1024, le=64 * 1024**2)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
SiteId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Kind = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class _Table(BaseModel):
    """A table of the file. Attributes carry their unit, the file's names (the aliases) do not."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True)


class ServiceSettings(_Table):
    """[service]: where the service listens and keeps its files."""

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(1, ge=1, le=256)
    data_dir: Path = Path("populer-data")
    log_format: Literal["text", "json"] = "text"
    request_timeout_s: Seconds = Field(8.0, alias="request_timeout")


class RedisSettings(_Table):
    """[redis]: the store. Without a url the bundled Valkey runs in `service.data_dir`."""

    url: str | None = None
    shards: int | None = Field(None, ge=1, le=1024)
    timeout_s: Seconds = Field(5.0, alias="timeout")
    allow_eviction: bool = False

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(REDIS_SCHEMES):
            raise ValueError(f"an address that starts with one of {', '.join(REDIS_SCHEMES)}")
        return url


class IngestSettings(_Table):
    """[ingest]: what events may say and when they are answered."""

    ack: Literal["commit"] = "commit"
    dedupe_window_s: SecondsOrOff = Field(0.0, alias="dedupe_window", le=0)
    bots: bool = False
    kinds: tuple[Kind, ...] = Field((DEFAULT_KIND, "click"), min_length=1)
    max_body: Bytes = 1024**2
    deadline_s: Seconds = Field(10.0, alias="deadline")
    max_pending: int = Field(100_000, ge=1_000)
    spool: Annotated[int, BeforeValidator(_bytes), Field(ge=0)] = 256 * 1024**2
    spool_after_s: Seconds = Field(1.0, alias="spool_after")

    @cached_property
    def known_kinds(self) -> frozenset[str]:
        """`kinds` to look one up in."""
        return frozenset(self.kinds)


class RetentionSettings(_Table):
    """[retention]: how finely counts are kept, and for how long."""

    bucket_s: Annotated[int, BeforeValidator(_seconds)] = Field(300, alias="bucket", ge=10, le=86400)
    keep_s: Seconds = Field(30 * 86400.0, alias="keep")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if 86400 % self.bucket_s:
            raise ValueError("bucket: a duration that divides a day evenly, such as 1m, 5m, 15m or 1h")
        if self.keep_s < self.bucket_s:
            raise ValueError("keep: at least one bucket")
        return self


class RefreshSettings(_Table):
    """[refresh]: how often lists are ranked, and when a list counts as stale."""

    every_s: Seconds = Field(5.0, alias="every", ge=0.25, le=3600)
    stale_after_s: Seconds = Field(60.0, alias="stale_after")


class SiteKeys(_Table):
    """keys of a site. Absent ones are generated and kept in the data directory."""

    write: str | None = Field(None, min_length=16, repr=False)
    admin: str | None = Field(None, min_length=16, repr=False)


class SiteSettings(_Table):
    """[[sites]]: one newsroom."""

    id: SiteId = "default"
    name: str = "Populer"
    timezone: str = "Asia/Jakarta"
    locale: str = "id"
    date_format: str = "EEEE, dd MMMM yyyy | HH:mm"
    item_pattern: str = ""
    keys: SiteKeys = SiteKeys()

    @field_validator("item_pattern")
    @classmethod
    def _one_group(cls, text: str) -> str:
        if text:
            item_pattern(text)
        return text

    @cached_property
    def item_finder(self) -> re.Pattern[str] | None:
        """`item_pattern`, ready to search with; None without one."""
        return item_pattern(self.item_pattern) if self.item_pattern else None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError, folders raise OSError
            raise ValueError("a time zone such as Asia/Jakarta") from None
        except KeyError:
            raise ValueError("a time zone such as Asia/Jakarta") from None
        return name


class ListSettings(_Table):
    """[lists.NAME]: one ranking."""

    kind: Literal["ranked", "burst", "latest"] = "ranked"
    title: str = ""
    size: int = Field(10, ge=1, le=MAX_LISTED)
    depth: int = Field(200, ge=1, le=MAX_LISTED)
    half_life_s: SecondsOrNone = Field(7200.0, alias="half_life", ge=MIN_HALF_LIFE_S)
    max_age_s: SecondsOrNone = Field(math.inf, alias="max_age")
    weights: dict[Kind, Annotated[float, Field(ge=0, le=1e6)]] = {DEFAULT_KIND: 1.0, "click": 3.0}
    sections: bool = True
    movement_s: Seconds = Field(3600.0, alias="movement")
    short_s: Seconds = Field(3600.0, alias="short")
    baseline_s: Seconds = Field(7 * 86400.0, alias="baseline")
    minimum: float = Field(5.0, ge=0, le=1e9)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "burst" and self.baseline_s <= self.short_s:
            raise ValueError("baseline: longer than short")
        return self


DEFAULT_LISTS: dict[str, dict[str, Any]] = {
    "populer": {"title": "Populer", "size": 7},
    "trending": {"title": "Trending", "kind": "burst", "size": 7},
    "update": {"title": "UPDATE", "kind": "latest", "size": 10},
}


class Settings(_Table):
    """All settings of a service."""

    service: ServiceSettings = ServiceSettings()
    redis: RedisSettings = RedisSettings()
    ingest: IngestSettings = IngestSettings()
    retention: RetentionSettings = RetentionSettings()
    refresh: RefreshSettings = RefreshSettings()
    sites: tuple[SiteSettings, ...] = (SiteSettings(),)
    lists: dict[Name, ListSettings] = Field(default={}, validate_default=True)

    @field_validator("lists", mode="before")
    @classmethod
    def _with_default_lists(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        merged: dict[str, Any] = {name: dict(table) for name, table in DEFAULT_LISTS.items()}
        for name, table in given.items():
            both = {**merged.get(name, {}), **table} if isinstance(table, dict) else table
            if isinstance(both, dict):
                both.setdefault("title", str(name).capitalize())
            merged[name] = both
        return merged

    @field_validator("sites")
    @classmethod
    def _distinct(cls, sites: tuple[SiteSettings, ...]) -> tuple[SiteSettings, ...]:
        ids = [site.id for site in sites]
        if not ids or len(set(ids)) < len(ids):
            raise ValueError("at least one site, and an id of its own for each")
        return sites

    @property
    def config_version(self) -> str:
        """Names everything that a list's content depends on; equal on every host with equal settings."""
        parts = [self.retention, *(self.lists[name] for name in sorted(self.lists))]
        text = json.dumps([sorted(self.lists), *(part.model_dump(mode="python") for part in parts)], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
