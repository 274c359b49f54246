"""What is wrong is shown where operators look: `/readyz` goes on to say ready, `/metrics` has a number for each."""

from collections.abc import Awaitable, Callable
from typing import Any

import servers
from servers import SITE, Service, eventually

from ranking.store.lease import Leases
from ranking.watching.alarms import ALARMS, OF_SITES
from ranking.watching.pulse import Pulse, Usual
from ranking.watching.sources import FeedMemory, FeedState

Serve = Callable[..., Awaitable[Service]]
BROWSER = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/131.0.0.0 Mobile Safari/537.36"
OwnServer = Callable[..., servers.Valkey]


async def ready(service: Service) -> Service:
    for site in service.settings.sites:
        await service.refresh(site.id)
    return service


async def shown(service: Service) -> list[dict[str, Any]]:
    answer = await service.http.get("/readyz")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["alarms"]
    return found


async def gauges(service: Service) -> dict[tuple[str, str], float]:
    """alarm and site -> 0 or 1, as Prometheus reads them."""
    text = (await service.http.get("/metrics")).text
    found = {}
    for line in text.splitlines():
        if line.startswith("populer_alarm{"):
            name, _, value = line.partition(" ")
            _, alarm, _, site, _ = name.split('"')
            found[alarm, site] = float(value)
    return found


async def test_every_alarm_has_a_number_while_nothing_is_wrong(service: Service) -> None:
    await ready(service)
    assert await shown(service) == []
    sites = [site.id for site in service.settings.sites]
    expected = {(alarm, site) for alarm in ALARMS for site in (sites if alarm in OF_SITES else [""])}
    assert await gauges(service) == dict.fromkeys(expected, 0.0)


async def test_a_stale_list_is_shown_and_the_worker_stays_in_service(service: Service) -> None:
    await ready(service)
    service.clock.now += 61
    found = await shown(service)
    assert {(each["alarm"], each["site"], each["list"]) for each in found} == {
        ("list_stale", site.id, name) for site in service.settings.sites for name in service.settings.lists
    }
    raised = {of for of, value in (await gauges(service)).items() if value}
    assert raised == {("list_stale", site.id) for site in service.settings.sites}


async def test_a_silence_that_is_not_usual_is_shown_for_its_site(service: Service) -> None:
    await ready(service)
    now = service.clock.now
    await service.store.logbook.note_pulse(SITE, Pulse(now, now - 1200, 900.0, Usual(300.0, 7, 7, weekly=False)))
    (found,) = await shown(service)
    assert (found["alarm"], found["site"], found["since"]) == ("no_events", SITE, now - 1200)
    assert {of for of, value in (await gauges(service)).items() if value} == {("no_events", SITE)}
    await service.store.logbook.note_pulse(SITE, Pulse(now, now, 900.0, Usual(300.0, 7, 7, weekly=False)))
    assert await shown(service) == []


async def test_a_server_that_drops_keys_is_told_of(serve: Serve, own_server: OwnServer) -> None:
    server = own_server()
    service = await ready(await serve(on=server))
    server.admin.config_set("maxmemory-policy", "allkeys-lru")
    server.admin.set("filler", "x" * 1_000_000)
    server.admin.config_set("maxmemory", "1mb")

    def evicted() -> int:
        return int(server.admin.info("stats")["evicted_keys"])

    async def told() -> bool:
        answer = await service.http.get("/readyz")
        return any(alarm["alarm"] == "evictions" for alarm in answer.json()["alarms"])

    await eventually(told, "the evictions to be told of")
    assert evicted() > 0
    server.admin.config_set("maxmemory", "0")
    server.admin.config_resetstat()
    assert not await told()


async def test_a_store_that_is_away_is_an_alarm_and_the_worker_is_not_ready(
    serve: Serve, own_server: OwnServer
) -> None:
    server = own_server(appendonly="yes", appendfsync="no")  # a busy disk holds up no write
    service = await ready(await serve(on=server, redis={"timeout": "3s"}))
    server.kill()
    answer = await service.http.get("/readyz")
    assert answer.status_code == 503
    (found,) = answer.json()["alarms"]
    assert (found["alarm"], found["since"]) == ("store_away", service.clock.now)
    service.clock.now += 7
    (later,) = (await service.http.get("/readyz")).json()["alarms"]
    assert later["since"] == found["since"]
    assert (await gauges(service))["store_away", ""] == 1
    server.start()

    async def over() -> bool:
        return not (await service.http.get("/readyz")).json()["alarms"]

    await eventually(over, "the alarm to be over")


async def test_readers_behind_a_proxy_that_is_not_trusted_raise_an_alarm_that_names_the_setting(serve: Serve) -> None:
    service = await ready(await serve(service={"trusted_proxies": ["10.9.9.9"]}))
    for number in range(50):
        headers = {"x-forwarded-for": f"203.0.113.{number}", "user-agent": BROWSER}
        await service.http.post("/v1/events", json={"item": "a"}, headers=headers)
    (found,) = await shown(service)
    assert (found["alarm"], found["site"]) == ("forwarded_untrusted", SITE)
    assert "service.trusted_proxies" in found["says"]
    service.clock.now += 3900
    await ready(service)
    assert await shown(service) == []


async def test_readers_through_a_proxy_that_names_nobody_raise_an_alarm_and_have_limits(serve: Serve) -> None:
    service = await ready(await serve(ingest={"address_limit": 15}))
    answers = [
        (await service.http.post("/v1/events", json={"item": "a"}, headers={"user-agent": BROWSER})).status_code
        for _ in range(40)
    ]
    assert (answers.count(202), answers.count(429)) == (30, 10)
    (found,) = await shown(service)
    assert (found["alarm"], "X-Forwarded-For" in found["says"]) == ("forwarded_missing", True)


async def test_programs_of_this_machine_have_no_limits_and_raise_nothing(serve: Serve) -> None:
    service = await ready(await serve(ingest={"address_limit": 15}))
    answers = [(await service.http.post("/v1/events", json={"item": "a"})).status_code for _ in range(150)]
    assert set(answers) == {202}
    assert await shown(service) == []


async def test_a_server_near_its_memory_limit_is_shown(serve: Serve, own_server: OwnServer) -> None:
    server = own_server()
    service = await ready(await serve(on=server))
    used = int(server.admin.info("memory")["used_memory"])
    server.admin.config_set("maxmemory", str(int(used * 1.1)))

    async def told() -> bool:
        return [alarm["alarm"] for alarm in (await service.http.get("/readyz")).json()["alarms"]] == ["memory"]

    await eventually(told, "the memory to be told of")
    server.admin.config_set("maxmemory", "0")
    assert not await told()


async def test_a_feed_that_fails_is_shown(serve: Serve) -> None:
    url = "https://koran.example/feed"
    service = await serve(sites=[{"id": SITE, "feeds": [{"url": url}], "keys": {"write": servers.WRITE_KEY}}])
    await ready(service)
    await service.store.logbook.note_feed(SITE, FeedState(url, error="answered 404", failures=3), FeedMemory())
    (found,) = await shown(service)
    assert (found["alarm"], found["site"]) == ("feeds_failing", SITE)


async def test_a_site_that_no_process_works_for_is_shown_once_others_have_had_their_time(service: Service) -> None:
    await ready(service)
    first, *_ = [site.id for site in service.settings.sites]
    limit_s = service.settings.refresh.lease_s + service.settings.refresh.every_s
    lease = service.store.lease
    leases = await lease.hold(servers.RANKING, Leases(), {}, [first])
    assert await shown(service) == []
    assert f'populer_site_term{{site="{first}"}} 0.0' in (await service.http.get("/metrics")).text
    service.clock.now += limit_s + 1
    (found,) = await shown(service)
    assert (found["alarm"], found["site"]) == ("no_leader", first)
    assert found["says"].startswith("no process ranks the lists, for 16 s")
    leases = await lease.hold(servers.RANKING, leases, {first: 0}, [])
    assert await shown(service) == []
    text = (await service.http.get("/metrics")).text
    assert f'populer_site_term{{site="{first}"}} {float(leases.sites[first].epoch)}' in text
    assert f'populer_jobs_sites{{process="{servers.RANKING.name}"}} {float(len(service.settings.sites))}' in text
