"""What a front page says of its site: the name, and the feeds."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from jobs.sources.fields import plain_text, web_address
from jobs.sources.pages import SUFFIX, html_tree, links

FEEDS: Final = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/json")


class SiteFrontPage(NamedTuple):
    """The name of a site, "" where its front page gives none, and the addresses of the feeds that it names."""

    name: str
    feeds: Sequence[str]


def read_front_page(content: bytes, address: str) -> SiteFrontPage:
    """What the front page at `address` says of its site.

    Raises:
        SourceError: it is no HTML.
    """
    tree = html_tree(content)
    given = tree.xpath("//meta[@property='og:site_name' or @name='application-name']/@content")
    given += [SUFFIX.split(each.text_content().strip())[0] for each in tree.iter("title")][:1]
    name = next((name for each in given if (name := plain_text(str(each), most=80))), "")
    feeds = (
        web_address(link.get("href"), address)
        for link in links(tree, "alternate")
        if link.get("type", "").lower().startswith(FEEDS)
    )
    return SiteFrontPage(name, list(dict.fromkeys(url for url in feeds if url)))
