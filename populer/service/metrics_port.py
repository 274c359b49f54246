"""Metrics on a port of their own, where no worker serves them: of `serve --only jobs`, and of `consume`."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.registry import Collector

from api.monitoring.metrics import OfProcesses, of_build
from ranking.errors import PopulerError


@contextlib.contextmanager
def serving_registry(host: str, port: int, registry: CollectorRegistry) -> Iterator[None]:
    """Serve what a registry has, to whoever reaches the port.

    Raises:
        PopulerError: the port cannot be listened on.
    """
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise PopulerError(
            f"cannot serve metrics on {host} port {port}: {error.strerror}; choose another with --metrics-port"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serving_metrics(host: str, port: int | None, folder: Path) -> contextlib.AbstractContextManager[None]:
    """Serve what the processes that share `folder` have reported, as `serving_registry` does; None: do nothing."""
    if port is None:
        return contextlib.nullcontext()
    registry = CollectorRegistry()
    registry.register(OfProcesses(folder))
    registry.register(_Build())
    return serving_registry(host, port, registry)


class _Build(Collector):
    def collect(self) -> Sequence[Metric]:
        return [of_build()]
