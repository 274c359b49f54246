"""`populer init`: a settings file to begin with, written from what a site says of itself.

The front page names its feeds, robots.txt its sitemaps; each is read once, and those that describe articles are kept.
"""

import asyncio
import importlib.metadata
import json
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from jobs.fetching.fetcher import Fetched, Fetcher, FetchError, IsOwn
from jobs.fetching.robots import RobotsRules
from jobs.sources.documents import MAX_BYTES, read_document
from jobs.sources.entries import Document, SourceError
from jobs.sources.front_page import read_front_page
from populer.config import SettingSources, with_content
from ranking.errors import PopulerError
from ranking.intake.url_hosts import canonical_host

FILE: Final = "populer.toml"
EXAMPLE: Final = "populer.example.toml"
MOST_TRIED: Final = 20
MOST_FEEDS: Final = 10
MOST_PAGE_BYTES: Final = 4 * 1024**2


class SiteFound(NamedTuple):
    """What a site says of itself: its name, its hosts and origins as settings write them, and its feeds."""

    id: str
    name: str
    hosts: Sequence[str]
    origins: Sequence[str]
    feeds: Sequence[str]


def run(folder: Path, site: str | None) -> None:
    """Write the file and print what to do next.

    Raises:
        PopulerError: there is one already, or the site cannot be read.
    """
    path = folder / FILE
    if path.exists():
        raise PopulerError(f"{path} is there already: move it away, or write into it yourself")
    found = None if site is None else asyncio.run(look_at(site))
    content = file_of(found)
    with_content(SettingSources(path, {}, {}), content.encode())  # what is written can be used
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except OSError as error:
        raise PopulerError(f"{path} cannot be written ({error.strerror}): check the folder") from None
    print(_next_steps(path, found))  # noqa: T201


async def look_at(site: str) -> SiteFound:
    """What the site at an address says of itself.

    Raises:
        PopulerError: its front page cannot be read.
    """
    site = site if "://" in site else f"https://{site}"
    host = _host(site)
    base = host.removeprefix("www.")

    def is_own(url: str) -> bool:
        other = _host(url)
        return other == base or other.endswith(f".{base}")

    async with Fetcher(allow_private=True) as fetcher:
        try:
            front = await _front(fetcher, site, is_own)
            page = read_front_page(front.content, front.url)
        except (FetchError, SourceError) as error:
            raise PopulerError(f"{site} {error}: check the address, or run without --site") from None
        sitemaps = await RobotsRules().sitemaps(fetcher, front.url, is_own, time.time())
        documents = await _read(
            fetcher, [url for url in dict.fromkeys([*sitemaps, *page.feeds]) if is_own(url)], is_own
        )
    entries = [entry for document in documents.values() for _, entry in document.entries]
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(front.url))
    hosts, origins = [_host(front.url) or base], [origin]
    elsewhere = {_host(entry.url) for entry in entries if is_own(entry.url)} - {host, *hosts}
    if any(canonical_host(each) != canonical_host(hosts[0]) for each in elsewhere):
        hosts, origins = [f"*.{base}"], [origin, f"{urlsplit(front.url).scheme}://*.{base}"]
    return SiteFound(_id_of(base), page.name or base, hosts, origins, list(documents)[:MOST_FEEDS])


async def _front(fetcher: Fetcher, site: str, is_own: IsOwn) -> Fetched:
    front = await fetcher.get(site, most=MOST_PAGE_BYTES, is_own=is_own, named=True)
    if front.status != 200:
        raise FetchError(f"answered {front.status}")
    return front


async def _read(fetcher: Fetcher, urls: Iterable[str], is_own: IsOwn) -> dict[str, Document]:
    """The feeds and sitemaps that describe articles, or name sitemaps of news; news sitemaps first."""
    documents: dict[str, Document] = {}
    for url in list(urls)[:MOST_TRIED]:
        document = documents[url] = await _document(fetcher, url, is_own)
        for sitemap in [each for each in document.sitemaps if "news" in each.lower() and each not in documents][:2]:
            documents[sitemap] = await _document(fetcher, sitemap, is_own)
    describing = [(url, document) for url, document in documents.items() if document.entries]
    return dict(sorted(describing, key=lambda each: each[1].kind != "sitemap"))


async def _document(fetcher: Fetcher, url: str, is_own: IsOwn) -> Document:
    """What the document at `url` says of articles: nothing where it cannot be read."""
    try:
        answer = await fetcher.get(url, most=MAX_BYTES, is_own=is_own, named=True)
        return await asyncio.to_thread(read_document, answer.content, answer.url)
    except (FetchError, SourceError):
        return Document("")


def file_of(found: SiteFound | None) -> str:
    """The content of a settings file; None: of a site that is not known."""
    site = found or SiteFound("default", "Populer", (), (), ())
    hint = "" if found else "# "
    feeds = "".join(f"\n    {{ url = {_text(url)} }}," for url in site.feeds)
    return f"""\
# Settings of Populer. {EXAMPLE} has every setting with its default; `populer config check {FILE}` says
# whether this file can be used. A change is in effect within two seconds.

[[sites]]
id = {_text(site.id)}
name = {_text(site.name)}
timezone = "Asia/Jakarta"    # or WIB, WITA, WIT
locale = "id"
# Where readers reach this service, such as https://populer.example.id: links in feeds and fragments are whole then.
# address = ""
# Pages that may send events, and the hosts of articles, whose pages are read for titles that nobody else has said.
{hint}origins = {_texts(site.origins or ["https://www.example.id"])}
{hint}hosts = {_texts(site.hosts or ["www.example.id"])}
# Feeds and news sitemaps that describe the articles.
{f"feeds = [{feeds}{chr(10)}]" if feeds else '# feeds = [{ url = "https://www.example.id/feed" }]'}

[lists.populer]
title = "Populer"
"""


def _next_steps(path: Path, found: SiteFound | None) -> str:
    feeds = f" with {len(found.feeds)} feed{'' if len(found.feeds) == 1 else 's'}" if found else ""
    return "\n".join(
        (
            f"{path} is written{feeds}. Next:",
            f"  1. populer serve --config {path}",
            '  2. <script async src="http://127.0.0.1:8000/populer.js"></script> into the head of every page,',
            '     <populer-list list="populer"></populer-list> where the list is wanted',
            f"  3. populer doctor --config {path} says what is missing",
            *_installed_files(),
        )
    )


def _installed_files() -> Iterable[str]:
    """Where the settings of the example and the files of deploy/ are, as the package was installed with them."""
    for file in importlib.metadata.files("populer") or ():
        if file.name == EXAMPLE:
            example = Path(str(file.locate())).resolve()
            yield f"Every setting with its default: {example}"
            yield f"Files for systemd, Kubernetes, proxies and Prometheus: {example.parent / 'deploy'}"


def _host(url: str) -> str:
    """The host that an address names; "" where it is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _id_of(host: str) -> str:
    name = re.sub(r"[^a-z0-9-]", "-", host.partition(".")[0].lower()).strip("-")
    return name[:63] or "default"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _texts(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"
