"""The Laravel example shows the service's list by a component, and an empty place where there is none."""

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx2
import pytest
from newsrooms import EXAMPLES, NASTY, NONSENSE, TITLES, Page, misbehaving, saying, silent
from service import Service

FOLDER = EXAMPLES / "laravel"
STUBS = EXAMPLES.parent / "tests" / "examples" / "laravel_stubs.php"


class Shown(NamedTuple):
    """What a component renders, and how often it asked the service."""

    html: str
    asked: int


Site = Callable[..., Shown]


@contextlib.contextmanager
def laravel(php: str, url: str) -> Iterator[Site]:
    """A site whose service is at `url`; call it with a component's arguments."""
    env = {**os.environ, "POPULER_TEST_URL": url, "POPULER_TEST_FOLDER": str(FOLDER)}
    with subprocess.Popen(
        [php, "-d", "display_errors=stderr", str(STUBS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def asked(forget: bool = False, script: dict[str, str] | None = None, **arguments: Any) -> Shown:
            what = {"list": arguments} if script is None else {"script": script}
            print(json.dumps({**what, "forget": forget}), file=process.stdin, flush=True)
            line = process.stdout.readline() if process.stdout else ""
            assert line, "PHP has ended: its error is above"
            return Shown(**json.loads(line))

        yield asked
        process.stdin.close()


def empty(html: str) -> bool:
    return html.rstrip().endswith("></populer-list>") and len(Page(html).elements) == 1


def test_it_is_php(php: str) -> None:
    checked = subprocess.run([php, "-l", str(FOLDER / "PopulerList.php")], capture_output=True, check=False)
    assert checked.returncode == 0


def test_the_script_names_the_article(php: str, service: Service) -> None:
    with laravel(php, service.url) as site:
        tags = [Page(site(script=given).html).of("script")[0] for given in ({"item": NASTY}, {})]
    assert [tag["data-item"] for tag in tags] == [NASTY, ""]
    assert tags[0]["src"] == f"{service.url}/populer.js"


def test_a_list_is_shown_as_the_service_has_it_and_asked_for_once(php: str, service: Service) -> None:
    with laravel(php, service.url) as site:
        first, again = site(theme="thumbs", live=True), site(theme="thumbs", live=True)
    page = Page(first.html)
    assert page.of("populer-list") == [{"list": "populer", "limit": "7", "theme": "thumbs", "live": None}]
    assert page.text_of("populer-link") == list(TITLES.values())
    assert (first.asked, again.asked, again.html) == (1, 0, first.html)


def test_the_open_article_is_left_out(php: str, service: Service) -> None:
    with laravel(php, service.url) as site:
        page = Page(site(limit=2, item="101").html)
    assert [each["data-id"] for each in page.of("li")] == ["102", "103"]


def test_attributes_are_escaped(php: str, service: Service) -> None:
    with laravel(php, service.url) as site:
        page = Page(site(list=NASTY, heading=NASTY).html)
    assert page.of("populer-list") == [{"list": NASTY, "limit": "7", "heading": NASTY}]
    assert {tag for tag, _ in page.elements} == {"populer-list"}


def test_with_the_service_away_the_last_list_stays_and_nobody_waits_twice(php: str, service: Service) -> None:
    away = threading.Event()
    content = httpx2.get(f"{service.url}/v1/lists/populer?format=html").content

    def sometimes(request: Any) -> None:
        if away.is_set():
            saying(b"", 503)(request)
        else:
            saying(content, content_type="text/html; charset=utf-8")(request)

    with misbehaving(sometimes) as url, laravel(php, url) as site:
        before = site()
        away.set()
        after, other = site(forget=True), site(list="update")
    assert len(Page(before.html).of("li")) == len(TITLES)
    assert (after.html, after.asked, other.asked) == (before.html, 1, 0)
    assert empty(other.html)


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_service_that_talks_nonsense_leaves_the_place_empty(php: str, answer: Any) -> None:
    with misbehaving(answer) as url, laravel(php, url) as site:
        assert empty(site().html)


def test_a_service_that_does_not_answer_is_waited_for_once(php: str) -> None:
    never = threading.Event()
    with misbehaving(silent(never)) as url, laravel(php, url) as site:
        first, again = site(), site()
        never.set()
    assert empty(first.html)
    assert (first.asked, again.asked) == (1, 0)
