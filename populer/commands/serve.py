"""`populer serve`: the whole service, until a signal."""

import asyncio

from populer.config import Loaded
from populer.service import logs
from populer.service.supervisor import Part, serve


def run(loaded: Loaded, only: Part = "all", metrics_port: int | None = None) -> None:
    """Serve under these settings, or run a part of the service; its metrics at `metrics_port`.

    Raises:
        PopulerError: the service cannot start.
    """
    logs.set_up(loaded.settings.service, role="main")
    asyncio.run(serve(loaded, only=only, metrics_port=metrics_port))
