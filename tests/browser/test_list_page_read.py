"""The page of a list in a browser: everybody can read it, and nothing in it runs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Desk, Newsroom, Visit
from playwright.sync_api import expect
from stand import Answer

Open = Callable[..., Visit]
SIZES = {"wide": {"width": 1280, "height": 900}, "phone": {"width": 360, "height": 740}}
HOSTILE = "</script><script>document.title='x'</script><img src=x onerror=alert(1)>"
TITLES = [
    "Uji Coba Kereta Lintas Selatan Pangkas Waktu Tempuh hingga Dua Jam",
    "Harga Cabai Rawit Turun Tajam",
    HOSTILE,
    "Hujan Lebat Diperkirakan Turun Tiga Hari, Warga Pesisir Diminta Bersiap Sejak Malam",
    "Kalimatyangtidakpernahberakhirdantidakmempunyaispasisamasekalisehinggatidakdapatdipenggal" * 2,
]


@pytest.fixture
def desk(newsroom: Newsroom) -> Desk:
    """Twelve articles with pictures; the first of them have awkward titles."""
    picture = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"><path fill="#1d5b8f" d="M0 0h4v3H0z"/></svg>'
    newsroom.stand.answers["/gambar.svg"] = Answer(picture, "image/svg+xml")
    image = f"{newsroom.stand.url}/gambar.svg"
    told = [{"title": title, "image": image} for title in TITLES] + [{} for _ in range(7)]
    return newsroom.publish(12, *told)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_it_fits_the_screen(
    newsroom: Newsroom, desk: Desk, visit: Open, scheme: str, size: str, tmp_path: Path
) -> None:
    url = f"{newsroom.service.url}/lists/populer"
    for name, address in (("section", f"{url}?section={desk.section}"), ("whole", url), ("missing", f"{url}-tiada")):
        visited = visit(address, color_scheme=scheme, viewport=SIZES[size])
        assert [each["id"] for each in Axe().run(visited.page).response["violations"]] == []
        assert visited.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert sum(visited.page.evaluate("shifts")) < 0.01
        folder = Path(os.environ.get("POPULER_SHOTS", tmp_path))
        visited.page.screenshot(path=folder / f"page-{name}-{scheme}-{size}.png", full_page=True)


def test_nothing_in_a_title_runs_and_the_policy_stops_nothing_of_the_page(
    newsroom: Newsroom, desk: Desk, visit: Open
) -> None:
    visited = visit(f"{newsroom.service.url}/lists/populer?section={desk.section}")
    assert visited.texts(".populer-link")[2] == HOSTILE
    assert visited.page.title() == f"Populer · {desk.section} · Populer"
    assert visited.violations() == []
    linked = visited.page.locator("script[type='application/ld+json']")
    assert HOSTILE in str(
        visited.page.evaluate("(text) => JSON.parse(text).itemListElement[2].name", linked.text_content())
    )
    assert visited.page.evaluate("getComputedStyle(document.querySelector('.populer-rows')).listStyleType") == "none"


def test_it_can_be_walked_by_keyboard(newsroom: Newsroom, visit: Open) -> None:
    """Every link has a name, is reached in the order in which it stands, and shows that it is."""
    desk = newsroom.publish(16)
    more = newsroom.publish(16)
    visited = visit(f"{newsroom.service.url}/lists/populer")
    page = visited.page
    tabs = page.get_by_role("navigation", name="Kanal")
    assert tabs.get_by_role("link", name="Semua", exact=True).get_attribute("aria-current") == "page"
    page.keyboard.press("Tab")
    expect(tabs.get_by_role("link").first).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tabs.get_by_role("link", name=desk.section, exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Populer · {desk.section}")
    rows = page.get_by_role("main").get_by_role("list").last
    expect(rows.get_by_role("listitem")).to_have_count(16)
    assert told_numbers(visited) == [str(number) for number in range(1, 17)]
    page.goto(f"{newsroom.service.url}/lists/populer")
    first = ids(visited)
    page.get_by_role("navigation", name="Halaman").get_by_role("link", name="Berikutnya").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Peringkat 21–")).to_be_visible()
    assert told_numbers(visited)[:2] == ["21", "22"]
    assert not set(first) & set(ids(visited))
    page.get_by_role("link", name="Sebelumnya").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Peringkat")).to_have_count(0)
    assert more.section in visited.texts(".page-tabs a")


def test_a_page_keeps_the_list_that_its_server_has_put_in_where_the_service_is_away(
    newsroom: Newsroom, desk: Desk, visit: Open
) -> None:
    """And where it is not, the element makes the same of it, with a link to the rest: it knows where the service is."""
    asked = newsroom.http.get("/v1/lists/populer", params={"format": "html", "section": desk.section, "limit": 5})
    element = f'<populer-list section="{desk.section}" limit="5" host="{{}}">{asked.text}</populer-list>'
    away = newsroom.stand.page("/tanpa", element.format("http://127.0.0.1:9/") + newsroom.script())
    visited = visit(away)
    visited.page.wait_for_function(
        "performance.getEntriesByType('resource').some(({ name }) => name.includes(':9/v1'))"
    )
    visited.page.wait_for_load_state("networkidle")
    assert visited.texts("populer-list .populer-link") == TITLES
    before = shape(visited)
    there = visit(newsroom.stand.page("/dengan", element.format(newsroom.service.url) + newsroom.script()))
    there.page.wait_for_load_state("networkidle")
    assert shape(there) == before


def ids(visited: Visit) -> list[str]:
    """The items of the page."""
    found: list[str] = visited.page.locator(".populer-item").evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
    return found


def told_numbers(visited: Visit) -> list[str]:
    """The ranks as a screen reader is told them."""
    tree = visited.context.new_cdp_session(visited.page).send("Accessibility.getFullAXTree")
    texts = [node["name"]["value"] for node in tree["nodes"] if node["role"]["value"] == "StaticText"]
    return [text for text in texts if text.isdigit()]


def shape(visited: Visit) -> list[str]:
    """Every element of the list with its class and its text, as far as it has one of its own."""
    found: list[str] = visited.page.evaluate(
        """[...document.querySelectorAll("populer-list :not(.populer-more)")].map((each) =>
             [each.tagName, each.className, each.getAttribute("role"), each.getAttribute("href"), each.dataset.id,
              each.children.length ? "" : each.textContent].join(" "))"""
    )
    return found
