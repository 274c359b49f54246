"""`populer.toml`, the environment over it, the command line over both -> settings, with where each came from.

Every error names the setting, what was expected and what was found.
"""

import difflib
import math
import re
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import pydantic
from pydantic import BaseModel

from api.filtering.addresses import Addresses, parsed_network
from api.filtering.origins import Origins
from api.serving.date_labels import check_label_settings
from populer.environment import EACH_SITE, FIXED_TABLES, by_number, read_environment
from populer.raw_tables import Raw, from_text, leaves, merged, put
from ranking.errors import SettingsError
from ranking.settings.keys import NEEDED, SiteKeys
from ranking.settings.lists import ListSettings, changed_table, unknown_kind
from ranking.settings.presets import preset_settings, replaced_by
from ranking.settings.service import Settings
from ranking.settings.types import IDLE_SETTING, UNKNOWN_SETTING, expected
from ranking.settings.webhooks import WebhookSettings
from ranking.settings.written import as_written
from ranking.times import NO_LIMIT, format_duration
from ranking.watching.alarms import ALARMS

MASK = "***"
#: Type of a fault of pydantic's: a default was not computed, as a setting that it follows from is at fault itself.
FOLLOWS_FROM_OTHERS = "default_factory_not_called"
DEFAULT_FILE = Path("populer.toml")


class SettingSources(NamedTuple):
    """Where settings come from, as it was at the start: a file, under the environment, under the flags."""

    file: Path
    environ: Mapping[str, str]
    flags: Raw


class Loaded(NamedTuple):
    """Settings, the plain tables they were built from, and for each dotted name where its value came from.

    `content` is what the source's file held; None: there was none, and none was asked for.
    """

    settings: Settings
    raw: Raw
    origins: dict[str, str]
    source: SettingSources
    content: bytes | None


def load(path: Path | None, environ: Mapping[str, str], flags: Raw | None = None) -> Loaded:
    """Settings from a file (None: `populer.toml` here, if there is one), under the environment, under the flags.

    Raises:
        SettingsError: one sentence per fault, in one line.
    """
    source = SettingSources(path or DEFAULT_FILE, dict(environ), flags or {})
    there = path is not None or DEFAULT_FILE.exists()
    return with_content(source, _read_file(source.file) if there else None)


def with_content(source: SettingSources, content: bytes | None) -> Loaded:
    """Settings from a source whose file holds `content` (None: there is no file).

    Raises:
        SettingsError: as `load` does.
    """
    tables: Raw = {} if content is None else _parsed(source.file, content)
    environment = read_environment(source.environ)
    below = environment.get("sites", tables.get("sites")) or [{}]
    of_sites = by_number(environment.pop(EACH_SITE, {}), below)
    layers = [
        (str(source.file), tables),
        ("environment", environment),
        ("environment", {"sites": of_sites} if of_sites else {}),
        ("command line", source.flags),
    ]
    origins: dict[str, str] = {}
    for name, values in layers:
        origins.update({dotted: name for dotted, _ in leaves(values)})
    if of_sites:
        sites = [merged(site, of_sites.get(str(at), {})) for at, site in enumerate(below)]
        layers[2] = ("environment", {"sites": sites})
    raw: Raw = {}
    for _, values in layers:
        raw = merged(raw, values)
    settings = validated(raw, origins)
    if settings.service.templates is not None:  # a child takes them as they are: it falls back to ours
        from api.serving.template_check import check_templates  # its import takes 0.1 s

        check_templates(settings)
    for list_name, of_list in settings.lists.items():
        for dotted, _ in leaves(preset_settings(of_list.preset), f"lists.{list_name}"):
            origins.setdefault(dotted, f"preset {of_list.preset}")
    return Loaded(settings, raw, origins, source, content)


def validated(raw: Raw, origins: Mapping[str, str] | None = None) -> Settings:
    """Settings from plain tables.

    Raises:
        SettingsError: naming each faulty setting, what was expected, what was found, and where it came from.
    """
    try:
        settings = Settings.model_validate(raw)
    except pydantic.ValidationError as error:
        raise SettingsError("; ".join(_sentences(error, Settings, origins or {}))) from None
    _check(Addresses, settings.service.trusted_proxies, "service.trusted_proxies")
    _check(_internal, settings.service.internal, "service.internal")
    for number, site in enumerate(settings.sites):
        check_label_settings(f"sites.{number}", site)
        _check(Origins, site.origins, f"sites.{number}.origins")
    for name, webhook in settings.alarms.webhooks.items():
        for alarm in webhook.alarms:
            if alarm not in ALARMS:
                expected_names = ", ".join(ALARMS)
                raise SettingsError(f"alarms.webhooks.{name}.alarms: expected one of {expected_names}, found {alarm!r}")
    for name, settings_of_list in settings.lists.items():
        _check_kinds(f"lists.{name}", settings_of_list, settings.ingest.known_kinds)
    return settings


def _check(reader: Callable[[tuple[str, ...]], object], values: tuple[str, ...], name: str) -> None:
    """Have `reader` read the values of a setting, whose sentence says what is wrong with one."""
    try:
        reader(values)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def _internal(values: tuple[str, ...]) -> list[object]:
    return [parsed_network(each, "local network") for each in values]


def _check_kinds(dotted: str, of_list: ListSettings, known: AbstractSet[str]) -> None:
    """A kind that no event can be is a misspelt one."""
    if found := unknown_kind(of_list, known):
        there = ", ".join(sorted(known))
        raise SettingsError(f"{dotted}.{found[0]}: expected one of ingest.kinds ({there}), found {found[1]!r}")


def with_list_settings(
    settings: Settings, raw: Raw, name: str, changes: list[str], *, required: AbstractSet[str] | None = None
) -> Settings:
    """`settings` with `KEY=VALUE` changes to the list `name`; `weights.view=2` reaches into a table.

    A preset among the changes takes the place of what the list's own table says, but for its weights. What else the
    table says and the changes leave without effect is dropped. `required`: the changes that must have an effect, by
    their settings' names; None: all.

    Raises:
        SettingsError: an unknown list or setting, a value that cannot be used, or a required change without effect.
    """
    if name not in settings.lists:
        raise SettingsError(f"no list is called {name!r}; there are {', '.join(settings.lists)}")
    tables: Raw = {}
    reached: set[str] = set()  # tables of the list that a change reaches into: what it does not name stays
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise SettingsError(f"--set: expected KEY=VALUE such as half_life=1h, found {change!r}")
        steps = key.strip().split(".", 1)  # a source may hold a dot: weights.click@news.example=2
        reached |= set(steps[:-1])
        put(tables, ["lists", name, *steps], from_text(value.strip()))
    changed = tables.get("lists", {}).get(name, {})
    written = raw.get("lists", {}).get(name, {})
    preset = preset_settings(changed.get("preset"))
    kept = {key: value for key, value in written.items() if key not in replaced_by(changed.get("preset"))}
    there = {**as_written(settings.lists[name]), **{key: value for key, value in preset.items() if key not in kept}}
    for key in reached & there.keys():
        if isinstance(there[key], dict):
            changed[key] = {**there[key], **changed[key]}
    table = changed_table(name, written, changed, required)
    return validated({**raw, "lists": {**raw.get("lists", {}), name: table}}, {f"lists.{name}": "--set"})


def effective(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every setting by its dotted name, in the file's order and words. Secrets are masked."""
    for table in FIXED_TABLES:
        yield from _written(getattr(settings, table), table)
    for number, site in enumerate(settings.sites):
        yield from _written(site, f"sites.{number}")
    for name, list_settings in settings.lists.items():
        yield from _written(list_settings, f"lists.{name}")


def _written(table: BaseModel, under: str) -> Iterator[tuple[str, str]]:
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        dotted = f"{under}.{field.alias or name}"
        if isinstance(table, SiteKeys):
            yield from _masked(name, value, dotted)
        elif isinstance(table, WebhookSettings) and name in ("url", "secret"):  # a receiver's address is often its key
            yield dotted, MASK if value else ""
        elif isinstance(value, BaseModel):
            yield from _written(value, dotted)
        elif name.endswith("_s"):
            yield dotted, format_duration(value)
        elif isinstance(value, float) and math.isinf(value):
            yield dotted, NO_LIMIT
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            for number, each in enumerate(value):
                yield from _written(each, f"{dotted}.{number}")
        elif isinstance(value, dict):
            for key, inner in value.items():
                of_key = f"{dotted}.{key}"
                yield from _written(inner, of_key) if isinstance(inner, BaseModel) else [(of_key, str(inner))]
        elif name == "url" and value:
            yield dotted, re.sub(r"(?<=:)[^:@/]+(?=@)|(?<=password=)[^&]+", MASK, value)
        else:
            yield dotted, "" if value is None else ", ".join(value) if isinstance(value, tuple) else str(value)


def _masked(grade: str, keys: Mapping[str, str] | str | None, dotted: str) -> Iterator[tuple[str, str]]:
    """The keys of a grade, by their names where one has a name of its own."""
    if not keys:
        yield dotted, "generated" if grade in NEEDED else "none"
    for name in [grade] if isinstance(keys, str) else keys or ():
        yield (dotted if name == grade else f"{dotted}.{name}"), MASK


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; check its name and folder") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); name another file") from None


def _parsed(path: Path, content: bytes) -> Raw:
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: is not valid TOML: {error}") from None
    except RecursionError:
        raise SettingsError(f"{path}: is not valid TOML: too many brackets inside each other") from None


def _sentences(error: pydantic.ValidationError, model: type[BaseModel], origins: Mapping[str, str]) -> Iterator[str]:
    for fault in error.errors():
        if fault["type"] == FOLLOWS_FROM_OTHERS:
            continue
        steps = [str(step) for step in fault["loc"] if step != "[key]"]
        dotted = ".".join(steps)
        if fault["type"] == IDLE_SETTING:
            for name, reason in fault["ctx"]["reasons"].items():
                yield f"{dotted}.{name}: {reason}{_origin(f'{dotted}.{name}', origins)}"
        elif fault["type"] in UNKNOWN_SETTING:
            yield f"{dotted}: is not a setting{_meant(model, steps)}{_origin(dotted, origins)}"
        else:
            sentence = expected(fault)
            if "keys" in steps or steps[-1:] in (["url"], ["secret"]):  # secrets
                sentence = sentence.rpartition(", found ")[0] or sentence
            yield f"{sentence}{_origin(dotted, origins)}"


def _origin(dotted: str, origins: Mapping[str, str]) -> str:
    """Where a setting, or one inside it, came from, in brackets; nothing if that is unknown."""
    within = (origin for name, origin in origins.items() if f"{dotted}.".startswith(f"{name}."))
    origin = next(within, "")
    return f" ({origin})" if origin else ""


def _meant(model: type[BaseModel], steps: list[str]) -> str:
    """Which name was probably meant: the nearest of those that stand beside a misspelt one."""
    known: Any = model
    for step in steps[:-1]:
        known = _inner(known, step)
    if not (isinstance(known, type) and issubclass(known, BaseModel)):
        return ""
    names = [field.alias or name for name, field in known.model_fields.items()]
    near = difflib.get_close_matches(steps[-1], names, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(names)}"


def _inner(known: Any, step: str) -> Any:
    if isinstance(known, type) and issubclass(known, BaseModel):
        for name, field in known.model_fields.items():
            if step in (name, field.alias):
                return field.annotation
        return None
    if get_origin(known) in (dict, tuple, types.UnionType):
        return next(
            (inner for inner in get_args(known) if isinstance(inner, type) and issubclass(inner, BaseModel)),
            None,
        )
    return None
