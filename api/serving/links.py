"""Addresses of the service's own pages and feeds, and which addresses of items may become links."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from api.serving.rendered_list import Content
from ranking.intake.items import LINK
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings

#: Feeds stand for themselves: what is in them needs a scheme and a host.
WHOLE = re.compile(r"https?://", re.IGNORECASE)
LOCAL = "http://localhost/"
NOTHING: Mapping[str, str] = MappingProxyType({})


class Links(NamedTuple):
    """Links of one site. `site`: its id where requests must name it; `root`: the path from a link to the service."""

    address: str
    site: str | None
    root: str = ""

    def page(self, content: Content, section: str | None = None, cursor: str = "", back: str = "") -> str:
        """The page of a list; `section` None: the content's own."""
        part = part_of(content) if section is None else {"section": section}
        return self.list_page(content.list, {**part, "cursor": cursor, "back": back})

    def list_page(self, name: str, parameters: Mapping[str, str] = NOTHING) -> str:
        """The page of the list `name`."""
        return self._link(f"lists/{quote(name)}", parameters)

    def form(self, content: Content, form: str, cursor: str = "") -> str:
        """A list in another format."""
        return self._link(f"v1/lists/{quote(content.list)}", {**part_of(content), "format": form, "cursor": cursor})

    def whole(self, link: str) -> str:
        """`link` under the site's address if it has one; else unchanged."""
        return f"{self.address}/{link.removeprefix(self.root)}" if self.address else link

    def _link(self, path: str, parameters: Mapping[str, str]) -> str:
        query = urlencode({name: value for name, value in (*parameters.items(), ("site", self.site)) if value})
        return f"{self.root}{path}?{query}" if query else f"{self.root}{path}"


def part_of(content: Content) -> Mapping[str, str]:
    """The parameters that ask for the section of a content, or for what a reader's filter takes."""
    return {"section": content.section} if content.choice is None else content.choice.parameters


def links_of(settings: Settings, site: SiteSettings, root: str = "") -> Links:
    """The links of a site; requests for the first site need not name it."""
    return Links(site.address, None if settings.sites[0].id == site.id else site.id, root)


def web(address: str | None) -> str | None:
    """An item's address if it may become a link: http(s), or a path of the site; else None.

    It was checked when it was described, but the store may have been written by others.

    >>> web("https://koran.example/a"), web("/a"), web("javascript:alert(1)"), web("//elsewhere"), web(None)
    ('https://koran.example/a', '/a', None, None, None)
    """
    return address if address and LINK.fullmatch(address) else None


def whole_web(address: str | None) -> str | None:
    """The same with a scheme and a host, for feeds."""
    found = web(address)
    return found if found and WHOLE.match(found) else None


def home_of(content: Content) -> str:
    """The newsroom's own pages, as far as is known: where its articles are."""
    for row in content.rows:
        found = whole_web(row.entry.url)
        if found:
            parts = urlsplit(found)
            return f"{parts.scheme}://{parts.netloc}/"
    return LOCAL
