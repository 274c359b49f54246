"""Who the script says that a reader is: the tab, a name of the site's own, or nobody."""

from collections.abc import Callable

import pytest
from conftest import Newsroom, StandIn, Visit, wait_until
from stand import Stand

Open = Callable[..., Visit]


def waits_for(standin: StandIn, visited: Visit, count: int) -> list[str | None]:
    """The visitors, once so many events have come."""
    wait_until(lambda: visited.page.evaluate("1") == 1 and len(standin.events()) >= count)
    return standin.visitors()


def test_a_tab_is_one_reader_through_reloads_and_pages_and_another_tab_another(
    site: Stand, standin: StandIn, visit: Open
) -> None:
    site.page("/dua", standin.tag('data-item="b"'))
    visited = visit(site.page("/satu", standin.tag('data-item="a"') + '<a href="/dua">dua</a>'))
    waits_for(standin, visited, 1)
    visited.page.reload()
    waits_for(standin, visited, 2)
    visited.page.click("a")
    waits_for(standin, visited, 3)
    first = standin.visitors()[0]
    assert first
    assert standin.visitors() == [first] * 3
    other = visited.context.new_page()
    other.goto(site.url + "/satu")
    waits_for(standin, visited, 4)
    assert standin.visitors()[3] not in {first, None}


def test_a_tab_that_is_made_of_another_with_its_storage_is_another_reader(
    site: Stand, standin: StandIn, visit: Open
) -> None:
    site.page("/dua", standin.tag('data-item="b"'))
    visited = visit(site.page("/satu", standin.tag('data-item="a"')))
    waits_for(standin, visited, 1)
    with visited.context.expect_page() as opened:
        visited.page.evaluate("void window.open('/dua')")
    waits_for(standin, visited, 2)
    assert opened.value.evaluate("sessionStorage.populer")
    first, second = standin.visitors()
    assert first != second


def test_one_value_is_kept_in_the_tab_and_nothing_else(newsroom: Newsroom, visit: Open) -> None:
    desk = newsroom.publish(2)
    body = newsroom.script('data-item="satu-nilai"') + f'<populer-list section="{desk.section}"></populer-list>'
    visited = visit(newsroom.stand.page("/", body))
    visited.page.wait_for_selector("populer-list time")
    wait_until(lambda: newsroom.counts("satu-nilai") == {"view": 1})
    assert visited.context.cookies() == []
    assert visited.page.evaluate("[localStorage.length, Object.keys(sessionStorage)]") == [0, ["populer"]]
    assert visited.page.evaluate("indexedDB.databases().then((found) => found.length)") == 0


FORBIDDEN = """<script>Object.defineProperty(window, "sessionStorage", { get() { throw new Error("no"); } })</script>"""


@pytest.mark.parametrize(("attribute", "before"), [('data-visitor="none"', ""), ("", FORBIDDEN)])
def test_without_storage_each_page_is_a_reader_and_a_reload_counts_nothing(
    site: Stand, standin: StandIn, visit: Open, attribute: str, before: str
) -> None:
    site.page("/dua", before + standin.tag(f'data-item="b" {attribute}'))
    link = '<a href="/dua">dua</a>'
    visited = visit(site.page("/satu", before + standin.tag(f'data-item="a" {attribute}') + link))
    waits_for(standin, visited, 1)
    visited.page.reload()
    wait_until(lambda: visited.page.evaluate("1") == 1 and bool(visited.reasons))
    assert visited.reasons == ["populer: reload"]
    visited.page.click("a")
    waits_for(standin, visited, 2)
    assert [event["item"] for event in standin.events()] == ["a", "b"]
    first, second = standin.visitors()
    assert first != second
    if not before:
        assert visited.page.evaluate("sessionStorage.length") == 0


@pytest.mark.parametrize(("objects", "name"), [("false", "v-1"), ("true", None), ("undefined", "v-1")])
def test_a_reader_who_objects_is_counted_without_a_name(
    site: Stand, standin: StandIn, visit: Open, objects: str, name: str | None
) -> None:
    control = f"<script>Object.defineProperty(navigator, 'globalPrivacyControl', {{ value: {objects} }})</script>"
    visited = visit(site.page("/", control + standin.tag('data-item="a" data-visitor="v-1"')))
    assert waits_for(standin, visited, 1) == [name]


def test_a_reader_who_objects_has_nothing_kept(site: Stand, standin: StandIn, visit: Open) -> None:
    control = "<script>Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })</script>"
    visited = visit(site.page("/", control + standin.tag('data-item="a"')))
    assert waits_for(standin, visited, 1) == [None]
    assert visited.page.evaluate("sessionStorage.length") == 0


def test_a_pages_token_goes_with_its_events(site: Stand, standin: StandIn, visit: Open) -> None:
    visit(site.page("/", standin.tag('data-item="a" data-token="t0k3n"')))
    wait_until(lambda: standin.events() == [{"item": "a", "token": "t0k3n"}])
