"""Describing: what a key, a feed or a page says of an item, checked by the settings of its site."""

import msgspec

from ranking.errors import ForeignHostError, InvalidItemError
from ranking.intake.items import Description, ItemInput, description_from_input
from ranking.intake.urls import host_of, item_of
from ranking.settings.sites import SiteSettings


def described(given: ItemInput, now: float, site: SiteSettings) -> Description:
    """`given` as a description of an item of the site. Without an id it is the item of its address.

    Raises:
        InvalidItemError: the sentence names the field.
    """
    if given.id is None and isinstance(given.url, str) and given.url:
        given = msgspec.structs.replace(given, id=_id_of(given.url, site))
    description = description_from_input(given, now, site.zone)
    url = description.item.url
    if url and site.own_hosts is not None and not site.foreign_urls:
        try:
            site.own_hosts.check(url)
        except ForeignHostError as error:
            raise InvalidItemError(f"{error}. Name the host in sites.hosts, or set sites.foreign_urls.") from None
        except ValueError as error:
            raise InvalidItemError(f"url: {error}") from None
    return description


def _id_of(url: str, site: SiteSettings) -> str:
    """The id that events of the page at `url` count under where they name none."""
    try:
        host, item = host_of(url), item_of(url, site.item_finder)
    except ValueError as error:
        raise InvalidItemError(f"url: {error}, and there is no id") from None
    if not host:
        raise InvalidItemError("url: must have a host where there is no id")
    return item
