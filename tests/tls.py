"""TLS in front of servers that have none: a port that takes both, and a certificate for the loopback."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from servers import HOST

TLS_HANDSHAKE = b"\x16"
CHUNK = 65_536


@dataclass
class Certificate:
    """A key and its own certificate, good for 127.0.0.1."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def certificate(folder: Path, address: str = HOST) -> Certificate:
    """A new one in `folder`; the test is skipped where nothing can make one."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here")
    made = Certificate(folder / f"{address}.pem", folder / f"{address}-key.pem")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=populer", "-addext", f"subjectAltName=IP:{address}",
         "-keyout", str(made.key), "-out", str(made.certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made


class Front:
    """Takes TLS and plain connections at `port` and hands both on to `behind`; counts those under TLS."""

    def __init__(self, port: int, behind: int, context: ssl.SSLContext) -> None:
        self.port, self.behind, self.secure = port, behind, 0
        self._context = context
        self._listening = socket.create_server((HOST, port))
        self._listening.setblocking(False)
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting = self._loop.create_task(self._accept_loop())

    async def _accept_loop(self) -> None:
        while True:
            accepted, _ = await self._loop.sock_accept(self._listening)
            task = self._loop.create_task(self._serve(accepted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            readable = asyncio.Event()
            self._loop.add_reader(accepted, readable.set)
            await readable.wait()
            self._loop.remove_reader(accepted)
            context = self._context if accepted.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE else None
            self.secure += context is not None
            reader = asyncio.StreamReader()
            transport, protocol = await self._loop.connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader), accepted, ssl=context
            )
            writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
            with contextlib.closing(writer):
                server_reader, server_writer = await asyncio.open_connection(HOST, self.behind)
                with contextlib.closing(server_writer):
                    pumps = [(reader, server_writer), (server_reader, writer)]
                    pumping = [asyncio.ensure_future(_pump(*each)) for each in pumps]
                    await asyncio.wait(pumping, return_when=asyncio.FIRST_COMPLETED)
                    for each in pumping:
                        each.cancel()

    @contextlib.contextmanager
    def running(self) -> Iterator["Front"]:
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)
            self._listening.close()
            self._loop.close()

    async def _stop(self) -> None:
        ending = [self._accepting, *self._tasks]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await asyncio.sleep(0)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
