"""`/v1/items`: what the newsroom says of its items, and taking one down."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from servers import ADMIN, NOW, WRITER, Service, eventually

from ranking.intake.items import Item

Serve = Callable[..., Awaitable[Service]]
ITEMS = "/v1/items"
UNKNOWN = {
    "title": "",
    "url": None,
    "section": None,
    "published_at": None,
    "image": None,
    "author": None,
    "tags": [],
    "first_seen": NOW,
    "sections": [],
    "authors": [],
    "modified_at": None,
    "expires_at": None,
    "group": None,
    "summary": None,
    "language": None,
    "type": None,
    "premium": None,
    "hidden": False,
    "extra": {},
}
PUT = {**UNKNOWN, "ignored": []}
FULL = {
    "id": "harga-beras",
    "title": "Harga beras naik",
    "url": "https://koran.example/harga-beras?p=1",
    "section": "Ekonomi",
    "published_at": 1_764_530_940.0,
    "image": "/gambar/beras.jpg",
    "author": "Sari",
    "tags": ["beras", "harga"],
}

STORED = {**UNKNOWN, **FULL, "sections": ["Ekonomi"], "authors": ["Sari"]}


async def test_an_item_is_answered_as_it_is_stored(service: Service) -> None:
    put = await service.http.put(f"{ITEMS}/harga-beras", json=FULL, headers=WRITER)
    assert (put.status_code, put.json()) == (200, {**STORED, "ignored": []})
    got = await service.http.get(f"{ITEMS}/harga-beras", headers=WRITER)
    assert (got.status_code, got.json()) == (200, STORED)


async def test_everything_but_the_id_may_be_unknown(service: Service) -> None:
    assert (await service.http.put(f"{ITEMS}/a", json={}, headers=WRITER)).json() == {"id": "a", **PUT}
    empty = {"title": None, "url": "", "section": " ", "published_at": None, "image": None, "author": "", "tags": []}
    assert (await service.http.put(f"{ITEMS}/b", json=empty, headers=WRITER)).json() == {"id": "b", **PUT}


async def test_an_item_put_again_changes_what_is_named_and_keeps_the_rest(service: Service) -> None:
    await service.put(FULL)
    service.clock.now += 3600
    found = await service.http.put(f"{ITEMS}/harga-beras", json={"title": "Baru"}, headers=WRITER)
    assert found.json() == {**STORED, "title": "Baru", "ignored": []}
    await service.put({"id": "harga-beras", "title": "Lagi", "section": "Nasional"})
    found = await service.http.get(f"{ITEMS}/harga-beras", headers=WRITER)
    assert found.json() == {**STORED, "title": "Lagi", "section": "Nasional", "sections": ["Nasional"]}


@pytest.mark.parametrize("nothing", [None, ""])
async def test_null_and_empty_take_a_field_away(service: Service, nothing: str | None) -> None:
    await service.put(FULL)
    fields = ["title", "url", "section", "published_at", "image", "author"]
    await service.put({"id": "harga-beras", **dict.fromkeys(fields, nothing), "tags": []})
    found = await service.http.get(f"{ITEMS}/harga-beras", headers=WRITER)
    assert found.json() == {"id": "harga-beras", **UNKNOWN}


async def test_a_field_that_cannot_be_used_stays_as_it_was_and_is_named(service: Service) -> None:
    await service.put(FULL)
    bad = {"id": "harga-beras", "title": "Baru", "published_at": "kemarin", "image": "javascript:alert(1)"}
    (found,) = (await service.http.put(ITEMS, json=[bad], headers=WRITER)).json()["items"]
    assert (found["id"], found["ok"]) == ("harga-beras", True)
    assert [each.partition(":")[0] for each in found["ignored"]] == ["published_at", "image"]
    stored = (await service.http.get(f"{ITEMS}/harga-beras", headers=WRITER)).json()
    assert stored == {**STORED, "title": "Baru"}


async def test_item_keeps_every_field_that_it_is_given(service: Service) -> None:
    given = {
        "title": "Judul", "sections": ["Ekonomi", "Pangan"], "authors": ["Sari", "Budi"], "summary": "Ringkas",
        "modified_at": "2025-12-01T03:00:00+07:00", "expires_at": 1_764_600_000, "language": "id_ID", "type": "video",
        "premium": True, "extra": {"kode": [1, "a"]},
        "image": {"url": "/a.jpg", "width": "800", "height": 450, "alt": "Pasar"},
    }  # fmt: skip
    found = (await service.http.put(f"{ITEMS}/a", json=given, headers=WRITER)).json()
    assert found == {
        "id": "a", **UNKNOWN, **given, "section": "Ekonomi", "author": "Sari", "modified_at": 1_764_532_800.0,
        "expires_at": 1_764_600_000.0, "language": "id-ID", "ignored": [],
        "image": {"url": "/a.jpg", "width": 800, "height": 450, "alt": "Pasar"},
    }  # fmt: skip
    found = (await service.http.put(f"{ITEMS}/a", json={"section": "Nasional", "image": None}, headers=WRITER)).json()
    assert (found["sections"], found["image"], found["authors"]) == (["Nasional"], None, ["Sari", "Budi"])


async def test_fields_of_the_newsrooms_own_outlive_changes_of_others_to_the_letter(service: Service) -> None:
    extra = {"none": None, "empty": {}, "list": [], "big": 2**53 + 1, "nested": {"a": {"b": None}}}
    await service.http.put(f"{ITEMS}/a", json={"title": "A", "extra": extra}, headers=WRITER)
    await service.http.put(f"{ITEMS}/b", json={"title": "B", "extra": {"none": None}}, headers=WRITER)
    for item, given in (("a", extra), ("b", {"none": None})):
        found = (await service.http.put(f"{ITEMS}/{item}", json={"title": "Baru"}, headers=WRITER)).json()
        assert found["extra"] == given
        assert (await service.http.get(f"{ITEMS}/{item}", headers=WRITER)).json()["extra"] == given
    await service.refresh()
    assert await service.ids("update") == ["a", "b"]


async def test_fields_that_nobody_knows_are_named(service: Service) -> None:
    sent = {"id": "a", "title": "A", "premum": True, "kolom": 1, "first_seen": 7}
    (found,) = (await service.http.put(ITEMS, json=[sent], headers=WRITER)).json()["items"]
    expected = ["premum: is no field of an item; did you mean premium?", "kolom: is no field of an item"]
    assert (found["ok"], found["ignored"]) == (True, expected)
    alone = (await service.http.put(f"{ITEMS}/a", json={"kolom": 1}, headers=WRITER)).json()
    assert alone["ignored"] == expected[1:]


async def test_patch_changes_what_it_names_of_an_item_that_is_there(service: Service) -> None:
    missing = await service.http.patch(f"{ITEMS}/harga-beras", json={"title": "Baru"}, headers=WRITER)
    assert missing.status_code == 404
    await service.put(FULL)
    found = await service.http.patch(f"{ITEMS}/harga-beras", json={"title": "Baru", "tags": 7}, headers=WRITER)
    assert found.json() == {**STORED, "title": "Baru", "ignored": ["tags: must be a list of texts, found 7"]}
    await service.http.delete(f"{ITEMS}/harga-beras", headers=WRITER)
    assert (await service.http.patch(f"{ITEMS}/harga-beras", json={"title": "X"}, headers=WRITER)).status_code == 404


async def test_what_a_page_says_goes_under_what_a_key_says(service: Service) -> None:
    items = service.store.items
    page = Item(
        "a", title="Dari halaman", url="https://koran.example/a", section="Ekonomi", by_page=True, first_seen=NOW
    )
    await items.put_items("koran", [page, Item("b", title="Halaman", by_page=True)])
    await service.put({"id": "a", "title": "Dari redaksi"})
    await items.put_items("koran", [page, Item("b", title="Halaman baru", by_page=True)])

    a, b = await items.get_items("koran", ["a", "b"])
    assert a is not None
    assert b is not None
    assert (a.title, a.section, a.by_page) == ("Dari redaksi", "Ekonomi", False)
    assert (b.title, b.by_page) == ("Halaman baru", True)


async def test_many_items_at_once(service: Service) -> None:
    await service.put(*({"id": f"item {n}", "title": f"Judul {n}"} for n in range(700)))
    for n in (0, 350, 699):
        assert (await service.http.get(f"{ITEMS}/item {n}", headers=WRITER)).json()["title"] == f"Judul {n}"


async def test_item_without_an_id_has_that_of_its_address(service: Service) -> None:
    address = "http://www.koran.example/ekonomi/beras/?utm_source=rss"
    sent = [{"url": address, "title": "Beras"}, {"url": "/ekonomi/gula", "title": "Gula"}, {"title": "Garam"}]

    answer = (await service.http.put(ITEMS, json=sent, headers=WRITER)).json()

    assert answer["stored"] == 1
    assert [each["error"] for each in answer["invalid"]] == [
        "url: must have a host where there is no id",
        "id: is missing",
    ]
    found = (await service.http.get(f"{ITEMS}/koran.example/ekonomi/beras", headers=WRITER)).json()
    assert (found["title"], found["url"]) == ("Beras", address)


async def test_no_items_are_no_error(service: Service) -> None:
    await service.put()


@pytest.mark.parametrize(
    ("address", "id_"),
    [
        ("2025/12/01/harga-beras", "2025/12/01/harga-beras"),
        ("a%2Fb", "a/b"),
        ("a%20b%3Fc%23d", "a b?c#d"),
        ("b%C3%A9rita-%E2%98%95", "bérita-☕"),
        ("/leading", "/leading"),
        ("trailing/", "trailing/"),
        ("100%25", "100%"),
        ("%252F", "%2F"),
        ("..%2Fup", "../up"),
        ("x" * 512, "x" * 512),
    ],
)
async def test_ids_are_opaque_in_the_address(service: Service, address: str, id_: str) -> None:
    put = await service.http.put(f"{ITEMS}/{address}", json={"id": id_, "title": "Judul"}, headers=WRITER)
    assert (put.status_code, put.json()["id"]) == (200, id_)
    assert (await service.http.get(f"{ITEMS}/{address}", headers=WRITER)).json()["title"] == "Judul"
    assert (await service.store.items.get_items("koran", [id_]))[0] is not None
    assert (await service.http.delete(f"{ITEMS}/{address}", headers=WRITER)).status_code == 204
    assert (await service.http.get(f"{ITEMS}/{address}", headers=WRITER)).status_code == 404


@pytest.mark.parametrize("id_", ["", " ", "x" * 513, "é" * 257])
async def test_an_id_that_is_none_is_unprocessable(service: Service, id_: str) -> None:
    for method in ("PUT", "DELETE"):
        found = await service.http.request(method, f"{ITEMS}/{id_}", content=b"{}", headers=WRITER)
        assert found.status_code == 422
        assert found.json()["detail"].startswith("id: ")


async def test_an_id_in_the_body_must_be_that_of_the_address(service: Service) -> None:
    found = await service.http.put(f"{ITEMS}/a", json={"id": "b"}, headers=WRITER)
    assert found.status_code == 422
    assert "'b'" in found.json()["detail"]
    assert "'a'" in found.json()["detail"]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"url": "javascript:alert(1)"}, "url: "),
    ({"url": "data:text/html,x"}, "url: "),
    ({"url": "//evil.example/"}, "url: "),
    ({"url": "/\\evil.example/"}, "url: "),
    ({"url": "ftp://koran.example/a"}, "url: "),
    ({"url": "koran.example/a"}, "url: "),
    ({"url": "https://koran.example/a b"}, "url: "),
    ({"url": 'https://koran.example/"onclick="x'}, "url: "),
    ({"url": "https://koran.example/<script>"}, "url: "),
    ({"url": "java\nscript:alert(1)"}, "url: "),
    ({"url": 7}, "url: "),
    ({"image": "javascript:alert(1)"}, "image: "),
    ({"published_at": "yesterday"}, "published_at: "),
    ({"published_at": -1}, "published_at: "),
    ({"published_at": "0000-00-00 00:00:00"}, "published_at: "),
    ({"published_at": 0}, "published_at: "),
    ({"published_at": "NaN"}, "published_at: "),
    ({"published_at": True}, "published_at: "),
    ({"published_at": "2025-13-01"}, "published_at: "),
    ({"title": "x" * 2001}, "title: "),
    ({"title": ["x"]}, "title: "),
    ({"section": "x" * 2001}, "section: "),
    ({"tags": "x"}, "tags: "),
    ({"tags": ["x" * 2001]}, "tags: "),
]


@pytest.mark.parametrize(("item", "start"), BAD)
async def test_one_bad_field_does_not_cost_the_item(service: Service, item: dict[str, Any], start: str) -> None:
    found = await service.http.put(f"{ITEMS}/a", json={"author": "Sari", **item}, headers=WRITER)
    assert found.status_code == 200
    (ignored,) = found.json()["ignored"]
    assert ignored.startswith(start)
    stored = (await service.http.get(f"{ITEMS}/a", headers=WRITER)).json()
    assert stored == {"id": "a", **UNKNOWN, "author": "Sari", "authors": ["Sari"]}


async def test_bad_items_do_not_take_the_good_ones_with_them(service: Service) -> None:
    items: list[Any] = [{"id": "good"}, {"title": "without an id"}, {"id": "fair", **BAD[0][0]}]
    items += [None, "a", {"id": 7}, {"id": "null"}, {"id": "also good"}]
    found = await service.http.put(ITEMS, json=items, headers=WRITER)
    assert found.status_code == 200
    content = found.json()
    assert content["stored"] == 3
    assert [each["index"] for each in content["invalid"]] == [1, 3, 4, 5, 6]
    outcomes = [(each["id"], each["ok"], "error" in each) for each in content["items"]]
    refused = [(None, False, True)] * 3
    good = [("good", True, False), (None, False, True), ("fair", True, False)]
    assert outcomes == [*good, *refused, ("null", False, True), ("also good", True, False)]
    for item in ("good", "fair", "also good"):
        assert (await service.http.get(f"{ITEMS}/{item}", headers=WRITER)).status_code == 200


async def test_only_bad_items_are_unprocessable(service: Service) -> None:
    found = await service.http.put(ITEMS, json=[{"title": "x"}], headers=WRITER)
    assert found.status_code == 422
    assert found.json()["stored"] == 0
    assert found.json()["invalid"] == [{"index": 0, "error": "id: is missing"}]


@pytest.mark.parametrize(
    "url", ["https://koran.example/a", "HTTP://koran.example", "/a/b", "/", "https://é.example/☕"]
)
async def test_links_within_the_web_and_the_site_are_taken(service: Service, url: str) -> None:
    assert (await service.http.put(f"{ITEMS}/a", json={"url": url}, headers=WRITER)).json()["url"] == url


@pytest.mark.parametrize(
    "written",
    [
        1_764_530_940,
        1_764_530_940.0,
        "1764530940",
        "2025-12-01T02:29:00+07:00",
        "2025-11-30T19:29:00Z",
        "2025-12-01 02:29",
        "Mon, 01 Dec 2025 02:29:00 +0700",
        1_764_530_940_000,
    ],
)
async def test_publish_times_as_people_write_them(service: Service, written: float | str) -> None:
    found = await service.http.put(f"{ITEMS}/a", json={"published_at": written}, headers=WRITER)
    assert found.json()["published_at"] == 1_764_530_940.0


@pytest.mark.parametrize("body", ["", "{", "[", "nonsense", '{"id":"a"}x', "[" * 5000])
@pytest.mark.parametrize("address", [ITEMS, f"{ITEMS}/a"])
async def test_what_is_not_json_is_malformed(service: Service, address: str, body: str) -> None:
    found = await service.http.put(address, content=body, headers=WRITER)
    assert found.status_code in (400, 422)
    assert found.headers["content-type"] == "application/problem+json"


async def test_too_large_a_body_is_refused_declared_and_chunked(serve: Serve) -> None:
    service = await serve(ingest={"max_body": "1KiB"})

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    for content in (b" " * 1025, chunks()):
        assert (await service.http.put(ITEMS, content=content, headers=WRITER)).status_code == 413


async def test_too_many_items_are_refused_whole(service: Service) -> None:
    found = await service.http.put(ITEMS, json=[{"id": "a"}] * 10_001, headers=WRITER)
    assert found.status_code == 413
    assert (await service.http.get(f"{ITEMS}/a", headers=WRITER)).status_code == 404


CALLS = [("PUT", ITEMS, b"[]"), ("PUT", f"{ITEMS}/a", b"{}"), ("GET", f"{ITEMS}/a", b""), ("DELETE", f"{ITEMS}/a", b"")]


@pytest.mark.parametrize(("method", "address", "body"), CALLS)
async def test_everything_needs_the_sites_write_key(service: Service, method: str, address: str, body: bytes) -> None:
    await service.put({"id": "a"})
    for headers in (
        {},
        {"authorization": "Bearer wrong-key-of-nobody"},
        {"authorization": "Bearer write-key-of-kedua"},
    ):
        found = await service.http.request(method, address, content=body, headers=headers)
        assert found.status_code == 401
        assert found.headers["www-authenticate"] == "Bearer"
        assert found.headers["content-type"] == "application/problem+json"
    assert (await service.http.get(f"{ITEMS}/a", headers=WRITER)).status_code == 200
    admin = {"authorization": "Bearer admin-key-of-the-koran"}
    assert (await service.http.request(method, address, content=body, headers=admin)).status_code in (200, 204)


async def test_items_of_another_site_are_not_seen(service: Service) -> None:
    await service.put({"id": "a"})
    headers = {"authorization": "Bearer write-key-of-kedua"}
    assert (await service.http.get(f"{ITEMS}/a", headers=headers, params={"site": "kedua"})).status_code == 404
    unknown = await service.http.get(f"{ITEMS}/a", headers=WRITER, params={"site": "nowhere"})
    assert unknown.status_code == 404
    assert "koran, kedua" in unknown.json()["detail"]


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(service: Service, method: str) -> None:
    found = await service.http.request(method, ITEMS, headers=WRITER)
    assert found.status_code == 405
    assert found.headers["allow"] == "PUT"
    assert found.headers["content-type"] == "application/problem+json"


async def test_a_deleted_item_is_gone_from_every_list_on_the_next_read_and_stays_away(service: Service) -> None:
    await service.put(*({"id": item, "section": "Ekonomi", "published_at": NOW - 60} for item in "abc"))
    await service.view(a=3, b=2, c=1)
    await service.refresh()
    assert await service.ids() == ["a", "b", "c"]
    assert (await service.http.delete(f"{ITEMS}/a", headers=WRITER)).status_code == 204
    for name, section in (("populer", ""), ("populer", "Ekonomi"), ("update", ""), ("trending", "")):
        assert "a" not in await service.ids(name, section=section)
    assert await service.ids() == ["b", "c"]
    assert [item["rank"] for item in (await service.http.get("/v1/lists/populer")).json()["items"]] == [1, 2]
    await service.view(a=5)
    for _ in range(2):
        await service.refresh()
        assert await service.ids() == ["b", "c"]
        assert "a" not in await service.ids("update")


async def test_a_deleted_item_is_gone_from_the_lists_of_every_worker(serve: Serve) -> None:
    one, two = await serve(), await serve()
    await one.view(a=2, b=1)
    await one.refresh()

    async def shown() -> bool:
        answer = await two.http.get("/v1/lists/populer")
        return answer.status_code == 200

    await eventually(shown, "the other worker to serve the list")
    assert await two.ids() == ["a", "b"]
    await one.http.delete(f"{ITEMS}/a", headers=WRITER)

    async def gone() -> bool:
        return await two.ids() == ["b"]

    await eventually(gone, "the other worker to hear of it")


async def test_a_take_down_outlives_a_catalogue_that_has_the_item_still(service: Service) -> None:
    await service.put({"id": "a", "title": "Old", "published_at": NOW - 60}, {"id": "b", "published_at": NOW - 60})
    await service.view(a=2, b=1)
    await service.refresh()
    await service.http.delete(f"{ITEMS}/a", headers=WRITER)
    found = (await service.http.put(ITEMS, json=[{"id": "a", "title": "Old"}, {"id": "b"}], headers=WRITER)).json()
    assert (found["stored"], found["invalid"]) == (1, [])
    assert [each["ok"] for each in found["items"]] == [False, True]
    assert found["items"][0]["error"].startswith("is taken down")
    await service.refresh()
    assert await service.ids() == ["b"]
    assert await service.ids("update") == ["b"]
    assert (await service.http.get(f"{ITEMS}/a", headers=WRITER)).status_code == 404


async def test_an_item_that_is_described_alone_after_its_take_down_is_back(service: Service) -> None:
    await service.put({"id": "a", "title": "Old", "section": "Ekonomi"}, {"id": "b"})
    await service.view(a=2, b=1)
    await service.refresh()
    await service.http.delete(f"{ITEMS}/a", headers=WRITER)
    await service.refresh()
    assert await service.ids() == ["b"]
    found = (await service.http.put(f"{ITEMS}/a", json={"title": "New"}, headers=WRITER)).json()
    assert (found["title"], found["section"]) == ("New", None)
    await service.refresh()

    async def back() -> bool:
        return await service.ids() == ["a", "b"]

    await eventually(back, "the item to be back")
    items = (await service.http.get("/v1/lists/populer")).json()["items"]
    assert [item["title"] for item in items] == ["New", "b"]


async def test_an_item_that_was_never_described_can_be_taken_down(service: Service) -> None:
    await service.view(a=2, b=1)
    await service.refresh()
    assert (await service.http.delete(f"{ITEMS}/a", headers=WRITER)).status_code == 204
    assert await service.ids() == ["b"]
    await service.refresh()
    assert await service.ids() == ["b"]


async def test_an_item_is_found_by_the_id_that_it_was_given_with_controls(service: Service) -> None:
    answer = await service.http.put("/v1/items/b%00-%C2%9B1", json={"title": "Judul\x00"}, headers=WRITER)
    assert (answer.json()["id"], answer.json()["title"]) == ("b-1", "Judul")
    assert (await service.http.get("/v1/items/b%00-1", headers=WRITER)).json()["id"] == "b-1"
    assert (await service.http.delete("/v1/items/b-%001", headers=WRITER)).status_code == 204
    assert (await service.http.get("/v1/items/b-1", headers=WRITER)).status_code == 404


@pytest.mark.parametrize("over", [{"hidden": True}, {"expires_at": NOW - 1}])
async def test_item_that_is_hidden_or_over_is_in_no_list_on_the_next_read_and_comes_back(
    service: Service, over: dict[str, Any]
) -> None:
    await service.put({"id": "a", "title": "A"}, {"id": "b", "title": "B"})
    await service.view(a=3, b=2)
    await service.refresh()
    assert (await service.ids(), await service.ids("update")) == (["a", "b"], ["a", "b"])

    await service.http.patch(f"{ITEMS}/a", json=over, headers=WRITER)
    assert (await service.ids(), await service.ids("update")) == (["b"], ["b"])
    service.clock.now += 3600
    await service.refresh()
    assert (await service.ids(), await service.ids("update")) == (["b"], ["b"])

    await service.put({"id": "a", "hidden": False, "expires_at": None})
    await service.refresh()
    assert await service.ids() == ["a", "b"]


async def test_item_is_in_lists_until_the_second_that_it_expires_in(service: Service) -> None:
    await service.put({"id": "a", "title": "A", "expires_at": NOW + 60}, {"id": "b", "title": "B"})
    await service.view(a=3, b=2)
    await service.refresh()
    assert (await service.ids(), await service.ids("update")) == (["a", "b"], ["a", "b"])
    cursor = (await service.http.get("/v1/lists/populer?limit=1&exclude=b")).json()["next"]
    service.clock.now = NOW + 59.9
    assert await service.ids() == ["a", "b"]
    first = await service.http.get("/v1/lists/populer")
    service.clock.now = NOW + 60
    assert (await service.ids(), await service.ids("update"), cursor) == (["b"], ["b"], None)
    known = {"if-none-match": first.headers["etag"]}
    assert (await service.http.get("/v1/lists/populer", headers=known)).status_code == 200
    await service.put({"id": "a", "expires_at": None})
    await service.refresh()
    assert await service.ids() == ["a", "b"]


async def test_item_ends_in_time_that_is_told_to_end_before_the_next_refresh(service: Service) -> None:
    await service.put({"id": "a", "title": "A"}, {"id": "b", "title": "B"}, {"id": "c", "title": "C"})
    await service.view(a=3, b=2, c=1)
    await service.refresh()
    now = service.clock.now
    await service.put({"id": "a", "expires_at": now + 2}, {"id": "b", "expires_at": now + 3})
    assert await service.ids() == ["a", "b", "c"]
    await service.put({"id": "b", "expires_at": now + 9999})
    service.clock.now = now + 2
    assert await service.ids() == ["b", "c"]
    service.clock.now = now + 4
    assert await service.ids() == ["b", "c"]


async def test_page_of_an_older_order_leaves_out_what_has_ended_since(service: Service) -> None:
    await service.put(*({"id": item, "title": item} for item in "abcd"))
    await service.view(a=4, b=3, c=2, d=1)
    await service.refresh()
    cursor = (await service.http.get("/v1/lists/populer?limit=1")).json()["next"]
    service.clock.now += 60
    await service.put({"id": "b", "expires_at": service.clock.now - 50})
    await service.refresh()
    assert await service.ids() == ["a", "c", "d"]
    assert await service.ids(cursor=cursor, limit=9) == ["c", "d"]


async def test_pin_ends_with_its_item(service: Service) -> None:
    await service.put({"id": "a", "title": "A", "expires_at": NOW + 60}, {"id": "b", "title": "B"})
    await service.view(b=2)
    await service.refresh()
    await service.http.put("/v1/lists/update/pins/a", json={"position": 1}, headers=ADMIN)
    assert (await service.ids("update"))[0] == "a"
    service.clock.now = NOW + 61
    assert await service.ids("update") == ["b"]


async def test_block_of_an_editor_stays_when_its_item_is_hidden_and_shown_again(service: Service) -> None:
    await service.put({"id": "a", "title": "A"})
    await service.view(a=3)
    await service.refresh()
    await service.http.put("/v1/blocks/a", json={"reason": "hukum"}, headers=ADMIN)
    await service.put({"id": "a", "hidden": True})
    await service.put({"id": "a", "hidden": False})
    assert await service.ids() == []
