"""What files that pages embed have in common: names made of content, ages in caches, accepted codings."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from api.http.compression import PLAIN, packed
from ranking.times import DAY_S, HOUR_S

STYLE: Final = Path(__file__).parents[1] / "static" / "page.css"


class Style(NamedTuple):
    """The pages' stylesheet: its content, plain and packed, and its path under the name of its content."""

    bodies: dict[str, bytes]
    name: str
    path: str


@cache
def style() -> Style:
    """The stylesheet of this version."""
    content = STYLE.read_bytes()
    name = hashlib.sha256(content).hexdigest()[:NAME_CHARS]
    return Style({coding: packed(content, coding) for coding in (PLAIN, "gzip", "br")}, name, f"populer.{name}.css")


NAME_CHARS: Final = 16
YEAR_S = 365 * DAY_S
FOR_AN_HOUR = f"public, max-age={HOUR_S}, stale-while-revalidate={DAY_S}, stale-if-error={DAY_S}"
FOR_GOOD = f"public, max-age={YEAR_S}, immutable"
#: What lets pages of every other origin load a file, also those with COEP or `crossorigin` on the tag.
FOR_ALL_PAGES = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header lets an answer be gzip.

    >>> accepts_gzip("br, gzip"), accepts_gzip("*"), accepts_gzip("gzip;q=0, *"), accepts_gzip("br")
    (True, True, False, False)
    """
    wanted = {}
    for each in accept_encoding.lower().split(","):
        coding, _, quality = each.replace(" ", "").partition(";q=")
        wanted[coding] = quality.strip("0.") != "" if quality else True
    return wanted.get("gzip", wanted.get("*", False))
