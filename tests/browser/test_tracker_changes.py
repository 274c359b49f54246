"""Pages that change without loading, and tags that come later: each article counts once, when it is seen."""

from collections.abc import Callable
from typing import Any

import pytest
from conftest import DRIVEN, StandIn, Visit, wait_until
from playwright.sync_api import Page
from stand import Answer, Stand

from api.endpoints.embed import bundle

Open = Callable[..., Visit]


def urls(site: Stand, standin: StandIn) -> list[str]:
    """What was counted, in order, by path or id."""
    return [str(event.get("item") or event["url"].removeprefix(site.url)) for event in standin.events()]


def waits_for(site: Stand, standin: StandIn, page: Page, *expected: str) -> None:
    """Return once exactly these were counted."""
    wait_until(lambda: page.evaluate("1") == 1 and len(standin.events()) >= len(expected))
    assert urls(site, standin) == list(expected)


def ended(site: Stand, standin: StandIn, page: Page) -> list[str]:
    """What was counted before a last event that the page sends after any wait of the script's is over."""
    page.wait_for_function("performance.now() > 1500")
    page.evaluate("setTimeout(() => populer.record({ item: 'the end' }), 700)")
    wait_until(lambda: page.evaluate("1") == 1 and "the end" in urls(site, standin))
    return urls(site, standin)[:-1]


CANONICAL = '<link rel="canonical" href="/satu">'


@pytest.mark.parametrize("how", ["pushState", "replaceState"])
def test_a_router_that_writes_the_head_is_followed(site: Stand, standin: StandIn, visit: Open, how: str) -> None:
    page = visit(site.page("/satu", "", head=CANONICAL + standin.tag())).page
    waits_for(site, standin, page, "/satu")
    page.evaluate(
        """(how) => { history[how]({}, "", "/dua?x=1");
        setTimeout(() => { document.querySelector("[rel=canonical]").href = "/dua"; }, 50); }""",
        how,
    )
    waits_for(site, standin, page, "/satu", "/dua")


@pytest.mark.parametrize(("data", "head", "counted"), [("", CANONICAL, "/satu"), ('data-item="a"', "", "a")])
def test_a_router_that_leaves_the_head_is_followed_by_its_addresses(
    site: Stand, standin: StandIn, visit: Open, data: str, head: str, counted: str
) -> None:
    page = visit(site.page("/satu", "", head=head + standin.tag(data))).page
    waits_for(site, standin, page, counted)
    page.evaluate("history.pushState({}, '', '/dua')")
    waits_for(site, standin, page, counted, "/dua")
    page.evaluate("history.back()")
    page.wait_for_url("**/satu")
    assert ended(site, standin, page) == [counted, "/dua"]


def test_an_address_that_a_reader_has_left_again_at_once_is_not_counted(
    site: Stand, standin: StandIn, visit: Open
) -> None:
    page = visit(site.page("/satu", standin.tag('data-item="a"'))).page
    waits_for(site, standin, page, "a")
    page.evaluate("history.pushState({}, '', '/dua'); history.back()")
    page.wait_for_url("**/satu")
    assert ended(site, standin, page) == ["a"]


@pytest.mark.parametrize("to", ["/satu?urut=baru", "/satu#komentar", "/", "/tag/beras", "/cari?q=beras"])
def test_an_address_that_is_no_other_article_counts_nothing(
    site: Stand, standin: StandIn, visit: Open, to: str
) -> None:
    page = visit(site.page("/satu", "", head=CANONICAL + standin.tag())).page
    waits_for(site, standin, page, "/satu")
    page.evaluate("(to) => history.pushState({}, '', to)", to)
    assert ended(site, standin, page) == ["/satu"]


def test_following_can_be_turned_off(site: Stand, standin: StandIn, visit: Open) -> None:
    page = visit(site.page("/satu", "", head=CANONICAL + standin.tag('data-spa="off"'))).page
    waits_for(site, standin, page, "/satu")
    page.evaluate("history.pushState({}, '', '/dua')")
    assert ended(site, standin, page) == ["/satu"]


def test_an_id_that_is_changed_in_the_tag_counts(site: Stand, standin: StandIn, visit: Open) -> None:
    page = visit(site.page("/satu", standin.tag('data-item="a"'))).page
    waits_for(site, standin, page, "a")
    page.evaluate("history.pushState({}, '', '/dua'); document.querySelector('[data-item]').dataset.item = 'b'")
    waits_for(site, standin, page, "a", "b")
    assert ended(site, standin, page) == ["a", "b"]


def test_a_tag_that_a_router_has_put_in_the_place_of_the_first_counts_without_being_run(
    site: Stand, standin: StandIn, visit: Open
) -> None:
    page = visit(site.page("/satu", "", head=standin.tag('data-item="a"'))).page
    waits_for(site, standin, page, "a")
    page.evaluate(
        """() => {
            const first = document.querySelector("[data-item]");
            const next = new DOMParser().parseFromString(first.outerHTML, "text/html").querySelector("script");
            next.dataset.item = "b";
            first.replaceWith(next);
            history.pushState({}, "", "/dua");
        }"""
    )
    waits_for(site, standin, page, "a", "b")
    assert ended(site, standin, page) == ["a", "b"]


ADD = """([tag, where]) => {
    const box = document.querySelector(where);
    box.append(document.createRange().createContextualFragment(tag));
}"""


def test_a_later_tag_counts_its_item_and_the_same_one_does_not(site: Stand, standin: StandIn, visit: Open) -> None:
    page = visit(site.page("/satu", standin.tag('data-item="a"'))).page
    waits_for(site, standin, page, "a")
    page.evaluate(ADD, [standin.tag('data-item="b"'), "body"])
    waits_for(site, standin, page, "a", "b")
    page.evaluate(ADD, [standin.tag('data-item="a"'), "body"])
    page.evaluate(ADD, [standin.tag(), "body"])
    assert ended(site, standin, page) == ["a", "b"]


def test_an_article_further_down_counts_when_it_is_scrolled_to(site: Stand, standin: StandIn, visit: Open) -> None:
    body = standin.tag('data-item="a"') + '<div style="height:3000px"></div><article>Kedua</article>'
    page = visit(site.page("/satu", body)).page
    waits_for(site, standin, page, "a")
    page.evaluate(ADD, [standin.tag('data-item="b"'), "article"])
    assert ended(site, standin, page) == ["a"]
    page.evaluate("document.querySelector('article').scrollIntoView()")
    waits_for(site, standin, page, "a", "the end", "b")


def test_what_is_recorded_before_the_script_has_come_is_kept(site: Stand, standin: StandIn, visit: Open) -> None:
    stub = """<script>window.populer = window.populer || { q: [], record() { populer.q.push(arguments); } };
        populer.record({ item: "awal", kind: "click" });</script>"""
    page = visit(site.page("/", stub + standin.tag('data-item=""'))).page
    wait_until(lambda: standin.events() == [{"item": "awal", "kind": "click"}])
    page.evaluate("populer.record({ item: 'lalu' })")
    wait_until(lambda: standin.events()[1:] == [{"item": "lalu"}])


@pytest.mark.parametrize(
    "tag",
    [
        '<script async src="/aset/p.js" data-host="URL" data-item="a" DRIVEN></script>',
        '<script type="module" src="URL/populer.js" data-item="a" DRIVEN></script>',
        '<script type="module" src="/aset/p.js" data-host="URL" data-item="a" DRIVEN></script>',
        '<script data-host="URL" data-item="a" DRIVEN>CODE</script>',
        '<meta charset="utf-8"><script src="/aset/p.js"></script>'
        '<script type="text/plain" data-host="URL" data-item="a" DRIVEN></script>',
    ],
)
def test_the_script_works_from_another_place(site: Stand, standin: StandIn, visit: Open, tag: str) -> None:
    code = standin.stand.answers["/populer.js"]
    assert isinstance(code, Answer)
    site.answers["/aset/p.js"] = code
    for name, text in {"URL": standin.url, "DRIVEN": DRIVEN, "CODE": code.content.decode()}.items():
        tag = tag.replace(name, text)
    if "text/plain" in tag:  # of a file that an optimiser has made: the tag with the attributes stands before it
        first, _, last = tag.partition('<script src="/aset/p.js"></script>')
        tag = first + last + '<script src="/aset/p.js"></script>'
    visit(site.page("/", tag))
    wait_until(lambda: standin.events() == [{"item": "a"}])


def test_a_pinned_script_has_the_element_inside(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/p.js"] = Answer(bundle().content, bundle().media_type)
    items: list[Any] = []
    lists = f'{{"lists":{{"populer":{{"title":"Populer","items":{items}}}}}}}'
    standin.stand.answers["/v1/lists"] = Answer(lists.encode(), "application/json")
    hash_of = f'integrity="{bundle().integrity}" crossorigin'
    body = f'<populer-list></populer-list><script src="{standin.url}/p.js" {hash_of} {DRIVEN} data-item="a"></script>'
    visit(site.page("/", body)).page.wait_for_selector("populer-list[hidden]", state="attached")
    assert not [path for path in standin.stand.asked if "populer-list" in path]


def test_what_a_driver_reads_is_not_counted(site: Stand, standin: StandIn, visit: Open) -> None:
    visited = visit(site.page("/", f'<script async src="{standin.url}/populer.js" data-item="a"></script>'))
    wait_until(lambda: visited.page.evaluate("1") == 1 and bool(visited.reasons))
    assert visited.page.evaluate("navigator.webdriver")
    assert (visited.reasons, standin.events()) == (["populer: webdriver"], [])
