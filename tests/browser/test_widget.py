"""`<populer-list>` shows the published list, follows it, and leaves readers where they are."""

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import DRIVEN, Newsroom, StandIn, Visit, wait_until
from playwright.sync_api import Page, expect
from stand import Answer, Stand

Open = Callable[..., Visit]
IMAGE = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30"/></svg>'


def lists(**items: str) -> Answer:
    """An answer of the service: lists by name, an article for every letter."""
    found = {
        name: {
            "list": name,
            "title": name.upper(),
            "more_label": "Selengkapnya",
            "items": [article(letter) for letter in letters],
        }
        for name, letters in items.items()
    }
    return Answer(json.dumps({"lists": found}).encode(), "application/json")


def article(letter: str, **more: Any) -> dict[str, Any]:
    label = "Senin, 01 Desember 2025 | 02:29"
    told = {"id": letter, "title": f"Judul {letter}", "url": f"/berita/{letter}", "published_label": label}
    return {**told, "published_at": 1_764_530_940, **more}


def with_clock(page: Page) -> None:
    page.clock.install()


def titles(page: Page) -> str:
    """The letters of the titles shown, in their order."""
    return "".join(text.removeprefix("Judul ") for text in page.locator("populer-list li a").all_inner_texts())


def waits_for(page: Page, letters: str) -> None:
    """Return once the list shows these."""
    wait_until(lambda: titles(page) == letters, 10)


def asked(standin: StandIn, page: Page) -> list[dict[str, list[str]]]:
    """The queries for lists that the stand-in got from the page before another request of it, made now."""
    page.evaluate("(url) => fetch(url).then(() => fetch(url))", standin.url)
    return [parse_qs(urlsplit(path).query) for path in standin.stand.asked if path.startswith("/v1/lists")]


def test_it_shows_the_list_with_heading_order_and_time(newsroom: Newsroom, visit: Open) -> None:
    desk = newsroom.publish(3)
    body = f'<populer-list section="{desk.section}" more="/indeks"></populer-list>{newsroom.script()}'
    page = visit(newsroom.stand.page("/", body)).page
    expect(page.locator("populer-list li a")).to_have_text([f"Judul {item}" for item in desk.ids])
    region = page.get_by_role("region", name="Populer", exact=True)
    expect(region.get_by_role("heading", level=2)).to_have_text("Populer")
    expect(region.get_by_role("list")).to_have_attribute("class", "populer-rows")
    first = region.get_by_role("listitem").first
    expect(first.get_by_role("link")).to_have_attribute("href", f"{newsroom.stand.url}/berita/{desk.ids[0]}")
    expect(first.locator("time")).to_have_text("Senin, 01 Desember 2025 | 02:29")
    expect(first.locator("time")).to_have_attribute("datetime", "2025-11-30T19:29:00.000Z")
    expect(region.get_by_role("link", name="Selengkapnya: Populer")).to_have_attribute(
        "href", f"{newsroom.stand.url}/indeks"
    )


def test_it_follows_the_list(newsroom: Newsroom, visit: Open) -> None:
    desk = newsroom.publish(3)
    body = f'<populer-list section="{desk.section}" refresh="5"></populer-list>{newsroom.script()}'
    page = visit(newsroom.stand.page("/", body), prepare=with_clock).page
    expect(page.locator("populer-list li a")).to_have_text([f"Judul {item}" for item in desk.ids])
    last = desk.ids[-1]
    newsroom.read({last: 30})
    wait_until(lambda: newsroom.listed(desk.section)[0] == last)
    page.clock.fast_forward(6_000)
    expect(page.locator("populer-list li a").first).to_have_text(f"Judul {last}")


def test_the_open_article_is_left_out_and_as_many_are_shown(newsroom: Newsroom, visit: Open) -> None:
    desk = newsroom.publish(5)
    body = f'<populer-list section="{desk.section}" limit="4"></populer-list>'
    by_id = visit(newsroom.stand.page("/apa-saja", body + newsroom.script(f'data-item="{desk.ids[1]}"'))).page
    expected = [f"Judul {item}" for item in desk.ids if item != desk.ids[1]]
    expect(by_id.locator("populer-list li a")).to_have_text(expected)
    newsroom.stand.page(f"/berita/{desk.ids[1]}", body + newsroom.script())
    by_address = visit(f"{newsroom.stand.url}/berita/{desk.ids[1]}?utm_source=x#isi").page
    expect(by_address.locator("populer-list li a")).to_have_text(expected)
    elsewhere = visit(newsroom.stand.page("/lain", body + newsroom.script())).page
    expect(elsewhere.locator("populer-list li a")).to_have_text([f"Judul {item}" for item in desk.ids[:4]])


def test_every_page_asks_for_the_same_body(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="abc")
    for number, item in enumerate("ab"):
        body = f'<populer-list limit="2"></populer-list>{standin.tag(f"data-item={item}")}'
        page = visit(site.page(f"/{number}", body)).page
        waits_for(page, "bc" if item == "a" else "ac")
    first, second = asked(standin, page)
    assert first == second == {"limit": ["3"], "names": ["populer"]}


def test_an_article_whose_id_is_its_address_is_left_out_too(site: Stand, standin: StandIn, visit: Open) -> None:
    host = site.url.removeprefix("http://")
    open_one = article("b", id=f"{host}/berita/b", url=None)
    found = {"populer": {"title": "Populer", "items": [article("a"), open_one, article("c", url="javascript:0")]}}
    standin.stand.answers["/v1/lists"] = Answer(json.dumps({"lists": found}).encode(), "application/json")
    head = f'<link rel="canonical" href="http://www.{host}/berita/b/">'
    waits_for(visit(site.page("/x", f"<populer-list></populer-list>{standin.tag()}", head=head)).page, "ac")


def test_lists_that_agree_share_a_request(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="abc", update="cab", trending="bca")
    body = """<populer-list list="update"></populer-list><populer-list></populer-list>
        <populer-list list="trending" limit="2"></populer-list>
        <populer-list section="Olah Raga" site="sore"></populer-list>"""
    page = visit(site.page("/", body + standin.tag('data-site="pagi"'))).page
    waits_for(page, "cab" + "abc" + "bc" + "abc")
    assert sorted(asked(standin, page), key=str) == [
        {"limit": ["3"], "site": ["pagi"], "names": ["trending"]},
        {"limit": ["8"], "section": ["Olah Raga"], "site": ["sore"], "names": ["populer"]},
        {"limit": ["8"], "site": ["pagi"], "names": ["populer,update"]},
    ]


def test_a_list_that_does_not_exist_takes_no_other_with_it(newsroom: Newsroom, visit: Open) -> None:
    desk = newsroom.publish(2)
    tag = '<populer-list list="{}" section="{}"></populer-list>'
    body = tag.format("salah-ketik", desk.section) + tag.format("populer", desk.section) + newsroom.script()
    page = visit(newsroom.stand.page("/", body)).page
    expect(page.locator("populer-list").nth(1).locator("li a")).to_have_text([f"Judul {item}" for item in desk.ids])
    expect(page.locator("populer-list").first).to_be_hidden()


def test_it_is_asked_again_every_minute_while_somebody_looks(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="ab")
    page = visit(site.page("/", f"<populer-list></populer-list>{standin.tag()}"), prepare=with_clock).page
    waits_for(page, "ab")
    hide = "Object.defineProperty(document, 'visibilityState', { value: '%s', configurable: true });"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.clock.fast_forward(50_000)
    page.evaluate(hide % "hidden" + tell)
    page.clock.fast_forward(600_000)
    assert len(asked(standin, page)) == 1
    standin.stand.answers["/v1/lists"] = lists(populer="ba")
    page.evaluate(hide % "visible" + tell)
    waits_for(page, "ba")
    assert len(asked(standin, page)) == 2
    page.clock.fast_forward(61_000)
    wait_until(lambda: len(asked(standin, page)) == 3)


@pytest.mark.parametrize("never", ["0", "-1", "none"])
def test_refresh_can_be_off(site: Stand, standin: StandIn, visit: Open, never: str) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="ab")
    body = f'<populer-list refresh="{never}"></populer-list>{standin.tag()}'
    page = visit(site.page("/", body), prepare=with_clock).page
    waits_for(page, "ab")
    page.clock.fast_forward(3_600_000)
    assert len(asked(standin, page)) == 1


@pytest.mark.parametrize(("every", "after_ms"), [("0.001", 3_000), ("1e9", 80_000_000)])
def test_no_setting_makes_a_page_ask_without_end(
    site: Stand, standin: StandIn, visit: Open, every: str, after_ms: int
) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="ab")
    body = f'<populer-list refresh="{every}"></populer-list>{standin.tag()}'
    page = visit(site.page("/", body), prepare=with_clock).page
    waits_for(page, "ab")
    page.clock.fast_forward(after_ms)
    assert len(asked(standin, page)) == 1


def test_the_same_list_again_touches_nothing(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="ab")
    page = visit(site.page("/", f"<populer-list></populer-list>{standin.tag()}"), prepare=with_clock).page
    waits_for(page, "ab")
    page.evaluate(
        """window.kept = document.querySelector("populer-list li");
        document.addEventListener("populer", () => { window.told = true; });"""
    )
    page.clock.fast_forward(61_000)
    page.wait_for_function("window.told")
    assert page.evaluate("kept.isConnected")


def test_a_reader_on_the_keyboard_stays_on_the_entry(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="abc")
    filling = '<p style="height: 3000px">Isi</p>'
    body = f'<populer-list more="/semua"></populer-list>{filling}{standin.tag()}'
    page = visit(site.page("/", body), prepare=with_clock).page
    waits_for(page, "abc")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    focused = "document.activeElement.textContent"
    assert page.evaluate(focused) == "Judul b"
    page.evaluate("scrollTo(0, 900)")
    standin.stand.answers["/v1/lists"] = lists(populer="cdb")
    page.clock.fast_forward(61_000)
    waits_for(page, "cdb")
    assert page.evaluate(focused) == "Judul b"
    assert page.evaluate("scrollY") == 900

    standin.stand.answers["/v1/lists"] = lists(populer="efg")  # the entry leaves the list: the list waits
    page.clock.fast_forward(61_000)
    wait_until(lambda: len(asked(standin, page)) == 3)
    page.evaluate(
        "new Promise((done) => document.addEventListener('populer', done, { once: true }) || setTimeout(done))"
    )
    assert (titles(page), page.evaluate(focused)) == ("cdb", "Judul b")

    page.keyboard.press("Tab")
    page.evaluate("scrollTo(0, 900)")
    assert page.evaluate(focused) == "Selengkapnya"
    page.clock.fast_forward(61_000)
    waits_for(page, "efg")
    assert page.evaluate(focused) == "Selengkapnya"
    assert page.evaluate("scrollY") == 900


def test_a_refresh_takes_the_focus_from_nobody_else(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="abc")
    page = visit(site.page("/", f"<input><populer-list></populer-list>{standin.tag()}"), prepare=with_clock).page
    waits_for(page, "abc")
    page.focus("input")
    standin.stand.answers["/v1/lists"] = lists(populer="bca")
    page.clock.fast_forward(61_000)
    waits_for(page, "bca")
    assert page.evaluate("document.activeElement.tagName") == "INPUT"


def test_what_the_site_has_rendered_stays_until_there_is_something_newer(
    site: Stand, standin: StandIn, visit: Open
) -> None:
    come = threading.Event()
    standin.stand.answers["/v1/lists"] = lambda: Answer(lists(populer="ab").content, "application/json", wait=come)
    rendered = '<ol><li data-id="x"><a href="/berita/x">Judul x</a></li></ol>'
    page = visit(site.page("/", f"<populer-list>{rendered}</populer-list>{standin.tag()}")).page
    page.wait_for_function("window.populer")
    wait_until(lambda: len(asked(standin, page)) == 1)
    assert titles(page) == "x"
    come.set()
    waits_for(page, "ab")


def test_a_list_that_is_still_being_parsed_is_not_written_into(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="ab")
    come = threading.Event()
    rendered = '<ol><li>Judul x</li></ol><script src="/menghalangi.js"></script><p>Selengkapnya</p>'
    site.answers["/menghalangi.js"] = lambda: Answer(b"", "text/javascript", wait=come)
    head = standin.tag().replace("async ", "")
    address = site.page("/", f"<populer-list>{rendered}</populer-list>", head=head)
    page = visit(address, until="commit").page
    # The parser fetches what blocks it ahead; only the element, whose script ran before, asks for lists.
    wait_until(lambda: any(path.startswith("/v1/lists") for path in standin.stand.asked))
    assert len(asked(standin, page)) == 1
    come.set()
    waits_for(page, "ab")
    expect(page.locator("populer-list > *")).to_have_count(1)


def test_the_attributes_say_what_is_shown(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(update="abc")
    host = f'host="{standin.url}"'
    attributes = (
        f'list="update" limit="2" heading="Baru" level="3" more="/semua" more-label="Semua" theme="compact" {host}'
    )
    code = standin.stand.answers["/populer.js"]
    site.answers["/populer.js"] = code  # a copy of the site's own: then `host` says where the service is
    page = visit(
        site.page("/", f'<populer-list {attributes}></populer-list><script src="/populer.js" {DRIVEN}></script>')
    ).page
    waits_for(page, "ab")
    expect(page.get_by_role("heading", level=3)).to_have_text("Baru")
    expect(page.get_by_role("link", name="Semua: Baru")).to_have_text("Semua")
    page.click("text=Judul b", button="middle")
    wait_until(lambda: [event["position"] for event in standin.events()] == [2])


def test_the_link_to_more_is_the_services_page_unless_the_site_has_one(
    newsroom: Newsroom, standin: StandIn, visit: Open
) -> None:
    desk = newsroom.publish(2)
    tag = '<populer-list section="{}" {}></populer-list>'
    tags = [tag.format(desk.section, each) for each in ("", 'list="update" site="default"', 'more="/semua"', "more")]
    page = visit(newsroom.stand.page("/", "".join(tags) + newsroom.script())).page
    expect(page.locator("populer-list time")).to_have_count(8)
    links = page.locator("populer-list > section > a").evaluate_all("(all) => all.map((e) => e.href)")
    assert links == [
        f"{newsroom.service.url}/lists/populer?section={desk.section}",
        f"{newsroom.service.url}/lists/update?section={desk.section}&site=default",
        f"{newsroom.stand.url}/semua",
    ]


def test_pictures_have_their_size_and_are_loaded_late(site: Stand, standin: StandIn, visit: Open) -> None:
    site.answers["/ada.svg"] = Answer(IMAGE, "image/svg+xml")
    items = [
        article("a", image="/ada.svg"),
        article("b", image="/tidak-ada.svg"),
        article("c"),
        article("d", image="data:,x"),
    ]
    found = {"populer": {"title": "Populer", "items": items}}
    standin.stand.answers["/v1/lists"] = Answer(json.dumps({"lists": found}).encode(), "application/json")
    page = visit(site.page("/", f'<populer-list theme="thumbs"></populer-list>{standin.tag()}')).page
    waits_for(page, "abcd")
    expect(page.locator("img")).to_have_count(1)
    image = page.locator("img")
    assert image.evaluate("(e) => [e.alt, e.loading, e.width, e.height]") == ["", "lazy", 80, 60]
    assert page.locator(".populer-image").evaluate_all("(all) => all.map((e) => e.offsetHeight)") == [60]
    plain = visit(site.page("/2", f"<populer-list></populer-list>{standin.tag()}")).page
    waits_for(plain, "abcd")
    expect(plain.locator("img")).to_have_count(0)


def test_lists_that_come_later_are_filled_and_lists_that_go_ask_no_more(
    site: Stand, standin: StandIn, visit: Open
) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="ab")
    page = visit(site.page("/", standin.tag()), prepare=with_clock).page
    page.wait_for_function("window.populer")
    page.evaluate("document.body.append(document.createElement('populer-list'))")
    page.clock.run_for(100)
    waits_for(page, "ab")
    page.evaluate("document.querySelector('populer-list').remove()")
    page.clock.fast_forward(600_000)
    assert len(asked(standin, page)) == 1


def test_a_list_that_goes_while_its_answer_is_on_the_way_asks_no_more(
    site: Stand, standin: StandIn, visit: Open
) -> None:
    come = threading.Event()
    standin.stand.answers["/v1/lists"] = lambda: Answer(lists(populer="ab").content, "application/json", wait=come)
    page = visit(site.page("/", f"<populer-list></populer-list>{standin.tag()}"), prepare=with_clock).page
    wait_until(lambda: len(asked(standin, page)) == 1)
    page.evaluate("document.querySelector('populer-list').remove()")
    come.set()
    assert len(asked(standin, page)) == 1
    page.clock.fast_forward(600_000)
    assert len(asked(standin, page)) == 1


def test_it_works_in_a_shadow_root(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="ab")
    body = """<div></div><script>
        document.querySelector("div").attachShadow({ mode: "open" }).append(document.createElement("populer-list"));
    </script>"""
    page = visit(site.page("/", body + standin.tag()), prepare=with_clock).page
    waits_for(page, "ab")
    page.locator("populer-list li a").first.focus()
    standin.stand.answers["/v1/lists"] = lists(populer="ba")
    page.clock.fast_forward(61_000)
    waits_for(page, "ba")
    assert page.evaluate("document.querySelector('div').shadowRoot.activeElement.textContent") == "Judul a"
    assert page.locator("li a").first.evaluate("(e) => getComputedStyle(e).fontWeight") == "600"


@pytest.mark.parametrize("old", ["", "<script>delete CSSStyleSheet.prototype.replaceSync</script>"])
def test_a_rule_of_the_sites_with_a_class_wins(site: Stand, standin: StandIn, visit: Open, old: str) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="ab")
    own = """<style>.populer-link { color: rgb(1, 2, 3) }
        ol { list-style: decimal; padding: 40px }
        :root { --populer-lines: 2 }</style>"""
    page = visit(site.page("/", old + f"<populer-list></populer-list>{standin.tag()}", head=own)).page
    waits_for(page, "ab")
    style = "(e) => { const found = getComputedStyle(e); return [found.color, found.webkitLineClamp]; }"
    assert page.locator("li a").first.evaluate(style) == ["rgb(1, 2, 3)", "2"]
    rows = "(e) => { const found = getComputedStyle(e); return [found.listStyleType, found.paddingLeft]; }"
    assert page.locator("ol").evaluate(rows) == ["none", "0px"]


def test_a_site_can_add_to_what_is_shown(site: Stand, standin: StandIn, visit: Open) -> None:
    standin.stand.answers["/v1/lists"] = lists(populer="ab")
    listen = """<script>document.addEventListener("populer", ({ target, detail }) => {
        target.querySelector(`[data-id="${detail.items[0].id}"]`).append("!");
    });</script>"""
    page = visit(site.page("/", listen + f"<populer-list></populer-list>{standin.tag()}")).page
    expect(page.locator("li").first).to_have_text("Judul aSenin, 01 Desember 2025 | 02:29!")
