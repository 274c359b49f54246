"""`GET /v1/lists…`: what is answered, which part of it, and what caches are told."""

from collections.abc import Awaitable, Callable

import pytest
from servers import NOW, WRITER, Service, eventually, lasting_headers

from ranking.intake.items import Item

Serve = Callable[..., Awaitable[Service]]
LIST = "/v1/lists/populer"
PUBLISHED = 1_764_530_940


@pytest.fixture
async def twelve(service: Service) -> Service:
    """Twelve items, `a` the most read, in two sections by turns."""
    for rank, item in enumerate("abcdefghijkl"):
        section = ("Ekonomi", "Olahraga")[rank % 2]
        await service.put({"id": item, "title": f"Judul {item}", "section": section, "published_at": PUBLISHED + rank})
    await service.view(**{item: 20 - rank for rank, item in enumerate("abcdefghijkl")})
    await service.refresh()
    return service


async def test_it_has_the_contracts_fields_in_their_order(service: Service) -> None:
    await service.put(
        {
            "id": "beras",
            "title": "Harga “beras” naik",
            "url": "/beras",
            "section": "Ekonomi",
            "published_at": PUBLISHED,
            "image": "/beras.jpg",
            "author": "Sari",
        }
    )
    await service.view(beras=5)
    await service.refresh()
    service.clock.now += 2
    answer = await service.http.get(LIST)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    content = answer.json()
    assert list(content) == [
        "list", "site", "section", "title", "generation", "generated_at", "age_s", "stale", "config_version", "items",
        "next", "more_label", "views_label", "language", "views_span_s",
    ]  # fmt: skip
    (item,) = content.pop("items")
    assert content == {
        "list": "populer",
        "site": "koran",
        "section": None,
        "title": "Populer",
        "generation": 1,
        "generated_at": NOW + 5,
        "age_s": 2,
        "stale": False,
        "config_version": service.settings.config_version,
        "next": None,
        "more_label": "Selengkapnya",
        "views_label": "Dibaca {} kali",
        "language": "id",
        "views_span_s": service.settings.retention.keep_s,
    }
    score = item.pop("score")
    assert 4 < score <= 5
    assert item == {
        "rank": 1,
        "id": "beras",
        "title": "Harga “beras” naik",
        "url": "/beras",
        "section": "Ekonomi",
        "published_at": PUBLISHED,
        "published_label": "Senin, 01 Desember 2025 | 02:29",
        "image": "/beras.jpg",
        "views": 5,
        "previous_rank": None,
        "is_new": False,
        "source": "ranked",
    }


@pytest.mark.parametrize(
    ("site", "label", "more"),
    [
        ({"timezone": "Asia/Jayapura"}, "Senin, 01 Desember 2025 | 04:29", "Selengkapnya"),
        ({"timezone": "UTC", "locale": "en_GB"}, "Sunday, 30 November 2025 | 19:29", "More"),
        ({"locale": "ms", "date_format": "d MMM y"}, "1 Dis 2025", "Selanjutnya"),
        ({"locale": "nl", "date_format": "d MMM y"}, "1 dec 2025", "More"),
    ],
)
async def test_labels_are_in_the_sites_zone_language_and_form(
    serve: Serve, site: dict[str, str], label: str, more: str
) -> None:
    service = await serve(sites=[{"id": "koran", **site}])
    await service.http.post("/v1/events", json={"item": "a"})
    await service.store.items.put_items("koran", [Item(id="a", published_at=PUBLISHED)])
    await service.refresh()
    content = (await service.http.get(LIST)).json()
    assert (content["items"][0]["published_label"], content["more_label"]) == (label, more)


async def test_an_item_that_nobody_described_shows_its_id(service: Service) -> None:
    await service.view(**{"a/b": 1})
    await service.refresh()
    (item,) = (await service.http.get(LIST)).json()["items"]
    assert (item["title"], item["url"], item["section"]) == ("a/b", None, None)


async def test_the_latest_list_has_what_was_published_newest_first_and_no_scores(twelve: Service) -> None:
    content = (await twelve.http.get("/v1/lists/update")).json()
    assert [item["id"] for item in content["items"]] == list("lkjihgfedc")
    assert {item["score"] for item in content["items"]} == {None}


async def test_a_limit_is_kept_and_without_one_the_lists_size(twelve: Service) -> None:
    assert await twelve.ids() == list("abcdefg")
    for limit in (1, 7, 12):
        assert await twelve.ids(limit=limit) == list("abcdefghijkl")[:limit]
    assert await twelve.ids(limit=1000) == list("abcdefghijkl")
    assert await twelve.ids(limit="") == list("abcdefg")


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "7.0", "x", "99999999999", "٣", " 7", "+7"])
async def test_a_limit_that_is_none_is_told(twelve: Service, limit: str) -> None:
    answer = await twelve.http.get(LIST, params={"limit": limit})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("limit: ")


async def test_excluded_items_make_room_for_others(twelve: Service) -> None:
    content = (await twelve.http.get(LIST, params={"limit": 7, "exclude": ["a", "c", "nobody"]})).json()
    assert [item["id"] for item in content["items"]] == list("bdefghi")
    assert [item["rank"] for item in content["items"]] == [1, 2, 3, 4, 5, 6, 7]
    assert await twelve.ids(exclude="") == list("abcdefg")


async def test_deleted_items_make_room_for_others(twelve: Service) -> None:
    for item in "aceg":
        await twelve.http.delete(f"/v1/items/{item}", headers=WRITER)
    assert await twelve.ids(limit=7) == list("bdfhijk")
    assert await twelve.ids(limit=7, exclude="b") == list("dfhijkl")


async def test_too_many_exclusions_are_told(twelve: Service) -> None:
    assert (await twelve.http.get(LIST, params={"exclude": [str(n) for n in range(50)]})).status_code == 200
    assert (await twelve.http.get(LIST, params={"exclude": [str(n) for n in range(51)]})).status_code == 400


async def test_a_section_has_a_list_of_its_own(twelve: Service) -> None:
    content = (await twelve.http.get(LIST, params={"section": "Ekonomi"})).json()
    assert content["section"] == "Ekonomi"
    assert [item["id"] for item in content["items"]] == list("acegik")
    assert await twelve.ids("update", section="Olahraga") == list("ljhfdb")


async def test_a_section_that_has_no_items_in_this_list_is_empty(twelve: Service) -> None:
    await twelve.put({"id": "new", "section": "Budaya", "published_at": NOW})
    await twelve.refresh()
    assert await twelve.ids("update", section="Budaya") == ["new"]
    assert await twelve.ids("populer", section="Budaya") == []


async def test_a_section_that_all_items_have_left_is_empty_and_not_unknown(twelve: Service) -> None:
    await twelve.put({"id": "new", "section": "Budaya", "published_at": NOW})
    await twelve.refresh()
    await twelve.put({"id": "new", "section": "Seni", "published_at": NOW})
    await twelve.refresh()
    for name in ("update", "populer"):
        assert await twelve.ids(name, section="Budaya") == []
    assert await twelve.ids("update", section="Seni") == ["new"]


async def test_of_hundreds_of_sections_each_has_its_list(service: Service) -> None:
    names = [f"Kabupaten {number:03}" for number in range(300)]
    await service.put(*({"id": name, "section": name, "published_at": NOW - 60} for name in names))
    await service.view(**dict.fromkeys(names, 1))
    await service.refresh()
    for name in (names[0], names[150], names[299]):
        assert await service.ids(section=name) == [name]
        assert await service.ids("update", section=name) == [name]
    answer = await service.http.get(LIST, params={"section": "Kabupaten 300"})
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("no list has a section called 'Kabupaten 300'; there are Kabupaten 000")
    near = await service.http.get(LIST, params={"section": "kabupaten 007"})
    assert near.json()["detail"].endswith("did you mean 'Kabupaten 007'?")


async def test_before_the_first_refresh_there_are_no_lists_yet(serve: Serve) -> None:
    assert (await (await serve()).http.get("/v1/lists")).status_code == 503


async def test_a_section_that_does_not_exist_is_not_found(twelve: Service) -> None:
    answer = await twelve.http.get(LIST, params={"section": "Teknologi"})
    assert answer.status_code == 404
    assert "Ekonomi, Olahraga" in answer.json()["detail"]


async def test_a_list_that_does_not_exist_is_not_found(twelve: Service) -> None:
    for address in (
        "/v1/lists/nowhere",
        "/v1/lists?names=never,nowhere",
        "/v1/lists/Populer",
        "/v1/lists/a%2Fb",
        "/v1/lists/p%256Fpuler",
    ):
        answer = await twelve.http.get(address)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert "populer, trending, update" in (await twelve.http.get("/v1/lists/nowhere")).json()["detail"]


async def test_a_name_that_is_no_lists_does_not_take_the_others_down(twelve: Service) -> None:
    content = (await twelve.http.get("/v1/lists?names=nowhere,populer,%20update")).json()
    assert list(content["lists"]) == ["populer", "update"]
    assert content["missing"] == {"nowhere": "no list is called 'nowhere'; there are populer, trending, update"}
    answers = [await twelve.http.get(f"/v1/lists?names={names}") for names in ("populer", "populer,nowhere", "populer")]
    assert ["missing" in answer.json() for answer in answers] == [False, True, False]
    assert len({answer.headers["etag"] for answer in answers}) == 2


async def test_a_site_that_does_not_exist_is_not_found(twelve: Service) -> None:
    assert (await twelve.http.get(LIST, params={"site": "nowhere"})).status_code == 404


async def test_a_list_that_is_not_ranked_yet_is_unavailable(service: Service) -> None:
    answer = await service.http.get(LIST)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


async def test_sites_have_lists_of_their_own(twelve: Service) -> None:
    await twelve.http.post("/v1/events", json={"item": "z"}, params={"site": "kedua"})
    await twelve.refresh("kedua")
    assert await twelve.ids(site="kedua") == ["z"]
    assert (await twelve.http.get(LIST, params={"site": "kedua"})).json()["site"] == "kedua"
    assert await twelve.ids(site="koran") == list("abcdefg")


async def test_pages_follow_each_other_without_gap_or_repeat(twelve: Service) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        content = (await twelve.http.get(LIST, params={"limit": 5, "cursor": cursor})).json()
        assert [item["rank"] for item in content["items"]] == list(
            range(len(seen) + 1, len(seen) + 1 + len(content["items"]))
        )
        seen += [item["id"] for item in content["items"]]
        cursor = content["next"]
    assert seen == list("abcdefghijkl")


NAMED = "1.1764532145000.0123456789abcdef"


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "1", "1.", ".5", "1.-5", "1.x", "1.5", "٣.٣", NAMED, f"{NAMED}.7", f"{NAMED}.7.x", f"{NAMED}.7.7.",
        f"{NAMED}.7.7.9", f"{NAMED}.7.7.9-", f"{NAMED}.99999.7", f"{NAMED.upper()}.7.7", f"{NAMED}.7.7" + ".1-2" * 2000,
    ],
)  # fmt: skip
async def test_a_cursor_that_is_none_is_told(twelve: Service, cursor: str) -> None:
    answer = await twelve.http.get(LIST, params={"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("cursor: ")


async def test_several_lists_in_one_answer(twelve: Service) -> None:
    answer = await twelve.http.get("/v1/lists", params={"names": "update,populer,update", "limit": 3})
    lists = answer.json()["lists"]
    assert list(lists) == ["update", "populer"]
    for name, content in lists.items():
        assert content == (await twelve.http.get(f"/v1/lists/{name}", params={"limit": 3})).json()
    assert list((await twelve.http.get("/v1/lists")).json()["lists"]) == ["populer", "trending", "update"]
    both = await twelve.http.get("/v1/lists", params=[("names", "populer"), ("names", "trending")])
    assert list(both.json()["lists"]) == ["populer", "trending"]


@pytest.mark.parametrize("address", [LIST, "/v1/lists?names=populer,update"])
async def test_what_the_client_has_is_not_sent_again(twelve: Service, address: str) -> None:
    first = await twelve.http.get(address)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    strong = tag.removeprefix("W/")
    for given in (tag, strong, "*", f'"x", {tag}', f'W/"y" , {strong},"z"'):
        answer = await twelve.http.get(address, headers={"if-none-match": given})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert answer.headers["cache-control"] == first.headers["cache-control"]
    for given in ('"x"', tag[:-2], "", tag.strip('W/"')):
        assert (await twelve.http.get(address, headers={"if-none-match": given})).status_code == 200


async def test_the_tag_names_the_content_and_not_its_generation(twelve: Service) -> None:
    tag = (await twelve.http.get(LIST)).headers["etag"]
    await twelve.refresh()
    assert (await twelve.http.get(LIST)).json()["generation"] == 2
    assert (await twelve.http.get(LIST)).headers["etag"] == tag
    await twelve.view(l=50)
    await twelve.refresh()
    assert (await twelve.http.get(LIST)).headers["etag"] != tag


async def test_every_part_has_a_tag_of_its_own(twelve: Service) -> None:
    parts: list[dict[str, str | int]] = [
        {}, {"limit": 5}, {"exclude": "a"}, {"section": "Ekonomi"}, {"limit": 12},
        {"limit": 5, "cursor": (await twelve.http.get(LIST, params={"limit": 5})).json()["next"]},
    ]  # fmt: skip
    tags = {(await twelve.http.get(LIST, params=part)).headers["etag"] for part in parts}
    tags |= {(await twelve.http.get("/v1/lists/update")).headers["etag"]}
    assert len(tags) == len(parts) + 1


async def test_a_take_down_changes_the_tag(twelve: Service) -> None:
    tag = (await twelve.http.get(LIST)).headers["etag"]
    await twelve.http.delete("/v1/items/a", headers=WRITER)
    assert (await twelve.http.get(LIST, headers={"if-none-match": tag})).status_code == 200


async def test_caches_are_told_how_long_it_keeps(serve: Serve) -> None:
    for every, age in (("5s", "max-age=5"), ("250ms", "max-age=1"), ("1m", "max-age=60")):
        service = await serve(refresh={"every": every})
        await service.refresh()
        told = (await service.http.get(LIST)).headers["cache-control"].split(", ")
        assert age in told
        assert "public" in told
        assert {each.partition("=")[0] for each in told} >= {"stale-while-revalidate", "stale-if-error"}


async def test_errors_are_not_cached(twelve: Service) -> None:
    for address in ("/v1/lists/nowhere", f"{LIST}?limit=0", "/v1/lists?cursor=x"):
        assert (await twelve.http.get(address)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("address", [LIST, "/v1/lists"])
async def test_a_head_is_the_answer_without_its_body(twelve: Service, address: str) -> None:
    got, head = await twelve.http.get(address), await twelve.http.head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert lasting_headers(head) == lasting_headers(got)
    tagged = await twelve.http.head(address, headers={"if-none-match": got.headers["etag"]})
    assert tagged.status_code == 304


@pytest.mark.parametrize("address", [LIST, "/v1/lists", "/v1/lists/nowhere"])
async def test_a_page_of_another_origin_may_read(twelve: Service, address: str) -> None:
    origin = {"origin": "https://koran.example"}
    asked = await twelve.http.options(address, headers={**origin, "access-control-request-method": "GET"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "GET" in asked.headers["access-control-allow-methods"]
    assert (await twelve.http.get(address, headers=origin)).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(twelve: Service, method: str) -> None:
    for address in (LIST, "/v1/lists"):
        answer = await twelve.http.request(method, address)
        assert answer.status_code == 405
        assert "GET" in answer.headers["allow"]


async def test_age_and_staleness_follow_the_clock(twelve: Service) -> None:
    generated_at = (await twelve.http.get(LIST)).json()["generated_at"]
    tags = set()
    for age_s, shown, stale in (
        (0, 0, False),
        (0.9, 0, False),
        (59.9, 59, False),
        (60, 60, False),
        (60.1, 60, True),
        (86400, 86400, True),
        (-5, 0, False),
    ):
        twelve.clock.now = generated_at + age_s
        answer = await twelve.http.get(LIST)
        assert (answer.json()["age_s"], answer.json()["stale"]) == (shown, stale)
        assert (await twelve.http.get("/v1/lists")).json()["lists"]["populer"]["stale"] is stale
        tags.add((answer.headers["etag"], stale))
    assert len(tags) == 2


async def test_stale_is_a_setting(serve: Serve) -> None:
    service = await serve(refresh={"stale_after": "10s"})
    await service.refresh()
    service.clock.now += 10.5
    assert (await service.http.get(LIST)).json()["stale"] is True


async def test_an_empty_list_is_a_list(service: Service) -> None:
    await service.refresh()
    content = (await service.http.get(LIST)).json()
    assert (content["items"], content["next"]) == ([], None)


async def test_a_list_that_becomes_empty_is_emptied(serve: Serve) -> None:
    service = await serve(lists={"populer": {"max_age": "1m"}})
    await service.put({"id": "a", "published_at": NOW - 30})
    await service.view(a=1)
    await service.refresh()
    assert await service.ids() == ["a"]
    service.clock.now += 120
    await service.refresh()
    assert await service.ids() == []


async def test_a_worker_that_starts_later_shows_what_was_published_and_taken_down(
    serve: Serve, twelve: Service
) -> None:
    await twelve.http.delete("/v1/items/a", headers=WRITER)
    later = await serve()

    async def shown() -> bool:
        return (await later.http.get(LIST)).status_code == 200

    await eventually(shown, "the list")
    assert await later.ids() == list("bcdefgh")


async def test_a_movement_shows_in_the_previous_rank(service: Service) -> None:
    events = [{"item": "old", "ts": NOW - 7000}] * 20
    await service.http.post("/v1/events", json=events, headers=WRITER)
    await service.view(new=30)
    await service.refresh()
    items = (await service.http.get(LIST)).json()["items"]
    assert [(item["id"], item["previous_rank"], item["is_new"]) for item in items] == [
        ("new", None, True),
        ("old", 1, False),
    ]
