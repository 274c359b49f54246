"""The sockets that a service listens on: those that its starter passes (systemd's way), else its own."""

import errno
import os
import socket
from collections.abc import Sequence
from typing import Final

from ranking.errors import PopulerError, SettingsError
from ranking.settings.service import ServiceSettings

BACKLOG: Final = 2048
#: The first descriptor that a starter passes (sd_listen_fds(3)).
FIRST_PASSED: Final = 3


class PortTakenError(PopulerError):
    """Somebody else listens there."""


def listening(service: ServiceSettings) -> Sequence[socket.socket]:
    """The socket for everybody and, where there is one, that for the service's own network; children inherit them.

    Raises:
        PortTakenError: another process listens there.
        PopulerError: it cannot be bound, or what was passed is no TCP socket.
    """
    ports = [port for port in (service.port, service.admin_port) if port is not None]
    passed = _passed()
    if passed and len(passed) != len(ports):
        raise SettingsError(
            f"service.admin_port: with it two sockets are needed, without it one; {len(passed)} were passed"
        )
    return passed or [_bound(service.host, port) for port in ports]


def address_of(server: socket.socket) -> str:
    """The address under which a browser here reaches what listens there."""
    host, port = server.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


def _passed() -> list[socket.socket]:
    """The sockets that this process was started with."""
    count, pid = os.environ.pop("LISTEN_FDS", ""), os.environ.pop("LISTEN_PID", "")
    if pid != str(os.getpid()) or not count.isdigit():
        return []
    sockets = [socket.socket(fileno=FIRST_PASSED + number) for number in range(int(count))]
    for each in sockets:
        if each.family not in (socket.AF_INET, socket.AF_INET6) or each.type != socket.SOCK_STREAM:
            raise PopulerError("a socket that was passed is not a TCP socket; pass one such as ListenStream=8000")
        each.set_inheritable(True)
    return sockets


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        where = f"cannot listen on {host} port {port}"
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"{where}: address already in use; stop what uses it, or choose another with --port"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise PopulerError(f"{where}: permission denied; choose a port from 1024 on with --port") from error
        reason = error.errno or 0
        if reason == errno.EADDRNOTAVAIL or reason < 0:  # below 0: the resolver's, which knows no such host
            raise PopulerError(f"{where}: no address of this machine; name one with --host") from error
        raise PopulerError(
            f"{where}: {os.strerror(reason).lower()}; mend that, or choose another with --host"
        ) from error
    server.set_inheritable(True)
    return server
