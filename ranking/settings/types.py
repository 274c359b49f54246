"""Types of settings: durations, sizes and names as the file writes them, and the table that holds them."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ranking.intake.item_fields import LINK
from ranking.times import DAY_S, NO_LIMIT, NUMBER, format_duration, parse_duration

#: Types of faults beside pydantic's own: a duration without its unit, and settings that have no effect.
BARE_NUMBER: Final = "bare_number"
IDLE_SETTING: Final = "idle_setting"
#: Types of faults of a name that is no setting's, in a table and in a dataclass.
UNKNOWN_SETTING = ("extra_forbidden", "unexpected_keyword_argument")
SIZE_UNITS = {"kib": 1024, "mib": 1024**2, "gib": 1024**3, "b": 1}


def as_seconds(value: Any) -> Any:
    """A duration in seconds.

    Rejected: a bare number as seconds. `half_life = 2` was meant as hours, and is two seconds. Only 0 needs no unit.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a duration such as 90s, 15m, 6h or 7d")
    text = str(value).strip()
    if NUMBER.fullmatch(text) and float(text):
        raise PydanticCustomError(BARE_NUMBER, "{sentence}", {"sentence": _which_unit(text)})
    return parse_duration(text)


def as_seconds_or_none(value: Any) -> Any:
    """A duration in seconds; `none` is no limit."""
    return math.inf if value == NO_LIMIT else as_seconds(value)


def one_of(values: Collection[str]) -> Callable[[Any], Any]:
    """A check that a setting has one of some values, which a table lists."""
    *most, last = (repr(each) for each in values)

    def check(value: Any) -> Any:
        if not isinstance(value, str) or value not in values:
            raise ValueError(f"{', '.join(most)} or {last}")
        return value

    return check


def web_address(example: str) -> Callable[[str], str]:
    """A check that a setting is an http(s) address; `example` shows one."""

    def check(url: str) -> str:
        if not LINK.fullmatch(url) or url.startswith("/") or not url.isprintable():
            raise ValueError(f"an http(s) address such as {example}")
        return url

    return check


def _which_unit(number: str) -> str:
    """What to write in place of a number without a unit.

    >>> _which_unit("2")
    'expected a duration such as "2h", found the number 2. Write "2s" for 2 seconds or "2h" for 2 hours.'
    """
    if not re.fullmatch(r"\d+(\.\d+)?", number):
        return (
            f'expected a duration such as "2h", found the number {number}. Write a number and its unit, such as "2h".'
        )
    seconds, hours = (f"1 {unit}" if float(number) == 1 else f"{number} {unit}s" for unit in ("second", "hour"))
    sentence = f'expected a duration such as "2h", found the number {number}. '
    return sentence + f'Write "{number}s" for {seconds} or "{number}h" for {hours}.'


def as_bytes(value: Any) -> Any:
    """A size in bytes."""
    if not isinstance(value, str):
        return value
    if value.strip().isdecimal():  # as the environment has it
        return int(value)
    for unit, factor in SIZE_UNITS.items():
        if value.lower().endswith(unit) and value[: -len(unit)].strip().isdigit():
            return int(value[: -len(unit)]) * factor
    raise ValueError("a size such as 65536, 512KiB or 1MiB")


def as_bytes_or_none(value: Any) -> Any:
    """A size in bytes; `none` is None."""
    return None if value == "none" else as_bytes(value)


Seconds = Annotated[float, BeforeValidator(as_seconds), Field(gt=0, le=100 * 365 * DAY_S)]
SecondsOrOff = Annotated[float, BeforeValidator(as_seconds), Field(ge=0)]
SecondsOrNone = Annotated[float, BeforeValidator(as_seconds_or_none), Field(gt=0)]
Bytes = Annotated[int, BeforeValidator(as_bytes), Field(ge=1024, le=64 * 1024**2)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
SiteId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
#: Of a process that ranks: the name of a host will do.
ProcessName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Kind = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Source = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]


class Table(BaseModel):
    """A table of the file. Attributes carry their unit, the file's names (the aliases) do not."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with changes, without the cached properties that were computed from the values before."""
        copy = super().model_copy(update=update, deep=deep)
        for name in copy.__dict__.keys() - type(copy).model_fields.keys():
            del copy.__dict__[name]
        return copy


#: pydantic's wording -> ours, after "expected"
_WORDING = (
    ("Value error, ", ""),
    ("Input should be ", ""),
    ("String should match pattern", "a name that matches"),
    ("greater than", "a value greater than"),
    ("less than", "a value less than"),
)
#: pydantic's type of a fault -> our wording, where its own is for those who write models
_EXPECTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "a table"),
    "string_type": "text in quotes",
    "tuple_type": "a list in brackets",
    **dict.fromkeys(("string_too_short", "too_short"), "a length of at least {min_length}"),
}
_BOUNDS = {
    "greater_than_equal": ("ge", "of at least"),
    "greater_than": ("gt", "over"),
    "less_than_equal": ("le", "of at most"),
    "less_than": ("lt", "under"),
}


def expected(fault: Mapping[str, Any]) -> str:
    """One of pydantic's faults as a sentence: the setting, what was expected and what was found.

    >>> expected({"loc": ("half_life",), "type": "greater_than_equal", "ctx": {"ge": 1.0}, "msg": "", "input": 0.0})
    'half_life: expected a duration of at least 1s, found 0s'
    """
    name, found = ".".join(str(step) for step in fault["loc"] if step != "[key]"), fault["input"]
    if fault["type"] == BARE_NUMBER:
        return f"{name}: {fault['msg']}"
    if fault["loc"] and fault["loc"][-1] in _durations() and fault["type"] in _BOUNDS:
        bound, words = _BOUNDS[fault["type"]]
        given = format_duration(found) if isinstance(found, int | float) and not math.isnan(found) else found
        return f"{name}: expected a duration {words} {format_duration(fault['ctx'][bound])}, found {given}"
    message = _expectation(fault)
    if isinstance(found, dict | BaseModel):
        inner, _, rest = message.partition(": ")  # what several settings of a table come to names the one to change
        return f"{name}.{inner}: expected {rest}".removeprefix(".") if rest else f"{name}: expected {message}"
    return f"{name}: expected {message}, found {found!r}"


def _expectation(fault: Mapping[str, Any]) -> str:
    """What was expected, as it stands behind that word."""
    if ours := _EXPECTED.get(fault["type"]):
        return ours.format_map(fault.get("ctx", {}))
    message = str(fault["msg"])
    for theirs, ours in _WORDING:
        if message.startswith(theirs):
            message = ours + message.removeprefix(theirs)
    return message


def _durations() -> set[str]:
    """What settings that are durations are called in the file."""
    return {
        field.alias or name
        for table in Table.__subclasses__()
        for name, field in table.model_fields.items()
        if name.endswith("_s")
    }
