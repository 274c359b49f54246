"""Publish times as a site's readers write them: `Senin, 01 Desember 2025 | 02:29`."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, parse_pattern

from ranking.errors import SettingsError
from ranking.settings import SiteSettings

SAMPLE_EPOCH_S = 1_764_530_940.0


def published_label(published_at: float | None, site: SiteSettings) -> str:
    """The label of a publish time in epoch seconds; empty where it is unknown."""
    if published_at is None:
        return ""
    return _label(int(published_at), site.timezone, site.locale, site.date_format)


def check_label_settings(where: str, site: SiteSettings) -> None:
    """Return if the site's locale and date format can be used.

    Raises:
        SettingsError: naming the setting; `where` is the site's dotted name.
    """
    try:
        Locale.parse(site.locale)
    except (UnknownLocaleError, ValueError):
        raise SettingsError(f"{where}.locale: expected a locale such as id, ms or en, found {site.locale!r}") from None
    try:
        parse_pattern(site.date_format)
        published_label(SAMPLE_EPOCH_S, site)
    except (ValueError, KeyError, AttributeError):
        raise SettingsError(
            f"{where}.date_format: expected a pattern such as 'EEEE, dd MMMM yyyy | HH:mm', found {site.date_format!r}"
        ) from None


@lru_cache(maxsize=20_000)
def _label(published_at: int, zone: str, locale: str, pattern: str) -> str:
    return format_datetime(datetime.fromtimestamp(published_at, ZoneInfo(zone)), pattern, locale=locale)
