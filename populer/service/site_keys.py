"""Keys of sites that have none configured: made once, kept in the data directory, readable by its owner alone."""

import json
import os
import secrets
from pathlib import Path

from ranking.errors import SettingsError
from ranking.settings.service import Settings

FILE = "keys.json"
KEY_BYTES = 24

Generated = dict[str, dict[str, str]]


def with_keys(settings: Settings, data_dir: Path, kept: Generated) -> Settings:
    """`settings` with a write and an admin key for every site.

    Missing ones are those in `kept`, else they come from the data directory, or go there.

    Raises:
        SettingsError: the file cannot be read or written.
    """
    there = known(data_dir, kept)
    sites, added = [], False
    for site in settings.sites:
        have = there.setdefault(site.id, {})
        for name in ("write", "admin"):
            if getattr(site.keys, name) is None and name not in have:
                have[name] = f"{name}-{secrets.token_urlsafe(KEY_BYTES)}"
                added = True
        made = {"write": site.keys.write or have["write"], "admin": site.keys.admin or have["admin"]}
        keys = site.keys.model_copy(update=made)
        sites.append(site.model_copy(update={"keys": keys}))
    if added:
        _write(data_dir, there)
    return settings.model_copy(update={"sites": tuple(sites)})


def known(data_dir: Path, kept: Generated) -> Generated:
    """The keys in the data directory, and over them those in `kept`. Raises SettingsError like `read`."""
    there = read(data_dir)
    return {site: {**there.get(site, {}), **kept.get(site, {})} for site in {**there, **kept}}


def generated(settings: Settings) -> list[str]:
    """Names of the sites that have a key that is not configured."""
    return [site.id for site in settings.sites if site.keys.write is None or site.keys.admin is None]


def read(data_dir: Path) -> Generated:
    """The kept keys by site and name; empty where there are none.

    Raises:
        SettingsError: the file is there and cannot be read.
    """
    file = data_dir / FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: cannot be read ({error}); mend it, or remove it to have new keys made") from None
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise SettingsError(f"{file}: is not a file of keys; remove it to have new keys made")
    return found


def _write(data_dir: Path, keys: Generated) -> None:
    file = data_dir / FILE
    fresh = data_dir / f"{FILE}.new"
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            json.dump(keys, out, indent=2)
        fresh.replace(file)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be written: {error}") from None
