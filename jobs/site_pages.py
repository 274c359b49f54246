"""Where the page of an item is that is known by its address alone.

An id that comes of an address has lost its scheme and its `www.` (see `ranking/intake/urls.py`); the settings name the
site's pages as browsers open them.
"""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from ranking.errors import ForeignHostError
from ranking.intake.url_hosts import canonical_host
from ranking.settings.sites import SiteSettings

#: What stands before the digest of an address that was too long for an id.
SHORTENED = "~"
#: Digits of an id that no other word of an address is likely to be: more than a year has.
LEAST_DIGITS: Final = 5


class SitePages:
    """The addresses of one site's pages. Without hosts in the settings it has none."""

    def __init__(self, site: SiteSettings) -> None:
        self._hosts = site.own_hosts
        self._origins: dict[str, str] = {}
        named = [f"https://{host}" for host in site.hosts] + list(site.origins)
        for origin in named:
            authority = urlsplit(origin).netloc
            if authority and "*" not in authority:
                self._origins[canonical_host(authority)] = f"{urlsplit(origin).scheme}://{authority}"

    def is_own(self, url: str) -> bool:
        """Whether an address is of one of the site's hosts."""
        try:
            if self._hosts is not None:
                self._hosts.check(url)
        except (ForeignHostError, ValueError):
            return False
        return self._hosts is not None and "://" in url

    def address(self, item: str) -> str:
        """The address of the page of an item; "" where its id is none of the site's addresses."""
        host, slash, path = item.partition("/")
        if not slash or host_of_id(item) == "" or SHORTENED in item[-40:]:
            return ""
        url = f"{self._origins.get(host, f'https://{host}')}/{path}"
        return url if self.is_own(url) else ""


def host_of_id(item: str) -> str:
    """The host of an id that is an address; "" where it is none.

    >>> host_of_id("koran.example/ekonomi/beras"), host_of_id("12345"), host_of_id("a b/c")
    ('koran.example', '', '')
    """
    host, slash, _ = item.partition("/")
    if not slash or "." not in host:
        return ""
    try:
        return host if canonical_host(host) == host else ""
    except ValueError:
        return ""


def is_named_in(item: str, url: str, tagged: Collection[str]) -> bool:
    """Whether the page at `url`, whose tags of the tracker give the ids `tagged`, is the page of an item.

    Its one tag gives the id, or its address has it between signs that are no letters: an id with a number in it.

    >>> is_named_in("a1", "https://koran.example/beras", ["a1"]), is_named_in("a1", "https://koran.example/beras", [])
    (True, False)
    >>> is_named_in("d-8148279", "https://koran.example/berita/d-8148279/jadi-tersangka", [])
    True
    """
    if len(tagged) == 1:
        return item in tagged
    has_number = sum(letter.isdigit() for letter in item) >= LEAST_DIGITS
    return has_number and re.search(rf"(?<![^\W_]){re.escape(item)}(?![^\W_])", url) is not None
