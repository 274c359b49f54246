"""`/metrics` of a service without workers, which would serve it: `--only jobs`."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.registry import Collector

from api.monitoring.metrics import OfProcesses, of_build
from ranking.errors import PopulerError


@contextlib.contextmanager
def serving_metrics(host: str, port: int | None, folder: Path) -> Iterator[None]:
    """Serve what the processes that share `folder` have reported, to whoever reaches the port; None: do nothing.

    Raises:
        PopulerError: the port cannot be listened on.
    """
    if port is None:
        yield
        return
    registry = CollectorRegistry()
    registry.register(OfProcesses(folder))
    registry.register(_Build())
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


class _Build(Collector):
    def collect(self) -> Sequence[Metric]:
        return [of_build()]
