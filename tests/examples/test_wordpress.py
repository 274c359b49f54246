"""The WordPress example shows the service's list escaped, waits for nobody, and tells the service what is published."""

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx2
import pytest
from newsrooms import EXAMPLES, NASTY, NONSENSE, TITLES, Page, listed, misbehaving, saying, silent
from service import Service, wait_until

FILE = EXAMPLES / "wordpress" / "populer.php"
STUBS = EXAMPLES.parent / "tests" / "examples" / "wordpress_stubs.php"
NOTHING = '<populer-list list="populer" limit="7"></populer-list>'


class Shown(NamedTuple):
    """What a page shows, and which requests it made of the service."""

    html: str
    remote: list[str]


Site = Callable[..., Shown]


@contextlib.contextmanager
def wordpress(php: str, url: str, key: str = "") -> Iterator[Site]:
    """A site whose service is at `url`; call it with what a page does."""
    env = {**os.environ, "POPULER_TEST_URL": url, "POPULER_TEST_KEY": key, "POPULER_TEST_FILE": str(FILE)}
    with subprocess.Popen(
        [php, "-d", "display_errors=stderr", str(STUBS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def asked(do: str, **given: Any) -> Shown:
            print(json.dumps({"do": do, **given}), file=process.stdin, flush=True)
            line = process.stdout.readline() if process.stdout else ""
            assert line, "PHP has ended: its error is above"
            return Shown(**json.loads(line))

        yield asked
        process.stdin.close()


def write_key(service: Service) -> str:
    keys = json.loads((service.data_dir / "keys.json").read_text())
    return str(keys["default"]["write"])


def test_it_is_php(php: str) -> None:
    assert subprocess.run([php, "-l", str(FILE)], capture_output=True, check=False).returncode == 0


def test_the_script_names_the_article_and_no_other_page(php: str, service: Service) -> None:
    with wordpress(php, service.url) as site:
        article, front, preview = site("head", item=101), site("head"), site("head", item=101, preview=True)
    tag = f'<script src="{service.url}/populer.js" async data-item="{{}}"></script>'
    assert [article.html, front.html, preview.html] == [tag.format("101"), tag.format(""), tag.format("")]


def test_a_list_is_shown_as_the_service_has_it_and_asked_for_once(php: str, service: Service) -> None:
    with wordpress(php, service.url) as site:
        first, again = site("shortcode"), site("shortcode", attributes={"limit": "7"})
    page = Page(first.html)
    assert page.of("populer-list") == [{"list": "populer", "limit": "7"}]
    assert [each["data-id"] for each in page.of("li")] == list(TITLES)
    assert page.text_of("populer-link") == list(TITLES.values())
    assert page.of("time")[0]["datetime"] == "2025-11-30T19:29:00Z"
    assert page.text_of("populer-time")[0] == "Senin, 01 Desember 2025 | 02:29"
    assert page.text_of("populer-heading") == ["Populer"]
    assert page.text_of("populer-more") == ["Selengkapnya"]
    assert [each["href"] for each in page.of("a")][:2] == ["https://news.example/101", "https://news.example/102"]
    assert (first.remote, again.remote) == (["GET"], [])


def test_nothing_that_the_service_says_becomes_markup(php: str) -> None:
    item = {"id": NASTY, "title": NASTY, "url": "javascript:bad()", "published_label": NASTY, "published_at": NASTY}
    answer = {
        "title": NASTY,
        "more_label": NASTY,
        "items": [item, None, 7, {"id": "b", "url": "data:text/html,x", "title": []}],
    }
    with misbehaving(saying(json.dumps(answer).encode())) as url, wordpress(php, url) as site:
        page = Page(site("shortcode", attributes={"list": NASTY, "theme": NASTY, "section": NASTY}).html)
    assert {tag for tag, _ in page.elements} == {"populer-list", "section", "h2", "ol", "li", "a", "time"}
    assert page.of("li")[0]["data-id"] == NASTY
    assert page.text_of("populer-link") == [NASTY, ""]
    assert [each.get("href", "") for each in page.of("a")][:2] == ["", ""]


def test_the_open_article_is_left_out_and_as_many_are_shown(php: str, service: Service) -> None:
    with wordpress(php, service.url) as site:
        shown = [site("shortcode", item=item, attributes={"limit": "3"}) for item in (0, 101, 104)]
    ids = [[each["data-id"] for each in Page(each.html).of("li")] for each in shown]
    assert ids == [["101", "102", "103"], ["102", "103", "104"], ["101", "102", "103"]]
    assert [each.remote for each in shown] == [["GET"], [], []], "all pages share one answer"


def test_a_widget_shows_it_and_its_form_is_escaped(php: str, service: Service) -> None:
    with wordpress(php, service.url) as site:
        shown = site("widget", attributes={"list": "populer", "limit": "2", "section": ""})
        form = Page(site("form", attributes={"list": NASTY}).html)
    page = Page(shown.html)
    assert shown.html.startswith("<aside><populer-list")
    assert len(page.of("li")) == 2
    assert form.of("input")[0]["value"] == NASTY


def test_with_the_service_away_the_last_list_stays_and_nobody_waits_twice(php: str, service: Service) -> None:
    with contextlib.ExitStack() as stack:
        up = threading.Event()
        answer = httpx2.get(f"{service.url}/v1/lists/populer?limit=8").content

        def sometimes(request: Any) -> None:
            saying(*((b"", 503) if up.is_set() else (answer, 200)))(request)

        site = stack.enter_context(wordpress(php, stack.enter_context(misbehaving(sometimes))))
        before = site("shortcode")
        up.set()
        after, again = site("shortcode", forget=True), site("shortcode", attributes={"list": "update"})
    body = before.html.partition("<li")[2]
    assert after.html.partition("<li")[2] == body != ""
    assert (after.remote, again.remote) == (["GET"], [])
    assert again.html == NOTHING.replace('"populer"', '"update"')


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_service_that_talks_nonsense_leaves_the_place_empty(php: str, answer: Any) -> None:
    with misbehaving(answer) as url, wordpress(php, url) as site:
        assert site("shortcode").html == NOTHING


def test_a_service_that_does_not_answer_is_waited_for_once(php: str) -> None:
    never = threading.Event()
    with misbehaving(silent(never)) as url, wordpress(php, url) as site:
        first, again = site("shortcode"), site("shortcode")
        never.set()
    assert (first.html, again.html) == (NOTHING, NOTHING)
    assert (first.remote, again.remote) == (["GET"], [])


def test_what_is_published_is_described_and_what_no_longer_is_taken_down(php: str, service: Service) -> None:
    post = {"ID": 901, "post_title": "Kopi &amp; <em>teh</em>", "post_status": "publish"}
    with wordpress(php, service.url, write_key(service)) as site, service.client() as client:
        drafted = site("save", posts=[{**post, "post_status": "draft"}])
        paged = site("save", posts=[{**post, "post_type": "page"}])
        published = site("save", posts=[post])
        found = client.get("/v1/items/901").json()
        assert (found["title"], found["section"]) == ("Kopi & teh", "Ekonomi")
        assert (found["url"], found["published_at"]) == ("https://news.example/?p=901", 1_764_530_940)
        client.post("/v1/events", json=[{"item": "901"}] * 200).raise_for_status()
        wait_until(lambda: listed(service.url)[0] == "901")
        withdrawn = site("save", posts=[{**post, "post_status": "trash"}, post])
        assert "901" not in listed(service.url)
        site("save", posts=[post, post])
        assert client.get("/v1/items/901").status_code == 404, "a change of what was taken down by another way"
        site("save", posts=[post, {**post, "post_status": "trash"}])
        assert client.get("/v1/items/901").status_code == 200
    assert [each.remote for each in (drafted, paged, published, withdrawn)] == [[], [], ["PUT"], ["DELETE"]]
