"""A worker goes over to other settings while it serves; what it remembers stays."""

import asyncio
from typing import Any

import pytest
import servers
from servers import ADMIN, ADMIN_KEY, SITE, WRITE_KEY, WRITER, Service

from api.monitoring.config_state import ConfigState

STATE = ConfigState(loaded_at=servers.NOW, applied=1)
READER = {"user-agent": "Mozilla/5.0", "x-forwarded-for": "203.0.113.9"}
SITES: list[dict[str, Any]] = [{"id": SITE, "keys": {"write": WRITE_KEY}}, {"id": "kedua"}]


async def use(service: Service, /, **tables: Any) -> None:
    """Go over to the settings of the tests with `tables` over them."""
    given = servers.settings(**{name: table for name, table in tables.items() if name != "sites"})
    if "sites" in tables:
        given = given.model_copy(update={"sites": type(given).model_validate({"sites": tables["sites"]}).sites})
    service.settings = given
    service.refreshers.clear()
    await service.app.runtime.use(given, STATE)


async def sent(service: Service, *items: str, **headers: str) -> dict[str, Any]:
    """What is answered to a reader's events on `items`."""
    answer = await service.http.post("/v1/events", json=[{"item": item} for item in items], headers=READER | headers)
    found: dict[str, Any] = {"status": answer.status_code, **answer.json()}
    return found


async def test_what_events_may_say_and_how_long_they_may_be_changes(service: Service) -> None:
    share = {"item": "a", "kind": "share"}
    assert (await service.http.post("/v1/events", json=share)).status_code == 422
    await use(service, ingest={"kinds": ["view", "share"], "max_body": "1KiB"})
    assert (await service.http.post("/v1/events", json=share)).status_code == 202
    assert (await service.http.post("/v1/events", json=[share] * 100)).status_code == 413
    assert (await service.http.put("/v1/items", content=b"x" * 2000, headers=WRITER)).status_code == 413


async def test_a_reader_is_told_apart_from_the_moment_that_repeats_do_not_count(service: Service) -> None:
    assert (await sent(service, "a", "a"))["duplicate"] == 0
    await use(service, ingest={"dedupe_window": "30m"})
    assert [(await sent(service, "a", "b"))["duplicate"] for _ in range(2)] == [0, 2]
    await use(service, ingest={"dedupe_window": "1h"})
    assert (await sent(service, "a"))["duplicate"] == 1
    await use(service)
    assert (await sent(service, "a", "a"))["duplicate"] == 0


async def test_who_has_spent_a_limit_has_spent_it_under_other_settings_too(service: Service) -> None:
    limits = {"address_limit": 2, "visitor_limit": 2}
    await use(service, ingest=limits)
    assert (await sent(service, *"abcd"))["status"] == 202
    for other in (limits, {**limits, "visitor_limit": 7}, {**limits, "gpc": "ignore"}):
        await use(service, ingest=other)
        assert (await sent(service, "e"))["status"] == 429
    await use(service, ingest={"address_limit": 0})
    assert (await sent(service, *"efghij"))["accepted"] == 6


async def test_robots_origins_and_proxies_change(service: Service) -> None:
    robot = {"user-agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
    page = {"origin": "https://evil.example"}
    assert (await sent(service, "a", **robot))["accepted"] == 1
    await use(service, ingest={"bots": True})
    assert (await sent(service, "a", **robot))["filtered"] == {"robot": 1}
    await use(service, sites=[{**SITES[0], "origins": ["https://koran.example"]}, SITES[1]])
    assert (await sent(service, "a", **page))["status"] == 403
    await use(service, ingest={"address_limit": 1}, service={"trusted_proxies": ["10.0.0.0/8"]})
    assert (await sent(service, *"abcdef", **page))["status"] == 429  # a browser here is a reader behind a proxy
    program = {**page, "user-agent": "newsroom/1.0"}
    assert (await sent(service, *"abcdef", **program))["accepted"] == 6  # this machine, for all it says of another


async def test_keys_change_and_the_old_ones_are_none(service: Service) -> None:
    other = {"authorization": "Bearer another-key-of-the-koran"}
    assert (await service.http.put("/v1/items", json=[{"id": "a"}], headers=other)).status_code == 401
    await use(service, sites=[{**SITES[0], "keys": {"write": "another-key-of-the-koran"}}, SITES[1]])
    assert (await service.http.put("/v1/items", json=[{"id": "a"}], headers=other)).status_code == 200
    assert (await service.http.put("/v1/items", json=[{"id": "a"}], headers=WRITER)).status_code == 401


async def test_lists_are_shown_as_the_site_says_now_and_the_list_answers_with_what_it_was_ranked_under(
    service: Service,
) -> None:
    await service.put({"id": "a", "title": "A", "published_at": servers.NOW - 60})
    await service.view(a=1)
    await service.refresh()
    before = (await service.http.get("/v1/lists/populer")).json()
    await use(
        service,
        sites=[{**SITES[0], "locale": "en", "timezone": "UTC", "date_format": "HH:mm"}, SITES[1]],
        lists={"populer": {"title": "Popular", "half_life": "1h"}},
    )
    between = (await service.http.get("/v1/lists/populer")).json()
    assert (before["items"][0]["published_label"], between["items"][0]["published_label"]) == (
        "Senin, 01 Desember 2025 | 02:48", "19:48",
    )  # fmt: skip
    assert (between["title"], between["config_version"]) == ("Populer", before["config_version"])
    await service.refresh()
    after = (await service.http.get("/v1/lists/populer")).json()
    assert (after["title"], after["config_version"]) == ("Popular", service.settings.config_version)
    assert after["config_version"] != before["config_version"]


async def test_a_new_list_takes_no_worker_out_of_service_and_is_there_once_it_is_ranked(service: Service) -> None:
    for site in (SITE, "kedua"):
        await service.refresh(site)
    assert (await service.http.get("/v1/lists/baru")).status_code == 404
    await use(service, lists={"baru": {}})
    assert (await service.http.get("/readyz")).status_code == 200
    assert set((await service.http.get("/v1/lists")).json()["lists"]) == {"populer", "trending", "update"}
    assert (await service.http.get("/v1/lists/baru")).status_code == 503
    await service.refresh()
    assert set((await service.http.get("/v1/lists")).json()["lists"]) == {"populer", "trending", "update", "baru"}
    await use(service)
    assert (await service.http.get("/v1/lists/baru")).status_code == 404
    service.clock.now += 1000
    for site in (SITE, "kedua"):
        await service.refresh(site)
    assert (await service.http.get("/readyz")).json()["oldest_list_age_s"] == 5, "a list that is gone ages nothing"


async def test_a_new_site_is_served_and_one_that_is_gone_is_not(service: Service) -> None:
    await service.refresh()
    ketiga = {"id": "ketiga", "keys": {"write": "write-key-of-ketiga"}}
    key = {"authorization": "Bearer write-key-of-ketiga"}
    assert (await service.http.get("/v1/lists/populer?site=ketiga")).status_code == 404
    await use(service, sites=[SITES[0], ketiga])
    assert (await service.http.get("/v1/lists/populer?site=kedua")).status_code == 404
    assert (await service.http.get("/v1/lists/populer?site=ketiga")).status_code == 503
    await service.http.put("/v1/items?site=ketiga", json=[{"id": "a"}], headers=key)
    await service.refresh("ketiga")
    answer = await service.http.get("/v1/lists/update?site=ketiga")
    assert [item["id"] for item in answer.json()["items"]] == ["a"]
    assert (await service.http.delete("/v1/items/a?site=ketiga", headers=key)).status_code == 204
    answer = await service.http.get("/v1/lists/update?site=ketiga")
    assert answer.json()["items"] == []


async def test_a_site_that_goes_while_its_item_is_taken_down_is_no_fault(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = service.store.items.remove_item

    async def slowly(site: str, item: str, now: float, by: str) -> bool:
        await use(service, sites=[SITES[1]])
        return await remove(site, item, now, by)

    monkeypatch.setattr(service.store.items, "remove_item", slowly)
    assert (await service.http.delete("/v1/items/a", headers=WRITER)).status_code == 204


async def test_what_editors_say_holds_under_other_settings_and_when_a_site_is_back(service: Service) -> None:
    site = {"id": SITE, "keys": {"write": WRITE_KEY, "admin": ADMIN_KEY}}
    await service.put({"id": "a"}, {"id": "b"}, {"id": "c"})
    await service.view(a=9, b=5, c=2)
    await service.refresh()
    assert (await service.http.put("/v1/blocks/a", headers=ADMIN)).status_code == 200
    for sites in ([{**site, "locale": "en"}, SITES[1]], [SITES[1]], [site, SITES[1]]):
        await use(service, sites=sites)
    await servers.eventually(lambda: read(service), "a list of the site that is back")
    assert await read(service) == ["b", "c"]
    assert (await service.http.put("/v1/lists/populer/pins/c", json={"position": 1}, headers=ADMIN)).status_code == 200
    assert await read(service) == ["c", "b"]
    assert (await service.http.delete("/v1/blocks/a", headers=ADMIN)).status_code == 204
    assert await read(service) == ["c", "a", "b"]


async def test_a_walk_goes_on_under_other_settings(service: Service) -> None:
    await service.put({"id": "a"}, {"id": "b"}, {"id": "c"})
    await service.view(a=9, b=5, c=2)
    await service.refresh()
    first = (await service.http.get("/v1/lists/populer?limit=1")).json()
    await use(service, refresh={"paging": "1h"})
    await service.view(c=100)
    await service.refresh()
    further = (await service.http.get("/v1/lists/populer", params={"limit": 1, "cursor": first["next"]})).json()
    assert [item["id"] for item in (*first["items"], *further["items"])] == ["a", "b"]


async def read(service: Service) -> list[str]:
    """The items of the first list; none before it is ranked."""
    answer = await service.http.get("/v1/lists/populer")
    return [item["id"] for item in answer.json().get("items", [])]


async def test_a_request_that_has_begun_ends_under_the_settings_it_began_under(service: Service) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def body() -> Any:
        yield b'[{"item":"a"},'
        began.set()
        await go_on.wait()
        yield b'{"item":"b","kind":"click"}]'

    request = asyncio.create_task(service.http.post("/v1/events", content=body()))
    await asyncio.wait({request, asyncio.create_task(began.wait())}, return_when=asyncio.FIRST_COMPLETED)
    await use(service, ingest={"kinds": ["view"]})
    go_on.set()
    assert (await request).json()["accepted"] == 2
    assert (await service.http.post("/v1/events", json={"item": "a", "kind": "click"})).status_code == 422


async def test_what_is_known_of_the_file_is_told_to_people_and_to_prometheus(service: Service) -> None:
    for site in (SITE, "kedua"):
        await service.refresh(site)
    version = service.settings.config_version
    service.app.runtime.set_config_state(
        ConfigState(servers.NOW, 3, 2, "populer.toml: no such file", servers.NOW + 9, ("service.port",))
    )
    answer = await service.http.get("/readyz")
    assert answer.status_code == 200, "with the settings before it serves as well as ever"
    assert answer.json()["config_version"] == version
    assert answer.json()["config"] == {
        "loaded_at": servers.NOW, "applied": 3, "refused": 2, "refusal": "populer.toml: no such file",
        "refused_at": servers.NOW + 9, "at_next_start": ["service.port"], "file": "populer.toml",
    }  # fmt: skip
    lines = (await service.http.get("/metrics")).text.splitlines()
    assert {
        'populer_config_reloads_total{outcome="applied"} 3.0',
        'populer_config_reloads_total{outcome="refused"} 2.0',
        "populer_config_refused 1.0",
        "populer_config_at_next_start 1.0",
        f'populer_config_info{{version="{version}"}} 1.0',
    } <= set(lines)
    service.app.runtime.set_config_state(STATE)
    assert "populer_config_refused 0.0" in (await service.http.get("/metrics")).text.splitlines()
