"""Bodies that come as gzip: the limit holds for what is inflated, and what is no gzip is said to be none."""

import gzip
import json
import zlib

import pytest
from servers import WRITER, Service

EVENTS = "/v1/events"
GZIP = {"content-encoding": "gzip"}
TWO = json.dumps([{"item": "a"}, {"item": "b"}]).encode()


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
async def test_a_gzip_body_counts_as_the_plain_one(service: Service, encoding: str) -> None:
    found = await service.http.post(EVENTS, content=gzip.compress(TWO, mtime=0), headers={"content-encoding": encoding})
    assert found.json()["accepted"] == 2
    assert await service.counts() == {"view|a": 1, "view|b": 1}


async def test_a_body_of_several_members_is_one_body(service: Service) -> None:
    body = gzip.compress(TWO[:10], mtime=0) + gzip.compress(TWO[10:])
    assert (await service.http.post(EVENTS, content=body, headers=GZIP)).json()["accepted"] == 2


async def test_items_may_come_as_gzip_too(service: Service) -> None:
    body = gzip.compress(b'[{"id": "a", "title": "Judul"}]', mtime=0)
    found = await service.http.put("/v1/items", content=body, headers={**GZIP, **WRITER})
    assert found.json()["stored"] == 1


async def test_a_small_body_that_inflates_past_the_limit_is_too_large(service: Service) -> None:
    bomb = gzip.compress(b" " * (service.settings.ingest.max_body + 1))
    assert len(bomb) < 2_000
    found = await service.http.post(EVENTS, content=bomb, headers=GZIP)
    assert found.status_code == 413
    assert "ingest.max_body" in found.json()["detail"]


async def test_a_bomb_in_a_later_member_is_too_large(service: Service) -> None:
    half = b" " * (service.settings.ingest.max_body // 2 + 1)
    found = await service.http.post(EVENTS, content=gzip.compress(half, mtime=0) * 2, headers=GZIP)
    assert found.status_code == 413


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (TWO, "says it is gzip (Content-Encoding) and is not"),
        (zlib.compress(TWO), "says it is gzip (Content-Encoding) and is not"),
        (gzip.compress(TWO, mtime=0)[:-9], "breaks off"),
        (gzip.compress(TWO, mtime=0)[:5], "breaks off"),
        (gzip.compress(TWO, mtime=0) + b"x", "breaks off"),
        (gzip.compress(TWO, mtime=0) + b"more than a header of it", "says it is gzip (Content-Encoding) and is not"),
        (gzip.compress(b"", mtime=0) * 100 + gzip.compress(TWO), "more than 100 members"),
    ],
)
async def test_what_is_no_gzip_is_told_and_nothing_counts(service: Service, body: bytes, sentence: str) -> None:
    found = await service.http.post(EVENTS, content=body, headers=GZIP)
    assert found.status_code == 400
    assert sentence in found.json()["detail"]
    assert await service.counts() == {}


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
async def test_another_encoding_is_told(service: Service, encoding: str) -> None:
    found = await service.http.post(EVENTS, content=TWO, headers={"content-encoding": encoding})
    assert (found.status_code, found.json()["title"]) == (415, "unknown encoding")


async def test_public_body_that_inflates_to_far_more_than_events_do_is_refused(service: Service) -> None:
    bomb = gzip.compress(b"[" + b'{"item":"a"},' * 9_999 + b'{"item":"a"}]', 9)
    found = await service.http.post(EVENTS, content=bomb, headers=GZIP)
    assert (found.status_code, found.json()["title"]) == (413, "body too large")
    found = await service.http.post(EVENTS, content=bomb, headers={**GZIP, **WRITER})
    assert (found.status_code, found.json()["accepted"]) == (202, 10_000)


async def test_public_body_of_64_kib_may_be_as_dense_as_gzip_makes_it(service: Service) -> None:
    body = b'{"item":"a"}' + b" " * (64 * 1024 - 12)
    assert (await service.http.post(EVENTS, content=gzip.compress(body), headers=GZIP)).json()["accepted"] == 1
