"""Readers see what the newsroom knows: what it has described, or named with the site's key; strangers name nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import servers
from servers import ADMIN, NOW, SITE, WRITER, Service

from jobs.pulse import TakePulse
from jobs.refresh import RefreshLists
from populer.commands.content_findings import content_findings
from ranking.lists.explain import explain
from ranking.lists.ranker import Ranker
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.scoring.sums import Moment

Serve = Callable[..., Awaitable[Service]]
KNOWN = {"populer": {"listed": "known"}, "trending": {"listed": "known", "minimum": 1}}
SLOGAN = "PEMERINTAH UMUMKAN DARURAT wa.me/62812000000"
FORMS = ("", "?format=html", "?format=rss", "?format=feed", "?format=jsonld", "?limit=1", "?section=")


async def send(service: Service, events: list[dict[str, Any]], **headers: str) -> dict[str, Any]:
    answer = await service.http.post("/v1/events", json=events, headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_only_the_public_has_named_is_seen_nowhere(serve: Serve) -> None:
    service = await serve(lists=KNOWN)
    await service.put({"id": "berita-1", "title": "Judul", "published_at": NOW - 60})
    await service.view(**{"berita-1": 2})
    await send(service, [{"item": SLOGAN, "kind": "click"}] * 99 + [{"url": "https://evil.example/obat"}] * 99)
    await service.refresh()
    assert await service.ids() == ["berita-1"]
    assert await service.ids(limit=1) == ["berita-1"]
    places = [f"/v1/lists/{name}{form}" for name in ("populer", "trending") for form in FORMS]
    for place in [*places, "/v1/lists?names=populer,trending,update", "/lists/populer", "/lists/trending"]:
        answer = await service.http.get(place)
        assert answer.status_code == 200, (place, answer.text)
        assert "wa.me" not in answer.text, place
        assert "evil.example" not in answer.text, place


async def test_a_stranger_s_item_is_listed_with_all_its_counts_once_it_is_described(serve: Serve) -> None:
    service = await serve(lists=KNOWN)
    await service.view(baru=5)
    await service.refresh()
    assert await service.ids() == []
    await service.put({"id": "baru", "title": "Judul baru", "published_at": NOW - 60})
    await service.refresh()
    (found,) = (await service.http.get("/v1/lists/populer")).json()["items"]
    assert (found["id"], found["title"], found["views"]) == ("baru", "Judul baru", 5)
    assert (await service.http.delete("/v1/items/baru", headers=WRITER)).status_code == 204
    await service.view(baru=5)
    await service.refresh()
    assert await service.ids() == [], "what is taken down stays out"


async def test_an_event_with_the_site_s_key_makes_its_item_known_with_the_reads_it_had_before(serve: Serve) -> None:
    service = await serve(lists=KNOWN)
    await service.view(peladen=5)
    await service.refresh()
    await send(service, [{"item": "peladen"}], **WRITER)
    await service.refresh()
    (found,) = (await service.http.get("/v1/lists/populer")).json()["items"]
    assert (found["id"], found["views"]) == ("peladen", 6)
    # Another process that starts now knows it, too.
    other = Refresher(RankedSite(service.store, service.settings, SITE))
    await other.refresh(service.clock.now + 60)
    assert other.site.view.catalogue.known.tolist() == [True]


async def test_an_item_that_a_key_has_named_is_noted_once_in_a_process(serve: Serve, server: servers.Valkey) -> None:
    service = await serve(lists=KNOWN)
    await send(service, [{"item": "peladen"}], **WRITER)
    (key,) = server.admin.keys("*:named:*")
    server.admin.delete(key)
    await send(service, [{"item": "peladen"}], **WRITER)
    assert server.admin.keys("*:named:*") == []


@pytest.mark.parametrize(
    ("listed", "shown"),
    [("known", ["b", "a"]), ("described", ["a"]), ("all", ["c", "b", "a"])],
)
async def test_listed_chooses_which_items_a_list_shows(serve: Serve, listed: str, shown: list[str]) -> None:
    service = await serve(lists={"populer": {"listed": listed}})
    await service.put({"id": "a", "title": "A", "published_at": NOW - 60})
    await service.view(a=1, c=3)
    await send(service, [{"item": "b"}] * 2, **WRITER)
    await service.refresh()
    assert await service.ids() == shown


async def test_explanation_says_that_an_item_waits_for_a_description(serve: Serve) -> None:
    service = await serve(lists=KNOWN)
    await service.view(baru=5)
    site = RankedSite(service.store, service.settings, SITE)
    await Refresher(site).refresh(service.clock.now + 5)

    moment = Moment(service.clock.now + 5, service.clock.now + 5)
    found = explain(Ranker(site.view, moment), "baru", "populer", service.settings.lists["populer"], "", {})
    assert found is not None
    assert (found.rank, found.rule) == (None, "not_known")
    assert found.why.startswith("it is waiting for a description")


async def test_events_of_another_host_are_left_out_and_counted_as_such(serve: Serve) -> None:
    sites = [{"id": SITE, "origins": ["https://www.koran.example"], "keys": {"write": servers.WRITE_KEY}}]
    service = await serve(sites=sites)
    page = {"origin": "https://www.koran.example"}
    urls = ["https://koran.example/a", "https://m.koran.example:8443/b", "/c", "https://evil.example/d"]
    found = await send(service, [{"url": url} for url in urls], **page)
    assert (found["accepted"], found["filtered"], found["invalid"]) == (3, {"host": 1}, [])
    alone = await send(service, [{"item": "a", "url": "https://koran.example.evil.example/"}], **page)
    assert (alone["accepted"], alone["filtered"]) == (0, {"host": 1})
    named = await service.http.post("/v1/events?results=1", json=[{"url": urls[3]}, {"url": urls[0]}], headers=page)
    assert named.json()["results"] == ["host", "accepted"]
    assert (await send(service, [{"url": "https://mitra.example/e"}], **WRITER))["accepted"] == 1, "a server's word"
    assert not any("evil" in name for name in await service.counts())
    exported = (await service.http.get("/metrics")).text
    assert f'populer_events_total{{outcome="host",site="{SITE}"}} 3.0' in exported
    elsewhere = {**page, "referer": "https://evil.example/"}
    assert (await send(service, [{"url": "/f"}], **elsewhere))["filtered"] == {"host": 1}, "a path of another's page"


async def test_events_of_another_host_are_paid_by_their_sender_and_not_by_readers_beside_him(serve: Serve) -> None:
    sites = [{"id": SITE, "hosts": ["koran.example"], "keys": {"write": servers.WRITE_KEY}}]
    service = await serve(sites=sites, ingest={"address_limit": 10})
    sender = {"x-forwarded-for": "203.0.113.7", "user-agent": "Mozilla/5.0"}
    foreign = [{"url": f"https://evil.example/{n}"} for n in range(30)]
    assert (await send(service, foreign, **sender))["filtered"] == {"host": 30}
    assert (await service.http.post("/v1/events", json=foreign, headers=sender)).status_code == 429
    assert (await send(service, [{"item": "a"}], **sender))["accepted"] == 1


async def test_items_of_another_host_are_refused_unless_the_settings_allow_them(serve: Serve) -> None:
    site = {"id": SITE, "hosts": ["koran.example", "*.grup.example"], "keys": {"write": servers.WRITE_KEY}}
    service = await serve(sites=[site])
    urls = ["https://www.koran.example/a", "https://a.b.grup.example/b", "/c", "https://evil.example/d"]
    items = [{"id": url[-1], "url": url} for url in urls]
    found = (await service.http.put("/v1/items", json=items, headers=WRITER)).json()
    assert found["stored"] == 3
    assert [bad["index"] for bad in found["invalid"]] == [3]
    assert "sites.foreign_urls" in found["invalid"][0]["error"]
    one = await service.http.put("/v1/items/d", json=items[3], headers=WRITER)
    assert one.status_code == 422
    assert "evil.example" in one.json()["detail"]
    allowed = await serve(sites=[{**site, "foreign_urls": True}])
    await allowed.put(*items)


@pytest.mark.parametrize(
    ("item", "position", "status", "word"),
    [
        ("tak-dikenal", 1, 404, "not known"),
        ("diblokir", 1, 409, "blocked"),
        ("dihapus", 1, 409, "taken down"),
        ("besok", 1, 409, "not yet published"),
        ("biasa", 31, 409, "30 places"),
        ("biasa", 30, 200, ""),
        ("peladen", 1, 200, ""),
    ],
)
async def test_pins_that_cannot_be_shown_are_refused(
    serve: Serve, item: str, position: int, status: int, word: str
) -> None:
    service = await serve(lists={"populer": {"listed": "known", "depth": 30}})
    items = [{"id": name, "title": name} for name in ("biasa", "diblokir", "dihapus")]
    await service.put(*items, {"id": "besok", "title": "besok", "published_at": NOW + 86_400})
    await service.http.put("/v1/blocks/diblokir", headers=ADMIN)
    await service.http.delete("/v1/items/dihapus", headers=WRITER)
    await service.view(**{"tak-dikenal": 5})
    await send(service, [{"item": "peladen"}], **WRITER)
    answer = await service.http.put(f"/v1/lists/populer/pins/{item}", json={"position": position}, headers=ADMIN)
    assert answer.status_code == status, answer.text
    assert word in answer.json().get("detail", "")


async def test_operators_see_what_waits_for_a_description(serve: Serve) -> None:
    service = await serve(lists=KNOWN)
    await service.put({"id": "a", "title": "A", "published_at": NOW - 60})
    await service.view(a=30, b=8, c=9)
    lists = RefreshLists(service.store, service.settings)
    await lists(SITE, service.clock.now + 5, 1)
    assert (await TakePulse(service.store, service.settings, lists)(SITE, service.clock.now, 1))["waiting"] == 2
    state = (await service.http.get("/v1/ops/state", headers=ADMIN)).json()
    top = [{"id": "c", "reads": 9}, {"id": "b", "reads": 8}]
    assert state["waiting"] == {"items": 2, "reads": 17, "all_reads": 47, "top": top}
    (alarm,) = [alarm for alarm in state["alarms"] if alarm["alarm"] == "waiting_items"]
    assert alarm["says"].startswith("36% of the last hour's reads are of 2 items waiting for a description")
    exported = (await service.http.get("/metrics")).text
    assert f'populer_waiting_items{{site="{SITE}"}} 2.0' in exported
    assert f'populer_waiting_reads{{site="{SITE}"}} 17.0' in exported
    assert f'populer_alarm{{alarm="waiting_items",site="{SITE}"}} 1.0' in exported
    findings = [each async for each in content_findings(service.store, service.settings)]
    (finding,) = [each for each in findings if each.name.endswith("waiting for a description")]
    assert (finding.state.value, finding.found) == (
        "warning",
        "2 items, 17 of 47 reads in the last hour, the most read 'c'",
    )
