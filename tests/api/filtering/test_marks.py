"""What the public names, ids of events and keys of requests, never answers for what comes with a key of the site."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import ADMIN, WRITER, Service

Serve = Callable[..., Awaitable[Service]]
EVENTS = "/v1/events"
KEY = {"idempotency-key": "batch-2026-11-29T10:00"}
BATCH = [{"item": f"item-{n}"} for n in range(30)]


async def sent(service: Service, body: Any, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await service.http.post(EVENTS, json=body, headers=named)


def counted(answer: Any) -> tuple[int, int]:
    assert answer.status_code == 202, answer.text
    return answer.json()["accepted"], answer.json()["duplicate"]


async def test_a_key_of_the_public_does_not_answer_for_a_servers(serve: Serve) -> None:
    service = await serve()
    assert counted(await sent(service, [{"item": "junk"}], **KEY)) == (1, 0)
    assert counted(await sent(service, BATCH, **KEY, **WRITER)) == (30, 0)
    assert counted(await sent(service, BATCH, **KEY, **WRITER)) == (0, 30)
    assert counted(await sent(service, BATCH, **KEY, **ADMIN)) == (30, 0)


@pytest.mark.parametrize("headers", [{}, WRITER], ids=["public", "write key"])
async def test_a_key_with_another_body_is_refused_and_counts_nothing(serve: Serve, headers: dict[str, str]) -> None:
    service = await serve()
    assert counted(await sent(service, BATCH, **KEY, **headers)) == (30, 0)
    before = await service.counts()
    for other in (BATCH[:-1], [*BATCH, {"item": "one more"}], {"item": "elsewhere"}):
        answer = await sent(service, other, **KEY, **headers)
        assert (answer.status_code, answer.json()["title"]) == (422, "idempotency key reused")
    assert counted(await sent(service, BATCH, **KEY, **headers)) == (0, 30)
    assert await service.counts() == before


async def test_of_two_bodies_at_once_under_one_key_one_counts(serve: Serve) -> None:
    service = await serve()
    answers = await asyncio.gather(*(sent(service, [{"item": f"i-{n % 2}"}], **KEY, **WRITER) for n in range(10)))
    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [422] * 5
    assert sum((await service.counts()).values()) == 1


async def test_a_site_has_keys_of_its_own(serve: Serve) -> None:
    service = await serve(sites=[{"id": "one"}, {"id": "two"}])
    for site in ("one", "two"):
        answer = await service.http.post(EVENTS, params={"site": site}, json={"item": site}, headers=KEY)
        assert counted(answer) == (1, 0)


async def test_ids_of_the_public_do_not_answer_for_a_servers_nor_for_another_item(serve: Serve) -> None:
    service = await serve()
    ids = [f"pv-{n}" for n in range(40)]
    assert counted(await sent(service, [{"item": "junk", "id": name} for name in ids])) == (40, 0)
    assert counted(await sent(service, [{"item": "a", "id": name} for name in ids])) == (40, 0)
    assert counted(await sent(service, [{"item": "a", "id": name} for name in ids], **WRITER)) == (40, 0)
    assert counted(await sent(service, [{"item": "a", "id": name} for name in ids], **WRITER)) == (0, 40)


async def test_a_repeat_does_not_burn_the_ids_that_it_names(serve: Serve) -> None:
    service = await serve(ingest={"dedupe_window": "30m"})
    stranger = {"x_forwarded_for": "36.90.1.1", "user_agent": "Firefox/140"}
    burning = [{"item": "a", "id": f"pv-{n}"} for n in range(40)]
    assert counted(await sent(service, burning, **stranger)) == (1, 39)
    readers = [{"item": "a", "id": f"pv-{n}", "visitor": f"r{n}"} for n in range(40)]
    assert counted(await sent(service, readers, x_forwarded_for="36.90.2.1", user_agent="Firefox/140")) == (39, 1)
