"""With `ingest.bots` on, what no reader sent is left out, and said and counted by reason."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import WRITER, Service

Serve = Callable[..., Awaitable[Service]]
EVENTS = "/v1/events"
PHONE = (
    "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/128.0.0.0 Mobile Safari/537.36"
)
IN_FACEBOOK = PHONE.replace("Chrome/128", "Version/4.0 Chrome/128") + " [FB_IAB/FB4A;FBAV/480.0.0.54.88;]"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture
async def filtering(serve: Serve) -> Service:
    return await serve(ingest={"bots": True})


async def sent(service: Service, agent: str, **headers: str) -> dict[str, Any]:
    answer = await service.http.post(
        EVENTS, json=[{"item": "a"}, {"item": "b"}], headers={"user-agent": agent, **headers}
    )
    assert answer.status_code == 202
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("agent", [PHONE, IN_FACEBOOK])
async def test_readers_count(filtering: Service, agent: str) -> None:
    assert (await sent(filtering, agent))["accepted"] == 2
    assert await filtering.counts() == {"view|a": 1, "view|b": 1}


@pytest.mark.parametrize(
    ("agent", "headers", "reason"),
    [
        (GOOGLEBOT, {}, "robot"),
        ("WhatsApp/2.23.20.0", {}, "robot"),
        ("curl/8.5.0", {}, "robot"),
        ("", {}, "robot"),
        (PHONE, {"sec-purpose": "prefetch;prerender"}, "prefetch"),
        (PHONE, {"x-moz": "prefetch"}, "prefetch"),
        (PHONE, {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, "fetch"),
    ],
)
async def test_what_no_reader_sent_is_left_out_by_reason(
    filtering: Service, agent: str, headers: dict[str, str], reason: str
) -> None:
    found = await sent(filtering, agent, **headers)
    assert found == {"accepted": 0, "duplicate": 0, "filtered": {reason: 2}, "invalid": [], "ack": "commit"}
    assert await filtering.counts() == {}
    told = (await filtering.http.get("/metrics")).text
    assert f'outcome="{reason}"' in told


async def test_a_robots_pixel_is_answered_and_not_counted(filtering: Service) -> None:
    found = await filtering.http.get("/v1/pixel.gif", params={"item": "a"}, headers={"user-agent": GOOGLEBOT})
    assert found.headers["content-type"] == "image/gif"
    assert await filtering.counts() == {}


async def test_a_server_with_the_write_key_speaks_for_others(filtering: Service) -> None:
    assert (await sent(filtering, "python-httpx/0.28", **WRITER))["accepted"] == 2


async def test_switched_off_robots_count(service: Service) -> None:
    assert (await sent(service, GOOGLEBOT))["accepted"] == 2


async def test_public_events_make_no_channel_that_the_settings_do_not_know(serve: Serve) -> None:
    lists = {"populer": {"weights": {"view": 1, "view@newsletter": 2}}}
    service = await serve(lists=lists, ingest={"sources": ["amp"], "dedupe_window": "0s"})
    await service.http.post("/v1/events", json=[{"item": "b"}, {"item": "a"}, {"item": "b"}], headers=WRITER)
    await service.refresh()
    given = ["list:populer", "list:gone", "amp", "newsletter", *(f"made-up-{number}" for number in range(50))]
    body = [{"item": "a", "source": source, "position": 2} for source in given]
    assert (await service.http.post("/v1/events", json=body)).json()["accepted"] == len(given)
    await service.http.post("/v1/events", json=[{"item": "a", "source": "server-made"}], headers=WRITER)
    await service.refresh()
    assert sorted(service.refreshers["koran"].site.view.history.channels) == [
        "view", "view@amp", "view@list:other", "view@list:populer#2", "view@newsletter", "view@other",
        "view@server-made",
    ]  # fmt: skip
