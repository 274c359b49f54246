"""Files at an address: fetched whole into a folder of their own, then read as any file is.

The operator names the address, so it may be of a private network; what it redirects to, or names in an index of
sitemaps, is on the same host.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jobs.fetching.fetcher import Fetcher, FetchError
from ranking.errors import PopulerError
from ranking.intake.urls import host_of

MAX_BYTES: Final = 256 * 1024**2
DEADLINE_S: Final = 300.0


def is_address(place: str) -> bool:
    """Whether what is to be imported is named by an address.

    >>> is_address("https://koran.example/rss"), is_address("rss.xml")
    (True, False)
    """
    return place.lower().startswith(("http://", "https://"))


def fetched(address: str, host: str) -> bytes:
    """The content at an address of `host`. Call from a thread without an event loop.

    Raises:
        PopulerError: it cannot be had.
    """

    async def fetch() -> bytes:
        async with Fetcher(allow_private=True, deadline_s=DEADLINE_S) as fetcher:
            found = await fetcher.get(address, most=MAX_BYTES, is_own=lambda url: _host(url) == host)
            if found.status != 200:
                raise FetchError(f"answered {found.status}")
            return found.content

    try:
        return asyncio.run(fetch())
    except FetchError as error:
        raise PopulerError(f"{address} {error}: check the address") from None


@contextmanager
def fetched_file(address: str) -> Iterator[Path]:
    """What is at an address, as a file with the last part of its path for a name.

    Raises:
        PopulerError: it cannot be had.
    """
    content = fetched(address, _host(address))
    with tempfile.TemporaryDirectory(prefix="populer-") as folder:
        path = Path(folder, (urlsplit(address).path.rstrip("/").rpartition("/")[2] or "index")[:100])
        path.write_bytes(content)
        yield path


def _host(url: str) -> str:
    try:
        return host_of(url)
    except ValueError:
        return ""
