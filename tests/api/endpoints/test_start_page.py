"""`/` says what runs and what to do next; `/embed` makes the lines for a page, whatever it is asked for."""

from collections.abc import Awaitable, Callable
from html import unescape

import pytest
import servers
from html_elements import Elements
from servers import SITE, Service

from api.serving.embed_lines import EmbedChoice, lines_of

Serve = Callable[..., Awaitable[Service]]
PAGES = ("/", "/embed", "/embed/sample")


def elements_of(content: str) -> list[tuple[str, dict[str, str | None]]]:
    return Elements(content).found


async def test_first_page_names_the_sites_and_the_next_steps_and_no_key(service: Service) -> None:
    answer = await service.http.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for site in service.settings.sites:
        assert site.name in answer.text
    assert "Tiga langkah berikutnya" in answer.text
    assert '<script async src="http://populer/populer.js" data-item="ID"></script>' in unescape(answer.text)
    for secret in (servers.WRITE_KEY, servers.ADMIN_KEY):
        assert secret not in answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_pages_run_no_script_of_their_own_and_are_kept_by_nobody(service: Service, path: str) -> None:
    answer = await service.http.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    found = elements_of(answer.text)
    assert all("src" in attributes for tag, attributes in found if tag == "script")
    assert not [name for _, attributes in found for name in attributes if name == "style" or name.startswith("on")]
    assert (await service.http.head(path)).status_code == (405 if path.endswith("sample") else 200)


async def test_every_file_that_the_pages_name_is_there(service: Service) -> None:
    for path, below in (("/", "/"), ("/embed", "/"), ("/embed/sample", "/embed/")):
        named = [
            attributes[name] or ""
            for tag, attributes in elements_of((await service.http.get(path)).text)
            for name in ("href", "src")
            if tag in ("link", "script", "img") and name in attributes
        ]
        assert named
        for each in named:
            assert (await service.http.get(below + each)).status_code == 200, each
    assert (await service.http.get("/embed/x/none.js")).status_code == 404


async def test_pages_are_in_the_language_of_the_site(serve: Serve) -> None:
    sites = [{"id": SITE, "locale": "en", "name": "A < B"}, {"id": "bola", "locale": "ms"}]
    service = await serve(sites=sites)
    first = (await service.http.get("/")).text
    assert '<html lang="en"' in first
    assert "The Populer service runs here for A &lt; B, Populer." in first
    assert '<html lang="ms"' in (await service.http.get("/embed?site=bola")).text


async def test_embed_shows_what_is_asked_for_and_lines_say_the_same(service: Service) -> None:
    asked = {"list": "trending", "section": '"><b>', "theme": "thumbs", "limit": "3"}
    page = (await service.http.get("/embed", params=asked)).text
    assert "<b>" not in page
    lines = (await service.http.get("/embed/lines", params=asked)).json()
    for text in lines.values():
        assert text in unescape(page)
    assert set(lines) == {"html", "wordpress", "react", "amp"}
    sample = (await service.http.get("/embed/sample", params=asked)).text
    (element,) = (attributes for tag, attributes in elements_of(sample) if tag == "populer-list")
    assert element == {"more": "", "list": "trending", "section": '"><b>', "theme": "thumbs", "limit": "3"} | (
        {"site": SITE} if len(service.settings.sites) > 1 else {}
    )


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("list=x", 404, "No list is called 'x'; there are"),
        ("theme=x", 404, "No theme is called 'x'; there are numbered, plain, thumbs, compact, tabs."),
        ("site=x", 404, "No site is called 'x'"),
        ("limit=0", 422, "limit"),
        ("limit=101", 422, "limit"),
    ],
)
async def test_embed_says_what_there_is_instead(service: Service, query: str, status: int, sentence: str) -> None:
    answer = await service.http.get(f"/embed?{query}")
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]


async def test_tabs_name_all_lists_the_chosen_one_first(service: Service) -> None:
    lines = (await service.http.get("/embed/lines?theme=tabs&list=update")).json()
    first, *others = lines["html"].partition('list="')[2].partition('"')[0].split()
    assert first == "update"
    assert sorted([first, *others]) == sorted(service.settings.lists)


def test_lines_say_what_is_unusual_and_escape_it() -> None:
    plain = lines_of("https://populer.example", EmbedChoice(["populer"]))
    assert plain["html"].splitlines() == [
        '<script async src="https://populer.example/populer.js" data-item="ID"></script>',
        '<populer-list list="populer"></populer-list>',
    ]
    assert plain["wordpress"].splitlines() == [
        "define('POPULER_URL', 'https://populer.example');",
        '[populer list="populer"]',
    ]
    assert plain["react"].splitlines() == [
        '<PopulerScript service="https://populer.example" item={article.id} />',
        '<PopulerList service="https://populer.example" list="populer" item={article.id} />',
    ]
    said = lines_of("https://a.example", EmbedChoice(["update"], 'A & "B"', "compact", 3, "bola"))
    element = '<populer-list list="update" section="A &amp; &quot;B&quot;" theme="compact" limit="3" site="bola">'
    assert element in said["html"]
    assert 'data-site="bola"' in said["html"]
    assert "define('POPULER_SITE', 'bola');" in said["wordpress"]
    assert 'site="bola"' not in said["wordpress"].splitlines()[1]
    assert "limit={3}" in said["react"]
    assert "lists/update?limit=3&amp;section=A+%26+%22B%22&amp;site=bola" in said["amp"]
