"""Next and Astro as newsrooms run them: an article counts once in a page, and the list asked for is shown."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from conftest import StandIn, Visit, ended, wait_until
from playwright.sync_api import Page, Route, expect
from ports import free_ports
from stand import Answer, Stand
from test_frameworks import SETTLED_MS, shows

Open = Callable[..., Visit]
#: Where the Astro pages, which are files, say that the script is.
PLACEHOLDER = b"http://populer.example/"
UNDRIVEN = "Object.defineProperty(navigator, 'webdriver', { get: () => false })"
HYDRATED = "Object.keys(document.querySelector('main a')).some((key) => key.startsWith('__react'))"
START_S = 60.0


def app(name: str) -> Path:
    """The folder where an app is built."""
    found = Path(os.environ.get("POPULER_APPS", "apps"), name)
    if shutil.which("node") is None or not (found / "built").exists():
        pytest.skip(f"there is no {name} app here: make test-frameworks with nodejs and npm installed")
    return found.resolve()


@contextmanager
def next_server(folder: Path, mode: str, service: str) -> Iterator[str]:
    """The Next app, asking `service` for lists, until the block ends; its address."""
    (port,) = free_ports(1)
    command = ["node", "node_modules/next/dist/bin/next", mode, "--hostname", "127.0.0.1", "--port", str(port)]
    settings = {**os.environ, "POPULER_URL": service, "NEXT_TELEMETRY_DISABLED": "1"}
    process = subprocess.Popen(command, cwd=folder, env=settings, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: process.poll() is not None or is_ready(port), START_S)
        assert process.poll() is None, "Next has ended: its error is above"
        yield f"http://localhost:{port}"
    finally:
        ended(process)


def is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/bola", timeout=10).is_success
    except httpx2.TransportError:
        return False


def read_items(standin: StandIn) -> list[str]:
    """The items of the views that the stand-in got."""
    return [str(event.get("item", event)) for event in standin.events()]


def walks(visit: Open, standin: StandIn, address: str, scripts: str, ready: str) -> None:
    """From /bola by a link to /tekno, back, forward and by a link to /bola, in one page and without a warning.

    The framework's `scripts` come once the list has filled itself; `ready` says when links are the router's.
    """
    said: list[str] = []
    held: list[Route] = []

    def hold(route: Route) -> None:  # the driver takes no method of a list
        held.append(route)

    def prepared(page: Page) -> None:
        page.add_init_script(UNDRIVEN)
        page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
        page.route(scripts, hold)
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))

    def shows_bola() -> None:
        expect(page.locator("h1")).to_have_text("bola")
        shows(page, "bola 1", "bola 2")

    def shows_tekno() -> None:
        expect(page.locator("h1")).to_have_text("tekno")
        shows(page, "tekno 1", "tekno 2", "tekno 3")

    def has_read(*items: str) -> None:
        wait_until(lambda: page.evaluate("true") and read_items(standin) == [*items], 60)

    page = visit(f"{address}/bola", prepare=prepared, until="commit").page
    shows_bola()
    page.evaluate("window.same = true")
    page.unroute(scripts)
    for each in held:
        each.continue_()
    page.wait_for_load_state("load")
    page.wait_for_function(ready)
    has_read("bola")
    page.get_by_role("link", name="next", exact=True).click()
    shows_tekno()
    has_read("bola", "tekno")
    page.go_back()
    shows_bola()
    page.go_forward()
    shows_tekno()
    page.get_by_role("link", name="next", exact=True).click()
    shows_bola()
    page.wait_for_timeout(SETTLED_MS)
    assert read_items(standin) == ["bola", "tekno"], "one page has counted an article again"
    assert page.evaluate("window.same"), "the page was loaded anew"
    assert said == []


@pytest.mark.parametrize("mode", ["start", "dev"])  # what readers get; what warns of all that hydration finds
def test_next_renders_hydrates_and_counts(lists_of_sites: StandIn, visit: Open, mode: str) -> None:
    folder = app("next")
    rendered = b'<section><ol><li><a href="/x">Judul dari server</a></li></ol></section>'
    lists_of_sites.stand.answers["/v1/lists/populer"] = Answer(rendered)
    with next_server(folder, mode, lists_of_sites.url) as address:
        assert "Judul dari server" in httpx2.get(f"{address}/bola").text
        walks(visit, lists_of_sites, address, "**/_next/static/**/*.js*", HYDRATED)


def test_astro_with_its_client_router_counts(site: Stand, lists_of_sites: StandIn, visit: Open) -> None:
    pages = app("astro") / "dist"
    for each in pages.rglob("*"):
        if each.is_file():
            kind = "text/javascript" if each.suffix == ".js" else "text/html; charset=utf-8"
            path = "/" + each.relative_to(pages).as_posix().removesuffix("/index.html")
            content = each.read_bytes().replace(PLACEHOLDER, f"{lists_of_sites.url}/".encode())
            site.answers[path] = Answer(content, kind)
    walks(visit, lists_of_sites, site.url, "**/_astro/*.js", "true")
