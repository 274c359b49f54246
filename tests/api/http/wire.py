"""A server of one application under the protocol of the service, and bytes that go to it and come back."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import uvicorn

from api.http import asgi
from api.http.connection_limits import ConnectionLimits
from api.http.connections import TimedProtocol, close_slow_ones


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def listening(app: asgi.ASGIApp, limits: ConnectionLimits | None = None) -> AsyncIterator[int]:
    """The port on which `app` is served."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            http=partial(TimedProtocol, limits=limits),  # type: ignore[arg-type]
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=1,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        sweeping = asyncio.create_task(close_slow_ones(server.server_state.connections, lambda: 60.0))
        yield bound.getsockname()[1]
        sweeping.cancel()
        server.should_exit = True
        await serving


async def talk(port: int, sent: bytes, enough: Callable[[bytes], bool] = lambda _: False) -> tuple[bytes, bool]:
    """What comes back until it is enough or the other side hangs up, and whether that did."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    found = b""
    try:
        async with asyncio.timeout(5):
            while not enough(found):
                part = await reader.read(65_536)
                if not part:
                    return found, True
                found += part
            return found, False
    except ConnectionError:
        return found, True
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
