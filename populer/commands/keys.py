"""`populer keys add|list|revoke`: the keys in the data directory, beside those that the settings name."""

import json
from typing import NamedTuple

import pydantic

from populer.commands.options import site_named
from populer.service import site_keys
from ranking.errors import PopulerError
from ranking.settings.keys import GRADES, NEEDED, GradeName, SiteKeys, hashed
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings


class KeyRow(NamedTuple):
    """One key of a site; `kept` says where."""

    name: str
    grade: str
    kept: str


def run_add(settings: Settings, site: str | None, *, name: str, grade: str) -> None:
    """Make a key and print it, once.

    Raises:
        PopulerError: as `add` does, or there is no such site.
    """
    print(add(settings, site_named(settings, site), name, grade))  # noqa: T201


def run_list(settings: Settings, site: str | None, *, as_json: bool) -> None:
    """Print name, grade and place of each key.

    Raises:
        PopulerError: there is no such site, or the file of keys cannot be read.
    """
    rows = listed(settings, site_named(settings, site))
    if as_json:
        print(json.dumps([row._asdict() for row in rows]))  # noqa: T201
        return
    for row in rows:
        print(f"{row.name:<24} {row.grade:<8} {row.kept}")  # noqa: T201


def run_revoke(settings: Settings, site: str | None, *, name: str) -> None:
    """Take a key back and print what became of it.

    Raises:
        PopulerError: as `revoke` does, or there is no such site.
    """
    print(revoke(settings, site_named(settings, site), name))  # noqa: T201


def add(settings: Settings, site: SiteSettings, name: str, grade: str) -> str:
    """A new key of `grade`, whose hash is in the data directory now.

    Raises:
        PopulerError: the name is taken or cannot be one, there is no such grade, or the file cannot be written.
    """
    chosen = next((each for each in GRADES if each == grade), None)
    if chosen is None:
        raise PopulerError(f"--grade: expected one of {', '.join(GRADES)}, found {grade!r}")
    key = site_keys.fresh(chosen)
    try:
        SiteKeys.model_validate({chosen: {name: key}})
    except pydantic.ValidationError:
        raise PopulerError(f"a key's name has letters, digits and . _ @ - alone, found {name!r}") from None
    if name in {each.name for each in listed(settings, site)} | set(GRADES):
        raise PopulerError(f"site {site.id} has a key called {name}: choose another name, or revoke that one first")
    there = site_keys.read(settings.service.data_dir)
    there.setdefault(site.id, {})[f"{chosen}:{name}"] = hashed(key)
    site_keys.write(settings.service.data_dir, there)
    return key


def listed(settings: Settings, site: SiteSettings) -> list[KeyRow]:
    """Every key of the site that is known without making one.

    Raises:
        SettingsError: the file of keys cannot be read.
    """
    have = site_keys.read(settings.service.data_dir).get(site.id, {})
    rows = []
    for grade in GRADES:
        for name in site_keys.of_grade(site, have, grade):
            kept = "generated" if name == grade else "added"
            rows.append(KeyRow(name, grade, "settings" if name in site.keys.by_name(grade) else kept))
    return rows


def revoke(settings: Settings, site: SiteSettings, name: str) -> str:
    """Take the key back; a sentence that says what became of it.

    Raises:
        PopulerError: there is none of that name, it is in the settings, or the file cannot be written.
    """
    row = next((each for each in listed(settings, site) if each.name == name), None)
    if row is None:
        raise PopulerError(f"site {site.id} has no key called {name}: `populer keys list` prints their names")
    if row.kept == "settings":
        raise PopulerError(f"the key {name} is in the settings: remove it there")
    there = site_keys.read(settings.service.data_dir)
    have = there[site.id]
    needed: GradeName | None = next((grade for grade in NEEDED if grade == name), None)
    if needed is not None:
        have[needed] = site_keys.fresh(needed)
    else:
        del have[f"{row.grade}:{name}"]
    site_keys.write(settings.service.data_dir, there)
    file = settings.service.data_dir / site_keys.FILE
    return f"{name}: revoked" + (f"; {file} has a new one in its place" if needed else "")
