"""The newsroom's page for editors: its rooms by grade, its languages, finding articles, and giving them a place."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from conftest import SETTINGS, Desk, Newsroom, Visit
from playwright.sync_api import Page, expect
from service import Service, serving, wait_until
from test_ops import at, chosen, holds, move, sign_in, signed_in

from api.endpoints.ops_page import FOLDER

Open = Callable[..., Visit]
KEYS = {"admin": "admin-key-of-the-koran-1", "write": "write-key-of-the-koran-1", "editor": "sitis-key-of-the-koran-1"}
SITE = """
[[sites]]
id = "koran"
locale = "{locale}"
[sites.keys]
admin = "{admin}"
write = "{write}"
editor = {{ siti = "{editor}" }}
"""


@pytest.fixture
def desk(newsroom: Newsroom) -> Desk:
    return newsroom.publish(3)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "populer.toml"
    file.write_text(SETTINGS + SITE.format(locale="ms-MY", **KEYS))
    return file


@pytest.fixture
def own(tmp_path: Path, config: Path) -> Iterator[Service]:
    with serving(tmp_path / "data", "--config", str(config)) as started:
        yield started


def test_an_editor_enters_the_desk_and_an_admin_both_rooms_in_the_sites_language(own: Service, visit: Open) -> None:
    page = visit(f"{own.url}/ops#page=settings").page
    expect(page.locator("html")).to_have_attribute("lang", "ms")
    sign_in(page, KEYS["editor"])
    expect(page.locator("#live-title")).to_have_text("Disiarkan sekarang")
    expect(page.locator("#rooms")).to_be_hidden()
    expect(page.locator("#controls")).to_be_hidden()
    expect(page.locator("#pages a").first).to_have_text("Senarai")
    page.get_by_role("button", name="Log keluar").click()
    sign_in(page, KEYS["admin"])
    expect(page.locator("#rooms a")).to_have_text(["Editorial", "Perkhidmatan"])
    page.get_by_role("link", name="Perkhidmatan").click()
    expect(page.locator("#try-title")).to_have_text("Cuba tetapan lain")
    expect(page.locator("#live-title")).to_be_visible()


def test_the_switch_of_languages_keeps_the_page_and_the_key(own: Service, visit: Open) -> None:
    page = visit(f"{own.url}/ops").page
    sign_in(page, KEYS["admin"])
    page.get_by_role("link", name="Perkhidmatan").click()
    page.locator("#language").select_option("id")
    expect(page.locator("#try-title")).to_have_text("Coba setelan lain")
    expect(page.locator("html")).to_have_attribute("lang", "id")
    assert "lang=id" in page.url
    page.reload()
    expect(page.locator("#rooms a").first).to_have_text("Redaksi")


@pytest.mark.parametrize("language", ["id", "en", "ms"])
def test_no_page_shows_the_name_of_a_word_instead_of_the_word(
    service: Service, desk: Desk, visit: Open, language: str
) -> None:
    page = visit(at(service, desk, "lists", language)).page
    sign_in(page, service.admin_key)
    holds(page, "live", desk.ids)
    chosen(page, 0)
    texts = [page.locator("#item").inner_text()]
    page.keyboard.press("Escape")
    for name in ("settings", "state", "today", "ranges", "lists"):
        page.evaluate("name => { location.hash = `page=${name}` }", name)
        expect(page.locator("body")).to_have_attribute("data-page", name)
        texts.append(page.locator("body").inner_text())
    keys = set(re.findall(r'^  "([a-z_-]+\.[a-z_.-]+)":', (FOLDER / "words-en.js").read_text(), re.MULTILINE))
    shown = {found for text in texts for found in re.findall(r"[a-z_-]+\.[a-z_.-]+", text)}
    assert shown & keys == set()


# Finding


def find(page: Page, words: str, section: str = "", author: str = "") -> None:
    page.locator("#find-words").fill(words)
    page.locator("#find-section").fill(section)
    page.locator("#find-author").fill(author)
    page.locator("#find button").click()


def test_an_article_is_found_by_title_address_section_and_author(
    service: Service, newsroom: Newsroom, visit: Open
) -> None:
    desk = newsroom.publish(3, {"author": "Siti Rahma"}, {"title": "Harga Beras Naik"}, {})
    a, b, c = desk.ids
    page = signed_in(service, visit, desk)
    finds = page.locator("#finds li")
    find(page, "beras HARGA", section=desk.section)
    expect(finds).to_have_count(1)
    expect(finds.first).to_have_attribute("data-item", b)
    find(page, "", author="siti rahma", section=desk.section)
    expect(finds.first).to_have_attribute("data-item", a)
    find(page, f"{newsroom.stand.url}/berita/{c}?utm_source=x")
    expect(finds).to_have_count(1)
    expect(finds.first).to_have_attribute("data-item", c)
    find(page, "tidak ada berita begini")
    expect(page.locator("#find-says")).to_contain_text("No article has these words")
    expect(finds).to_have_count(0)


# What cannot be pinned


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_pin_that_cannot_be_is_refused_before_it_is_made_in_the_pages_language(
    service: Service, newsroom: Newsroom, visit: Open, language: str
) -> None:
    desk = newsroom.publish(2)
    later = f"{desk.section}-nanti"
    newsroom.http.put(
        "/v1/items",
        json=[{"id": later, "title": f"Embargo {later}", "section": desk.section, "published_at": 4_000_000_000}],
    )
    sent: list[str] = []
    page = visit(
        at(service, desk, "lists", language),
        prepare=lambda page: page.on("request", lambda asked: sent.append(asked.method)),
    ).page
    sign_in(page, service.admin_key)
    holds(page, "live", desk.ids)
    find(page, f"Embargo {later}")
    page.locator("#finds .handle").focus()
    page.keyboard.press("ArrowDown")
    words = {"id": "Berita ini belum terbit (embargo)", "en": "This article is not published yet"}
    expect(page.locator("#told")).to_contain_text(words[language])
    page.locator("#finds button.title").click()
    pin = page.locator('#item form[data-what="pin"]')
    expect(pin).to_contain_text(words[language])
    expect(pin.get_by_role("button")).to_be_disabled()
    page.keyboard.press("Escape")
    chosen(page, 0)
    pin.locator("[name=position]").fill("999")
    pin.get_by_role("button").click()
    message = pin.locator("[name=position]").evaluate("input => input.validationMessage")
    assert message.startswith({"id": "Daftar ini hanya punya 200 tempat", "en": "This list has 200 places"}[language])
    assert "PUT" not in sent


def test_a_refusal_of_the_service_is_said_in_the_pages_language(service: Service, desk: Desk, visit: Open) -> None:
    page = visit(at(service, desk, "lists", "id")).page
    sign_in(page, service.admin_key)
    holds(page, "live", desk.ids)
    chosen(page, 0)
    refusal = {"detail": "Item 'a' is blocked. Lift its block first.", "reason": "blocked"}
    page.route("**/pins/**", lambda route: route.fulfill(status=409, json=refusal))
    page.locator('#item form[data-what="pin"] button').click()
    expect(page.locator("#item .fault")).to_have_text(re.compile("^Berita ini diblokir"))
    other = {"title": "changed since", "detail": "The item has been changed since."}
    page.route("**/boosts/**", lambda route: route.fulfill(status=409, json=other))
    page.locator('#item form[data-what="boost"] button').click()
    expect(page.locator("#item form[data-what=boost] .fault")).to_contain_text("Sudah diubah lagi oleh orang lain")


# Places


def test_an_article_is_dragged_to_a_place_from_the_list_and_from_what_was_found(
    service: Service, newsroom: Newsroom, desk: Desk, visit: Open
) -> None:
    a, b, c = desk.ids
    new = f"{desk.section}-baru"
    newsroom.http.put("/v1/items", json=[{"id": new, "title": f"Berita {new}", "section": desk.section}])
    page = signed_in(service, visit, desk)
    page.locator("#live .handle").nth(2).drag_to(page.locator("#live li").nth(0))
    holds(page, "live", [c, a, b])
    expect(page.locator("#in-force")).to_contain_text("by admin")
    find(page, f"Berita {new}")
    page.locator("#finds .handle").drag_to(page.locator("#live li").nth(1))
    holds(page, "live", [c, new, a, b])
    page.locator("#told").get_by_role("button", name="Undo").click()
    holds(page, "live", [c, a, b])


def test_an_article_is_given_a_place_by_keyboard_and_escape_leaves_it(
    service: Service, desk: Desk, visit: Open
) -> None:
    a, b, c = desk.ids
    page = signed_in(service, visit, desk)
    page.locator("#live .handle").nth(2).focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#drag-says")).to_contain_text("Place 2")
    page.keyboard.press("Escape")
    holds(page, "live", [a, b, c])
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    holds(page, "live", [c, a, b])
    expect(page.locator("#told")).to_contain_text("Pinned at 1.")


def test_what_is_in_force_has_title_time_left_and_who_made_it(service: Service, desk: Desk, visit: Open) -> None:
    page = signed_in(service, visit, desk)
    chosen(page, 1)
    block = page.get_by_role("form", name="Block")
    block.locator("[name=until]").select_option("10800")
    block.get_by_role("button").click()
    line = page.locator("#in-force li").filter(has_text=f"Judul {desk.ids[1]}")
    expect(line).to_contain_text(re.compile(r"until .*, (3.h|2.h.59.min) left"))
    expect(line).to_contain_text("by admin")


# Settings that come into effect


def test_lines_that_are_pasted_are_said_to_be_in_effect_with_the_list_before_and_after(
    own: Service, config: Path, visit: Open
) -> None:
    key = {"authorization": f"Bearer {KEYS['write']}"}
    with httpx2.Client(base_url=own.url, headers=key, trust_env=False) as http:
        http.put("/v1/items", json=[{"id": each, "title": f"Judul {each}"} for each in "ab"]).raise_for_status()
        http.post("/v1/events", json=[{"item": "a"}, {"item": "a"}, {"item": "b"}]).raise_for_status()
        wait_until(lambda: len(http.get("/v1/lists/populer").json().get("items", [])) == 2)
    page = visit(at(own, page="settings")).page
    sign_in(page, KEYS["admin"])
    holds(page, "live", ["a", "b"])
    move(page, "Half-life", "6 h")
    expect(page.locator("#paste-where")).to_contain_text(f"Paste them into {config} on ")
    lines = page.locator("#toml").inner_text()
    config.write_text(f"{config.read_text()}\n{lines}\n")
    effect = page.locator("#effect")
    expect(effect).to_contain_text("In effect since", timeout=60_000)
    expect(effect.locator("ol").nth(0).locator("li")).to_have_count(2, timeout=60_000)
    expect(effect.locator("ol").nth(1).locator("li")).to_have_count(2, timeout=60_000)
    version = httpx2.get(f"{own.url}/v1/lists/populer", trust_env=False).json()["config_version"]
    expect(effect).to_contain_text(f"version {version}")
    expect(page.locator("#copy")).to_be_disabled()


def test_an_articles_page_has_its_title_why_it_is_there_and_what_can_be_said(
    service: Service, desk: Desk, visit: Open
) -> None:
    page = signed_in(service, visit, desk)
    chosen(page, 0)
    page.get_by_role("button", name="The article’s page").click()
    expect(page.locator("#article-title")).to_have_text(f"Judul {desk.ids[0]}")
    expect(page.locator("#article .why")).to_contain_text("At 1 of Populer")
    page.reload()
    expect(page.locator("#article-title")).to_have_text(f"Judul {desk.ids[0]}")
    page.get_by_role("form", name="Boost").get_by_role("button").click()
    expect(page.locator("#told")).to_contain_text("boost ×1.5")
    page.locator("#told").get_by_role("button", name="Undo").click()
    expect(page.locator("#told")).to_contain_text(
        "Undone."
    )  # a boost is of the whole site's list, which other tests see
    page.go_back()
    expect(page.locator("#live-title")).to_be_visible()


# Reports


def test_a_range_is_shown_by_what_is_chosen_saved_as_csv_and_found_again_by_its_address(
    service: Service, newsroom: Newsroom, visit: Open
) -> None:
    desk = newsroom.publish(2, {"author": "Siti Rahma"}, {"author": "Budi"})
    newsroom.read({desk.ids[0]: 200})
    wait_until(lambda: newsroom.first(desk.section)["views"] == 204)
    page = visit(at(service, desk, "ranges")).page
    sign_in(page, service.admin_key)
    rows = page.locator("#ranges tbody tr")
    expect(rows.filter(has_text=f"Judul {desk.ids[0]}").locator("td").nth(1)).to_have_text("204")
    page.get_by_role("button", name="Authors").click()
    expect(rows.filter(has_text="Siti Rahma")).to_have_count(1)
    expect(page.get_by_role("button", name="Authors")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("From", exact=True).fill("2020-01-01T00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#ranges")).to_contain_text("views")
    assert "from=2020-01-01T00%3A00" in page.url
    assert "by=author" in page.url
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    lines = Path(saved.value.path()).read_text().splitlines()
    assert lines[0] == "name,views,clicks"
    assert saved.value.suggested_filename.startswith("populer-author-")
    page.get_by_role("link", name="Link to this range").click()
    page.reload()
    expect(rows.filter(has_text="Siti Rahma")).to_have_count(1)
    page.get_by_role("button", name="Articles").click()
    rows.filter(has_text=f"Judul {desk.ids[0]}").get_by_role("button").click()
    expect(page.locator("#article-title")).to_have_text(f"Judul {desk.ids[0]}")


def test_a_range_that_cannot_be_is_said(service: Service, desk: Desk, visit: Open) -> None:
    page = visit(at(service, desk, "ranges") + "&from=2999-01-01&to=2999-01-02").page
    sign_in(page, service.admin_key)
    expect(page.locator("#ranges .fault")).to_contain_text("expected a moment")


def test_today_shows_reads_by_section_what_stands_in_no_list_and_clicks_by_place(
    service: Service, newsroom: Newsroom, visit: Open
) -> None:
    desk = newsroom.publish(2)
    before = time.time() - 1_200  # an hour's reads are those of buckets that are over
    views = [{"item": desk.ids[place], "ts": before} for place in (0, *[1] * 60)]
    click = {"item": desk.ids[0], "kind": "click", "source": "list:populer", "ts": before}
    clicks = [{**click, "position": place} for place in (1, 1, 2)]
    assert newsroom.http.post("/v1/events", json=[*views, *clicks]).json()["accepted"] == 64
    newsroom.http.put(f"/v1/blocks/{desk.ids[1]}", json={}, headers={"authorization": f"Bearer {service.admin_key}"})

    def told() -> bool:
        headers = {"authorization": f"Bearer {service.admin_key}"}
        found = httpx2.get(f"{service.url}/v1/reports/today", headers=headers, trust_env=False).json()
        is_read = desk.section in {each["name"] for each in found["sections"]}
        return is_read and desk.ids[1] in {each["id"] for each in found["unlisted"]}

    wait_until(told)
    page = visit(at(service, desk, "today")).page
    sign_in(page, service.admin_key)
    now = page.get_by_role("region", name="Reads now")
    expect(now.locator("tr").filter(has_text=desk.section)).to_have_count(1)
    expect(now).to_contain_text("a week ago")
    unlisted = page.get_by_role("region", name="Much read, in no list").locator("li").filter(has_text="Judul")
    expect(unlisted.filter(has_text=desk.ids[1]).first).to_contain_text("an editor has blocked it")
    expect(page.get_by_role("region", name="Do readers use the lists?")).to_contain_text("of the site’s views")


def test_an_articles_page_has_its_reads_by_hour_day_and_source(
    service: Service, newsroom: Newsroom, visit: Open
) -> None:
    desk = newsroom.publish(1)
    item = desk.ids[0]
    newsroom.http.post("/v1/events", json=[{"item": item, "source": "search"}] * 3).raise_for_status()
    wait_until(lambda: newsroom.first(desk.section)["views"] == 5)
    page = visit(at(service, desk, "item") + f"&id={item}").page
    sign_in(page, service.admin_key)
    history = page.get_by_role("region", name="How it was read")
    expect(history).to_contain_text("5 views and 0 clicks")
    expect(history.locator("tr").filter(has_text="search").locator("td").first).to_have_text("3")
    history.get_by_role("button", name="By day").click()
    expect(history.get_by_role("button", name="By day")).to_have_attribute("aria-pressed", "true")
    expect(history.get_by_role("img", name="5 views since its publication")).to_be_visible()
    with page.expect_download() as saved:
        history.get_by_role("button", name="Save as CSV").click()
    assert Path(saved.value.path()).read_text().startswith("from,views,clicks")


def test_an_address_that_is_followed_shows_the_list_and_section_that_it_names(
    service: Service, desk: Desk, visit: Open
) -> None:
    page = signed_in(service, visit, desk)
    page.evaluate("location.hash = 'page=lists&list=update'")
    update = page.get_by_role("button", name="UPDATE", exact=True)
    expect(update).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#section")).to_have_value("")
    page.go_back()
    expect(update).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#section")).to_have_value(desk.section)
    holds(page, "live", desk.ids)
