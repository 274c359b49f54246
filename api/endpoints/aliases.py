"""Aliases: `/v1/items/{id}/aliases`, and many at once. Other addresses and ids of one article: one history.

Every route needs the site's write key. Counts are joined from the next refresh on.
"""

import itertools
import re
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from api.context import Context, CurrentContext, site_and_caller
from api.endpoints.acks import ack_header
from api.endpoints.items import ItemId
from api.endpoints.openapi import ERRORS, INVALID, SITE, Json, answer, json_request, problems, whole
from api.http.auth import Grade
from api.http.json_body import json_body
from api.http.json_response import json_response
from ranking.errors import ForeignHostError, InvalidEditError
from ranking.refreshing.aliases import aliases_of, checked_name, lift_aliases, make_aliases, names_of_url

#: Where redirects of what is gone lead: its readers are no readers of one article.
FRONT_PAGE = re.compile(r"https?://[^/?#]*/?(?:[?#].*)?", re.IGNORECASE)


class _Names(msgspec.Struct, forbid_unknown_fields=True):
    urls: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


class _ItemNames(_Names, forbid_unknown_fields=True):
    item: str | None = None
    url: str | None = None


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["items"], responses=problems(*ERRORS, 409))

    @routes.put(
        "/items/{item:text}/aliases",
        summary="Name other addresses and ids of an item",
        responses={200: answer("All that the item has now.", NAMES_OF_ITEM)},
        openapi_extra={"parameters": [SITE], **json_request(NAMES)},
    )
    async def put_aliases(item: ItemId, request: Request) -> Response:
        writer = _Writer(current(), request)
        given = await writer.body(_Names)
        name = checked_name("id", item)
        _, bad = await writer.make(dict.fromkeys(writer.names(given), name))
        for sentence in bad.values():
            raise InvalidEditError(sentence)
        return await writer.answer(name, await writer.ack())

    @routes.get(
        "/items/{item:text}/aliases",
        summary="Aliases of an item",
        responses={200: answer("Names, as events count under them.", NAMES_OF_ITEM)},
        openapi_extra={"parameters": [SITE]},
    )
    async def get_aliases(item: ItemId, request: Request) -> Response:
        return await _Writer(current(), request).answer(checked_name("id", item))

    @routes.delete(
        "/items/{item:text}/aliases",
        summary="Lift aliases of an item",
        responses={200: answer("All that the item has still.", NAMES_OF_ITEM)},
        openapi_extra={"parameters": [SITE], **json_request(NAMES, required=False)},
    )
    async def delete_aliases(item: ItemId, request: Request) -> Response:
        writer = _Writer(current(), request)
        given = await writer.body(_Names, empty=_Names())
        name = checked_name("id", item)
        named = writer.names(given) if given.urls or given.ids else itertools.chain(*await writer.names_of(name))
        await lift_aliases(writer.context.store.edits, writer.site.id, name, named, by=writer.by)
        return await writer.answer(name, await writer.ack())

    @routes.put(
        "/aliases",
        summary="Name other addresses and ids of many items",
        responses={200: answer("How many names are new.", MADE)},
        openapi_extra={"parameters": [SITE], **json_request(MANY)},
    )
    async def put_many(request: Request) -> Response:
        writer = _Writer(current(), request)
        names, places, invalid = writer.names_of_all(await writer.body(list[_ItemNames]))
        made, bad = await writer.make(names)
        invalid += [{"index": places[name], "error": sentence} for name, sentence in bad.items()]
        return json_response({"made": made, "invalid": sorted(invalid, key=itemgetter("index"))}, await writer.ack())

    return routes


TEXTS: Json = {"type": "array", "items": {"type": "string"}}
NAMES: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"urls": {**TEXTS, "description": "whole addresses"}, "ids": TEXTS},
}
FORMER: Json = {
    **TEXTS,
    "description": "addresses that it has had before; they count for it while no other item has them",
}
NAMES_OF_ITEM: Json = whole({"item": {"type": "string"}, "aliases": TEXTS, "former": FORMER})
MANY: Json = {
    "type": "array",
    "description": "of at most 500 names in all; `item` or `url` names the item",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"item": {"type": "string"}, "url": {"type": "string"}, **NAMES["properties"]},
    },
}
MADE: Json = whole({"made": {"type": "integer"}, "invalid": INVALID})


class _Writer:
    """One request of the holder of a site's write key."""

    def __init__(self, context: Context, request: Request) -> None:
        self.context = context
        self._request = request
        self.site, caller = site_and_caller(context, request, Grade.WRITE)
        self.by = caller.name

    async def body(self, shape: Any, empty: Any = None) -> Any:
        """The request's body; `empty` stands for none."""
        return await json_body(self._request, shape, self.context.settings.ingest.max_body, empty=empty)

    async def names_of(self, item: str) -> tuple[list[str], list[str]]:
        """The aliases that an item has, and the addresses that it has had before."""
        edits, site = self.context.store.edits, self.site.id
        former = (await edits.former_addresses(site)).items
        return aliases_of(await edits.aliases(site), item), aliases_of(former, item)

    async def answer(self, item: str, headers: Mapping[str, str] | None = None) -> Response:
        """All the names that an item has now."""
        aliases, former = await self.names_of(item)
        return json_response({"item": item, "aliases": aliases, "former": former}, headers)

    async def ack(self) -> dict[str, str]:
        """The header that says how safe what was changed is."""
        return await ack_header(self.context, self.site.id)

    async def make(self, made: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        """Let names stand for items; see `make_aliases`."""
        return await make_aliases(self.context.store.edits, self.site.id, made, by=self.by)

    def names(self, given: _Names) -> list[str]:
        """The names that events of these addresses and ids count under.

        Raises:
            InvalidEditError: one is no address or id, or of another site.
        """
        return [
            *(name for url in given.urls for name in self._names_at(url)),
            *(checked_name("ids", each) for each in given.ids),
        ]

    def names_of_all(self, given: list[_ItemNames]) -> tuple[dict[str, str], dict[str, int], list[dict[str, Any]]]:
        """The names of many items (name -> item), their entries, and index and error of each that cannot be used."""
        made: dict[str, str] = {}
        places: dict[str, int] = {}
        bad: list[dict[str, Any]] = []
        for index, each in enumerate(given):
            try:
                names = dict.fromkeys(self.names(each), self._item_of(each))
                made |= names
                places |= dict.fromkeys(names, index)
            except InvalidEditError as error:
                bad.append({"index": index, "error": str(error)})
        return made, places, bad

    def _item_of(self, given: _ItemNames) -> str:
        if given.url is not None and given.item is None:
            if front := FRONT_PAGE.fullmatch(given.url.strip()):
                raise InvalidEditError(f"url: must be an article's, found the front page {front[0][:80]!r}")
            return self._names_at(given.url)[0]
        if given.item is not None and given.url is None:
            return checked_name("item", given.item)
        raise InvalidEditError("item: expected either item or url")

    def _names_at(self, url: str) -> list[str]:
        hosts = self.site.own_hosts
        names = names_of_url(url, self.site.item_finder)
        if hosts is not None and not self.site.foreign_urls:
            try:
                hosts.check(url)
            except ForeignHostError as error:
                raise InvalidEditError(f"urls: {error}. Name the host in sites.hosts.") from None
        return names
