"""The script is harmless (P23): whatever the service does, the page goes on as if it were not there."""

import json
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Newsroom, StandIn, Visit, serving, wait_until
from playwright.sync_api import Page, expect
from stand import Answer, Stand

Open = Callable[..., Visit]
RENDERED = '<ol><li data-id="x"><a href="/berita/x">Judul x</a></li></ol>'
STRICT = (
    "default-src 'none'; script-src {0}; connect-src {0}; style-src 'self'; img-src 'self'; "
    "require-trusted-types-for 'script'"
)


def with_clock(page: Page) -> None:
    page.clock.install()


def lists(found: Any) -> Answer:
    return Answer(json.dumps({"lists": found}).encode(), "application/json")


def went_on(page: Page) -> None:
    """Return once a request and a rest have passed in the page; for an error by then `visit` fails the test."""
    page.evaluate("fetch('/').then(() => new Promise(requestAnimationFrame))")


NONSENSE = {
    "hangs up": Answer(hang_up=True),
    "an error": Answer(b'{"status":503}', "application/problem+json", status=503),
    "a page": Answer(b"<h1>It works!</h1>"),
    "nothing": Answer(b"", "application/json"),
    "half an answer": Answer(b'{"lists":{"populer":{"items":[{"id"', "application/json"),
    "null": Answer(b"null", "application/json"),
    "no lists": Answer(b'{"lists":null}', "application/json"),
    "another list": lists({"update": {"items": []}}),
    "no items": lists({"populer": {"title": "Populer"}}),
    "items that are none": lists({"populer": {"items": {"length": 3}}}),
    "an item that is none": lists({"populer": {"items": [None]}}),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_whatever_the_service_answers_the_sites_own_list_stays(
    site: Stand, standin: StandIn, visit: Open, answer: Answer
) -> None:
    standin.stand.answers["/v1/lists"] = answer
    body = f'<populer-list>{RENDERED}</populer-list><populer-list class="empty"></populer-list>{standin.tag()}'
    page = visit(site.page("/", body)).page
    expect(page.locator("populer-list.empty")).to_be_hidden()
    went_on(page)
    expect(page.locator("populer-list:not(.empty) li")).to_have_text("Judul x")


def test_odd_items_are_shown_as_far_as_they_go(site: Stand, standin: StandIn, visit: Open) -> None:
    items = [
        {"id": "a", "title": {"an": "object"}, "url": ["https://x/"], "published_at": "never", "published_label": 7},
        {"id": "b", "title": None, "url": "https://", "image": 3, "published_at": 1e300, "published_label": "Senin"},
        {"id": 3, "title": "Tiga", "url": None, "published_at": None},
        {},
        {"id": "c", "title": "x" * 50_000, "url": "https://pagi.example/" + "y" * 50_000},
        *({"id": str(number), "title": str(number)} for number in range(5_000)),
    ]
    standin.stand.answers["/v1/lists"] = lists({"populer": {"title": None, "items": items}})
    page = visit(site.page("/", f'<populer-list theme="thumbs"></populer-list>{standin.tag()}')).page
    expect(page.locator("populer-list li")).to_have_count(7)
    expect(page.locator("populer-list li").nth(2)).to_have_text("Tiga")


def test_markup_in_titles_is_text_and_only_web_addresses_are_links(newsroom: Newsroom, visit: Open) -> None:
    nasty = '<img src=x onerror="window.bad=1"><script>window.bad=1</script>"&lt;\u202ebalik'
    desk = newsroom.publish(2, title=nasty)
    body = f'<populer-list section="{desk.section}"></populer-list>{newsroom.script()}'
    page = visit(newsroom.stand.page("/", body)).page
    expect(page.locator("populer-list li a").first).to_have_text(nasty)
    assert page.locator("populer-list :is(img, script)").count() == 0
    assert page.evaluate("window.bad") is None


@pytest.mark.parametrize(
    "url",
    ["javascript:bad=1", " javascript:bad=1", "java\nscript:bad=1", "JAVASCRIPT:bad=1", "data:text/html,x", "blob:x",
     "vbscript:x", "file:///etc/passwd", "mailto:a@b.c", "", None, 7, "https://", "http://["],
)  # fmt: skip
def test_what_is_no_web_address_is_no_link(site: Stand, standin: StandIn, visit: Open, url: Any) -> None:
    item = {"id": "a", "title": "Judul", "url": url, "image": url, "published_label": "Senin"}
    standin.stand.answers["/v1/lists"] = lists({"populer": {"title": "Populer", "items": [item]}})
    body = f'<populer-list theme="thumbs" more="{url}"></populer-list>{standin.tag()}'
    page = visit(site.page("/", body)).page
    expect(page.locator("populer-list li a")).to_have_text(["Judul"])  # a list of texts waits for so many
    found = page.locator("populer-list :is([href], [src])").evaluate_all("(all) => all.map((e) => e.href || e.src)")
    assert [each for each in found if not each.startswith(site.url)] == []
    page.click("populer-list li a")
    assert page.evaluate("window.bad") is None


def test_a_slow_service_holds_nothing_up_and_is_given_up(site: Stand, standin: StandIn, visit: Open) -> None:
    never = threading.Event()
    standin.stand.answers["/v1/lists"] = Answer(wait=never)
    body = (
        f'<populer-list>{RENDERED}</populer-list><populer-list class="empty" limit="3"></populer-list>{standin.tag()}'
    )
    page = visit(site.page("/", body), prepare=with_clock).page
    wait_until(lambda: any(path.startswith("/v1/lists") for path in standin.stand.asked))
    expect(page.locator("populer-list.empty li")).to_have_count(3)
    assert page.evaluate("document.readyState") == "complete"
    page.clock.fast_forward(9_000)
    expect(page.locator("populer-list.empty")).to_be_hidden()
    expect(page.locator("populer-list li").first).to_have_text("Judul x")
    never.set()


def test_a_script_that_does_not_come_leaves_the_page_as_it_is(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/populer.js"] = Answer(hang_up=True)
    page = visit(site.page("/", f"<populer-list>{RENDERED}</populer-list>{standin.tag('data-item=a')}")).page
    expect(page.locator("populer-list li")).to_have_text("Judul x")
    went_on(page)


def test_a_service_that_ends_while_somebody_reads_leaves_the_list(site: Stand, visit: Open) -> None:
    with tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp") as folder, serving(Path(folder, "data")) as service:
        with service.client() as http:
            http.put("/v1/items", json=[{"id": "a", "title": "Judul a", "url": f"{site.url}/a"}]).raise_for_status()
            http.post("/v1/events", json={"item": "a"}).raise_for_status()
            wait_until(lambda: bool(http.get("/v1/lists/populer").json()["items"]))
        body = f'<populer-list></populer-list><script async src="{service.url}/populer.js"></script>'
        page = visit(site.page("/", body), prepare=with_clock).page
        expect(page.locator("populer-list li a")).to_have_text(["Judul a"])
        service.stop()
        with page.expect_event("requestfailed"):
            page.clock.fast_forward(61_000)
        page.click("text=Judul a", button="middle")
        went_on(page)
        expect(page.locator("populer-list li a")).to_have_text("Judul a")


@pytest.mark.parametrize("theme", ["numbered", "thumbs"])
def test_it_works_under_a_strict_policy_without_one_violation(newsroom: Newsroom, visit: Open, theme: str) -> None:
    newsroom.stand.answers["/gambar.svg"] = Answer(
        b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"/>', "image/svg+xml"
    )
    desk = newsroom.publish(3, image=f"{newsroom.stand.url}/gambar.svg")
    body = f'<populer-list section="{desk.section}" theme="{theme}" more="/semua"></populer-list>'
    tag = newsroom.script(f'data-item="ketat-{theme}" data-engaged="0.1"')
    visited = visit(newsroom.stand.page("/", body + tag, policy=STRICT.format(newsroom.service.url)))
    page = visited.page
    expect(page.locator("populer-list li a")).to_have_text([f"Judul {item}" for item in desk.ids])
    style = page.locator("populer-list li a").first.evaluate("(e) => getComputedStyle(e).fontWeight")
    assert style == "600"
    page.click("populer-list li a", button="middle")
    wait_until(lambda: newsroom.counts(f"ketat-{theme}") == {"view": 1, "engaged": 1})
    wait_until(lambda: newsroom.counts(desk.ids[0]).get("click@list:populer#1") == 1)
    assert visited.violations() == []


def test_a_policy_that_forbids_it_all_harms_nothing_but_the_list(newsroom: Newsroom, visit: Open) -> None:
    policy = STRICT.format(newsroom.service.url).replace("connect-src", "x-connect-src")
    body = f"<populer-list>{RENDERED}</populer-list>{newsroom.script('data-item=terlarang')}"
    visited = visit(newsroom.stand.page("/", body, policy=policy))
    visited.page.wait_for_function("window.populer && violations.length > 1")
    expect(visited.page.locator("populer-list li")).to_have_text("Judul x")
