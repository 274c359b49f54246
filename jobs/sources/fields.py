"""Fields as sources write them, cleaned: titles without markup, whole addresses, times, names each once.

What cannot be used is left out: an unreadable date costs no article.
"""

import html
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urljoin, urlsplit

from ranking.intake.items import LINK, MAX_TEXT_CHARS, without_controls
from ranking.times import DAY_S, moment_or_wall_clock

MARKUP: Final = re.compile(r"<(?:[a-zA-Z/!?][^<>]{0,1000})>")
BLANKS: Final = re.compile(r"\s+")
MAX_SUMMARY_CHARS: Final = 500
MAX_NAMES: Final = 20
#: Zones that Indonesians write behind a time; `email.utils` takes them for UTC.
ZONES: Final = {"WIB": "+0700", "WITA": "+0800", "WIT": "+0900"}
#: Months as Indonesian and Malay feeds name them, where English does otherwise.
MONTHS = {
    "januari": "Jan", "februari": "Feb", "maret": "Mar", "mac": "Mar", "mei": "May", "juni": "Jun", "juli": "Jul",
    "julai": "Jul", "agustus": "Aug", "agu": "Aug", "agt": "Aug", "ogos": "Aug", "ogo": "Aug", "september": "Sep",
    "oktober": "Oct", "okt": "Oct", "november": "Nov", "desember": "Dec", "des": "Dec", "disember": "Dec", "dis": "Dec",
}  # fmt: skip
_DAY = re.compile(r"^[^\W\d_]+,\s*(?=\d)")
_MONTH = re.compile(r"(?<=\d )[^\W\d_]+(?= \d{4}\b)")
_ZONE = re.compile(r"\b(WIB|WITA|WIT)$")
#: An id, as against an address of any kind.
OWN_ID: Final = re.compile(r"[\w.-]{1,128}")


def plain_text(text: object, *, escaped: bool = True, most: int = MAX_TEXT_CHARS) -> str:
    """Text as readers see it: markup gone, character references decoded once, white space one blank.

    >>> plain_text("Harga <b>beras</b>\\n &#8220;naik&#8221; di Pasar A&B")
    'Harga beras “naik” di Pasar A&B'
    """
    if not isinstance(text, str):
        return ""
    if escaped:
        text = html.unescape(MARKUP.sub("", text))
    text = BLANKS.sub(" ", without_controls(text).replace("\N{ZERO WIDTH SPACE}", "")).strip()
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def web_address(text: object, base: str = "") -> str:
    """A whole http(s) address, read against `base`; nothing where it is none.

    >>> web_address("/berita/1", "https://koran.example/rss"), web_address("javascript:alert(1)")
    ('https://koran.example/berita/1', '')
    """
    if not isinstance(text, str):
        return ""
    try:
        whole = urljoin(base, text.strip()) if base else text.strip()
        parts = urlsplit(whole)
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or parts.username is not None:
        return ""
    whole = whole.replace(" ", "%20")
    return whole if len(whole) <= MAX_TEXT_CHARS and whole.isprintable() and LINK.fullmatch(whole) else ""


def moment(text: object) -> float | str | None:
    """Epoch seconds, or the wall clock of the site where a time has no offset; None where it is unreadable.

    A source that writes the first day of 1970 or a day without a year has no date.

    >>> moment("Mon, 01 Dec 2025 02:29:00 WIB"), moment("0000-00-00"), moment("1970-01-01T00:00:00Z")
    (1764530940.0, None, None)
    >>> moment("Senin, 01 Desember 2025 02:29 WIB"), moment("Sen, 01 Des 2025 02:29:00 WIB")
    (1764530940.0, 1764530940.0)
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        text = repr(text)
    if not isinstance(text, str):
        return None
    text = _ZONE.sub(lambda found: ZONES[found[1]], _DAY.sub("", text.strip()))
    text = _MONTH.sub(lambda found: MONTHS.get(found[0].lower(), found[0]), text)
    try:
        found = moment_or_wall_clock(text)
    except ValueError:
        return None
    if isinstance(found, str):
        return None if found[:4] < "1971" else found
    return found if found >= DAY_S else None


def own_id(given: object) -> str | None:
    """An entry's id as its newsroom knows it; None for what only names the entry of a feed, such as an address.

    >>> own_id("12345"), own_id("https://koran.example/?p=12345"), own_id("tag:koran.example,2025:2")
    ('12345', None, None)
    """
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str) or not OWN_ID.fullmatch(given.strip()):
        return None
    return given.strip()


def names(given: Iterable[object], most: int = MAX_NAMES) -> tuple[str, ...]:
    """Names such as tags, cleaned, each once, in their order."""
    cleaned = (plain_text(each, most=200) for each in given)
    return tuple(dict.fromkeys(each for each in cleaned if each))[:most]


def language_tag(text: object) -> str | None:
    """A language as `id` or `en-GB`; None where it is none.

    >>> language_tag("in_ID"), language_tag("x-default!")
    ('id-ID', None)
    """
    if not isinstance(text, str):
        return None
    tag = text.strip().replace("_", "-")
    if not re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", tag):
        return None
    first, dash, rest = tag.partition("-")
    return {"in": "id", "iw": "he"}.get(first.lower(), first.lower()) + dash + rest
