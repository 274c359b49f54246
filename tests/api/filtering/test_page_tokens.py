"""A page token: one view that the site's server vouches for, of its item, in its hour, wherever it is sent from."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import NOW, WRITER, Service, eventually

from api.filtering.tokens import sign, valid_nonce

Serve = Callable[..., Awaitable[Service]]
KEY, OTHER_KEY = "page-key-of-the-koran", "page-key-of-somebody"
HOUR = 3_600 * (NOW // 3_600)
BOUND = {"dedupe_window": "30m", "network_allowance": 5}
READER = {"x-forwarded-for": "36.90.1.1", "user-agent": "Mozilla/5.0 Chrome/142.0.0.0"}


def site(proof: str) -> dict[str, Any]:
    keys = {"write": WRITER["authorization"].removeprefix("Bearer "), "page": KEY}
    return {"id": "koran", "proof": proof, "keys": keys}


def nonce(number: int) -> str:
    return f"nonce-{number:016d}"


def signed(item: str, number: int, at: float = NOW, key: str = KEY, **more: Any) -> dict[str, Any]:
    """An event of a page that the site's server has signed."""
    return {"item": item, "token": sign(item, at, nonce(number), key), "visitor": f"v{number}", **more}


async def outcomes(service: Service, *events: dict[str, Any], **headers: str) -> list[str]:
    address = "/v1/events?results=true"
    answer = await service.http.post(address, json=list(events), headers={**READER, **headers})
    assert answer.status_code == 202, answer.text
    found: list[str] = answer.json()["results"]
    return found


@pytest.mark.parametrize(
    ("at", "is_good"),
    [
        (HOUR - 61, False),  # clocks may differ by a minute
        (HOUR - 60, True),
        (HOUR, True),
        (HOUR + 7_199, True),
        (HOUR + 7_200, False),
    ],
)
def test_a_token_is_good_in_its_hour_and_the_next(at: float, is_good: bool) -> None:
    token = sign("berita-1", HOUR + 1_800, nonce(1), KEY)
    assert valid_nonce(token, "berita-1", at, KEY) == (nonce(1) if is_good else None)


def test_a_token_vouches_for_its_item_under_its_key() -> None:
    token = sign("berita-1", NOW, nonce(1), KEY)
    hour, name, mac = token.split(".")
    assert valid_nonce(token, "berita-1", NOW, KEY) == nonce(1)
    assert valid_nonce(token, "berita-2", NOW, KEY) is None
    assert valid_nonce(token, "berita-1", NOW, OTHER_KEY) is None
    for forged in (
        f"{int(hour) + 1}.{name}.{mac}", f"{hour}.{nonce(2)}.{mac}", f"{hour}.{name}.{mac[:-1]}",
        f"0{hour}.{name}.{mac}", f"{hour}.{name}.{'A' * 22}",
        f"{token} ", f"{token}\n", "", "..", "é" * 40, "9" * 5_000, f"{hour}.short.{mac}",
    ):  # fmt: skip
        assert valid_nonce(forged, "berita-1", NOW, KEY) is None, forged


@pytest.mark.parametrize("item", ["berita-1", "Berita é – 漢", "a.b.c", "\ud800"])
def test_any_item_can_be_signed(item: str) -> None:
    assert valid_nonce(sign(item, NOW, nonce(1), KEY), item, NOW, KEY) == nonce(1)


async def test_signed_views_are_free_of_the_networks_bound(serve: Serve) -> None:
    service = await serve(sites=[site("token")], ingest=BOUND)
    plain = [{"item": "a", "visitor": f"p{number}"} for number in range(10)]
    assert await outcomes(service, *plain) == ["accepted"] * 5 + ["concentrated"] * 5
    mixed = [event for number in range(20) for event in (signed("a", number), {"item": "a", "visitor": f"q{number}"})]
    assert await outcomes(service, *mixed) == ["accepted", "concentrated"] * 20
    forged = [signed("a", number, key=OTHER_KEY) for number in range(100, 103)]
    assert await outcomes(service, *forged, signed("b", 104) | {"item": "a"}) == ["concentrated"] * 4
    assert (await service.counts())["view|a"] == 25


async def test_a_signed_page_counts_once(serve: Serve) -> None:
    service = await serve(sites=[site("token")], ingest=BOUND)
    copies = [signed("a", 1) | {"visitor": f"v{number}"} for number in range(4)]
    assert await outcomes(service, *copies) == ["accepted"] + ["duplicate"] * 3
    elsewhere = {"x-forwarded-for": "114.5.6.7"}
    assert await outcomes(service, copies[0], **elsewhere) == ["duplicate"]
    service.clock.now = HOUR + 7_199
    assert await outcomes(service, copies[1] | {"id": "e-1"}, **elsewhere) == ["duplicate"]
    service.clock.now = HOUR + 7_200  # the token is over: a view like any other
    assert await outcomes(service, copies[2], **elsewhere) == ["accepted"]


async def test_an_events_id_cannot_spend_a_token(serve: Serve) -> None:
    service = await serve(sites=[site("token")], ingest=BOUND)
    event = signed("a", 1)
    ids = (nonce(1), event["token"], f"{nonce(1)} view a")
    spending = [{"item": "a", "id": each, "visitor": f"p{number}"} for number, each in enumerate(ids)]
    assert await outcomes(service, *spending, event) == ["accepted"] * 4


async def test_a_readers_reload_is_one_visit_with_a_token_too(serve: Serve) -> None:
    service = await serve(sites=[site("token")], ingest=BOUND)
    found = await outcomes(service, *(signed("a", number) | {"visitor": "v"} for number in range(3)))
    assert found == ["accepted", "duplicate", "duplicate"]


async def test_a_token_makes_no_click(serve: Serve) -> None:
    service = await serve(sites=[site("token")], ingest=BOUND)
    assert await outcomes(service, signed("a", 1, kind="click"), signed("a", 1)) == ["accepted", "duplicate"]
    assert await service.counts() == {"view|a": 1, "!duplicate|a": 1}


async def test_required_leaves_out_what_no_token_proves_and_says_why(serve: Serve) -> None:
    kinds = {**BOUND, "kinds": ["view", "click", "share"]}
    service = await serve(sites=[site("required")], ingest=kinds)
    await service.put({"id": "a", "title": "Judul a"})  # of what is unknown no shadows are kept
    events = [
        signed("a", 1), {"item": "a"}, signed("a", 2, key=OTHER_KEY), signed("a", 3, at=NOW - 7_200),
        signed("b", 4) | {"item": "a"}, {"item": "a", "kind": "click"}, {"item": "a", "kind": "share"},
        signed("a", 5, kind="share"),
    ]  # fmt: skip
    assert await outcomes(service, *events) == ["accepted", *["proof"] * 6, "accepted"]

    async def shadowed() -> bool:
        return (await service.counts()).get("!proof|a") == 6

    await eventually(shadowed, "the shadows")
    assert await service.counts() == {"view|a": 1, "share|a": 1, "!proof|a": 6}
    left = (await service.http.post("/v1/events", json={"item": "a"}, headers=READER)).json()
    assert (left["accepted"], left["filtered"]) == (0, {"proof": 1})


async def test_required_takes_the_servers_word_and_clicks_that_their_list_proves(serve: Serve) -> None:
    service = await serve(sites=[site("required")], ingest=BOUND)
    assert await outcomes(service, {"item": "a"}, {"item": "a"}, **WRITER) == ["accepted"] * 2
    await service.refresh()
    click = {"item": "a", "kind": "click", "source": "list:populer"}
    assert await outcomes(service, click | {"position": 1}, click | {"position": 9}) == ["accepted", "proof"]


async def test_the_pixel_takes_a_token(serve: Serve) -> None:
    service = await serve(sites=[site("required")], ingest=BOUND)
    for event in (signed("a", 1), signed("a", 1), {"item": "a"}):
        assert (await service.http.get("/v1/pixel.gif", params=event, headers=READER)).status_code == 200
    assert (await service.counts())["view|a"] == 1


async def test_without_the_setting_a_token_says_nothing(serve: Serve) -> None:
    service = await serve(sites=[site("none")], ingest=BOUND)
    events = [signed("a", number) for number in range(7)]
    assert await outcomes(service, *events) == ["accepted"] * 5 + ["concentrated"] * 2


async def test_with_proof_any_network_still_sends_views_within_its_bound(serve: Serve) -> None:
    service = await serve(sites=[site("token")], ingest=BOUND)
    assert (
        await outcomes(service, {"item": "a"}, {"item": "a", "token": "nonsense", "visitor": "v"}) == ["accepted"] * 2
    )
