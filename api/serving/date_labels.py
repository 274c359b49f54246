"""Publish times in the language and format of a site's readers.

Such as `Senin, 01 Desember 2025 | 02:29` and `SELASA, 12 AGUSTUS 2025 | 05:35 WIB`.
A site's `date_format` is one of the names in NAMED, or a pattern of Unicode's (UTS 35) as Babel reads it.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_timedelta, parse_pattern

from api.serving.phrases import WORDS, words_of
from ranking.errors import SettingsError
from ranking.settings.sites import SiteSettings
from ranking.times import DAY_S, HOUR_S, MINUTE_S

SAMPLE_EPOCH_S = 1_764_530_940.0
#: Older times are shown as a date.
RELATIVE_DAYS = 7
RELATIVE = "relative"
#: Indonesian names of zones; CLDR has them in Indonesian only.
ZONES: Mapping[str, str] = MappingProxyType(
    {
        "Asia/Jakarta": "WIB",
        "Asia/Pontianak": "WIB",
        "Asia/Makassar": "WITA",
        "Asia/Ujung_Pandang": "WITA",
        "Asia/Jayapura": "WIT",
    }
)


class DateForm(NamedTuple):
    """A pattern, whether the zone's name follows it, and whether all of it is in capitals."""

    pattern: str
    zone: bool = False
    capitals: bool = False


FULL = "EEEE, dd MMMM yyyy | HH:mm"
#: The named forms: `populer.example.toml` shows each.
NAMED: Mapping[str, DateForm] = MappingProxyType(
    {
        "full": DateForm(FULL),
        "full-zone": DateForm(FULL, zone=True),
        "capitals": DateForm(FULL, zone=True, capitals=True),
        "date": DateForm("d MMMM yyyy"),
        "short": DateForm("dd/MM/yyyy HH:mm"),
        RELATIVE: DateForm("d MMMM yyyy"),
    }
)
#: A word with other letters than those of patterns such as yyyy or hhmm is a misspelt name.
_WORD = re.compile(r"(?=.*[^adhmkswyz-])[a-z][a-z-]+")


def published_label(published_at: float | None, site: SiteSettings, now: float | None = None) -> str:
    """The label of a publish time in epoch seconds; empty where it is unknown.

    Where the site says how long ago it was, that is as of `now` (epoch seconds; None: the date is said).
    """
    if published_at is None:
        return ""
    if now is not None and site.date_format == RELATIVE:
        age_s = int(now // MINUTE_S - published_at // MINUTE_S) * MINUTE_S
        if age_s < RELATIVE_DAYS * DAY_S:
            return _ago(max(0, age_s), site.locale)
    return _label(int(published_at), site.timezone, site.locale, site.date_format)


def full_label(moment: float, site: SiteSettings) -> str:
    """A moment (epoch seconds) with its day, time and zone, regardless of the site's `date_format`."""
    return _label(int(moment), site.timezone, site.locale, "full-zone")


def labelled_at(site: SiteSettings, now: float) -> float:
    """The moment (epoch seconds) that labels made at `now` depend on: the minute, or 0 for absolute dates."""
    return now // MINUTE_S * MINUTE_S if site.date_format == RELATIVE else 0.0


def locale_of(text: str) -> Locale:
    """A locale as a site writes it: `id`, `en_GB`, `ms-MY`.

    Raises:
        UnknownLocaleError, ValueError: there is none.
    """
    return Locale.parse(text.replace("-", "_"))


def check_label_settings(where: str, site: SiteSettings) -> None:
    """Return if the site's locale and date format can be used.

    Raises:
        SettingsError: naming the setting; `where` is the site's dotted name.
    """
    try:
        locale_of(site.locale)
    except (UnknownLocaleError, ValueError):
        raise SettingsError(
            f"{where}.locale: expected {', '.join(WORDS)}, or another one that Babel has dates of (labels are then "
            f"English), found {site.locale!r}"
        ) from None
    try:
        if site.date_format not in NAMED:
            if _WORD.fullmatch(site.date_format):
                raise ValueError("a name that is none")  # noqa: TRY301 - one sentence for all that it cannot be
            parse_pattern(site.date_format)
        published_label(SAMPLE_EPOCH_S, site, SAMPLE_EPOCH_S)
    except (ValueError, KeyError, AttributeError):
        raise SettingsError(
            f"{where}.date_format: expected {', '.join(NAMED)}, or a pattern such as '{FULL}', "
            f"found {site.date_format!r}"
        ) from None


@lru_cache(maxsize=20_000)
def _label(published_at: int, zone: str, locale: str, date_format: str) -> str:
    form = NAMED.get(date_format, DateForm(date_format))
    moment = datetime.fromtimestamp(published_at, ZoneInfo(zone))
    found = format_datetime(moment, form.pattern, locale=locale_of(locale))
    if form.zone:
        found += " " + (ZONES.get(zone) or format_datetime(moment, "z", locale=locale_of(locale)))
    return found.upper() if form.capitals else found


@lru_cache(maxsize=20_000)
def _ago(age_s: int, locale: str) -> str:
    """`age_s` in whole minutes, hours or days, as "5 minutes ago"."""
    unit_s = next((unit for unit in (DAY_S, HOUR_S, MINUTE_S) if age_s >= unit), 0)
    if not unit_s:
        return words_of(locale).now
    whole = timedelta(seconds=age_s // unit_s * unit_s)
    return format_timedelta(-whole, add_direction=True, threshold=1, locale=locale_of(locale))
