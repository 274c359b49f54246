"""A site on the loopback: paths and what is answered to them, raw, so that it can answer as no server should."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import NamedTuple, Self


class Asked(NamedTuple):
    """A request: its path with the query, and its headers in lower case."""

    path: str
    headers: Mapping[str, str]


#: What a path answers: the whole of an answer, or what makes one of the request, or what writes it itself.
Page = bytes | Callable[[Asked], bytes] | Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def answer(content: bytes | str, status: int = 200, **headers: str) -> bytes:
    """An answer with a body; `content_type="…"` is the header Content-Type."""
    body = content if isinstance(content, bytes) else content.encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(to: str, status: int = 302) -> bytes:
    """An answer that leads elsewhere."""
    return answer(b"", status, Location=to)


class Website:
    """A server of `pages`; others answer 404. `asked` has every request."""

    def __init__(self, pages: dict[str, Page]) -> None:
        self.pages = pages
        self.asked: list[Asked] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def paths(self) -> list[str]:
        """The paths of all requests, in their order."""
        return [each.path for each in self.asked]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            asked = Asked(first.split(" ")[1], headers)
            self.asked.append(asked)
            page = self.pages.get(asked.path, answer("not here", 404))
            if isinstance(page, bytes):
                writer.write(page)
            elif asyncio.iscoroutinefunction(page):
                await page(asked, writer)
            else:
                said = page(asked)  # type: ignore[call-arg]
                assert isinstance(said, bytes)
                writer.write(said)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def website(pages: dict[str, Page]) -> AsyncIterator[Website]:
    """A running site."""
    async with Website(pages) as site:
        yield site
