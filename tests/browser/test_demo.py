"""The demo in Chromium: a newspaper that looks right everywhere, lists that move for readers and not for robots."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Visit, wait_until
from playwright.sync_api import Page, expect

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from playing import Playing, playing

Open = Callable[..., Visit]
ARTICLE = "kereta-lintas-selatan"
PAGES = {
    "front": "/",
    "article": f"/berita/{ARTICLE}",
    "section": "/kanal/olahraga",
    "populer": "/lists/populer",
    "update": "/lists/update",
    "about": "/peragaan",
    "why": f"/peragaan/mengapa/{ARTICLE}",
}
LOOKS: dict[str, dict[str, Any]] = {
    "wide-light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "wide-dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "phone-light": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
    "phone-dark": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
}
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def demo() -> Iterator[Playing]:
    with playing() as started:
        yield started


def filled(page: Page) -> None:
    """Return once every list on the page has its entries, and the dock its numbers."""
    wait_until(lambda: page.evaluate("!document.querySelector('populer-list:not(:has(li)), [aria-busy]')"))
    for each in page.locator("populer-list").all():
        expect(each.locator("li time").first).to_be_visible()
    expect(page.locator("[data-clock]")).to_have_text(re.compile(r"\d\d\.\d\d"))


def still(page: Page) -> None:
    """Return once no row glides: what glides is half transparent."""
    page.evaluate("Promise.allSettled(document.getAnimations().map((each) => each.finished)).then(() => null)")


def box(page: Page, name: str = "populer") -> list[str]:
    return page.locator(f"populer-list[list={name}] li a").all_inner_texts()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_whole_and_open_to_everybody(
    demo: Playing, visit: Open, name: str, look: str, tmp_path: Path
) -> None:
    told: list[str] = []

    def listen(page: Page) -> None:
        page.on("console", lambda said: told.append(said.text) if said.type in ("error", "warning") else None)

    # What glides in is half transparent for a moment: rows stand still for who asks for less motion.
    visited = visit(demo.url + PAGES[name], prepare=listen, reduced_motion="reduce", **LOOKS[look])
    page = visited.page
    filled(page)
    assert [each["id"] for each in Axe().run(page).response["violations"]] == []
    page.locator("[data-more]").click()
    expect(page.locator("[data-outcomes] dt").first).to_have_text("Dihitung")
    assert [each["id"] for each in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    folder = Path(os.environ.get("POPULER_SHOTS", tmp_path))
    assert len(page.screenshot(path=folder / f"demo-{name}-{look}.png")) > 10_000
    assert visited.violations() == []
    assert told == []


@pytest.mark.parametrize("width", [320, 360, 600, 820, 1024, 1440])
def test_no_width_scrolls_sideways(demo: Playing, visit: Open, width: int) -> None:
    for path in ("/", PAGES["article"], PAGES["populer"], PAGES["why"]):
        page = visit(demo.url + path, viewport={"width": width, "height": 800}).page
        filled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_lists_stand_there_before_scripts_and_without_them(demo: Playing, visit: Open) -> None:
    page = visit(demo.url, java_script_enabled=False).page
    assert len(box(page)) == 7
    assert len(box(page, "update")) == 10
    expect(page.locator("[data-dock]")).to_be_hidden()
    page.get_by_role("link", name="Selengkapnya: Populer").click()
    page.wait_for_url("**/lists/populer")
    assert page.locator("main li a").count() >= 20


def test_nothing_jumps_when_the_script_takes_the_lists_over(demo: Playing, visit: Open) -> None:
    visited = visit(demo.url, viewport=LOOKS["wide-light"]["viewport"])
    filled(visited.page)
    still(visited.page)
    assert sum(visited.page.evaluate("window.shifts")) < 0.02


def test_an_article_counts_once_and_is_not_listed_beside_itself(demo: Playing, visit: Open) -> None:
    told: list[dict[str, Any]] = []

    def listen(page: Page) -> None:
        page.on("request", lambda asked: told.append(asked.post_data_json) if asked.method == "POST" else None)

    page = visit(demo.url + PAGES["article"], prepare=listen).page
    filled(page)
    wait_until(lambda: page.evaluate("true") and len(told) > 0)
    assert [event["item"] for event in told] == [ARTICLE]
    assert page.locator("h1").inner_text() not in box(page)
    assert len(box(page)) == 7


def test_a_click_in_the_list_says_where_it_was_made(demo: Playing, visit: Open) -> None:
    page = visit(demo.url).page
    filled(page)
    with page.expect_request("**/v1/events*") as asked:
        page.locator("populer-list[list=populer] li a").nth(2).click()
    event = asked.value.post_data_json
    assert (event["kind"], event["source"], event["position"]) == ("click", "list:populer", 3)
    page.wait_for_url("**/berita/*")


def test_the_keyboard_reaches_the_dock_and_opens_it(demo: Playing, visit: Open) -> None:
    page = visit(demo.url).page
    filled(page)
    page.locator("[data-wish=robots]").focus()
    page.keyboard.press("Tab")
    more = page.get_by_role("button", name="Rincian")
    expect(more).to_be_focused()
    page.keyboard.press("Enter")
    expect(more).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("heading", name="Serangan robot")).to_be_visible()
    page.keyboard.press("Enter")
    expect(more).to_have_attribute("aria-expanded", "false")


def test_breaking_news_rises_before_ones_eyes(demo: Playing, visit: Open) -> None:
    page = visit(demo.url, viewport=LOOKS["wide-light"]["viewport"]).page
    filled(page)
    page.get_by_role("button", name="Kabar mendesak").click()
    expect(page.get_by_role("status")).to_contain_text("Kabar mendesak diterbitkan")
    ticker = page.locator("[data-ticker]")
    expect(ticker).to_contain_text("Mendesak")
    title = ticker.locator("a").inner_text()
    update = page.locator("populer-list[list=update] li a")
    expect(update.first).to_have_text(title)
    row = page.locator("populer-list[list=populer] li", has_text=title)
    expect(row).to_be_visible(timeout=PATIENCE_MS)
    expect(row.locator(".move")).to_contain_text("Baru")
    entered = box(page).index(title)
    expect(page.locator("populer-list[list=populer] li a").first).to_have_text(title, timeout=PATIENCE_MS)
    assert entered > 0


def test_robots_do_not_move_the_list_and_the_dock_says_why(demo: Playing, visit: Open) -> None:
    page = visit(demo.url, viewport=LOOKS["wide-light"]["viewport"]).page
    filled(page)
    page.get_by_role("button", name="Serangan robot").click()
    attack = page.locator("[data-attack]")
    expect(attack.locator("[data-outcome=robot]")).to_be_visible()
    title = attack.locator("b").first.inner_text().strip("“”")
    seen = set[str]()

    def over() -> bool:
        seen.update(box(page))
        return attack.inner_text().startswith("Selesai")

    wait_until(over, within_s=60)
    assert title not in seen
    counts = {
        row.get_attribute("data-outcome"): int(row.locator("dd").inner_text().replace(".", ""))
        for row in attack.locator("[data-outcome]").all()
    }
    assert set(counts) == {"accepted", "robot", "concentrated", "duplicate", "prefetch"}
    assert sum(counts.values()) == 3300
    assert counts["accepted"] < 66
    before, now, believed = attack.locator(".dock-ranks dd").all_inner_texts()
    assert believed == "1"
    assert int(before) > 7
    assert int(now) > 7
    expect(page.get_by_role("status")).to_contain_text("Serangan selesai: 3.300 dikirim")


def test_the_dock_fits_the_narrowest_window(demo: Playing, visit: Open) -> None:
    visited = visit(demo.url, viewport={"width": 320, "height": 640})
    page = visited.page
    filled(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    for button in page.locator(".dock-button").all():
        found = button.bounding_box()
        assert found is not None
        assert found["x"] >= 0
        assert found["x"] + found["width"] <= 320
    bar = page.locator(".dock-bar").bounding_box()
    assert bar is not None
    assert bar["height"] <= 160, "a quarter of the window"
    page.screenshot(path=Path(os.environ.get("POPULER_SHOTS", "/tmp"), "demo-narrow.png"))
