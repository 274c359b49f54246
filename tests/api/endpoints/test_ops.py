"""What the ops page asks for: with the admin key only, right as of now, and still answered while the store is away."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import servers
from servers import ADMIN, SITE, WRITER, Service, answering

from api.endpoints.events_answer import REASON_OF
from api.endpoints.ops_page import CONTENT_SECURITY_POLICY, FILES
from api.http.assets import STATIC
from ranking.intake.visits import REASONS
from ranking.lists.traffic_start import in_words
from ranking.settings.learned import LearnedSetting, Tuned
from ranking.store.lease import OF_NO_SITE, JobsProcess, Leases
from ranking.store.logbook import JobRun
from ranking.watching.alarms import ALARMS

Serve = Callable[..., Awaitable[Service]]
OwnServer = Callable[..., servers.Valkey]
ASKED_BY_GET = ["evidence", "state", "traffic"]
ADDRESSES = [*(("GET", f"/v1/ops/{name}") for name in ASKED_BY_GET), ("POST", "/v1/ops/views")]


@pytest.fixture
async def ranked(service: Service) -> Service:
    for number, item in enumerate("abc"):
        section = ("Ekonomi", "Olahraga")[number % 2]
        await service.put({"id": item, "title": f"Judul {item}", "section": section, "published_at": servers.NOW - 60})
    await service.view(a=3, b=2, c=1)
    for site in service.settings.sites:
        await service.refresh(site.id)
    return service


async def get(service: Service, address: str, **params: Any) -> Any:
    answer = await service.http.get(address, headers=ADMIN, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
async def test_nothing_is_told_without_the_admin_key(service: Service, method: str, address: str) -> None:
    statuses = [
        (await service.http.request(method, address, headers=headers)).status_code
        for headers in ({}, {"authorization": "Bearer of-nobody-at-all"}, WRITER)
    ]
    assert statuses == [401, 401, 403]
    other = await service.http.request(method, address, headers=ADMIN, params={"site": "kedua"})
    assert other.status_code == 401


async def test_the_state_has_every_list_with_its_settings_in_the_files_words(ranked: Service) -> None:
    ranked.clock.now += 7
    state = await get(ranked, "/v1/ops/state")
    assert state["site"]["id"] == SITE
    assert [each["name"] for each in state["lists"]] == list(ranked.settings.lists)
    populer = state["lists"][0]
    assert (populer["title"], populer["kind"], populer["size"], populer["stale"]) == ("Populer", "ranked", 7, False)
    assert populer["settings"]["half_life"] == "2h"
    assert populer["words"] == "After 2 h a view counts half, after 6 h 12 %."
    assert populer["sections"] == ["Ekonomi", "Olahraga"]
    assert populer["age_s"] == state["now"] - populer["generated_at"] == 12.0
    assert state["config"]["version"] == ranked.settings.config_version
    assert (state["store"], state["alarms"], state["spooled_events"]) == ("ok", [], 0)


async def test_the_state_says_by_which_traffic_a_half_life_stands(serve: Serve) -> None:
    service = await serve(lists={"populer": {"half_life": "auto"}})
    await service.put({"id": "a", "title": "Judul a"})
    service.clock.now -= 3600
    await service.view(a=30)
    service.clock.now += 3600
    await service.refresh()
    (populer, *_) = (await get(service, "/v1/ops/state"))["lists"]
    assert populer["learned_reads"] > 0
    assert populer["learned_why"] == f"by the traffic, {in_words(populer['learned_reads'])}"


async def test_the_state_has_alarms_of_this_site_and_of_the_service(ranked: Service) -> None:
    ranked.clock.now += 61
    state = await get(ranked, "/v1/ops/state")
    assert {(each["alarm"], each["site"]) for each in state["alarms"]} == {("list_stale", SITE)}
    assert all(each["stale"] for each in state["lists"])


async def test_the_state_has_the_leader_and_the_last_run_of_this_sites_jobs(ranked: Service) -> None:
    await ranked.store.lease.leave(servers.RANKING.holder)
    state = await get(ranked, "/v1/ops/state")
    assert (state["leader"], state["jobs_processes"], state["jobs"]) == (None, [], [])
    process = JobsProcess("host:12:abc", "satu", "-", 60.0)
    leases = await ranked.store.lease.hold(process, Leases(), {SITE: 0, OF_NO_SITE: 0}, [])
    epoch = leases.sites[SITE].epoch
    for site in (SITE, "kedua"):
        await ranked.store.logbook.note_run(JobRun("refresh", site, 5.0, 0.25, 5.0, 1, error="no"))
    state = await get(ranked, "/v1/ops/state")
    assert state["leader"] == {"holder": "host:12:abc", "epoch": epoch}
    assert state["jobs_processes"] == [{"name": "satu", "holder": "host:12:abc", "sites": 1}]
    (run,) = state["jobs"]
    assert (run["job"], run["site"], run["took_s"], run["error"]) == ("refresh", SITE, 0.25, "no")


async def test_with_the_store_away_the_state_says_so_and_what_is_known(serve: Serve, own_server: OwnServer) -> None:
    server = own_server()
    service = await serve(on=server, redis={"timeout": "0.5s"})
    await service.view(a=1)
    for site in service.settings.sites:
        await service.refresh(site.id)
    server.kill()
    state = await get(service, "/v1/ops/state")
    assert state["store"] != "ok"
    assert [each["alarm"] for each in state["alarms"]] == ["store_away"]
    assert (state["leader"], state["jobs"]) == (None, [])
    assert state["lists"][0]["generated_at"] is not None


async def test_traffic_is_told_by_the_minute(ranked: Service) -> None:
    for later in (0, 60, 180):
        ranked.clock.now = servers.NOW + later
        await ranked.view(a=1 + later // 60)
    await ranked.app.runtime.context.traffic.flush()
    found = await get(ranked, "/v1/ops/traffic", minutes=5)
    last = int(ranked.clock.now // 60) * 60
    assert found["minutes"] == [last - 60 * ago for ago in range(4, -1, -1)]
    assert found["events"] == {"view": [0, 7, 2, 0, 4]}
    refused = await ranked.http.get("/v1/ops/traffic", headers=ADMIN, params={"minutes": 100_000})
    assert refused.status_code == 422


async def test_a_replay_of_the_past_is_no_traffic_of_now(ranked: Service) -> None:
    now = ranked.clock.now
    await ranked.app.runtime.context.traffic.flush()
    (before,) = (await get(ranked, "/v1/ops/traffic", minutes=1))["events"]["view"]
    events = [
        {"item": "a", "ts": now - 3600},
        {"item": "a", "ts": now - 601, "id": "1"},
        {"item": "a", "ts": now - 600},
    ]
    for _ in range(2):  # the second time one of the past is a duplicate
        answer = await ranked.http.post("/v1/events", headers=servers.WRITER, json=events)
        assert answer.status_code == 202
    await ranked.http.post("/v1/events", headers=servers.WRITER, json={"item": "a", "ts": now - 3600})
    await ranked.app.runtime.context.traffic.flush()
    assert (await get(ranked, "/v1/ops/traffic", minutes=1))["events"] == {"view": [before + 2]}


async def test_views_of_late_are_asked_of_the_process_that_ranks(ranked: Service) -> None:
    async with answering(ranked):
        answer = await ranked.http.post("/v1/ops/views", headers=ADMIN, json={"items": ["a", "b", "x"], "hours": 1})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert {item: sum(line) for item, line in found["views"].items()} == {"a": 3, "b": 2, "x": 0}
    assert (found["step_s"], len(found["views"]["a"])) == (300, 12)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "truncated"),
        (b'{"items": 3}', 422, "items: Expected `array`"),
        (b'{"items": [], "hours": 0}', 422, "hours: expected up to 168"),
        (b'{"items": [], "hours": 1000}', 422, "hours: expected up to 168"),
        (b'{"items": ["a"], "our": 1}', 422, "unknown field"),
        (b'{"items": [%b]}' % b",".join(b'"%d"' % n for n in range(101)), 422, "items: expected at most 100"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(service: Service, body: bytes, status: int, said: str) -> None:
    answer = await service.http.post("/v1/ops/views", headers=ADMIN, content=body)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


async def test_what_tuning_found_is_told_the_newest_night_first(ranked: Service) -> None:
    assert await get(ranked, "/v1/ops/evidence") == {"list": "populer", "in_effect": None, "nights": []}
    nights = [
        Tuned(
            "populer",
            at,
            LearnedSetting(7200.0, 0.0),
            LearnedSetting(half_life_s, at),
            half_life_s != 7200.0,
            f"night {at}",
        )
        for at, half_life_s in ((86_400.0, 7200.0), (172_800.0, 3600.0))
    ]
    for night in nights:
        await ranked.store.findings.note(SITE, night)
    found = await get(ranked, "/v1/ops/evidence", list="populer", nights=2)
    assert [night["why"] for night in found["nights"]] == ["night 172800.0", "night 86400.0"]
    assert found["in_effect"]["half_life_s"] == 3600.0
    assert (await get(ranked, "/v1/ops/evidence", list="update"))["nights"] == []
    answer = await ranked.http.get("/v1/ops/evidence", headers=ADMIN, params={"list": "nothing"})
    assert answer.status_code == 404


async def test_a_preview_leaves_out_what_other_lists_show_as_its_changes_say(serve: Serve) -> None:
    service = await serve(lists={"populer": {"size": 1}})
    await service.put(*({"id": item, "title": item, "published_at": servers.NOW - 9000} for item in "abc"))
    await service.view(a=40, b=20, c=10)
    await service.refresh()
    assert await service.ids("trending") == ["b", "c"]

    bodies = [{"list": "trending", "settings": {"without": without}} for without in ("none", "trending")]
    async with answering(service):
        shown, refused = [await service.http.post("/v1/preview", headers=ADMIN, json=body) for body in bodies]
    ids = [[each["id"] for each in shown.json()[side]] for side in ("live", "preview")]
    assert ids == [["b", "c"], ["a", "b", "c"]]
    assert refused.status_code == 422
    assert "settings.without: names of other lists (populer, update), found 'trending'" in refused.json()["detail"]


async def test_a_preview_says_how_both_lists_forget(ranked: Service) -> None:
    body = {"list": "populer", "settings": {"half_life": "6h"}}
    async with answering(ranked):
        answer = await ranked.http.post("/v1/preview", headers=ADMIN, json=body)
    decay = answer.json()["decay"]
    assert decay["live_words"] == "After 2 h a view counts half, after 6 h 12 %."
    assert decay["preview_words"] == "After 6 h a view counts half, after 24 h 6 %."
    assert len(decay["ages_s"]) == len(decay["live"]) == len(decay["preview"])
    assert all(live <= other for live, other in zip(decay["live"], decay["preview"], strict=True))


async def test_the_page_lets_in_nothing_from_elsewhere_and_tells_nothing_of_the_lists(ranked: Service) -> None:
    answer = await ranked.http.get("/ops")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in answer.text.replace("https-", "")
    assert "style=" not in answer.text
    assert "<script>" not in answer.text
    assert "Judul" not in answer.text
    assert ranked.settings.config_version not in answer.text
    for site in ranked.settings.sites:
        assert f'<option value="{site.id}" ' in answer.text


async def test_ops_page_names_files_that_are_cached_for_good(service: Service) -> None:
    page = (await service.http.get("/ops")).text
    named = re.findall(r'(?:src|href)="(ops/[^"]+)"', page)
    files = {each.rpartition("/")[2] for each in named}
    assert files == {"ops.css", "main.js", "mark.svg", "words-id.js"} <= set(FILES.assets)
    for path in {*named, *(f"ops/{FILES.folder_name}/{name}" for name in FILES.assets)}:
        first = await service.http.get(f"/{path}")
        assert first.status_code == 200
        assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert first.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        again = await service.http.get(f"/{path}", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert b"http://" not in first.content.replace(b"http://www.w3.org/", b"")
        assert b"https://" not in first.content
    older = await service.http.get("/ops/0123456789abcdef/main.js")
    assert (older.status_code, older.headers["cache-control"]) == (200, "no-cache")
    for name in ("page.html", "nothing"):
        assert (await service.http.get(f"/ops/{FILES.folder_name}/{name}")).status_code == 404


def test_ops_page_has_words_for_every_alarm_and_reason() -> None:
    words = (STATIC / "ops" / "words-en.js").read_text(encoding="utf-8")
    known = set(re.findall(r'^  "([\w.]+)": "', words, re.MULTILINE))
    assert {f"alarm.{alarm}" for alarm in ALARMS} | {f"todo.{alarm}" for alarm in ALARMS} <= known
    assert {f"reason.{reason}" for reason in (*REASONS, *REASON_OF.values())} <= known
