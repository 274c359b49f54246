"""?section=&tag=&author=&language=&premium=&type=: what readers ask of a list's items, before its limit."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import ADMIN, SITE, Service, eventually
from test_ops import answering

from api.serving import filter_requests
from ranking.intake.reader_filter import ReaderFilter
from ranking.refreshing import filtered_lists, label_reader

Serve = Callable[..., Awaitable[Service]]
ITEMS: list[dict[str, Any]] = [
    {"id": "a", "title": "A", "section": "Politik", "tags": ["Pemilu", "DPR"], "language": "id", "authors": ["Siti"]},
    {"id": "b", "title": "B", "section": "Ekonomi", "tags": ["rupiah"], "language": "en-GB", "author": "Budi"},
    {"id": "c", "title": "C", "section": "Politik", "tags": ["PEMILU"], "premium": True, "type": "foto"},
    {"id": "d", "title": "D", "sections": ["Nasional", "Politik"], "tags": ["pemilu"], "language": "en"},
    {"id": "e", "title": "E", "section": "Politik"},
]


@pytest.fixture
async def listed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr(filter_requests, "WAIT_S", 0.05)
    service = await serve(lists={"populer": {"size": 2}})
    await service.put(*ITEMS)
    await service.view(e=9, a=5, b=4, c=3, d=2)
    await service.refresh()
    return service


async def document(service: Service, name: str = "populer", **query: Any) -> dict[str, Any]:
    answer = await service.http.get(f"/v1/lists/{name}", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def published(service: Service, name: str = "populer", **query: Any) -> dict[str, Any]:
    """What a list is under a filter that was asked for before its last refresh."""
    assert (await document(service, name, **query))["pending"] is True
    await service.refresh()
    found = await document(service, name, **query)
    assert "pending" not in found
    return found


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"tag": "pemilu"}, ["a", "c", "d"]),
        ({"tag": "  PEMILU "}, ["a", "c", "d"]),
        ({"author": "siti"}, ["a"]),
        ({"author": "Budi"}, ["b"]),
        ({"language": "en"}, ["b", "d"]),
        ({"language": "EN_gb"}, ["b"]),
        ({"premium": "true"}, ["c"]),
        ({"premium": "0", "tag": "pemilu"}, ["a", "d"]),
        ({"type": "Foto"}, ["c"]),
        ({"section": "politik", "tag": "pemilu"}, ["a", "c", "d"]),
        ({"section": "Ekonomi", "tag": "pemilu"}, []),
        ({"tag": "tiada"}, []),
    ],
)
async def test_filter_takes_what_descriptions_say_before_the_limit(
    listed: Service, query: dict[str, str], ids: list[str]
) -> None:
    found = await published(listed, **query)
    assert [each["id"] for each in found["items"]] == ids[:2]
    assert await listed.ids(limit=9, **query) == ids
    assert await listed.ids(limit=9) == ["e", "a", "b", "c", "d"]


async def test_filtered_list_says_what_it_is_of(listed: Service) -> None:
    found = await published(listed, section="Politik", tag="Pemilu", premium="false")
    assert (found["list"], found["section"], found["filter"]) == (
        "populer", "politik", {"tag": "pemilu", "premium": "false"},
    )  # fmt: skip


async def test_first_reader_gets_the_list_where_the_process_that_ranks_answers(serve: Serve) -> None:
    service = await serve()
    await service.put(*ITEMS)
    await service.view(e=9, a=5, b=4, c=3, d=2)
    async with answering(service):

        async def ranked() -> bool:
            return (await service.http.get("/v1/lists/populer")).status_code == 200

        await eventually(ranked, "the first lists")
        for query, ids in (({"tag": "pemilu"}, ["a", "c", "d"]), ({"language": "en"}, ["b", "d"])):
            found = await document(service, **query)
            assert ([each["id"] for each in found["items"]], "pending" in found) == (ids, False)
        preview = {"list": "populer", "tag": "pemilu", "settings": {"size": 2}}
        answer = await service.http.post("/v1/preview", json=preview, headers=ADMIN)
        assert [each["id"] for each in answer.json()["preview"]] == ["a", "c", "d"]
        why = await service.http.get("/v1/items/e/explain", params={"tag": "pemilu"}, headers=ADMIN)
        assert (why.json()["rule"], why.json()["rank"], why.json()["filter"]) == ("filtered", None, {"tag": "pemilu"})
        why = await service.http.get("/v1/items/c/explain", params={"tag": "pemilu"}, headers=ADMIN)
        assert (why.json()["rule"], why.json()["rank"]) == ("listed", 2)


async def test_filter_follows_what_is_said_of_items_later_and_what_is_counted(listed: Service) -> None:
    assert [each["id"] for each in (await published(listed, tag="pemilu"))["items"]] == ["a", "c"]
    await listed.put({"id": "e", "tags": ["pemilu"]}, {"id": "a", "tags": []}, {"id": "new", "tags": ["Pemilu"]})
    await listed.view(new=4)
    await listed.refresh()
    assert await listed.ids(tag="pemilu", limit=9) == ["e", "new", "c", "d"]


async def test_filtered_list_is_walked_without_repeat_or_gap_and_obeys_take_downs(listed: Service) -> None:
    await published(listed, tag="pemilu")
    first = await document(listed, tag="pemilu", limit=1)
    await listed.view(d=9)
    await listed.refresh()
    second = await document(listed, tag="pemilu", limit=2, cursor=first["next"])
    assert [each["id"] for each in (*first["items"], *second["items"])] == ["a", "c", "d"]
    answer = await listed.http.put("/v1/blocks/d", json={}, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    assert await listed.ids(tag="pemilu", limit=9) == ["a", "c"]


async def test_filter_holds_in_every_form_and_in_several_lists_at_once(listed: Service) -> None:
    await published(listed, "update", tag="rupiah")
    await published(listed, tag="rupiah")
    both = (await listed.http.get("/v1/lists", params={"names": "populer,update", "tag": "rupiah"})).json()["lists"]
    assert {name: [each["id"] for each in found["items"]] for name, found in both.items()} == {
        "populer": ["b"], "update": ["b"],
    }  # fmt: skip
    for form in ("html", "feed", "rss", "jsonld"):
        text = (await listed.http.get("/v1/lists/populer", params={"tag": "rupiah", "format": form})).text
        assert ">B<" in text or '"B"' in text, form
        assert ">A<" not in text, form
    page = await listed.http.get("/lists/populer", params={"tag": "rupiah"})
    assert "rupiah" in page.text
    assert "tag=rupiah" in page.text
    assert "\x00" not in page.text


async def test_page_of_what_is_not_there_repeats_no_text_of_a_stranger(listed: Service) -> None:
    for query in ({"tag": "BELI PIL"}, {"section": "BELI PIL", "author": "x"}):
        page = (await listed.http.get("/lists/populer", params=query)).text
        assert "noindex" in page
        assert "<title>Populer · Koran</title>" in page
        assert ">beli pil" not in page.lower()
    await published(listed, tag="pemilu", section="politik")
    page = (await listed.http.get("/lists/populer", params={"tag": "pemilu", "section": "politik"})).text
    assert "noindex" not in page
    assert "Populer · politik · pemilu" in page
    assert page.count(">politik<") == 0  # no tab beside that of Politik


async def test_catalogue_that_is_too_large_to_be_read_at_once_is_read_in_several_refreshes(
    listed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_reader, "LABELLED_AT_ONCE", 2)
    monkeypatch.setattr(label_reader, "LABELLED_BETWEEN_PAUSES", 1)
    await listed.put(*({"id": f"z{number}", "title": "Z", "tags": ["pemilu"]} for number in range(3)))
    await listed.view(z1=3)
    await listed.refresh()
    await document(listed, tag="pemilu")
    refreshes = 0
    while "pending" in await document(listed, tag="pemilu"):
        await listed.put({"id": "c", "tags": []}, {"id": "e", "tags": ["pemilu"]})
        await listed.refresh()
        refreshes += 1
    assert 1 < refreshes < 9
    assert await listed.ids(tag="pemilu", limit=9) == ["e", "a", "z1", "d"]


async def test_answer_that_is_pending_is_not_to_be_kept(listed: Service) -> None:
    for form in ("json", "html"):
        answer = await listed.http.get("/v1/lists/populer", params={"tag": "pemilu", "format": form})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("tags=pemilu", "tags: is no parameter of a list; did you mean tag?"),
        ("langauge=id", "langauge: is no parameter of a list; did you mean language?"),
        ("period=1d", "period: is no parameter of a list; there are site, names,"),
        ("premium=maybe", "premium: expected true or false, found 'maybe'"),
        ("tag=" + "x" * 300, "tag: expected a name of at most 200 characters"),
    ],
)
async def test_parameter_that_cannot_be_used_is_named(listed: Service, query: str, detail: str) -> None:
    for address in ("/v1/lists/populer", "/v1/lists"):
        answer = await listed.http.get(f"{address}?{query}")
        assert answer.status_code == 400
        assert detail in answer.json()["detail"]


async def test_page_and_tracking_parameters_are_no_faults(listed: Service) -> None:
    plain = await document(listed)
    for query in ("utm_source=surat&fbclid=x", "_=1764532140", "tag=&author=&premium="):
        assert (await listed.http.get(f"/v1/lists/populer?{query}")).json()["items"] == plain["items"]
    assert (await listed.http.get("/lists/populer?ref=beranda")).status_code == 200


async def test_new_combinations_are_bounded_and_the_rest_is_served(
    listed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filter_requests, "WAIT_S", 0.001)
    await published(listed, tag="pemilu")
    answers = await asyncio.gather(*(document(listed, tag=f"x{number}") for number in range(200)))
    assert all(each["items"] == [] and each["pending"] for each in answers)
    assert len(await listed.store.lists.filters(SITE)) <= 1 + filter_requests.NEW_A_MINUTE
    assert await listed.ids(tag="pemilu") == ["a", "c"]


async def test_combinations_give_way_to_later_ones_and_end_with_their_readers(
    listed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtered_lists, "MOST_FILTERED", 2)
    lists, now = listed.store.lists, listed.clock.now
    keys = [ReaderFilter(tag=tag).key for tag in ("pemilu", "rupiah", "dpr")]
    for place, key in enumerate(keys):
        await lists.note_filter(SITE, f"populer{key}", now + place)
    await lists.note_filter(SITE, "gone" + keys[0], now + 9)
    await listed.refresh()

    async def bodies() -> set[str]:
        found = await lists.published(SITE, "populer", {})
        assert found is not None
        return {section for section in found.bodies if section.startswith("\x00")}

    assert await bodies() == {keys[2]}  # the latest two, of which one is of a list that there is not
    assert set(await lists.filters(SITE)) == {f"populer{keys[2]}"}
    listed.clock.now += filtered_lists.KEPT_S
    await listed.refresh()
    assert (await bodies(), await lists.filters(SITE)) == (set(), {})


async def test_answers_under_filters_are_counted(listed: Service) -> None:
    await published(listed, tag="pemilu")
    text = (await listed.http.get("/metrics", headers=ADMIN)).text
    for outcome in ("pending", "published"):
        assert f'populer_filtered_lists_total{{outcome="{outcome}"}}' in text


async def test_combination_is_noted_also_on_a_machine_that_started_a_moment_ago(
    listed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[str] = []

    async def note_filter(_: str, request: str, __: float) -> None:
        noted.append(request)

    monkeypatch.setattr(listed.store.lists, "note_filter", note_filter)
    monkeypatch.setattr(filter_requests, "monotonic", lambda: 5.0)
    requests = filter_requests.FilterRequests(listed.store, SITE, listed.clock)
    requests.note("populer", "pemilu")
    await asyncio.gather(*requests._noting)
    assert noted == ["populerpemilu"]
