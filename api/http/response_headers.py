"""Headers of every answer of the framework: no type is guessed, and a redirect is relative.

A redirect to an absolute address names the scheme and host that the request came in with. Behind a proxy that is
plain http, or whatever the client wrote into Host.
"""

from urllib.parse import urlsplit, urlunsplit

from api.http.asgi import ASGIApp, Message, Receive, Scope, Send, unsniffed

LOCATION = b"location"


class ResponseHeaders:
    """`app` with these headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [
                    (name, relative(value, scope) if name.lower() == LOCATION else value)
                    for name, value in message.get("headers", ())
                ]
                message = {**message, "headers": unsniffed(headers)}
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def relative(location: bytes, scope: Scope) -> bytes:
    """`location` without scheme and host where these are the ones of the request.

    >>> relative(b"http://a.example/docs?x=1", {"headers": [(b"host", b"a.example")]})
    b'/docs?x=1'
    >>> relative(b"http://a.example//evil.example/", {"headers": [(b"host", b"a.example")]})
    b'/evil.example/'
    >>> relative(b"https://koran.example/judul", {"headers": [(b"host", b"a.example")]})
    b'https://koran.example/judul'
    """
    hosts = {value for name, value in scope["headers"] if name == b"host"}
    found = urlsplit(location)
    if found.netloc not in hosts or not found.netloc:
        return location
    path = b"/" + found.path.lstrip(b"/")  # two slashes would begin with a host
    return urlunsplit((b"", b"", path, found.query, found.fragment))
