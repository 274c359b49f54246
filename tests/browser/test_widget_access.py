"""Everybody can use the lists: screen readers, keyboards, dark screens; and nothing jumps."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Desk, Newsroom, Visit, wait_until
from playwright.sync_api import Page, Route, expect
from stand import Answer

Open = Callable[..., Visit]
THEMES = ["numbered", "plain", "thumbs", "compact"]
SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
TITLES = [
    "Uji Coba Kereta Lintas Selatan Pangkas Waktu Tempuh hingga Dua Jam",
    "Harga Cabai Rawit Turun Tajam",
    "Hujan Lebat Diperkirakan Turun Tiga Hari, Warga Pesisir Diminta Bersiap Sejak Malam",
    "Resep Soto Bening Keluarga yang Cukup Dimasak Tiga Puluh Menit",
    "Gol Menit Akhir Antar Persada Muara ke Puncak Klasemen",
]
STYLE = """
body { margin: 0; padding: 1rem; background: #fff; color: #1b1b1b; font: 1rem/1.5 Arial, sans-serif }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 2rem }
@media (prefers-color-scheme: dark) { body { background: #101417; color: #e8ecee } }
"""
#: What the documentation says to write where a list stands above something else.
ROOM = "populer-list { display: block; min-height: 46rem }"
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


@pytest.fixture
def desk(newsroom: Newsroom) -> Desk:
    """Articles with titles of one, two and three lines, and pictures."""
    for number, colour in enumerate(["#1d5b8f", "#7a2e4d", "#2c6e49", "#b5460f", "#43429a"]):
        picture = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"><path fill="{colour}" d="M0 0h4v3H0z"/></svg>'
        )
        newsroom.stand.answers[f"/{number}.svg"] = Answer(picture.encode(), "image/svg+xml")
    told = [{"title": title, "image": f"{newsroom.stand.url}/{n}.svg"} for n, title in enumerate(TITLES)]
    return newsroom.publish(5, *told)


def front(newsroom: Newsroom, desk: Desk, *, room: str = "", below: str = "") -> str:
    """A page with a list of every theme."""
    one = '<populer-list section="{}" theme="{}" heading="{}" limit="5" more="/semua"></populer-list>'
    boxes = "".join(one.format(desk.section, theme, f"Populer {theme}") for theme in THEMES)
    newsroom.stand.answers["/gaya.css"] = Answer((STYLE + room).encode(), "text/css")
    head = '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/gaya.css">'
    return newsroom.stand.page("/", f"<main><h1>Uji</h1>{boxes}{below}</main>{newsroom.script()}", head=head)


def filled(visit: Visit) -> None:
    expect(visit.page.locator("populer-list time")).to_have_count(5 * len(THEMES))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_every_theme_is_pictured(
    newsroom: Newsroom, desk: Desk, visit: Open, scheme: str, size: str, tmp_path: Path
) -> None:
    visited = visit(front(newsroom, desk), color_scheme=scheme, viewport=SIZES[size])
    filled(visited)
    assert [each["id"] for each in Axe().run(visited.page).response["violations"]] == []
    folder = Path(os.environ.get("POPULER_SHOTS", tmp_path))
    for theme in THEMES:
        picture = visited.page.locator(f"populer-list[theme={theme}]").screenshot(
            path=folder / f"{theme}-{scheme}-{size}.png"
        )
        assert len(picture) > 2_000


def test_axe_finds_nothing_while_lists_are_on_their_way(newsroom: Newsroom, desk: Desk, visit: Open) -> None:
    address = front(newsroom, desk)
    visited = visit(address, prepare=lambda page: page.route("**/v1/lists*", lambda _: None))
    expect(visited.page.locator("populer-list li")).to_have_count(5 * len(THEMES))
    assert [each["id"] for each in Axe().run(visited.page).response["violations"]] == []


def test_dark_pages_get_colours_of_their_own_whatever_the_device_prefers(
    newsroom: Newsroom, desk: Desk, visit: Open
) -> None:
    accent = "(e) => getComputedStyle(e, '::before').color"
    visited = visit(front(newsroom, desk), color_scheme="dark")
    filled(visited)
    first = visited.page.locator("populer-list[theme=numbered] li").first
    found = {}
    for scheme in ("normal", "light", "dark", "light dark"):
        visited.page.evaluate("(scheme) => { document.documentElement.style.colorScheme = scheme }", scheme)
        found[scheme] = first.evaluate(accent)
    light, dark = "rgb(196, 22, 28)", "rgb(239, 83, 80)"
    assert found == {"normal": light, "light": light, "dark": dark, "light dark": dark}


def test_the_keyboard_reaches_every_entry_in_its_order(newsroom: Newsroom, desk: Desk, visit: Open) -> None:
    visited = visit(front(newsroom, desk))
    filled(visited)
    reached = []
    for _ in range(len(TITLES) + 1):
        visited.page.keyboard.press("Tab")
        reached.append(
            visited.page.evaluate(
                "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
            )
        )
    assert reached == [*TITLES, "Selengkapnya: Populer numbered"]


def test_screen_readers_are_told_lists_with_names(newsroom: Newsroom, desk: Desk, visit: Open) -> None:
    visited = visit(front(newsroom, desk))
    filled(visited)
    region = visited.page.get_by_role("region", name="Populer plain")
    told = region.aria_snapshot()
    assert told.splitlines()[0] == '- region "Populer plain":'
    assert '- heading "Populer plain" [level=2]' in told
    for title in TITLES:
        assert f'- link "{title}"' in told
    assert told.count("- time: Senin, 01 Desember 2025 | 02:29") == len(TITLES)


def test_each_row_can_be_clicked_as_a_whole(newsroom: Newsroom, desk: Desk, visit: Open) -> None:
    visited = visit(front(newsroom, desk))
    filled(visited)
    newsroom.stand.page(f"/berita/{desk.ids[1]}", "<p>Isi berita</p>")
    row = visited.page.locator("populer-list[theme=thumbs] li").nth(1)
    box = row.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    visited.page.mouse.click(box["x"] + 10, box["y"] + box["height"] - 5)
    visited.page.wait_for_url(f"**/{desk.ids[1]}")


def shifted(newsroom: Newsroom, desk: Desk, visit: Open, *, room: str, size: str) -> float:
    """How much of the page has jumped, as browsers count it (CLS), until late script and late lists have come."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    def hold(page: Page) -> None:
        page.route(re.compile(r"/populer\.js$|/v1/lists\?"), keep)

    address = front(newsroom, desk, room=room, below="<p>Di bawah daftar</p>")
    visited = visit(address, viewport=SIZES[size], prepare=hold, until="domcontentloaded")
    page = visited.page
    for arrived in (0, 5 * len(THEMES)):
        expect(page.locator("populer-list li")).to_have_count(arrived)
        page.evaluate(PAINTED)
        held.pop().continue_()
    filled(visited)
    page.evaluate(PAINTED)
    total: float = page.evaluate("shifts.reduce((sum, each) => sum + each, 0)")
    return total


@pytest.mark.parametrize("size", SIZES)
def test_nothing_jumps_when_script_and_lists_come_late(newsroom: Newsroom, desk: Desk, visit: Open, size: str) -> None:
    assert shifted(newsroom, desk, visit, room=ROOM, size=size) == 0
    assert shifted(newsroom, desk, visit, room="", size=size) > 0, "this test sees no jump at all"


def jumps(page: Page) -> int:
    """How often the page has jumped, once all of it is drawn."""
    page.screenshot()  # of a page whose clock is not the real one, its own frames say nothing
    page.evaluate(PAINTED)
    found: int = page.evaluate("shifts.length")
    return found


def test_nothing_jumps_when_a_list_changes(newsroom: Newsroom, desk: Desk, visit: Open) -> None:
    address = front(newsroom, desk, below="<p>Di bawah daftar</p>")
    visited = visit(address, viewport=SIZES["phone"], prepare=lambda page: page.clock.install())
    filled(visited)
    page = visited.page
    before = jumps(page)
    newsroom.read({desk.ids[-1]: 40})
    wait_until(lambda: newsroom.listed(desk.section)[0] == desk.ids[-1])
    page.clock.fast_forward(61_000)
    expect(page.locator("populer-list li a").first).to_have_text(TITLES[-1])
    page.clock.run_for(1_000)
    assert jumps(page) == before
