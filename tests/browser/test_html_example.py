"""The plain page in examples/html does what it says, with nothing changed in it but the service's address."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import DRIVEN, Newsroom, Visit, wait_until
from playwright.sync_api import expect
from stand import Answer

PAGE = Path(__file__).parents[2] / "examples" / "html" / "index.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_counts_its_article_and_shows_both_lists(
    newsroom: Newsroom, visit: Callable[..., Visit], scheme: str
) -> None:
    before = newsroom.counts("beras-turun").get("view", 0)
    newsroom.publish(8)
    content = PAGE.read_text().replace("https://populer.example", newsroom.service.url)
    content = content.replace("data-item=", f"{DRIVEN} data-item=")
    newsroom.stand.answers["/berita/beras-turun"] = Answer(content.encode())
    visited = visit(
        f"{newsroom.stand.url}/berita/beras-turun", viewport={"width": 1200, "height": 900}, color_scheme=scheme
    )
    lists = visited.page.locator("populer-list")
    expect(lists.first.locator("time")).to_have_count(7)
    expect(lists.last.locator("time")).to_have_count(5)
    expect(lists.last.get_by_role("heading")).to_have_text("Terbaru")
    wait_until(lambda: newsroom.counts("beras-turun").get("view") == before + 1)
    shown = "getComputedStyle(document.querySelector('populer-list a')).color"
    assert visited.page.evaluate(shown) == {"light": "rgb(0, 0, 0)", "dark": "rgb(255, 255, 255)"}[scheme]
    assert [each["id"] for each in Axe().run(visited.page).response["violations"]] == []
    assert visited.page.evaluate("shifts") == []
