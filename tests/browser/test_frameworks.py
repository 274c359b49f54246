"""`<populer-list>` in what newsrooms build pages with: each article counts once, and the list asked for is shown."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import StandIn, Visit, wait_until
from playwright.sync_api import Page, expect
from stand import Answer, Stand

Open = Callable[..., Visit]
FOLDER = Path(__file__).parent / "frameworks"
BUNDLED = ("react", "preact", "vue", "svelte", "solid")
#: What is rendered by a server, too -> what the framework leaves on a root that it has hydrated.
HYDRATED = {"react": "__react", "vue": "__vue"}
#: A page that says nothing of itself is given half a second for it.
SETTLED_MS = 1000
#: Pages of a server whose links are followed without loading a page: what stands for the page around the list.
SWAPPED = {
    "htmx": ("htmx.org/dist/htmx.min.js", '<body hx-boost="true">'),
    "turbo": ("@hotwired/turbo/dist/turbo.es2017-umd.js", "<body>"),
}


@pytest.fixture(scope="session")
def modules() -> Path:
    """Where npm has put what the apps are made of."""
    found = Path(os.environ.get("POPULER_FRAMEWORKS", "node_modules"))
    if shutil.which("node") is None or not (found / "esbuild").is_dir():
        pytest.skip("there is no Node with the frameworks here: make test-browser with nodejs and npm installed")
    return found.resolve()


@pytest.fixture(scope="session")
def bundles(modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle for each app."""
    source = tmp_path_factory.mktemp("frameworks")
    shutil.copytree(FOLDER, source, dirs_exist_ok=True)
    (source / "node_modules").symlink_to(modules)
    subprocess.run(["node", "build.mjs", "out"], cwd=source, check=True, timeout=300)
    return source / "out"


def shows(page: Page, *titles: str) -> None:
    expect(page.locator("populer-list li a")).to_have_text([f"Judul {title}" for title in titles])


def has_read(page: Page, standin: StandIn, *paths: str) -> None:
    """Return once the stand-in got these views; the browser goes on meanwhile."""
    wait_until(lambda: page.evaluate("true") and read_articles(standin) == [*paths], 20)


def read_articles(standin: StandIn) -> list[str]:
    """The paths of the views that the stand-in got."""
    return [urlsplit(str(event["url"])).path for event in standin.events() if "url" in event]


def changes_sites(page: Page, standin: StandIn, follow: Callable[[], Any]) -> None:
    """From /bola to /tekno and back: the list is that of the article's site, and each read is counted."""
    shows(page, "bola 1", "bola 2")
    has_read(page, standin, "/bola")
    follow()
    shows(page, "tekno 1", "tekno 2", "tekno 3")
    has_read(page, standin, "/bola", "/tekno")
    follow()
    shows(page, "bola 1", "bola 2")
    expect(page.locator(".populer-more")).to_have_text("Semua")
    page.wait_for_timeout(SETTLED_MS)
    assert read_articles(standin) == ["/bola", "/tekno"], "one page has counted an article again"


@pytest.mark.parametrize("framework", BUNDLED)
def test_single_page_apps_show_the_list_asked_for(
    bundles: Path, site: Stand, lists_of_sites: StandIn, visit: Open, framework: str
) -> None:
    site.answers["/app.js"] = Answer((bundles / f"{framework}.js").read_bytes(), "text/javascript")
    body = f'<div id="app"></div>{lists_of_sites.tag()}<script defer src="/app.js"></script>'
    page = visit(site.page("/bola", body)).page
    changes_sites(page, lists_of_sites, page.get_by_role("button", name="next").click)


@pytest.mark.parametrize(("framework", "mark"), HYDRATED.items())
def test_rendered_pages_hydrate_a_list_that_has_filled_itself(
    bundles: Path, site: Stand, lists_of_sites: StandIn, visit: Open, framework: str, mark: str
) -> None:
    site.answers["/app.js"] = Answer((bundles / f"{framework}.js").read_bytes(), "text/javascript")
    body = f'<div id="app" data-rendered></div>{lists_of_sites.tag()}<script defer src="/app.js"></script>'
    said: list[str] = []

    def listening(page: Page) -> None:
        page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))

    page = visit(site.page("/bola", body), prepare=listening).page
    page.wait_for_function("(mark) => Object.keys(app).some((key) => key.startsWith(mark))", arg=mark)
    changes_sites(page, lists_of_sites, page.get_by_role("button", name="next").click)
    assert said == []


@pytest.mark.parametrize("framework", SWAPPED)
def test_pages_whose_body_is_swapped_show_the_list_asked_for(
    modules: Path, site: Stand, lists_of_sites: StandIn, visit: Open, framework: str
) -> None:
    script, body = SWAPPED[framework]
    site.answers["/framework.js"] = Answer((modules / script).read_bytes(), "text/javascript")
    head = f'<meta charset="utf-8"><script src="/framework.js"></script>{lists_of_sites.tag()}'
    for name, other, limit in (("bola", "tekno", 2), ("tekno", "bola", 3)):
        element = f'<populer-list site="{name}" limit="{limit}" more-label="Semua"></populer-list>'
        content = (
            f'<!doctype html><html><head><title>{name}</title>{head}</head>{body}<a href="/{other}">next</a>{element}'
        )
        site.answers[f"/{name}"] = Answer(f"{content}</body></html>".encode())
    page = visit(f"{site.url}/bola").page
    changes_sites(page, lists_of_sites, page.get_by_role("link", name="next", exact=True).click)
    assert sum(path == "/framework.js" for path in site.asked) == 1, "the page was loaded anew"
