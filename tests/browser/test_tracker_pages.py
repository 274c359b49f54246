"""What the script takes a page for: an article under one address, or none, and then it says why."""

from collections.abc import Callable

import pytest
from conftest import Newsroom, StandIn, Visit, wait_until
from stand import Answer, Stand

Open = Callable[..., Visit]
PATH = "/berita/1"
#: An address of another path than the page's, so that it is seen where the answer came from.
NAMED = "HOST/berita/satu"


def linked_data(text: str) -> str:
    return f'<script type="application/ld+json">{text}</script>'


OPEN_GRAPH = f'<meta property="og:url" content="{NAMED}">'
CANONICAL = f'<link rel="canonical" href="{NAMED}">'
ARTICLE_TYPE = '<meta property="og:type" content="article">'
NEWS = '"@type": "NewsArticle"'
COLLECTION = linked_data('{"@graph": [{"@type": "CollectionPage"}, {"@type": "BreadcrumbList"}]}')


def counted(site: Stand, standin: StandIn, visit: Open, head: str, path: str = PATH) -> str:
    """The address that a page with this head is counted under, without its host."""
    visit(site.page(path, "", head=standin.tag() + head.replace("HOST", site.url)))
    wait_until(lambda: bool(standin.events()))
    (event,) = standin.events()
    return str(event["url"].removeprefix(site.url))


def first_reason(visited: Visit) -> str:
    """The first reason that the script gives on a page, once there is one."""
    wait_until(lambda: visited.page.evaluate("1") == 1 and bool(visited.reasons))  # evaluating lets messages in
    return visited.reasons[0].removeprefix("populer: ")


def reason(site: Stand, standin: StandIn, visit: Open, head: str, path: str = PATH) -> str:
    """Why a page with this head is not counted."""
    visited = visit(site.page(path, "", head=standin.tag() + head.replace("HOST", site.url)))
    why = first_reason(visited)
    assert standin.events() == []
    return why


@pytest.mark.parametrize(
    "head",
    [
        linked_data(f'{{{NEWS}, "url": "{NAMED}"}}'),
        linked_data(f'{{"@type": ["Thing", "NewsArticle"], "@id": "{NAMED}"}}'),
        linked_data(f'{{"@type": "Article", "mainEntityOfPage": "{NAMED}"}}'),
        linked_data(f'{{"@type": "BlogPosting", "mainEntityOfPage": {{"@id": "{NAMED}"}}}}'),
        linked_data(f'{{{NEWS}, "url": "/berita/satu"}}'),
        linked_data('[null, 1, {"@type": "WebSite", "url": "HOST/"}]')
        + linked_data(f'{{"@graph": [{{"@type": "Person"}}, {{{NEWS}, "url": "{NAMED}"}}]}}'),
        linked_data("{ not JSON") + linked_data("null") + OPEN_GRAPH,
        linked_data(f'{{{NEWS}, "headline": "Tanpa alamat"}}') + CANONICAL,
        linked_data(f'[{{{NEWS}, "url": "https://a/1"}}, {{{NEWS}, "url": "https://a/2"}}]') + CANONICAL,
        linked_data('{"@type": "Article", "@id": "https://google.com/article"}') + OPEN_GRAPH,
        '<link rel="canonical" href="https://theme.example/demo">' + OPEN_GRAPH,
        '<link rel="canonical" href="HOST/">' + OPEN_GRAPH,
        linked_data(f'{{{NEWS}, "url": "HOST/lain"}}') + CANONICAL,
        OPEN_GRAPH + ARTICLE_TYPE,
        CANONICAL + '<meta property="og:url" content="HOST/lain">',
        CANONICAL + '<meta property="og:type" content="news">',
        CANONICAL + '<meta property="og:type" content="website"><meta property="article:published_time" content="x">',
        COLLECTION + CANONICAL + linked_data(f'{{{NEWS}, "url": "{NAMED}"}}'),
        CANONICAL,
    ],
)
def test_an_article_is_found_by_what_the_page_says_of_itself(
    site: Stand, standin: StandIn, visit: Open, head: str
) -> None:
    assert counted(site, standin, visit, head) == "/berita/satu"


@pytest.mark.parametrize(
    "head",
    [
        "",
        '<link rel="canonical" href="https://theme.example/demo">',
        '<meta property="og:url" content="javascript:alert(1)">',
        linked_data('{"@type": "Article", "@id": "https://google.com/article"}'),
    ],
)
def test_a_page_that_says_nothing_of_its_own_host_is_its_address(
    site: Stand, standin: StandIn, visit: Open, head: str
) -> None:
    assert counted(site, standin, visit, head) == PATH


@pytest.mark.parametrize("path", ["/?p=123", "/index.php?id=7", "/?page_id=2"])
def test_a_front_page_with_an_id_is_an_article(site: Stand, standin: StandIn, visit: Open, path: str) -> None:
    address = site.page(path.partition("?")[0], "", head=standin.tag()) + "?" + path.partition("?")[2]
    visit(address)
    wait_until(lambda: standin.events() == [{"url": address}])


def test_an_address_in_linked_data_may_be_escaped(site: Stand, standin: StandIn, visit: Open) -> None:
    head = linked_data(f'{{{NEWS}, "url": "HOST/baca?id=7&amp;utm_source=rss"}}')
    assert counted(site, standin, visit, head) == "/baca?id=7&utm_source=rss"


def test_a_canonical_that_is_written_after_load_is_waited_for(site: Stand, standin: StandIn, visit: Open) -> None:
    late = """<script>addEventListener("load", () => setTimeout(() => {
        document.head.insertAdjacentHTML("beforeend", '<link rel="canonical" href="HOST/berita/satu">')
    }, 200))</script>"""
    assert counted(site, standin, visit, late) == "/berita/satu"


@pytest.mark.parametrize("address", ["/berita/satu?q=beras", "/berita/satu.html?s=1", "/read.php?id=7&q=beras"])
def test_an_article_with_a_query_of_a_search_is_counted(
    site: Stand, standin: StandIn, visit: Open, address: str
) -> None:
    assert counted(site, standin, visit, f'<link rel="canonical" href="HOST{address}">') == address


@pytest.mark.parametrize(
    ("path", "head", "why"),
    [
        ("/", "", "home"),
        ("/", '<link rel="canonical" href="HOST/">' + ARTICLE_TYPE, "home"),
        ("/index.html", "", "home"),
        ("/kategori/politik", CANONICAL.replace("berita/satu", "kategori/politik") + ARTICLE_TYPE, "list"),
        ("/tag/beras/", "", "list"),
        ("/cari", "", "list"),
        (PATH, '<link rel="canonical" href="HOST/hasil?q=beras">', "list"),
        (PATH, '<link rel="canonical" href="HOST/cari.php?a=1&s=beras">', "list"),
        ("/Tag/beras", "", "list"),
        (PATH, COLLECTION + CANONICAL + ARTICLE_TYPE, "{@type: CollectionPage}"),
        (PATH, CANONICAL + '<meta property="og:type" content="website">', "JSHandle@node"),
        (PATH, CANONICAL + ARTICLE_TYPE + '<meta name="robots" content="noindex, follow">', "JSHandle@node"),
        (
            PATH,
            linked_data(f'[{{{NEWS}, "url": "HOST/a"}}, {{{NEWS}, "url": "HOST/b"}}]'),
            "URL",
        ),
    ],
)
def test_a_page_that_is_no_article_is_not_counted_and_says_why(
    site: Stand, standin: StandIn, visit: Open, path: str, head: str, why: str
) -> None:
    assert reason(site, standin, visit, head, path) == why


def test_a_page_that_is_not_found_is_no_article(site: Stand, standin: StandIn, visit: Open) -> None:
    page = f"<!doctype html><head>{standin.tag()}{CANONICAL.replace('HOST', site.url)}{ARTICLE_TYPE}</head>"
    site.answers["/hilang"] = Answer(page.encode(), status=404)
    visited = visit(site.url + "/hilang")
    assert first_reason(visited) == "status"
    assert standin.events() == []


def test_a_frame_is_no_article(site: Stand, standin: StandIn, visit: Open) -> None:
    site.page("/dalam", standin.tag())
    visited = visit(site.page("/luar", '<iframe src="/dalam"></iframe>'))
    assert first_reason(visited) == "frame"


def test_an_empty_item_says_that_the_page_is_no_article(site: Stand, standin: StandIn, visit: Open) -> None:
    visited = visit(site.page("/kanal", standin.tag('data-item=""')))
    assert first_reason(visited) == "no item"
    assert standin.events() == []


@pytest.mark.parametrize(
    "item",
    [" ", "undefined", "null", "None", "NaN", "[object Object]", "{{ post.id }}", "{% id %}", "#{id}", "${id}", "%s",
     "<%= id %>", "<? id ?>", "ID"],
)  # fmt: skip
def test_what_stands_for_an_id_is_none(site: Stand, standin: StandIn, visit: Open, item: str) -> None:
    visited = visit(site.page("/berita", standin.tag(f'data-item="{item}"')))
    assert item.strip() in first_reason(visited)
    assert standin.events() == []


@pytest.mark.parametrize("item", ["nullstelle", "ID-5", "a=%20b", "p=?1", "#1", "100%", "{x}", "%satu", "$5", "< 5 %"])
def test_what_only_looks_like_it_is_an_id(site: Stand, standin: StandIn, visit: Open, item: str) -> None:
    visit(site.page("/berita", standin.tag(f'data-item="{item}"')))
    wait_until(lambda: standin.events() == [{"item": item}])


def test_an_article_found_by_its_address_counts_under_its_one_id(newsroom: Newsroom, visit: Open) -> None:
    host = newsroom.stand.url.removeprefix("http://")
    head = f'<link rel="canonical" href="http://{host}/berita/beras-naik/?utm_source=x">'
    visit(newsroom.stand.page("/berita", newsroom.script(), head=head))
    wait_until(lambda: newsroom.counts(f"{host}/berita/beras-naik") == {"view": 1})
