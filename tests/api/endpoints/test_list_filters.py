"""lists.NAME.allow and deny: what a list takes by what descriptions say, before its limit."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import Service, eventually
from servers import settings as settings_of

from jobs.refresh import RefreshLists

Serve = Callable[..., Awaitable[Service]]
ITEMS: list[dict[str, Any]] = [
    {"id": "id1", "title": "Satu", "language": "id", "sections": ["Politik", "Nasional"], "tags": ["pemilu"],
     "url": "https://koran.example/politik/1"},
    {"id": "en1", "title": "One", "language": "en-GB", "section": "Politik", "authors": ["Siti", "Budi"]},
    {"id": "adv", "title": "Iklan", "section": "  ADVERTORIAL ", "type": "iklan"},
    {"id": "pre", "title": "Berbayar", "premium": True, "section": "Ekonomi",
     "url": "https://koran.example/ekonomi/2"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "ids"),
    [
        ({"allow": {"languages": ["id"]}}, ["id1"]),
        ({"allow": {"languages": ["EN"]}}, ["en1"]),
        ({"deny": {"sections": ["Advertorial"]}}, ["en1", "id1", "pre"]),
        ({"allow": {"sections": ["nasional"]}}, ["id1"]),
        ({"allow": {"sections": ["Politik"]}, "deny": {"tags": ["Pemilu"]}}, ["en1"]),
        ({"allow": {"authors": ["budi"]}}, ["en1"]),
        ({"deny": {"types": ["iklan"], "premium": True}}, ["en1", "id1"]),
        ({"allow": {"premium": True}}, ["pre"]),
        ({"allow": {"premium": False}}, ["adv", "en1", "id1"]),
        ({"allow": {"url": "/ekonomi/"}}, ["pre"]),
        ({"deny": {"url": "^https://koran.example/(politik|ekonomi)/"}}, ["adv", "en1"]),
    ],
)
async def test_list_takes_what_it_allows_and_not_what_it_denies(
    serve: Serve, rules: dict[str, Any], ids: list[str]
) -> None:
    service = await serve(lists={"pilihan": {**rules, "size": 2}, "semua": {}})
    await service.put(*ITEMS)
    await service.view(adv=9, en1=8, id1=7, pre=6)
    await service.refresh()

    assert sorted(await service.ids("pilihan", limit=10)) == sorted(ids)
    assert await service.ids("semua") == ["adv", "en1", "id1", "pre"]
    assert len(await service.ids("pilihan")) == min(2, len(ids))


async def test_list_follows_what_is_said_of_an_item_later(serve: Serve) -> None:
    service = await serve(lists={"pilihan": {"allow": {"languages": ["id"]}}, "terbaru": {
        "kind": "latest", "deny": {"languages": ["en"]}}})  # fmt: skip
    await service.put({"id": "a", "title": "A"}, {"id": "b", "title": "B", "language": "id"})
    await service.view(a=3, b=2)
    await service.refresh()
    assert (await service.ids("pilihan"), set(await service.ids("terbaru"))) == (["b"], {"a", "b"})

    await service.put({"id": "a", "language": "id"}, {"id": "b", "language": "en"})
    await service.refresh()
    assert (await service.ids("pilihan"), await service.ids("terbaru")) == (["a"], ["a"])


async def test_filter_that_is_new_in_the_settings_is_asked_of_what_was_described_before(serve: Serve) -> None:
    service = await serve()
    await service.put(*ITEMS)
    await service.view(adv=9, en1=8, id1=7, pre=6)
    lists = RefreshLists(service.store, service.settings)
    now = service.clock.now
    await lists("koran", now + 5, 1)
    lists.use(settings_of(lists={"populer": {"allow": {"languages": ["id"]}}}))
    await lists("koran", now + 10, 1)

    async def shown() -> bool:
        return await service.ids() == ["id1"]

    await eventually(shown, "the filtered list")
