"""What caches are told and given: content codings, one body however it is asked for, what to purge, nothing stale."""

import gzip
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import brotli
import pytest
from servers import WRITER, Service, Valkey

from api.http import compression
from api.serving.formats import FORMS

Serve = Callable[..., Awaitable[Service]]
LIST = "/v1/lists/populer"
SEVERAL = "/v1/lists?names=populer,update"
PAGE = "/lists/populer"
EVERY = [LIST, SEVERAL, PAGE, *(f"{LIST}?format={form}" for form in FORMS)]
UNPACK = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}


@pytest.fixture
async def listed(service: Service) -> Service:
    """Twelve items with titles that are alike."""
    letters = "abcdefghijkl"
    await service.put(
        *({"id": each, "title": f"Harga cabai rawit turun tajam {each}", "section": "Ekonomi"} for each in letters)
    )
    await service.view(**{each: 20 - rank for rank, each in enumerate(letters)})
    await service.refresh()
    return service


async def sent(service: Service, path: str, accepted: str) -> tuple[str | None, bytes, dict[str, str]]:
    """The coding, the bytes as they are sent, and the headers of an answer."""
    async with service.http.stream("GET", path, headers={"accept-encoding": accepted}) as answer:
        content = b"".join([part async for part in answer.aiter_raw()])
        return answer.headers.get("content-encoding"), content, dict(answer.headers)


@pytest.mark.parametrize("path", EVERY)
async def test_every_coding_holds_the_same(listed: Service, path: str) -> None:
    plain = (await sent(listed, path, "identity"))[1]
    for accepted, coding in (
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, *", "gzip"),
        ("deflate", None),
        ("", None),
    ):
        found, content, headers = await sent(listed, path, accepted)
        assert found == coding
        assert UNPACK[coding](content) == plain
        assert headers["content-length"] == str(len(content))
        assert headers["vary"] == "accept-encoding"
        assert coding is None or len(content) < len(plain)


@pytest.mark.parametrize("path", [LIST, SEVERAL])
async def test_an_age_is_packed_as_it_is_said(listed: Service, path: str) -> None:
    """Also where it gets longer, and when the list is stale."""
    began = listed.clock.now
    for age_s in (0, 9, 10, 11, 59, 61, 100, 86_400):
        listed.clock.now = began + age_s
        for accepted in ("br", "gzip", "identity"):
            coding, content, _ = await sent(listed, path, accepted)
            found = json.loads(UNPACK[coding](content))
            found = found.get("lists", {}).get("populer", found)
            assert (found["age_s"], found["stale"]) == (age_s, age_s > 60)


async def test_a_snapshot_is_packed_once(listed: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever second it is read in, by however many, leaving out whatever is not shown."""
    packs: list[str] = []
    packed_around = compression._packed_around

    def noted(flow: Any, *rest: Any) -> Any:
        packs.append(type(flow).__name__)
        return packed_around(flow, *rest)

    monkeypatch.setattr(compression, "_packed_around", noted)
    for second, path, accepted in itertools.product(range(4), EVERY, ("br", "gzip")):
        listed.clock.now += 0.2 * (second > 0)
        await sent(listed, path, accepted)
        await sent(listed, path + ("&" if "?" in path else "?") + "exclude=nobody&utm_source=x", accepted)
    assert len(packs) == 2 * len(EVERY)
    await listed.http.delete("/v1/items/a", headers=WRITER)
    for path in EVERY:
        coding, content, _ = await sent(listed, path, "br")
        assert b"tajam a" not in UNPACK[coding](content)
    assert len(packs) == 3 * len(EVERY)


async def test_the_order_of_parameters_and_what_is_meant_anyway_make_no_other_answer(
    listed: Service,
) -> None:
    given = ["limit=5", "section=Ekonomi", "exclude=b", "exclude=a", "utm_source=surat", "format=json"]
    first: bytes | None = None
    ready = set()
    for order in itertools.permutations(given):
        _, content, headers = await sent(listed, f"{LIST}?{'&'.join(order)}", "gzip")
        first = first or content
        assert content == first
        ready.add(headers["etag"])
    assert len(ready) == 1
    plain = (await sent(listed, LIST, "gzip"))[1]
    for same in ("limit=7", "format=json", "site=koran", "section=&site=&limit=&exclude=&cursor=&format=", "_=1"):
        assert (await sent(listed, f"{LIST}?{same}", "gzip"))[1] == plain


@pytest.mark.parametrize("path", EVERY)
async def test_caches_are_told_how_long_it_keeps_and_what_to_purge_it_by(listed: Service, path: str) -> None:
    answer = await listed.http.get(path)
    assert answer.headers["cache-control"] == (
        "public, max-age=5, s-maxage=1, stale-while-revalidate=60, stale-if-error=86400"
    )
    keys = answer.headers["surrogate-key"].split(" ")
    assert {"populer-koran", "populer-koran-populer", "populer-koran-populer-1"} <= set(keys)
    assert answer.headers["cache-tag"].split(",") == keys
    await listed.refresh()
    assert "populer-koran-populer-2" in (await listed.http.get(path)).headers["surrogate-key"].split(" ")


@pytest.mark.parametrize("path", EVERY)
async def test_a_304_is_bare_and_holds_for_every_coding(listed: Service, path: str) -> None:
    tag = (await sent(listed, path, "br"))[2]["etag"]
    for accepted in ("br", "gzip", "identity"):
        answer = await listed.http.get(path, headers={"if-none-match": tag, "accept-encoding": accepted})
        assert (answer.status_code, answer.content) == (304, b"")
        assert set(answer.headers) == {
            "etag", "cache-control", "vary", "access-control-allow-origin", "traceparent",
        }  # fmt: skip
        assert answer.headers["etag"] == tag


async def test_reading_asks_the_store_for_nothing(own_server: Callable[..., Valkey], serve: Serve) -> None:
    server = own_server()
    service = await serve(server)
    await service.view(a=3, b=2)
    await service.refresh()
    for path in EVERY:
        await sent(service, path, "br")

    def asked() -> int:
        return int(server.admin.info("stats")["total_commands_processed"])

    before, reads = asked(), 0
    for number in range(300):
        for path in EVERY:
            await service.http.get(path, params={"exclude": f"b{number}"})
            reads += 1
    assert asked() - before < reads / 2  # a worker looks at generations and edits three times a second, read or not


async def test_a_reload_is_seen_in_what_was_made_before_it(listed: Service) -> None:
    before = (await listed.http.get(PAGE)).headers["cache-control"]
    changed = listed.settings.model_copy(
        update={"refresh": listed.settings.refresh.model_copy(update={"every_s": 9.0})}
    )
    for path in EVERY:
        await listed.http.get(path)
    await listed.app.runtime.use(changed, listed.app.runtime.context.config)
    assert "max-age=5" in before
    for path in EVERY:
        assert "max-age=9" in (await listed.http.get(path)).headers["cache-control"]
