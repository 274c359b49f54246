"""What the options of several commands mean: settings, site, key, store, moment; and the progress bar beside them.

Raises PopulerError throughout, which names the option, what was expected and what was given.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from populer.config import Loaded, load
from populer.environment import secret_of_file
from populer.service import site_keys
from ranking.errors import PopulerError
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.store.embedded.data_dir import socket_path, socket_url
from ranking.times import parse_moment

if TYPE_CHECKING:
    from rich.progress import Progress


DEFAULT_TO = "http://127.0.0.1:8000"


def load_settings(config: Path | None, data: Path | None, **service: Any) -> Loaded:
    """The settings of `--config` or POPULER_CONFIG, under `--data` and the `service` options that are not None."""
    options = {name: value for name, value in {**service, "data_dir": data and str(data)}.items() if value is not None}
    named = os.environ.get("POPULER_CONFIG")
    file = config or (Path(named) if named else None)
    return load(file, os.environ, {"service": options} if options else {})


def site_named(settings: Settings, wanted: str | None) -> SiteSettings:
    """The site of `--site`; None: the first one."""
    for site in settings.sites:
        if wanted in (None, site.id):
            return site
    raise PopulerError(f"no site is called {wanted!r}; there are {', '.join(site.id for site in settings.sites)}")


def write_key(key: str | None, config: Path | None, data: Path | None, site: str | None) -> str:
    """The write key: of `--key`, the environment, the settings, or the data directory."""
    if chosen := key or os.environ.get("POPULER_KEY"):
        return chosen
    if file := os.environ.get("POPULER_KEY_FILE"):
        return secret_of_file("POPULER_KEY_FILE", Path(file))
    settings = load_settings(config, data).settings
    name = site or settings.sites[0].id
    configured = next((each.keys.plain("write") for each in settings.sites if each.id == name), None)
    generated = site_keys.read(settings.service.data_dir).get(name, {}).get("write")
    if chosen := configured or generated:
        return chosen
    raise PopulerError(
        f"no write key for site {name}: give --key or POPULER_KEY, or --data with the running service's data "
        f"directory ({settings.service.data_dir / site_keys.FILE} has none)"
    )


def store_url(settings: Settings) -> str:
    """Address of the store: redis.url, or the socket of the bundled server that runs in the data directory."""
    if settings.redis.url:
        return settings.redis.url
    data_dir = settings.service.data_dir
    if not socket_path(data_dir).exists():
        raise PopulerError(
            f"no service runs in {data_dir}: start `populer serve` first, or name its directory with --data"
        )
    return socket_url(data_dir)


def moment(text: str | None, site: SiteSettings, now: float, option: str = "--at") -> float:
    """Epoch seconds of `option`; None: `now`."""
    if text is None:
        return now
    try:
        return parse_moment(text, ZoneInfo(site.timezone))
    except ValueError as error:
        raise PopulerError(f"{option}: expected {error}, found {text!r}") from None


@contextmanager
def progress_bar(*, in_bytes: bool = False) -> Iterator["Progress"]:
    """A progress bar on stderr, which is gone at the end; `in_bytes`: of files that are read."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    done = DownloadColumn() if in_bytes else TaskProgressColumn()
    columns = TextColumn("{task.description}"), BarColumn(), done, TimeElapsedColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress
