"""The lines that docs/ tells people to put into their pages count a view and show a list, as they stand there."""

import re
from collections.abc import Callable

import pytest
from conftest import DRIVEN, Newsroom, Visit, wait_until
from manual import block
from playwright.sync_api import expect

PAGES = ["README.md", "docs/start.md", "docs/id/start.md", "docs/embedding.md", "docs/id/embedding.md"]
HOST = re.compile(r"http://127\.0\.0\.1:8000|https://populer\.example")


@pytest.mark.parametrize("page", PAGES)
def test_the_two_lines_count_the_article_and_show_the_list(
    newsroom: Newsroom, visit: Callable[..., Visit], page: str
) -> None:
    newsroom.publish(3)
    before = newsroom.counts("berita-1").get("view", 0)
    lines = HOST.sub(newsroom.service.url, block(page, "html", "populer.js"))
    embedded = lines.replace("<script async", f"<script async {DRIVEN}")
    visited = visit(newsroom.stand.page("/berita-1", embedded))
    expect(visited.page.locator("populer-list li").first).to_be_visible()
    wait_until(lambda: newsroom.counts("berita-1").get("view") == before + 1)


def test_an_event_that_is_recorded_before_the_script_has_come_counts(
    newsroom: Newsroom, visit: Callable[..., Visit]
) -> None:
    early = block("docs/embedding.md", "html", "window.populer") + '<script>populer.record({ item: "awal" })</script>'
    visit(newsroom.stand.page("/depan", newsroom.script("data-item"), head=early))
    wait_until(lambda: newsroom.counts("awal") == {"view": 1})
