"""Everybody can work with the ops page: keyboards, screen readers, phones, dark screens."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import FIXED, SETTINGS, Desk, Newsroom, Visit
from playwright.sync_api import Page, expect
from service import Service, serving, wait_until
from test_ops import at, chosen, holds, in_store, move, sign_in, signed_in, spoken

from ranking.settings.learned import LearnedSetting, Trial, Tuned

Open = Callable[..., Visit]
SIZES: dict[str, Any] = {"desktop": {"width": 1360, "height": 900}, "phone": {"width": 360, "height": 780}}
TITLES = [
    "Uji Coba Kereta Lintas Selatan Pangkas Waktu Tempuh hingga Dua Jam",
    "Harga Cabai Rawit Turun Tajam",
    "Sebuahkatayangtidakpernahberakhirdantidakdapatdipenggaldimanapunjugaolehperamban",
]


@pytest.fixture
def desk(newsroom: Newsroom) -> Desk:
    return newsroom.publish(3, *({"title": title} for title in TITLES))


def found_by_axe(page: Page) -> list[str]:
    return [each["id"] for each in Axe().run(page).response["violations"]]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_the_page_is_pictured(
    service: Service, desk: Desk, visit: Open, scheme: str, size: str, tmp_path: Path
) -> None:
    folder = Path(os.environ.get("POPULER_SHOTS", tmp_path))
    address = at(service, desk, "settings")
    page = visit(address, color_scheme=scheme, viewport=SIZES[size], reduced_motion="reduce").page
    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    assert found_by_axe(page) == []
    sign_in(page, service.admin_key)
    holds(page, "live", desk.ids)
    page.get_by_text("More settings").click()
    move(page, "Half-life", "6 h")
    holds(page, "proposed", desk.ids)
    assert found_by_axe(page) == []
    assert len(page.screenshot(path=folder / f"ops-{scheme}-{size}.png", full_page=True)) > 10_000
    chosen(page, 0)
    assert found_by_axe(page) == []
    page.keyboard.press("Escape")
    for link in ("Desk", "Service"):
        room = page.locator("#rooms").get_by_role("link", name=link)
        room.click()
        expect(room).to_have_attribute("aria-current", "page")
        for other in range(page.locator("#pages a").count()):
            page.locator("#pages a").nth(other).click()
            expect(page.locator("#pages a").nth(other)).to_have_attribute("aria-current", "page")
            expect(page.locator("#desk h2:visible").first).to_be_visible()
            assert found_by_axe(page) == [], f"{link} {other}"


def test_axe_finds_nothing_where_something_is_wrong(service: Service, desk: Desk, visit: Open) -> None:
    page = visit(at(service)).page
    sign_in(page, "of-nobody-at-all-really")
    expect(page.locator("#sign-in-fault")).not_to_be_empty()
    assert found_by_axe(page) == []
    sign_in(page, service.admin_key)
    expect(page.locator("#desk")).to_be_visible()
    page.route("**/v1/**", lambda route: route.abort())
    expect(page.locator("#trouble")).to_be_visible()
    assert found_by_axe(page) == []


def test_axe_finds_nothing_where_an_alarm_and_evidence_are_shown(visit: Open, tmp_path: Path) -> None:
    config = tmp_path / "populer.toml"
    config.write_text(SETTINGS + FIXED)
    folder = Path(os.environ.get("POPULER_SHOTS", tmp_path))
    with serving(tmp_path / "data", "--config", str(config)) as own, own.client() as http:
        now = time.time()
        trials = tuple(
            Trial(3600.0 * hours, 0.8 - 0.02 * hours, 3.0 - 0.4 * hours, (0.78 - 0.02 * hours, 0.82 - 0.02 * hours))
            for hours in range(1, 7)
        )
        nights = [
            Tuned(
                "populer", now - 86_400 * ago, LearnedSetting(7200.0, 0.0), LearnedSetting(3600.0, now), ago == 1,
                "half_life = 1h catches 78 %, 2h caught 76 %.", horizon_s=3600.0, step_s=3600.0, k=7,
                first=now - 14 * 86_400, steps=300, days=14, trials=trials,
            )
            for ago in (2, 1)
        ]  # fmt: skip
        for night in nights:
            in_store(own, lambda store, night=night: store.findings.note("default", night))  # type: ignore[misc]
        http.put("/v1/items", json=[{"id": "a", "title": TITLES[0], "section": "Nasional"}])
        http.post("/v1/events", json=[{"item": "a"}] * 3)
        wait_until(lambda: bool(http.get("/v1/lists/populer").json().get("items")))
        config.write_text('[lists.populer]\nhalf_life = "soon"\n')
        wait_until(lambda: b"config_refused" in http.get("/readyz").content)
        page = visit(at(own, page="settings"), reduced_motion="reduce").page
        sign_in(page, own.admin_key)
        expect(page.locator("#alarms")).to_contain_text("lists.populer.half_life")
        expect(page.locator("#evidence circle.dot")).to_have_count(len(trials))
        expect(page.locator("#live li")).to_have_count(1)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.locator("#pages a").nth(int(scheme == "dark")).click()
            assert found_by_axe(page) == []
            page.screenshot(path=folder / f"ops-alarm-{scheme}.png", full_page=True)


@pytest.mark.parametrize("width", [320, 360, 768, 1360])
def test_nothing_is_wider_than_the_screen(service: Service, desk: Desk, visit: Open, width: int) -> None:
    page = visit(at(service, desk, "settings"), viewport={"width": width, "height": 780}).page
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= width
    sign_in(page, service.admin_key)
    holds(page, "live", desk.ids)
    page.get_by_text("More settings").click()
    move(page, "Half-life", "6 h")
    holds(page, "proposed", desk.ids)
    assert page.evaluate(wide) <= width
    chosen(page, 2)
    assert page.evaluate(wide) <= width
    dialog = page.locator("#item")
    assert dialog.evaluate("dialog => dialog.scrollWidth - dialog.clientWidth") <= 0
    dialog.get_by_role("button", name="The article’s page").click()
    expect(page.locator("#article .says-what")).to_be_visible()
    assert page.evaluate(wide) <= width
    for name in ("lists", "today", "ranges", "state"):
        page.evaluate("name => { location.hash = `page=${name}` }", name)
        expect(page.locator("body")).to_have_attribute("data-page", name)
        assert page.evaluate(wide) <= width


def test_on_a_phone_what_waits_behind_is_a_touch_away(service: Service, newsroom: Newsroom, visit: Open) -> None:
    desk = newsroom.publish(9)
    page = signed_in(service, visit, desk, viewport=SIZES["phone"])
    last = page.locator("#live li").nth(8)
    expect(last).to_be_hidden()
    page.locator("#live ~ .behind").click()
    expect(last).to_be_visible()


def test_all_of_it_can_be_done_by_keyboard(service: Service, desk: Desk, visit: Open) -> None:
    page = visit(at(service, desk, "settings")).page
    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    page.keyboard.type(service.admin_key)
    page.keyboard.press("Enter")
    holds(page, "live", desk.ids)

    def tab_to(what: str, name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent || document.activeElement.id").strip() == name:
                return
        raise AssertionError(f"the keyboard never came to {what}")

    tab_to("the half-life", "set-half_life")
    page.keyboard.press("ArrowRight")
    holds(page, "proposed", desk.ids)
    tab_to("an item", TITLES[1])
    page.keyboard.press("Enter")
    expect(page.locator("#item")).to_be_visible()
    expect(page.locator("#item .why")).to_be_visible()
    tab_to("the pin", "Pin")
    page.keyboard.press("Enter")
    holds(page, "live", [desk.ids[1], desk.ids[0], desk.ids[2]])
    tab_to("the undo", "Undo")
    page.keyboard.press("Enter")
    holds(page, "live", desk.ids)


def test_a_slider_goes_from_one_span_that_people_choose_to_the_next(service: Service, desk: Desk, visit: Open) -> None:
    page = signed_in(service, visit, desk, "settings")
    slider = page.get_by_label("Half-life", exact=True)
    slider.focus()
    said = []
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        said.append(spoken(slider))
    assert said == ["2 h 30 min", "3 h", "4 h", "5 h", "6 h"]


def test_who_reads_on_keeps_the_place_when_the_list_moves(
    service: Service, newsroom: Newsroom, desk: Desk, visit: Open
) -> None:
    page = signed_in(service, visit, desk)
    page.locator("#live button.title").nth(2).focus()
    newsroom.read({desk.ids[2]: 40})
    holds(page, "live", [desk.ids[2], desk.ids[0], desk.ids[1]])
    expect(page.locator("#live button.title").first).to_be_focused()


def test_screen_readers_are_told_names_moves_and_lines(service: Service, desk: Desk, visit: Open) -> None:
    page = signed_in(service, visit, desk, "settings")
    expect(page.get_by_role("list", name="Live now")).to_be_visible()
    expect(page.get_by_role("region", name="Try other settings")).to_be_visible()
    first = page.locator("#live li").first
    expect(first.get_by_role("img")).to_have_accessible_name("6 views in 6 h, 6 in the last hour")
    expect(first.locator(".move")).to_contain_text("against 1 h ago")
    expect(page.get_by_role("button", name="Populer", exact=True)).to_have_attribute("aria-pressed", "true")
