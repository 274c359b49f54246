"""The sockets that a service listens on."""

import errno
import os
import socket

from ranking.errors import PopulerError, SettingsError

BACKLOG = 2048


class PortTakenError(PopulerError):
    """Somebody else listens there."""


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there and that children inherit.

    Raises:
        PortTakenError: another process listens there.
        PopulerError: it cannot be bound.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OverflowError:
        raise SettingsError(f"service.port: expected a port from 0 to 65535, found {port}") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        kind = PortTakenError if error.errno == errno.EADDRINUSE else PopulerError
        raise kind(
            f"cannot listen on {host} port {port}: {reason.lower()}; stop what uses it, or choose another with --port"
        ) from error
    listening.set_inheritable(True)
    return listening


def address_of(host: str, port: int) -> str:
    """The address under which a browser here reaches what listens there."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
