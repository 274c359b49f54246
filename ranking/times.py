"""Durations and moments as people write them, in seconds as the core uses them.

Durations: `90s`, `15m`, `6h`, `7d`, `2w`, or a sum such as `1h30m`. Moments: epoch seconds, ISO 8601 or RFC 822.
"""

import math
import re
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
UNIT_S = {"ms": 0.001, "s": 1, "m": MINUTE_S, "h": HOUR_S, "d": DAY_S, "w": 7 * DAY_S}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
BASIC_DATE = re.compile(r"(?:19|20)\d{6}")  # 20251201 is a day, and not one of August 1970
RFC_822 = re.compile(r"(?:[A-Z][a-z]{2,8},? )?\d{1,2}[ -][A-Z][a-z]{2}[ -]\d{2,4} ")
NO_LIMIT = "none"
A_MOMENT = "epoch seconds or ISO 8601 such as 2025-12-01T02:29:00+07:00"

#: A day before the last one that can be written with a four-digit year: it may be tomorrow where the site is.
LATEST_EPOCH_S = 253_402_214_399


def in_seconds(since_epoch: float) -> float:
    """A time since the epoch in seconds. What no year up to 9999 has as seconds is ms, µs or ns.

    >>> in_seconds(1541343601.5), in_seconds(1541343601500.0), in_seconds(1541343601500000.0)
    (1541343601.5, 1541343601.5, 1541343601.5)
    """
    for _ in range(3):
        if not since_epoch > LATEST_EPOCH_S:
            break
        since_epoch /= 1000.0
    return since_epoch


def parse_duration(text: str) -> float:
    """Seconds in `text`; 0 needs no unit.

    >>> parse_duration("90s"), parse_duration("1h30m"), parse_duration("7d"), parse_duration("0")
    (90.0, 5400.0, 604800.0, 0.0)

    Raises:
        ValueError: `text` is not a duration; the message names what is expected.
    """
    if NUMBER.fullmatch(text.strip()) and not float(text):
        return 0.0
    if not DURATION.fullmatch(text.strip()):
        raise ValueError("a duration such as 90s, 15m, 6h or 7d")
    return float(sum(float(number) * UNIT_S[unit] for number, unit in PART.findall(text)))


def format_duration(seconds: float) -> str:
    """The shortest exact way to write `seconds`.

    >>> format_duration(5400), format_duration(604800), format_duration(0), format_duration(0.25)
    ('1h30m', '7d', '0s', '250ms')
    """
    if math.isinf(seconds):
        return NO_LIMIT
    left_ms = round(seconds * 1000)
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, left_ms = divmod(left_ms, round(UNIT_S[unit] * 1000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def exact_duration(seconds: float) -> str:
    """`seconds` in the file's words, to the last bit; `format_duration` rounds to milliseconds.

    >>> exact_duration(13546.349804879152), exact_duration(math.inf)
    ('13546.349804879152s', 'none')
    """
    return NO_LIMIT if math.isinf(seconds) else f"{float(seconds)!r}s"


def spoken_duration(seconds: float) -> str:
    """`seconds` as people say it, with at most two figures that matter.

    >>> spoken_duration(45), spoken_duration(800), spoken_duration(5400), spoken_duration(8000)
    ('45 s', '13 min', '1 h 30 min', '2 h 13 min')
    >>> spoken_duration(86_400), spoken_duration(200_000), spoken_duration(8 * 86_400)
    ('24 h', '2 d 8 h', '8 d')
    """
    if math.isinf(seconds):
        return NO_LIMIT
    if round(seconds) < 2 * MINUTE_S:
        return f"{round(seconds)} s"
    minutes = round(seconds / MINUTE_S)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 10 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    hours = round(minutes / 60)
    if hours < 48:
        return f"{hours} h"
    days, rest = divmod(hours, 24)
    return f"{days} d {rest} h" if rest and days < 7 else f"{days} d"


def parse_moment(text: str, zone: tzinfo = UTC) -> float:
    """Epoch seconds of `text`; a time without an offset is in `zone`.

    >>> parse_moment("2018-11-17T12:00:00+09:00"), parse_moment("1542423600")
    (1542423600.0, 1542423600.0)
    >>> parse_moment("Sat, 17 Nov 2018 12:00:00 +0900")
    1542423600.0

    Raises:
        ValueError: `text` is not a moment between 1970 and 9999; the message names what is expected.
    """
    text = text.strip()
    try:
        moment = float(text) if is_number(text) else _written(text, zone).timestamp()
    except (ValueError, OverflowError):
        moment = math.nan
    if not 0 <= moment <= LATEST_EPOCH_S:  # NaN fails it too
        raise ValueError(A_MOMENT)
    return moment


def item_moment(written: float | str, zone: tzinfo = UTC) -> float:
    """Epoch seconds of a time as programs and people write it; a number may be of ms, µs or ns.

    >>> item_moment(1542423600000), item_moment("1542423600"), item_moment("2018-11-17T12:00:00+09:00")
    (1542423600.0, 1542423600.0, 1542423600.0)

    Raises:
        ValueError: as `parse_moment`.
    """
    if isinstance(written, str) and not is_number(written.strip()):
        return parse_moment(written, zone)
    try:
        return parse_moment(repr(in_seconds(float(written))))
    except OverflowError:
        raise ValueError(A_MOMENT) from None


def is_number(text: str) -> bool:
    """Whether a time is written as seconds, and not as a day such as 20251201."""
    return NUMBER.fullmatch(text) is not None and not BASIC_DATE.fullmatch(text)


def moment_or_wall_clock(text: str) -> float | str:
    """Epoch seconds of `text`, which may be ms, µs or ns; `text` itself if it has no offset: the site has the zone.

    >>> moment_or_wall_clock("2025-12-01 02:29"), moment_or_wall_clock("2025-12-01 02:29Z")
    ('2025-12-01 02:29', 1764556140.0)

    Raises:
        ValueError: as `parse_moment`.
    """
    text = text.strip()
    if is_number(text):
        return parse_moment(repr(in_seconds(float(text))))
    moment = parse_moment(text)
    return moment if _written(text, None).tzinfo else text


def _written(text: str, zone: tzinfo | None) -> datetime:
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        if not RFC_822.match(text):
            raise
        written = parsedate_to_datetime(text)
    return written if written.tzinfo else written.replace(tzinfo=zone)
