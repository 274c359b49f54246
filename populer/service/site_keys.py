"""The file of keys in the data directory, readable by its owner alone.

It holds the write and the admin key of sites that have none configured, made once and as they are, because the local
commands send them; and as hashes under `grade:name` what `populer keys add` has made.
"""

import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from ranking.errors import SettingsError
from ranking.settings.keys import GRADES, NEEDED, GradeName, SiteKeys
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings

FILE = "keys.json"
KEY_BYTES = 24
OTHERS = 0o077

Generated = dict[str, dict[str, str]]


def with_keys(settings: Settings, data_dir: Path, kept: Generated) -> Settings:
    """`settings` with a write and an admin key for every site, and the keys that were added to its own.

    Missing ones come from the data directory, else from `kept`, or are made and go there.

    Raises:
        SettingsError: the file cannot be read or written.
    """
    there = known(data_dir, kept)
    sites, added = [], False
    for site in settings.sites:
        have = there.setdefault(site.id, {})
        for grade in NEEDED:
            if not site.keys.by_name(grade) and grade not in have:
                have[grade] = fresh(grade)
                added = True
        of_grades = {grade: of_grade(site, have, grade) for grade in GRADES}
        try:
            keys = SiteKeys.model_validate({"page": site.keys.page, **of_grades})
        except ValidationError as error:
            first = error.errors()[0]
            named, wrong = " ".join(map(str, first["loc"][:2])), first["msg"].removeprefix("Value error, ")
            raise _unusable(data_dir, f"key {named} of site {site.id}: {wrong}") from None
        sites.append(site.model_copy(update={"keys": keys}))
    if added:
        write(data_dir, there)
    return settings.model_copy(update={"sites": tuple(sites)})


def fresh(grade: GradeName) -> str:
    """A key that nobody can guess."""
    return f"{grade}-{secrets.token_urlsafe(KEY_BYTES)}"


def of_grade(site: SiteSettings, have: Mapping[str, str], grade: GradeName) -> dict[str, str]:
    """The keys of a site's grade by their names: configured, or else generated, and added."""
    own: dict[str, str] = dict(site.keys.by_name(grade))
    if not own and grade in have:
        own[grade] = have[grade]
    taken = {each.name for each in site.keys.named()}
    names = {entry.partition(":")[2]: key for entry, key in have.items() if entry.startswith(f"{grade}:")}
    own.update({name: key for name, key in names.items() if name not in taken})
    return own


def known(data_dir: Path, kept: Generated) -> Generated:
    """The keys in the data directory, and those generated before that it has lost. Raises SettingsError like `read`."""
    there = read(data_dir)
    lost: Generated = {site: {name: keys[name] for name in NEEDED if name in keys} for site, keys in kept.items()}
    return {site: {**lost.get(site, {}), **there.get(site, {})} for site in {**there, **lost}}


def generated(settings: Settings) -> list[str]:
    """Names of the sites that have a key that is not configured."""
    return [site.id for site in settings.sites if not all(map(site.keys.by_name, NEEDED))]


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
    for site, keys in found.items():
        for name, key in keys.items():
            if not isinstance(key, str):
                raise _unusable(data_dir, f"key {name} of site {site}: expected a text, found {json.dumps(key):.20}")
    return found


def _unusable(data_dir: Path, why: str) -> SettingsError:
    return SettingsError(f"{data_dir / FILE}: {why}; correct it, or remove the file to have new keys made")


def open_to_others(data_dir: Path) -> int | None:
    """The mode of the file if others than its owner may read or change it; None: they may not, or there is none."""
    try:
        mode = stat.S_IMODE((data_dir / FILE).stat().st_mode)
    except FileNotFoundError:
        return None
    return mode if mode & OTHERS else None


def write(data_dir: Path, keys: Generated) -> None:
    """Put `keys` in the place of those in the data directory.

    Raises:
        SettingsError: they cannot be written.
    """
    file = data_dir / FILE
    partial = data_dir / f"{FILE}.new"
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            json.dump(keys, out, indent=2)
        partial.replace(file)
    except OSError as error:
        raise SettingsError(
            f"{file}: cannot be written ({error.strerror}); check the folder, or name another with --data"
        ) from None
