"""`/livez`, `/readyz`, `/metrics`, `/openapi.json`, `/docs`."""

import re
from typing import Any

import pytest
from servers import ADMIN, SITE, WRITER, Service

AGE = 'populer_list_age_seconds{{list="populer",site="{}"}}'


def metric(text: str, name: str) -> float:
    """The value of a metric, 0 where it was never counted."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_a_process_that_answers_is_alive(service: Service) -> None:
    answer = await service.http.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_worker_is_ready_once_the_lists_of_every_site_are_there(service: Service) -> None:
    before = await service.http.get("/readyz")
    assert before.status_code == 503
    assert before.json()["lists"] is False
    await service.refresh("koran")
    assert (await service.http.get("/readyz")).status_code == 503
    await service.refresh("kedua")
    after = await service.http.get("/readyz")
    assert after.status_code == 200
    assert after.json()["store"] == "ok"
    assert after.json()["config_version"] == service.settings.config_version


async def test_it_tells_the_age_of_the_oldest_list(service: Service) -> None:
    await service.refresh("koran")
    await service.refresh("kedua")
    service.clock.now += 10
    assert (await service.http.get("/readyz")).json()["oldest_list_age_s"] == 15.0
    text = (await service.http.get("/metrics")).text
    assert metric(text, AGE.format("koran")) == 15.0
    await service.refresh("koran")
    text = (await service.http.get("/metrics")).text
    assert (metric(text, AGE.format("koran")), metric(text, AGE.format("kedua"))) == (0.0, 15.0)


@pytest.mark.parametrize(("ahead_s", "age_s", "stale"), [(3.0, 0.0, False), (3600.0, 3600.0, True)])
async def test_a_list_of_the_future_is_not_fresh_and_an_alarm(
    service: Service, ahead_s: float, age_s: float, stale: bool
) -> None:
    for site in ("koran", "kedua"):
        await service.refresh(site)
        service.clock.now -= 5.0
    service.clock.now -= ahead_s - 5.0
    ready = (await service.http.get("/readyz")).json()
    assert ready["oldest_list_age_s"] == age_s
    assert {each["alarm"] for each in ready["alarms"]} == ({"list_stale"} if stale else set())
    assert metric((await service.http.get("/metrics")).text, AGE.format("koran")) == age_s
    shown = (await service.http.get("/v1/lists/populer")).json()
    assert (shown["age_s"], shown["stale"]) == (int(age_s), stale)
    state = (await service.http.get("/v1/ops/state", headers=ADMIN)).json()["lists"]
    assert {(each["age_s"], each["stale"]) for each in state} == {(age_s, stale)}


async def test_events_and_lists_are_metered(service: Service) -> None:
    await service.refresh()
    names = {
        outcome: f'populer_events_total{{outcome="{outcome}",site="{SITE}"}}'
        for outcome in ("accepted", "duplicate", "invalid")
    }
    served = {status: f'populer_lists_served_total{{status="{status}"}}' for status in ("200", "304")}

    async def values() -> dict[str, float]:
        answer = await service.http.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return {key: metric(answer.text, name) for key, name in {**names, **served}.items()}

    before = await values()
    for _ in range(2):
        body = [{"item": "a"}, {"item": "b"}, {"item": ""}]
        await service.http.post("/v1/events", json=body, headers={"idempotency-key": "metered"})
    await service.http.post("/v1/events", json={"item": ""})
    tag = (await service.http.get("/v1/lists/populer")).headers["etag"]
    await service.http.get("/v1/lists/populer", headers={"if-none-match": tag})
    after = await values()
    grown = {key: after[key] - before[key] for key in after}
    assert grown == {"accepted": 2, "duplicate": 2, "invalid": 3, "200": 1, "304": 1}


async def test_the_metrics_name_no_reader_and_no_item(service: Service) -> None:
    events = [{"item": "secret-item", "visitor": "secret-visitor", "id": "secret-id"}]
    await service.http.post("/v1/events", json=events, headers={**WRITER, "user-agent": "secret-agent"})
    assert "secret" not in (await service.http.get("/metrics")).text


async def test_every_path_is_documented(service: Service) -> None:
    document = (await service.http.get("/openapi.json")).json()
    assert document["info"]["title"] == "Populer"
    paths = document["paths"]
    assert {path: set(methods) for path, methods in paths.items()}.items() >= {
        "/v1/events": {"post"},
        "/v1/lists": {"get"},
        "/v1/lists/{list}": {"get"},
        "/v1/items": {"get", "put"},
        "/v1/items/{item}": {"put", "patch", "get", "delete"},
        "/livez": {"get"},
        "/readyz": {"get"},
        "/metrics": {"get"},
    }.items()
    forms = paths["/v1/events"]["post"]["requestBody"]["content"]
    assert set(forms) == {"application/json", "text/plain", "application/x-ndjson"}
    assert set(paths["/v1/events"]["post"]["responses"]) >= {"202", "400", "401", "404", "413", "422", "503"}


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, or the one of the document's that it names."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


async def test_the_documented_list_has_the_fields_of_the_answered_one(service: Service) -> None:
    await service.view(a=1)
    await service.refresh()
    document = (await service.http.get("/openapi.json")).json()
    answer = document["paths"]["/v1/lists/{list}"]["get"]["responses"]["200"]
    schema = resolved(document, answer["content"]["application/json"]["schema"])
    content = (await service.http.get("/v1/lists/populer")).json()
    by_filter = (await service.http.get("/v1/lists/populer?tag=x")).json()
    assert set(schema["properties"]) == set(content) | set(by_filter)
    of_bursts = {"times_usual"}
    row = resolved(document, schema["properties"]["items"]["items"])
    assert set(row["properties"]) == set(content["items"][0]) | of_bursts


async def test_the_documented_parameters_are_those_that_are_read(service: Service) -> None:
    document = (await service.http.get("/openapi.json")).json()
    named = {each["name"] for each in document["paths"]["/v1/lists/{list}"]["get"]["parameters"]}
    filters = {"section", "tag", "author", "language", "premium", "type"}
    assert named == {"list", "site", "limit", "exclude", "cursor", "format", *filters}


async def test_the_docs_are_a_page(service: Service) -> None:
    answer = await service.http.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "/openapi.json" in answer.text


async def test_what_does_not_exist_is_a_problem_too(service: Service) -> None:
    for address in ("/v1", "/v1/nothing", "/v1/eventsx", "/v1/lists/a/b", "/v1/listsx"):
        answer = await service.http.get(address)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 404
