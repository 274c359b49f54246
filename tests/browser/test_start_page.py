"""The first page and `/embed`, as whoever puts the service to use meets them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Newsroom, Visit
from playwright.sync_api import expect

Open = Callable[..., Visit]
SIZES = {
    "wide": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
    "narrow": {"width": 320, "height": 640},
}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "embed"])
def test_axe_finds_nothing_and_nothing_overflows(
    newsroom: Newsroom, visit: Open, path: str, scheme: str, size: str, tmp_path: Path
) -> None:
    desk = newsroom.publish(3)
    query = f"?section={desk.section}" if path else ""
    visited = visit(f"{newsroom.service.url}/{path}{query}", color_scheme=scheme, viewport=SIZES[size])
    if path:
        expect(visited.page.frame_locator("iframe").locator("populer-list li a[href]")).to_have_count(3)
    assert [each["id"] for each in Axe().run(visited.page).response["violations"]] == []
    assert visited.page.evaluate(OVERFLOW) == 0
    assert visited.page.evaluate("violations") == []
    folder = Path(os.environ.get("POPULER_SHOTS", tmp_path))
    visited.page.screenshot(path=folder / f"start-{path or 'first'}-{scheme}-{size}.png", full_page=True)


def test_what_is_chosen_is_shown_at_once_and_copied(newsroom: Newsroom, visit: Open) -> None:
    desk = newsroom.publish(3)
    visited = visit(f"{newsroom.service.url}/embed")
    page = visited.page
    page.get_by_role("combobox", name="Kanal").select_option(desk.section)
    rows = page.frame_locator("iframe").locator("populer-list li a[href]")
    expect(rows).to_have_count(3)
    page.get_by_label("Jumlah").fill("2")
    page.get_by_label("Tema").select_option("compact")
    expect(rows).to_have_count(2)
    line = f'<populer-list list="populer" section="{desk.section}" theme="compact" limit="2"></populer-list>'
    expect(page.locator("#html")).to_contain_text(line)
    expect(page.locator("#react")).to_contain_text("limit={2}")
    assert f"section={desk.section}&theme=compact&limit=2" in page.url
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Salin: HTML").click()
    expect(page.get_by_role("status")).to_have_text("Tersalin.")
    assert line in page.evaluate("navigator.clipboard.readText()")
    page.reload()
    expect(rows).to_have_count(2)
    page.get_by_role("combobox", name="Daftar").select_option("update")
    expect(page.locator("#html")).to_contain_text('list="update"')
    assert page.evaluate("violations") == []


def test_what_is_opened_in_the_sample_is_not_counted(newsroom: Newsroom, visit: Open) -> None:
    desk = newsroom.publish(2)
    newsroom.stand.page(f"/berita/{desk.ids[0]}", "<p>Isi berita</p>")
    before = newsroom.counts(desk.ids[0])
    visited = visit(f"{newsroom.service.url}/embed?section={desk.section}")
    sent: list[str] = []
    visited.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    visited.page.frame_locator("iframe").locator("populer-list li a").first.click()
    expect(visited.page.locator("#html")).to_be_visible()
    visited.page.wait_for_load_state("networkidle")
    assert sent == []
    assert newsroom.counts(desk.ids[0]) == before


def test_without_a_script_the_button_shows_what_is_chosen(newsroom: Newsroom, visit: Open) -> None:
    visited = visit(f"{newsroom.service.url}/embed", java_script_enabled=False)
    visited.page.get_by_label("Tema").select_option("plain")
    visited.page.get_by_role("button", name="Tampilkan").click()
    expect(visited.page.locator("#html")).to_contain_text('theme="plain"')
