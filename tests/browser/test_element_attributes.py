"""What a page says of a `<populer-list>`, as attributes or as properties, also after the list is shown."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import StandIn, Visit, wait_until
from playwright.sync_api import Page, expect
from stand import Answer, Stand
from test_widget import article, asked, lists, titles, waits_for

Open = Callable[..., Visit]


def opened(site: Stand, standin: StandIn, visit: Open, element: str) -> Page:
    return visit(site.page("/", f"{element}{standin.tag()}")).page


def test_each_attribute_is_a_property_that_can_be_set(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="abc")
    page = opened(site, standin, visit, "<populer-list></populer-list>")
    waits_for(page, "abc")
    found = page.evaluate(
        """() => {
            const list = document.querySelector("populer-list");
            const given = { limit: 2, site: "bola", host: null, section: "Liga", theme: "plain", heading: "Pilihan",
                            level: 3, more: "/indeks", moreLabel: "Semua", refresh: 0, live: true, views: true };
            Object.assign(list, given);
            const set = list.outerHTML.slice(0, list.outerHTML.indexOf(">") + 1);
            const read = Object.fromEntries(Object.keys(given).map((name) => [name, list[name]]));
            Object.assign(list, { live: false, section: undefined });
            return { set, read, after: [list.hasAttribute("live"), list.hasAttribute("section")] };
        }"""
    )
    assert found["read"] == {
        "limit": "2", "site": "bola", "host": None, "section": "Liga", "theme": "plain", "heading": "Pilihan",
        "level": "3", "more": "/indeks", "moreLabel": "Semua", "refresh": "0", "live": True, "views": True,
    }  # fmt: skip
    assert 'more-label="Semua"' in found["set"]
    assert 'live=""' in found["set"]
    assert found["after"] == [False, False]


def test_nothing_stands_on_the_element_that_a_framework_might_set(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="abc")
    page = opened(site, standin, visit, "<populer-list></populer-list>")
    waits_for(page, "abc")
    setterless = page.evaluate(
        """() => {
            const found = [];
            const list = document.querySelector("populer-list");
            for (let of = list; of !== HTMLElement.prototype; of = Object.getPrototypeOf(of))
                for (const [name, { get, set }] of Object.entries(Object.getOwnPropertyDescriptors(of)))
                    if (get && !set) found.push(name);
            return found;
        }"""
    )
    assert setterless == []


def test_another_list_is_asked_for_and_the_first_is_gone_at_once(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="abc", trending="de")
    page = opened(site, standin, visit, "<populer-list></populer-list>")
    waits_for(page, "abc")
    trending = threading.Event()
    standin.stand.answers["/v1/lists"] = replace(lists(trending="de"), wait=trending)
    page.evaluate("document.querySelector('populer-list').setAttribute('list', 'trending')")
    assert titles(page) == ""
    trending.set()
    waits_for(page, "de")
    page.evaluate("document.querySelector('populer-list').site = 'bola'")
    wait_until(lambda: any("site=bola" in path for path in standin.stand.asked), 10)
    waits_for(page, "de")
    assert asked(standin, page)[-1] == {"limit": ["8"], "site": ["bola"], "names": ["trending"]}


def test_a_look_changes_without_a_request(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="ab")
    page = opened(site, standin, visit, "<populer-list></populer-list>")
    waits_for(page, "ab")
    page.evaluate("document.querySelector('populer-list').heading = 'Pilihan'")
    expect(page.get_by_role("heading")).to_have_text("Pilihan")
    assert len(asked(standin, page)) == 1


def test_tabs_show_one_of_several_lists(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="abc", trending="de", update="fgh")
    element = '<populer-list theme="tabs" list="populer trending update"></populer-list>'
    page = opened(site, standin, visit, element)
    waits_for(page, "abc")
    assert asked(standin, page)[-1]["names"] == ["populer,trending,update"]
    expect(page.get_by_role("tab")).to_have_text(["POPULER", "TRENDING", "UPDATE"])
    expect(page.get_by_role("list", name="POPULER", exact=True)).to_be_visible()
    page.get_by_role("tab", name="TRENDING").click()
    expect(page.get_by_role("list", name="TRENDING", exact=True)).to_be_visible()
    waits_for(page, "de")
    expect(page.get_by_role("tab", selected=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    waits_for(page, "fgh")
    expect(page.get_by_role("tab", selected=True)).to_have_text("UPDATE")
    page.evaluate("document.addEventListener('click', (event) => event.preventDefault())")
    page.get_by_role("link", name="Judul g").click()
    wait_until(lambda: any("list:update" in json.dumps(each.body) for each in standin.stand.told), 10)


def test_reads_are_shown_in_the_words_of_the_site(site: Stand, standin: StandIn, visit: Open) -> None:
    items = [article("a", views=1234), article("b", views=0)]
    words = {"list": "populer", "title": "Populer", "views_label": "Dibaca {} kali", "language": "id", "items": items}
    standin.stand.answers["/v1/lists"] = Answer(json.dumps({"lists": {"populer": words}}).encode(), "application/json")
    page = opened(site, standin, visit, "<populer-list views></populer-list><populer-list></populer-list>")
    expect(page.locator(".populer-views")).to_have_text(["Dibaca 1.234 kali"])


@pytest.mark.parametrize(("element", "hidden"), [("list=populer", True), ("list='populer update' theme=tabs", False)])
def test_a_list_without_entries_is_hidden_and_a_tab_is_not(
    site: Stand, standin: StandIn, visit: Open, element: str, *, hidden: bool
) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="", update="a")
    page = opened(site, standin, visit, f"<populer-list {element}></populer-list>")
    page.wait_for_selector("populer-list ol:not([aria-busy])", state="attached")
    assert page.locator("populer-list").is_hidden() == hidden


@pytest.mark.parametrize(
    ("element", "warning"),
    [
        ('theme="besar"', 'theme="besar" is unknown. Themes: numbered, plain, thumbs, compact, tabs.'),
        ('limit="banyak"', 'limit="banyak" is not a number from 1 to 100.'),
        ('list="populr"', "There is no list called populr."),
    ],
)
def test_a_misused_element_warns_its_developer_once(
    site: Stand, standin: StandIn, visit: Open, element: str, warning: str
) -> None:
    found = json.loads(lists(populer="ab").content)
    missing = {"missing": {"populr": "There is no list called populr."}} if "populr" in element else {}
    standin.stand.answers["/v1/lists"] = Answer(json.dumps(found | missing).encode(), "application/json")
    warnings: list[str] = []

    def listening(page: Page) -> None:
        page.on("console", lambda said: warnings.append(said.text) if said.type == "warning" else None)

    sections = ("", "section=x", "section=y")
    body = "".join(f"<populer-list {element} {each}></populer-list>" for each in sections) + standin.tag()
    page = visit(site.page("/", body), prepare=listening).page
    wait_until(lambda: page.evaluate("true") and bool(warnings), 10)
    page.wait_for_load_state("networkidle")
    assert warnings == [f"<populer-list>: {warning}"]
    if "populr" in element:
        expect(page.locator("populer-list").first).to_be_hidden()


def test_the_query_names_what_the_attributes_say(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="abc")
    page = opened(site, standin, visit, '<populer-list limit="2" section="Liga 1" tag="persib"></populer-list>')
    waits_for(page, "ab")
    page.evaluate("document.querySelector('populer-list').author = 'Ani'")
    waits_for(page, "ab")
    query, narrower = (urlsplit(path).query for path in standin.stand.asked if path.startswith("/v1/lists"))
    assert parse_qs(query) == {"limit": ["3"], "section": ["Liga 1"], "tag": ["persib"], "names": ["populer"]}
    assert parse_qs(narrower) == {**parse_qs(query), "author": ["Ani"]}
