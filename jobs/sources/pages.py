"""What an article's own page says of it: JSON-LD, Open Graph, other metadata and, last, what readers see.

A page is believed about itself alone: metadata that names another host, or another page, was copied with a template.
What is no article (a front page, a list, a page behind a login, one that asks not to be indexed) describes nothing, by
the rules that the tracker goes by.

Rejected: trafilatura, which reads metadata well and brings five packages and 9 MB for it, most of them to find the text
of an article; and its choice cannot be told which host is the site's.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from jobs.sources.entries import SourceEntry, SourceError
from jobs.sources.fields import MAX_SUMMARY_CHARS, language_tag, moment, names, plain_text, web_address
from jobs.sources.linked_data import LISTING, Node, address_of, is_article, nodes_of, texts_of, types_of
from ranking.intake.urls import canonical

NOINDEX: Final = re.compile(r"\b(?:noindex|none)\b", re.IGNORECASE)
LOGIN_PATH: Final = re.compile(
    r"/(?:log-?in|sign-?in|masuk|auth|sso|account|akun|wp-login\.php|berlangganan|subscribe)(?:[/?.]|$)", re.IGNORECASE
)
LIST_PATH: Final = re.compile(r"/(?:category|kategori|tag|author|penulis|search|cari)(?:[/?]|$)", re.IGNORECASE)
#: A number, or three words and more.
ARTICLE_PATH: Final = re.compile(r"\d|[^/?-]+-[^/?-]+-[^/?-]+")
PUBLISHED: Final = (
    "article:published_time", "og:article:published_time", "datepublished", "date", "pubdate", "publishdate",
    "publish-date", "dc.date", "dc.date.issued", "dcterms.created", "parsely-pub-date", "sailthru.date",
    "content_publisheddate",
)  # fmt: skip
MODIFIED: Final = (
    "article:modified_time",
    "og:updated_time",
    "datemodified",
    "lastmod",
    "last-modified",
    "dcterms.modified",
)
SECTION: Final = ("article:section", "parsely-section", "content_category", "section")
AUTHOR: Final = ("author", "article:author", "parsely-author", "dc.creator", "content_author")
TAGS: Final = ("news_keywords", "article:tag", "parsely-tags", "keywords", "content_tag")
#: What parts the name of a site from a title.
SUFFIX: Final = re.compile(r"\s+(?:[-–—|»·•:])\s+")


class NoArticleError(SourceError):
    """A page that describes no article; the message says why."""


def read_page(content: bytes, address: str, headers: Mapping[str, str], charset: str = "") -> SourceEntry:
    """What the page at `address` says of itself.

    `headers`: of its answer, names in any case if the mapping does not mind; `charset`: that they name.

    Raises:
        NoArticleError: it is no article's, or does not want to be read.
    """
    if NOINDEX.search(headers.get("x-robots-tag", "")):
        raise NoArticleError("asks not to be indexed")
    return _Page(html_tree(content, charset), address).entry()


def html_tree(content: bytes, charset: str = "") -> Any:
    """The elements of a page; `charset`: that its answer names, where it is not UTF-8.

    Raises:
        NoArticleError: it is no HTML.
    """
    from lxml import etree, html

    try:
        content.decode("utf-8")
        charset = "utf-8"
    except UnicodeDecodeError:
        pass
    try:
        parser = html.HTMLParser(encoding=charset or None, no_network=True, huge_tree=False)
    except LookupError:
        parser = html.HTMLParser(no_network=True, huge_tree=False)
    try:
        return html.document_fromstring(content, parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise NoArticleError(f"is no HTML that can be read ({error})"[:200]) from None


class _Page:
    """One page: its metadata by name in lower case, and the node of JSON-LD that is its article."""

    def __init__(self, tree: Any, address: str) -> None:
        self._tree = tree
        self._address = address
        self._meta: dict[str, list[str]] = {}
        for meta in tree.iter("meta"):
            name = meta.get("property") or meta.get("name") or meta.get("itemprop") or ""
            if name and meta.get("content"):
                self._meta.setdefault(name.strip().lower(), []).append(meta.get("content"))
        scripts = (each.text or "" for each in tree.iter("script") if "ld+json" in each.get("type", "").lower())
        self._nodes = nodes_of(scripts)
        self._canonical = self._own(next((each.get("href") for each in links(tree, "canonical")), None))
        self._article = self._own_article()

    def entry(self) -> SourceEntry:
        """What the page says of itself; see `read_page`."""
        if reason := self._why_none():
            raise NoArticleError(reason)
        title = self._title()
        if not title:
            raise NoArticleError("has no title")
        node = self._article
        return SourceEntry(
            url=self.url,
            title=title,
            published_at=self._published(),
            modified_at=_first_moment([node.get("dateModified"), *self._values(MODIFIED)]),
            summary=plain_text(
                next(iter([*texts_of(node.get("description")), *self._values(("og:description", "description"))]), ""),
                most=MAX_SUMMARY_CHARS,
            )
            or None,
            sections=self._sections(),
            tags=self._tags(),
            authors=self._authors(),
            language=self._language(),
            premium=self._premium(),
            image=self._image(),
            tagged=names(each.get("data-item") for each in self._tree.iterfind(".//script[@data-item]")),
        )

    def _published(self) -> float | str | None:
        return _first_moment([self._article.get("datePublished"), *self._values(PUBLISHED), *self._times()])

    @property
    def url(self) -> str:
        """The address that the page says to have, on the host that it was read from."""
        named = (self._canonical, address_of(self._article), self._first("og:url"))
        return next((own for each in named if (own := self._own(each))), self._address)

    def _own(self, given: object) -> str:
        """A whole address on the page's own host, but for its front page; "" for others."""
        found = web_address(given, self._address)
        if not found or _host(found) != _host(self._address):
            return ""
        parts = urlsplit(found)
        return found if parts.path.strip("/") or parts.query else ""

    def _is_this(self, given: str) -> bool:
        own = self._own(given)
        pages = {_canonical(each) for each in (self._address, self._canonical) if each}
        return bool(own) and _canonical(own) in pages

    def _own_article(self) -> Node:
        articles = [node for node in self._nodes if is_article(node)]
        for node in articles:
            if self._is_this(address_of(node)):
                return node
        unnamed = [node for node in articles if not web_address(address_of(node), self._address)]
        return unnamed[0] if len(unnamed) == 1 and len(articles) == 1 else {}

    def _why_none(self) -> str:
        """Why the page is no article; "" where it is one. See `populer-track.js`."""
        if NOINDEX.search(" ".join(self._values(("robots", "googlebot", "populer")))):
            return "asks not to be indexed"
        parts = urlsplit(self._address)
        if LOGIN_PATH.search(parts.path):
            return "is a page to log in or subscribe"
        if not parts.path.strip("/") and not parts.query:
            return "is the front page"
        if self._article or self._values(("article:published_time",)):
            return ""
        if self._tree.xpath("boolean(//input[@type='password'])"):
            return "is a page to log in"
        kinds = [name for node in self._nodes for name in types_of(node)]
        listing = LIST_PATH.search(parts.path) or any(map(LISTING.search, kinds))
        body: list[str] = " ".join(self._tree.xpath("//body/@class")).lower().split()
        if listing or sum(map(is_article, self._nodes)) > 1 or "archive" in body:
            return "is a list of articles"
        if "error404" in body:
            return "is not there"
        if self._first("og:type").lower() == "website":
            return "says of itself that it is no article (og:type)"
        if self._published() is None and not ARTICLE_PATH.search(f"{parts.path}?{parts.query}"):
            return "has no date, and no address of an article"
        return ""

    def _title(self) -> str:
        site = {plain_text(each).casefold() for each in self._site_names()}
        heading = next((text for each in self._tree.iter("h1") if (text := plain_text(each.text_content()))), "")
        given = [*texts_of(self._article.get("headline")), *texts_of(self._article.get("name"))]
        given += self._values(("og:title", "twitter:title"))
        given.append(heading)
        given += [each.text_content() for each in self._tree.iter("title")][:1]
        for text in map(plain_text, given):
            if text and text.casefold() not in site:
                return _without_site(text, site, heading)
        return ""

    def _site_names(self) -> Iterator[str]:
        yield from self._values(("og:site_name", "application-name"))
        yield from texts_of(self._article.get("publisher"), "name")
        for node in self._nodes:
            if {"WebSite", "NewsMediaOrganization", "Organization"} & set(types_of(node)):
                yield from texts_of(node.get("name"))

    def _sections(self) -> tuple[str, ...]:
        found = names(texts_of(self._article.get("articleSection"), "name")) or names(self._values(SECTION))
        return found or names(self._breadcrumb())

    def _breadcrumb(self) -> list[str]:
        """The second step of the way from the front page, where there is a third: the article itself, or a part."""
        for node in self._nodes:
            steps = node.get("itemListElement")
            if "BreadcrumbList" not in types_of(node) or not isinstance(steps, list) or len(steps) < 3:
                continue
            step = steps[1]
            item = step.get("item") if isinstance(step, dict) else None
            return texts_of(step, "name") or texts_of(item if isinstance(item, dict) else None, "name")
        return []

    def _tags(self) -> tuple[str, ...]:
        given = texts_of(self._article.get("keywords"), "name")
        for name in TAGS:
            given = given or self._meta.get(name, [])
        return names(tag for text in given for tag in text.split(","))

    def _authors(self) -> tuple[str, ...]:
        given = texts_of(self._article.get("author"), "name")
        for name in AUTHOR:
            given = given or self._meta.get(name, [])
        return names(each for each in given if not each.strip().lower().startswith(("http:", "https:")))

    def _language(self) -> str | None:
        root: Any = next(iter(self._tree.iter("html")), {})
        given = [*texts_of(self._article.get("inLanguage"), "alternateName"), root.get("lang")]
        given += [self._first("og:locale"), self._first("content-language")]
        return next((tag for each in given if (tag := language_tag(each))), None)

    def _premium(self) -> bool | None:
        free = self._article.get("isAccessibleForFree")
        if isinstance(free, str):
            free = {"true": True, "false": False}.get(free.strip().lower())
        if isinstance(free, bool):
            return not free
        tier = self._first("article:content_tier").lower()
        return {"locked": True, "metered": True, "free": False}.get(tier)

    def _image(self) -> str | None:
        given = texts_of(self._article.get("image"), "url", "contentUrl", "@id")
        given += self._values(("og:image:secure_url", "og:image", "og:image:url", "twitter:image"))
        return next((found for each in given if (found := web_address(each, self._address))), None)

    def _times(self) -> list[str]:
        """Times in the page's text: those that say what they are, else the first."""
        times = [each for each in self._tree.iter("time") if each.get("datetime")]
        own = [each for each in times if _says_published(each)]
        return [each.get("datetime") for each in own or times[:1]]

    def _values(self, wanted: tuple[str, ...]) -> list[str]:
        return [value for name in wanted for value in self._meta.get(name, ())]

    def _first(self, name: str) -> str:
        return next(iter(self._meta.get(name, ())), "")


def _says_published(time: Any) -> bool:
    return time.get("itemprop", "").lower() == "datepublished" or time.get("pubdate") is not None


def links(tree: Any, relation: str) -> Iterator[Any]:
    """The `link` elements of a page that are of a relation."""
    return (link for link in tree.iter("link") if relation in link.get("rel", "").lower().split())


def _without_site(title: str, site: set[str], heading: str) -> str:
    """A title less the name of the site behind it, as far as that is known or the heading shows it."""
    parts = SUFFIX.split(title)
    if len(parts) > 1 and (parts[-1].casefold() in site or (heading and title.startswith(heading))):
        if heading and title.startswith(heading):
            return heading
        return title[: title.rindex(parts[-1])].rstrip(" -–—|»·•:")
    return title


def _first_moment(given: list[Any]) -> float | str | None:
    return next((found for each in given if (found := moment(each)) is not None), None)


def _host(url: str) -> str:
    return re.sub(r"^(?:www|m|mobile|amp)\.", "", (urlsplit(url).hostname or "").lower())


def _canonical(url: str) -> str:
    try:
        return canonical(url)
    except ValueError:
        return url
