"""`<populer-list live>` shows what moves as it moves, and is an ordinary list where nobody tells it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Desk, Newsroom, StandIn, Visit, wait_until
from playwright.sync_api import Page, Request, expect
from stand import Answer, Stand

Open = Callable[..., Visit]
HIDE = "Object.defineProperty(document, 'visibilityState', { value: '%s', configurable: true });"
TELL = "document.dispatchEvent(new Event('visibilitychange'))"


def streams(newsroom: Newsroom) -> float:
    """How many streams the service has open."""
    told = {}
    for line in newsroom.http.get("/metrics").text.splitlines():
        if found := re.fullmatch(r'populer_streams_total\{outcome="(\w+)"\} (.*)', line):
            told[found[1]] = float(found[2])
    return told.get("opened", 0) - told.get("ended", 0)


class Watched:
    """What a page asks the service for: `lists` by polling, `streams` to be told."""

    def __init__(self, page: Page) -> None:
        self.lists = self.streams = 0
        page.clock.install()
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        self.streams += "/stream?" in request.url
        self.lists += "/v1/lists?" in request.url


@pytest.fixture
def desk(newsroom: Newsroom) -> Desk:
    wait_until(lambda: streams(newsroom) == 0)
    return newsroom.publish(3)


def live_page(newsroom: Newsroom, desk: Desk, visit: Open, attributes: str = "") -> tuple[Page, Watched]:
    """A page whose list is told of changes, once it is."""
    watched: list[Watched] = []
    body = f'<populer-list live section="{desk.section}" {attributes}></populer-list>{newsroom.script()}'
    page = visit(newsroom.stand.page("/", body), prepare=lambda page: watched.append(Watched(page))).page
    expect(page.locator("populer-list time")).to_have_count(3)
    wait_until(lambda: streams(newsroom) == 1)
    return page, watched[0]


def test_a_change_is_shown_without_being_asked_for(newsroom: Newsroom, desk: Desk, visit: Open) -> None:
    page, watched = live_page(newsroom, desk, visit)
    newsroom.read({desk.ids[-1]: 40})
    expect(page.locator("populer-list li a").first).to_have_text(f"Judul {desk.ids[-1]}")
    newsroom.http.delete(f"/v1/items/{desk.ids[-1]}").raise_for_status()
    expect(page.locator("populer-list li a")).to_have_text([f"Judul {each}" for each in desk.ids[:2]])
    page.clock.fast_forward(600_000)
    newsroom.read({desk.ids[1]: 80})
    expect(page.locator("populer-list li a").first).to_have_text(f"Judul {desk.ids[1]}")
    assert (watched.lists, watched.streams) == (1, 1)


def test_a_reader_stays_on_the_entry_and_clicks_count(newsroom: Newsroom, desk: Desk, visit: Open) -> None:
    page, _ = live_page(newsroom, desk, visit, 'refresh="0"')
    page.focus(f"text=Judul {desk.ids[1]}")
    newsroom.read({desk.ids[-1]: 40})
    expect(page.locator("populer-list li a").first).to_have_text(f"Judul {desk.ids[-1]}")
    assert page.evaluate("document.activeElement.textContent") == f"Judul {desk.ids[1]}"
    page.click(f"text=Judul {desk.ids[-1]}", button="middle")
    wait_until(lambda: newsroom.counts(desk.ids[-1]).get("click@list:populer#1") == 1)


def test_nobody_is_told_on_a_hidden_page_nor_of_a_list_that_is_gone(
    newsroom: Newsroom, desk: Desk, visit: Open
) -> None:
    page, watched = live_page(newsroom, desk, visit)
    page.evaluate(HIDE % "hidden" + TELL)
    wait_until(lambda: streams(newsroom) == 0)
    page.clock.fast_forward(600_000)
    assert (watched.lists, watched.streams) == (1, 1)
    newsroom.read({desk.ids[-1]: 40})
    page.evaluate(HIDE % "visible" + TELL)
    page.clock.run_for(100)
    wait_until(lambda: streams(newsroom) == 1)
    expect(page.locator("populer-list li a").first).to_have_text(f"Judul {desk.ids[-1]}")
    assert (watched.lists, watched.streams) == (2, 2)
    page.evaluate("document.querySelector('populer-list').remove()")
    wait_until(lambda: streams(newsroom) == 0)
    page.evaluate(HIDE % "hidden" + TELL)
    page.evaluate(HIDE % "visible" + TELL)
    page.clock.run_for(100)
    page.evaluate("fetch('/').then((answer) => answer.text())")
    assert (watched.lists, watched.streams) == (2, 2)


def test_a_live_list_keeps_no_page_out_of_the_back_forward_cache(newsroom: Newsroom, desk: Desk, visit: Open) -> None:
    newsroom.stand.page("/lain", "<p>Halaman lain</p>")
    page, _ = live_page(newsroom, desk, visit)
    page.evaluate("addEventListener('pageshow', (event) => { window.cached = event.persisted; })")
    page.goto(f"{newsroom.stand.url}/lain")
    wait_until(lambda: streams(newsroom) == 0)
    page.evaluate("history.back()")
    page.wait_for_function("window.cached === true")
    page.clock.run_for(100)
    wait_until(lambda: streams(newsroom) == 1)


def answer(letters: str) -> bytes:
    items = [{"id": each, "title": each, "url": f"/{each}"} for each in letters]
    return json.dumps({"list": "populer", "title": "Populer", "items": items}).encode()


def test_a_service_that_tells_nothing_is_asked_as_ever(site: Stand, standin: StandIn, visit: Open) -> None:
    lists = "/v1/lists"
    standin.stand.answers[lists] = Answer(b'{"lists":{"populer":%b}}' % answer("ab"), "application/json")
    standin.stand.answers["/v1/lists/populer/stream"] = Answer(b"{}", "application/problem+json", status=503)
    watched: list[Watched] = []
    body = f"<populer-list live></populer-list>{standin.tag()}"
    page = visit(site.page("/", body), prepare=lambda page: watched.append(Watched(page))).page
    expect(page.locator("populer-list li a")).to_have_text(["a", "b"])
    wait_until(lambda: any("/stream?" in path for path in standin.stand.asked))
    page.wait_for_load_state("networkidle")
    standin.stand.answers[lists] = Answer(b'{"lists":{"populer":%b}}' % answer("ba"), "application/json")
    page.clock.fast_forward(61_000)
    expect(page.locator("populer-list li a")).to_have_text(["b", "a"])
    wait_until(lambda: sum("/stream?" in path for path in standin.stand.asked) == 2)


@pytest.mark.parametrize("message", [b"{", b"null", b"[]", b'{"items":null}', b'{"items":[null]}', b"\xff\x00"])
def test_whatever_a_stream_says_the_list_stays(site: Stand, standin: StandIn, visit: Open, message: bytes) -> None:
    standin.stand.answers["/v1/lists"] = Answer(b'{"lists":{"populer":%b}}' % answer("ab"), "application/json")
    told = b"data: " + message + b"\n\ndata: " + answer("cd") + b"\n\n"
    standin.stand.answers["/v1/lists/populer/stream"] = Answer(told, "text/event-stream")
    page = visit(site.page("/", f"<populer-list live></populer-list>{standin.tag()}")).page
    expect(page.locator("populer-list li a")).to_have_text(["c", "d"])


def test_without_streams_in_the_browser_it_is_an_ordinary_list(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = Answer(b'{"lists":{"populer":%b}}' % answer("ab"), "application/json")
    body = f"<script>delete window.EventSource</script><populer-list live></populer-list>{standin.tag()}"

    def with_clock(page: Page) -> Any:
        return page.clock.install()

    page = visit(site.page("/", body), prepare=with_clock).page
    expect(page.locator("populer-list li a")).to_have_text(["a", "b"])
    standin.stand.answers["/v1/lists"] = Answer(b'{"lists":{"populer":%b}}' % answer("ba"), "application/json")
    page.clock.fast_forward(61_000)
    expect(page.locator("populer-list li a")).to_have_text(["b", "a"])
