"""Candidates: what `populer tune` tries, from a grid of any settings and the rankings that others use."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from populer.config import effective, validated, with_list_settings
from ranking.errors import SettingsError
from ranking.scoring.channel_weights import ChannelWeights
from ranking.settings.decays import DECAYS
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import ListSettings, only_used
from ranking.settings.objective import AUTO
from ranking.settings.presets import NO_PRESET, PRESETS, checked_preset, replaced_by
from ranking.settings.service import Settings
from ranking.settings.types import as_seconds_or_none
from ranking.settings.uses import idle_reasons
from ranking.times import format_duration, parse_duration
from ranking.tuning.evidence import Candidate

HALF_LIVES = ("15m", "30m", "45m", "1h", "1h30m", "2h", "3h", "4h", "6h", "8h", "12h", "1d", "2d", "7d")
SHORT_SPANS = ("15m", "30m", "1h", "2h", "3h", "6h")
ALL_PRESETS = "all"
MAX_CANDIDATES = 500

Raw = dict[str, Any]


class GridBase(NamedTuple):
    """The list that is tuned: settings and tables as loaded, its name, and the `--set` changes that all share."""

    settings: Settings
    raw: Raw
    name: str
    changes: Sequence[str] = ()

    @property
    def list(self) -> ListSettings:
        """The list as it is, at the half-life that it is at."""
        return _staying(self.settings.lists[self.name])

    def counts(self, channels: Sequence[str]) -> bool:
        """Whether the list counts events of any of these channels."""
        return bool(ChannelWeights(self.list.weights, self.list.self_click_weight).per_channel(channels).any())

    def changed(self, changes: Mapping[str, str], option: str) -> ListSettings:
        """The list under some changes; shared ones and changes that have no effect beside the others are left out.

        Raises:
            SettingsError: naming the setting and the option that it came from.
        """
        texts = [*(f"{key}={value}" for key, value in self.shared(changes).items()), *self._whole_tables(changes)]
        try:
            found = with_list_settings(self.settings, self.raw, self.name, texts, required=frozenset())
            changed = found.lists[self.name]
        except SettingsError as error:
            raise SettingsError(str(error).replace("--set", option)) from None
        _check_fixed(texts, option)
        return _staying(changed)

    def shared(self, changes: Mapping[str, str]) -> dict[str, str]:
        """The `--set` changes that hold beside others. A ranking of others is tried as it is."""
        replaced = replaced_by(changes.get("preset"))
        given = (text.partition("=") for text in self.changes)
        return {key.strip(): value.strip() for key, _, value in given if key.strip() not in replaced}

    def _whole_tables(self, changes: Mapping[str, str]) -> Iterator[str]:
        """Changes as KEY=VALUE; one within a table keeps what else the list has in it."""
        for table in dict.fromkeys(key.partition(".")[0] for key in changes if "." in key):
            if isinstance(of_list := getattr(self.list, table, None), dict):
                yield from (f"{table}.{key}={value}" for key, value in of_list.items())
        yield from (f"{key}={value}" for key, value in changes.items())


def based(settings: Settings, raw: Raw, name: str, changes: Sequence[str], kinds: Iterable[str]) -> GridBase:
    """The list `name` under `--set` changes, on a site whose events are of `kinds` whatever the settings say.

    Raises:
        SettingsError: there is no such list, or a change cannot be used.
    """
    known = list(dict.fromkeys([*settings.ingest.kinds, *kinds]))
    raw = {**raw, "ingest": {**raw.get("ingest", {}), "kinds": known}}
    base = GridBase(with_list_settings(settings, raw, name, list(changes)), raw, name, changes)
    _check_fixed(changes, "--set")
    return base


def _check_fixed(texts: Iterable[str], option: str) -> None:
    """Raises a SettingsError where a change is no half-life to try but a way to find one."""
    if f"half_life={AUTO}" in ("".join(text.split()) for text in texts):
        raise SettingsError(f"{option}: half_life: expected a duration to try, found 'auto'; --try auto tries it")


def _staying(of_list: ListSettings) -> ListSettings:
    return of_list.model_copy(update={"auto": False}) if of_list.auto else of_list


def settled(settings: Settings, raw: Raw, name: str, learned: Mapping[str, LearnedSetting]) -> tuple[Settings, Raw]:
    """The settings with the half-life that a list is at, where that is "auto": what is tried is a list that stays."""
    of_list = settings.lists.get(name)
    if of_list is None or not of_list.auto:
        return settings, raw
    half_life = format_duration(of_list.under(learned.get(name)).half_life_s)
    table = only_used(name, {**raw.get("lists", {}).get(name, {}), "half_life": half_life, "auto": False}, ())
    raw = {**raw, "lists": {**raw.get("lists", {}), name: table}}
    return validated(raw), raw


def candidates(base: GridBase, grids: Sequence[str], presets: Sequence[str], finest_s: float) -> list[Candidate]:
    """What to try: the list as it is, the grid, the presets, each list once.

    Args:
        grids: `KEY=VALUE,VALUE…` each; of several, every combination. Without any, half-lives
            (for a burst list its short span) of no less than `finest_s` seconds.
        presets: names, or `all`.

    Raises:
        SettingsError: an option cannot be used.
    """
    if base.list.kind == "latest":
        raise SettingsError(f"{base.name} lists the latest: it forgets nothing, and there is nothing to tune")
    axes = [_axis(grid) for grid in grids] or [_default_axis(base.list, finest_s)]
    if math.prod(len(values) for _, values in axes) > MAX_CANDIDATES:
        raise SettingsError(f"--grid: at most {MAX_CANDIDATES} combinations, found more")
    keys = [key for key, _ in axes]
    if len(set(keys)) < len(keys):
        raise SettingsError(f"--grid: each setting once, found {', '.join(keys)}")
    tried = _combined(base, axes)
    ours = next((each for each in tried if each.settings == base.list), None)
    if ours is None:
        tried = _in_order([Candidate(_as_it_is(base, keys), base.list), *tried], keys)
    tried += [Candidate({"preset": name}, base.changed({"preset": name}, "--preset")) for name in _named(presets)]
    once = {repr(each.settings): each for each in reversed(tried)}
    return list(reversed(once.values()))


def _combined(base: GridBase, axes: Sequence[tuple[str, list[str]]]) -> list[Candidate]:
    """Every combination of the grid's values, each by those of its changes that have an effect in it.

    Raises:
        SettingsError: a setting of the grid has no effect in any combination.
    """
    keys, combined = [key for key, _ in axes], []
    unused: dict[str, str] = {}  # setting -> why it has no effect, until a combination in which it has one
    for number, values in enumerate(product(*(values for _, values in axes))):
        changes = _effective(base.list, dict(zip(keys, values, strict=True)))
        settings = base.changed(changes, "--grid")
        idle = idle_reasons(settings, {key.partition(".")[0] for key in changes})
        unused = dict(idle) if number == 0 else {key: why for key, why in unused.items() if key in idle}
        used = {key: value for key, value in changes.items() if key.partition(".")[0] not in idle}
        combined.append(Candidate(used, settings))
    for key, why in unused.items():
        raise SettingsError(f"--grid: {key}: {why}")
    return combined


def _axis(grid: str) -> tuple[str, list[str]]:
    key, equals, text = grid.partition("=")
    values = [value.strip() for value in text.split(",")]
    if not equals or not key.strip() or not all(values):
        raise SettingsError(f"--grid: expected KEY=VALUE,VALUE such as half_life=30m,1h,2h, found {grid!r}")
    return key.strip(), list(dict.fromkeys(values))


def _default_axis(of_list: ListSettings, finest_s: float) -> tuple[str, list[str]]:
    key, values = ("short", SHORT_SPANS) if of_list.kind == "burst" else ("half_life", HALF_LIVES)
    longest_s = of_list.baseline_s if of_list.kind == "burst" else math.inf
    return key, [value for value in values if finest_s <= parse_duration(value) < longest_s]


def _effective(of_list: ListSettings, changes: dict[str, str]) -> dict[str, str]:
    """Changes that do something: a half-life is nothing to a list that decays otherwise."""
    if "half_life" not in changes or changes.keys() & {"decay", "preset", "kind", "method"}:
        return changes
    if of_list.kind == "ranked" and of_list.decay != "half-life":
        return {"decay": "half-life", **changes}
    if of_list.kind == "burst" and of_list.method != "ewma":
        raise SettingsError("--grid: half_life does nothing to a burst list: try short=15m,30m,1h,3h or baseline=1d,7d")
    return changes


def _as_it_is(base: GridBase, keys: Iterable[str]) -> dict[str, str]:
    """What the list as it is has for the settings that are tried, or what says most about it."""
    written = {name.split(".", 2)[2]: value for name, value in effective(base.settings) if _is_of(name, base.name)}
    named = [key for key in keys if key in written]
    if base.list.preset != NO_PRESET:
        named = ["preset"]
    elif base.list.kind == "ranked" and (not named or {"half_life", "decay"} & set(named)):
        says_most = list(DECAYS[base.list.decay].identity)
        named = [*says_most, *(key for key in named if key not in (*says_most, "half_life", "window"))]
    return {key: written[key] for key in named}


def _is_of(name: str, of_list: str) -> bool:
    return name.startswith(f"lists.{of_list}.")


def _in_order(found: list[Candidate], keys: Sequence[str]) -> list[Candidate]:
    """With one axis of durations, from the shortest on, so that the list as it is stands in its place."""
    try:
        return sorted(found, key=lambda each: as_seconds_or_none(each.changes[keys[0]])) if len(keys) == 1 else found
    except (KeyError, ValueError):
        return found


def _named(presets: Sequence[str]) -> list[str]:
    if ALL_PRESETS in presets:
        return list(PRESETS)
    try:
        return [checked_preset(name) for name in presets]
    except ValueError as error:
        raise SettingsError(f"--preset: expected all, {error}") from None
