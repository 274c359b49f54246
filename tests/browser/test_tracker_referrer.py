"""What the tracker says of where a visit began: a host, once, and never of the site's own pages."""

from collections.abc import Callable
from typing import Any

from conftest import StandIn, Visit, wait_until
from stand import Stand

Open = Callable[..., Visit]
NOTHING = "nothing"


def tag(standin: StandIn, item: str) -> str:
    """The script that tells where a visit begins."""
    return standin.tag(f'data-host="{standin.url}" data-item="{item}"', "/begun/populer.js")


def begun(standin: StandIn, visited: Visit, count: int) -> list[Any]:
    """What each event says of it, once so many have come."""
    wait_until(lambda: visited.page.evaluate("1") == 1 and len(standin.stand.told) >= count)
    return [told.body.get("ref", NOTHING) for told in standin.stand.told]


def test_first_view_of_a_visit_has_the_host_of_the_page_before(site: Stand, standin: StandIn, visit: Open) -> None:
    with Stand() as elsewhere:
        article = site.page("/satu", tag(standin, "a") + '<a href="/dua">dua</a>')
        site.page("/dua", tag(standin, "b"))
        host = elsewhere.url.replace("localhost", "127.0.0.1")
        elsewhere.page("/cari", f'<a href="{article}">satu</a>')
        visited = visit(host + "/cari?q=rahasia")
        visited.page.click("a")
        assert begun(standin, visited, 1) == [host.removeprefix("http://")]
        visited.page.click("a")
        assert begun(standin, visited, 2)[1] == NOTHING


def test_tab_that_opens_with_an_article_says_that_nothing_was_before(
    site: Stand, standin: StandIn, visit: Open
) -> None:
    visited = visit(site.page("/satu", tag(standin, "a")))
    assert begun(standin, visited, 1) == [""]
    visited.page.evaluate("history.pushState(0, '', '/dua'); document.querySelector('[data-item]').dataset.item = 'b'")
    assert begun(standin, visited, 2)[1] == NOTHING
