"""Settings of a site: whose it is, what its addresses are, and what describes its articles."""

import re
from functools import cached_property
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator, model_validator

from ranking.intake.hosts import EXPECTED, Hosts, hosts_of_addresses
from ranking.intake.patterns import AddressPattern, item_pattern
from ranking.settings.keys import SiteKeys
from ranking.settings.types import ProcessName, Seconds, SiteId, Table, web_address
from ranking.times import DAY_S

#: Where a service is reached: scheme, host, and perhaps a path.
ADDRESS = re.compile(r"https?://[a-zA-Z0-9.\-:\[\]]+(/[a-zA-Z0-9._~/\-]*)?")
#: What Indonesians call their time zones.
ZONES = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
MIN_FEED_S = 10.0
MAX_FEEDS = 200
MAX_PROCESSES = 64


class FeedSettings(Table):
    """One of sites.feeds: a feed or a news sitemap that describes the site's articles."""

    url: Annotated[str, AfterValidator(web_address("https://www.example.id/feed"))]
    every_s: Seconds = Field(300.0, alias="every", ge=MIN_FEED_S, le=DAY_S)
    section: str = ""


class SiteSettings(Table):
    """[[sites]]: one newsroom."""

    id: SiteId = "default"
    name: str = "Populer"
    timezone: str = "Asia/Jakarta"
    locale: str = "id"
    date_format: str = "EEEE, dd MMMM yyyy | HH:mm"
    address: str = ""
    item_pattern: str = ""
    origins: tuple[str, ...] = ()
    proof: Literal["none", "token", "required"] = "none"
    hosts: tuple[str, ...] = ()
    foreign_urls: bool = False
    feeds: tuple[FeedSettings, ...] = Field((), max_length=MAX_FEEDS)
    discover: bool = True
    referrers: bool = False
    jobs_processes: int = Field(1, ge=1, le=MAX_PROCESSES)
    jobs: ProcessName | Literal[""] = ""
    keys: SiteKeys = SiteKeys()

    @model_validator(mode="after")
    def _can_prove(self) -> Self:
        if self.proof != "none" and self.keys.page is None:
            raise ValueError(f'keys.page: the key that signs page tokens, as proof is "{self.proof}"')
        return self

    @field_validator("item_pattern")
    @classmethod
    def _one_group(cls, text: str) -> str:
        try:
            if text:
                item_pattern(text)
        except ValueError as error:  # the sentence around it begins with "expected"
            raise ValueError(str(error).removeprefix("must be ").removeprefix("must have ")) from None
        return text

    @field_validator("address")
    @classmethod
    def _without_slash(cls, address: str) -> str:
        if address and not ADDRESS.fullmatch(address):
            raise ValueError("an address such as https://populer.example.id, without a query")
        return address.rstrip("/")

    @field_validator("feeds")
    @classmethod
    def _each_once(cls, feeds: tuple[FeedSettings, ...]) -> tuple[FeedSettings, ...]:
        urls = [feed.url for feed in feeds]
        for url in urls:
            if urls.count(url) > 1:
                raise ValueError(f"each feed once: {url} is named twice")
        return feeds

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        try:
            Hosts(hosts)
        except ValueError:
            raise ValueError(EXPECTED) from None
        return hosts

    @cached_property
    def own_hosts(self) -> Hosts | None:
        """`hosts`, else those of `origins` and `address`; None where none is named: any is the site's."""
        address = [self.address] if self.address else []
        names = self.hosts or hosts_of_addresses([*self.origins, *address])
        return Hosts(names) if names else None

    @property
    def contact(self) -> str:
        """An address at which the site's owner is found: for the agent string of the service's own requests."""
        if self.address:
            return self.address
        names = [name for name in (self.own_hosts.names if self.own_hosts else ()) if "*" not in name]
        return f"https://{names[0]}/" if names else ""

    @cached_property
    def item_finder(self) -> AddressPattern | None:
        """`item_pattern`, ready to search with; None without one."""
        return item_pattern(self.item_pattern) if self.item_pattern else None

    @cached_property
    def zone(self) -> ZoneInfo:
        """`timezone`, to reckon with."""
        return ZoneInfo(self.timezone)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        name = ZONES.get(name, name)
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError, folders raise OSError
            raise ValueError("WIB, WITA, WIT, or a time zone such as Asia/Jakarta") from None
        return name
