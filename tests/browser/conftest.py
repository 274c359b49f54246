"""A real service, a newsroom on another origin, and Chromium that reads its pages. `make test-browser` runs these."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from servers import counts_by_bucket, opened
from stand import Answer, Stand

from api.endpoints.embed import element, script
from ranking.store.embedded.data_dir import socket_url

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import Service, serving, wait_until

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Chromium without a head says so, and is a robot to the service.
READER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
#: What a driven browser reads counts where the site says so.
DRIVEN = 'data-webdriver="count"'
#: Every event counts, so that one too many is seen.
SETTINGS = """
[ingest]
dedupe_window = "0s"
network_allowance = 0
kinds = ["view", "click", "engaged"]
[refresh]
every = "1s"
"""
#: A half-life that no night and no traffic moves.
FIXED = """
[lists.populer]
half_life = "2h"
"""
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (told) => violations.push(told.violatedDirective + " " + told.blockedURI));
window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach((entry) => shifts.push(entry.value)))
  .observe({ type: "layout-shift", buffered: true });
"""
numbers = count(1)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        no_browser = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        no_browser("no Chromium here: apt-get install chromium, or name one in CHROMIUM")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp") as folder:
        config = Path(folder, "populer.toml")
        config.write_text(SETTINGS + FIXED)
        with serving(Path(folder, "data"), "--config", str(config)) as started:
            yield started


@dataclass
class Desk:
    """Articles of one section: their ids, the most read first, and the pages that they are read on."""

    section: str
    ids: list[str]


@dataclass
class Newsroom:
    """A site that embeds the service's script."""

    service: Service
    stand: Stand
    http: httpx2.Client

    def script(self, attributes: str = "") -> str:
        """The tag that embeds the script."""
        return f'<script async src="{self.service.url}/populer.js" {DRIVEN} {attributes}></script>'

    def publish(self, size: int, *of_each: dict[str, Any], **of_all: Any) -> Desk:
        """Describe so many articles of a section of their own, have them read, and return once they are listed."""
        section = f"kanal-{next(numbers)}"
        ids = [f"{section}-{letter}" for letter in "abcdefghijklmnop"[:size]]
        items = [
            {
                "id": each,
                "title": f"Judul {each}",
                "url": f"{self.stand.url}/berita/{each}",
                "section": section,
                "published_at": 1_764_530_940,
                **of_all,
                **(of_each[place] if of_each else {}),
            }
            for place, each in enumerate(ids)
        ]
        self.http.put("/v1/items", json=items).raise_for_status()
        self.read({each: 2 * (size - place) for place, each in enumerate(ids)})
        wait_until(lambda: self.listed(section) == ids)
        return Desk(section, ids)

    def read(self, views: dict[str, int]) -> None:
        """Have articles read so often."""
        events = [{"item": item} for item, times in views.items() for _ in range(times)]
        assert self.http.post("/v1/events", json=events).json()["accepted"] == len(events)

    def listed(self, section: str, name: str = "populer") -> list[str]:
        """The ids of a section's list."""
        answer = self.http.get(f"/v1/lists/{name}", params={"section": section, "limit": 100})
        return [item["id"] for item in answer.json().get("items", [])]

    def first(self, section: str, place: int = 0) -> dict[str, Any]:
        """An entry of a section's list, by its place from 0."""
        found: dict[str, Any] = self.http.get("/v1/lists/populer", params={"section": section}).json()["items"][place]
        return found

    def counts(self, item: str) -> dict[str, int]:
        """What the store has counted of an item, by kind, list and position."""
        with ThreadPoolExecutor(1) as thread:  # the browser's driver has a loop of its own in ours
            found = thread.submit(lambda: asyncio.run(self._counts())).result()
        return {name.rpartition("|")[0]: n for name, n in found.items() if name.rpartition("|")[2] == item}

    async def _counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        async with opened(socket_url(self.service.data_dir)) as store:
            for (_, name), times in (await counts_by_bucket(store, "default")).items():
                found[name] = found.get(name, 0) + times
        return found


@pytest.fixture
def newsroom(service: Service) -> Iterator[Newsroom]:
    with Stand() as stand, service.client() as http:
        yield Newsroom(service, stand, http)


@dataclass
class StandIn:
    """In the service's place: the same script, and what a test makes of the rest."""

    stand: Stand

    def __post_init__(self) -> None:
        scripts = {"/populer.js": script(), "/begun/populer.js": script(True)}
        for path, asset in {**scripts, f"/populer-list.{element().name}.js": element()}.items():
            self.stand.answers[path] = Answer(asset.content, asset.media_type)

    @property
    def url(self) -> str:
        """By the name that the newsroom does not have."""
        return self.stand.url.replace("localhost", "127.0.0.1")

    def tag(self, attributes: str = "", script: str = "/populer.js") -> str:
        """The tag that embeds the script."""
        return f'<script async src="{self.url}{script}" {DRIVEN} {attributes}></script>'

    def events(self) -> list[dict[str, Any]]:
        """The events it was told, without the visitor, the page and where the visit began."""
        own = ("visitor", "page", "ref")
        return [{name: value for name, value in told.body.items() if name not in own} for told in self.stand.told]

    def pages(self) -> list[str | None]:
        """Where the events say that they were read."""
        return [told.body.get("page") for told in self.stand.told]

    def visitors(self) -> list[str | None]:
        """The visitors of the events."""
        return [told.body.get("visitor") for told in self.stand.told]


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with Stand() as stand:
        yield StandIn(stand)


@pytest.fixture
def site() -> Iterator[Stand]:
    """The newsroom's server, where no service is needed."""
    with Stand() as stand:
        yield stand


@pytest.fixture
def lists_of_sites(standin: StandIn) -> StandIn:
    """The stand-in answers each site with a list of its own, of three articles."""

    def answer() -> Answer:
        asked = next(path for path in reversed(standin.stand.asked) if path.startswith("/v1/lists?"))
        query = parse_qs(urlsplit(asked).query)
        names = [f"{query.get('site', ['koran'])[0]} {number}" for number in range(1, int(query["limit"][0]))]
        items = [{"id": name, "title": f"Judul {name}", "url": f"/berita/{name}"} for name in names]
        populer = {"list": "populer", "title": "Populer", "more_label": "Selengkapnya", "items": items}
        return Answer(json.dumps({"lists": {"populer": populer}}).encode(), "application/json")

    standin.stand.answers["/v1/lists"] = answer
    return standin


@dataclass
class Visit:
    """A page that somebody looks at, and what went wrong on it."""

    page: Page
    context: BrowserContext
    errors: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        """What the page's Content-Security-Policy has stopped."""
        return list(self.page.evaluate("window.violations"))

    def texts(self, selector: str) -> list[str]:
        return self.page.locator(selector).all_inner_texts()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens pages, each as a reader of its own; a page that has thrown fails its test."""
    visits: list[Visit] = []

    def opened_page(
        url: str, *, prepare: Callable[[Page], object] = lambda _: None, until: Any = "load", **options: Any
    ) -> Visit:
        context = browser.new_context(**{"user_agent": READER, **options})
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(15_000)
        found = Visit(page, context)
        page.on("pageerror", lambda error: found.errors.append(str(error)))
        page.on("console", lambda line: found.reasons.append(line.text) if line.text.startswith("populer: ") else None)
        visits.append(found)
        prepare(page)
        page.goto(url, wait_until=until)
        return found

    yield opened_page
    for each in visits:
        each.context.close()
    assert [each.errors for each in visits if each.errors] == []


@pytest.fixture
def undriven(chromium: str) -> Iterator[Callable[[str], None]]:
    """Opens a page in a Chromium that nobody drives: a driver's pages are always visible, and never prerendered."""
    with contextlib.ExitStack() as stack:

        def start(url: str) -> None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            options = ["--headless", f"--user-data-dir={folder}", f"--user-agent={READER}", "--disable-popup-blocking"]
            process = subprocess.Popen(
                [chromium, *ARGUMENTS, *options, url],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            stack.callback(partial(ended, process))

        yield start


def ended(process: subprocess.Popen[bytes]) -> None:
    """Return once a program has ended."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
