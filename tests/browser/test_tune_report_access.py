"""Everybody can use the report of a tuning: it fits a phone, axe finds nothing, and the keyboard moves its slider."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from tuned_site import html_of, tuning

SIZES = {"wide": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html_of(tuning(presets=["jetpack", "guardian", "mastodon"], own=True)), encoding="utf-8")
    return path


def opened(browser: Browser, report: Path, size: str, scheme: str) -> tuple[Page, list[str]]:
    """The report as a file, and what it asked for and complained of."""
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(report.as_uri())
    return page, told


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_report_that_fits_its_screen(
    browser: Browser, report: Path, size: str, scheme: str, tmp_path: Path
) -> None:
    page, told = opened(browser, report, size, scheme)
    for each in page.locator("summary").all():
        each.click()
    assert [each["id"] for each in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert told == [report.as_uri()], "and nothing was asked for but the file"
    folder = Path(os.environ.get("POPULER_SHOTS", tmp_path))
    assert len(page.screenshot(path=folder / f"report-{scheme}-{size}.png", full_page=True)) > 20_000
    page.close()


def test_the_keyboard_goes_from_one_moment_to_the_next(browser: Browser, report: Path) -> None:
    page, told = opened(browser, report, "wide", "light")
    slider, label = page.get_by_role("slider", name="Moment"), page.locator("#moment-label")
    slider.focus()
    slider.press("Home")
    first = label.inner_text()
    slider.press("ArrowRight")
    expect(label).not_to_have_text(first)
    expect(slider).to_have_attribute("aria-valuetext", label.inner_text())
    expect(page.locator("[data-column] ol").first.locator("li")).to_have_count(5)
    assert told == [report.as_uri()]
    page.close()
