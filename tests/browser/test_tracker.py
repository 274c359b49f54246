"""The script counts what readers see and open: once, by what they saw, and keeps nothing of theirs."""

import threading
import time
from collections.abc import Callable
from typing import Any

from conftest import Newsroom, StandIn, Visit, wait_until
from playwright.sync_api import Page
from stand import Answer, Stand

Open = Callable[..., Visit]
OPEN_UNDRIVEN = Callable[[str], None]


def told(standin: StandIn, page: Page) -> list[dict[str, Any]]:
    """What the stand-in was told before a last event that the page now sends."""
    page.evaluate("populer.record({ item: 'the end' })")
    wait_until(lambda: {"item": "the end"} in standin.events())
    return [event for event in standin.events() if event != {"item": "the end"}]


def test_a_view_counts_once_and_not_again_from_the_back_forward_cache(newsroom: Newsroom, visit: Open) -> None:
    newsroom.stand.page("/lain", "<p>Halaman lain</p>")
    page = visit(
        newsroom.stand.page("/berita", '<a href="/lain">lain</a>' + newsroom.script('data-item="dibaca"'))
    ).page
    wait_until(lambda: newsroom.counts("dibaca") == {"view": 1})
    page.evaluate("addEventListener('pageshow', (event) => { window.cached = event.persisted; })")
    page.click("a")
    page.wait_for_url("**/lain")
    page.evaluate("history.back()")
    page.wait_for_function("window.cached === true")
    page.evaluate("populer.record({ item: 'sesudahnya' })")
    wait_until(lambda: newsroom.counts("sesudahnya") == {"view": 1})
    assert newsroom.counts("dibaca") == {"view": 1}


def test_a_prerendered_page_counts_when_it_is_opened(newsroom: Newsroom, undriven: OPEN_UNDRIVEN) -> None:
    site = newsroom.stand
    prerendered, opened, go = (threading.Event() for _ in range(3))
    site.answers["/prerendered"] = Answer(sets=prerendered)
    site.answers["/opened"] = Answer(sets=opened)
    site.answers["/go"] = Answer(wait=go)
    tell = """<script>
        const reached = () => fetch(document.prerendering ? "/prerendered" : "/opened");
        addEventListener("load", () => setTimeout(reached, 300));
        document.addEventListener("prerenderingchange", reached);
    </script>"""
    site.page("/berita", newsroom.script('data-item="disiapkan" data-engaged="0.1"') + tell)
    rules = '<script type="speculationrules">{"prerender": [{"urls": ["/berita"], "eagerness": "immediate"}]}</script>'
    undriven(site.page("/awal", '<script>fetch("/go").then(() => { location.href = "/berita"; })</script>', head=rules))
    assert prerendered.wait(20)
    assert newsroom.counts("disiapkan") == {}
    assert not opened.is_set()
    go.set()
    assert opened.wait(20)
    wait_until(lambda: newsroom.counts("disiapkan") == {"view": 1, "engaged": 1})


def test_a_page_in_a_background_tab_counts_when_it_is_looked_at(newsroom: Newsroom, undriven: OPEN_UNDRIVEN) -> None:
    site = newsroom.stand
    loaded, go = threading.Event(), threading.Event()
    site.answers["/loaded"] = Answer(sets=loaded)
    site.answers["/go"] = Answer(wait=go)
    tell = """<script>
        addEventListener("load", () => setTimeout(() => document.hidden && fetch("/loaded"), 300));
    </script>"""
    site.page("/berita", newsroom.script('data-item="di-belakang" data-engaged="0.1"') + tell)
    site.page("/di-depan", '<script>fetch("/go").then(() => window.close())</script>')
    undriven(
        site.page(
            "/awal",
            '<script>open("/di-depan"); document.onvisibilitychange = () => { location.href = "/berita"; }</script>',
        )
    )
    assert loaded.wait(20)
    assert newsroom.counts("di-belakang") == {}
    go.set()
    wait_until(lambda: newsroom.counts("di-belakang") == {"view": 1, "engaged": 1})


def test_only_the_seconds_that_a_page_is_looked_at_make_a_reader_engaged(
    site: Stand, standin: StandIn, visit: Open
) -> None:
    def turned(state: str) -> None:
        hidden = f"Object.defineProperty(document, 'hidden', {{ value: {state}, configurable: true }});"
        page.evaluate(hidden + "document.dispatchEvent(new Event('visibilitychange'))")

    def with_clock(page: Page) -> None:
        page.clock.install()
        page.clock.pause_at(time.time() + 10)

    body = standin.tag('data-item="a" data-engaged="60"')
    page = visit(site.page("/", body), prepare=with_clock).page
    for looked_at_ms in (25_000, 30_000):
        page.clock.run_for(looked_at_ms)
        turned("true")
        page.clock.run_for(3_600_000)
        turned("false")
    page.clock.run_for(4_900)
    assert told(standin, page) == [{"item": "a"}]
    page.clock.run_for(200)
    wait_until(lambda: {"item": "a", "kind": "engaged"} in standin.events())


def test_a_click_counts_with_its_list_and_its_place_in_it(newsroom: Newsroom, visit: Open) -> None:
    desk = newsroom.publish(4)
    for item in desk.ids:
        newsroom.stand.page(f"/berita/{item}", "<p>Isi berita</p>")
    before = newsroom.counts(desk.ids[2])
    page = visit(
        newsroom.stand.page("/", newsroom.script() + f'<populer-list section="{desk.section}"></populer-list>')
    ).page
    page.click(f"text=Judul {desk.ids[2]}")
    page.wait_for_url(f"**/berita/{desk.ids[2]}")
    wait_until(lambda: newsroom.counts(desk.ids[2]) == {**before, "click@list:populer#3": 1})


def test_the_keyboard_and_the_middle_button_click_too_and_the_right_one_does_not(
    site: Stand, standin: StandIn, visit: Open
) -> None:
    rows = "".join(f'<li data-id="{item}"><a href="#{item}">{item}</a></li>' for item in "abc")
    lists = f'<populer-list list="update" refresh="0"><ol>{rows}</ol><a href="#semua">Semua</a></populer-list>'
    page = visit(site.page("/", lists + standin.tag('data-site="pagi" data-visitor="v-1"'))).page
    page.wait_for_function("window.populer")
    page.focus("text=b")
    page.keyboard.press("Enter")
    page.click("text=c", button="middle")
    page.click("text=a", button="right")
    page.click("text=Semua")
    click = {"kind": "click", "source": "list:update", "visitor": "v-1"}
    page.evaluate("populer.record({ item: 'the end' })")
    wait_until(lambda: len(standin.stand.told) >= 3)
    assert [each.body for each in standin.stand.told] == [
        {"item": "b", "position": 2, **click},
        {"item": "c", "position": 3, **click},
        {"item": "the end", "visitor": "v-1"},
    ]
    assert {each.path for each in standin.stand.told} == {"/v1/events?site=pagi"}


def test_beacons_are_plain_text_that_needs_no_preflight(site: Stand, standin: StandIn, visit: Open) -> None:
    visit(site.page("/", standin.tag('data-item="a"')))
    wait_until(lambda: bool(standin.stand.told))
    assert standin.stand.told[0].content_type == "text/plain;charset=UTF-8"
    assert not [each for each in standin.stand.asked if each.startswith("OPTIONS")]


def test_where_a_fetch_fails_a_beacon_goes(site: Stand, standin: StandIn, visit: Open) -> None:
    broken = "<script>window.fetch = () => Promise.reject(new TypeError())</script>"
    visit(site.page("/", broken + standin.tag('data-item="a"')))
    wait_until(lambda: standin.events() == [{"item": "a"}])
    assert standin.stand.told[0].content_type == "text/plain;charset=UTF-8"


def test_two_tags_count_once(site: Stand, standin: StandIn, visit: Open) -> None:
    page = visit(site.page("/", standin.tag('data-item="a"') + standin.tag('data-item="a"'))).page
    page.wait_for_load_state("networkidle")
    assert told(standin, page) == [{"item": "a"}]


def test_item_is_told_of_with_its_page(site: Stand, standin: StandIn, visit: Open) -> None:
    address = site.page("/berita/1/", standin.tag('data-item="a"'))
    page = visit(f"{address}?id=7&email=siti@koran.example#x").page
    page.wait_for_load_state("networkidle")
    told(standin, page)
    assert standin.pages()[0] == "/berita/1/?id=7"
