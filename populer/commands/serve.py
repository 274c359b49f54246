"""`populer serve`: the whole service, until a signal."""

import asyncio

from populer.config import Loaded
from populer.service import logs
from populer.service.supervisor import Part, serve


def run(loaded: Loaded, only: Part = "all") -> None:
    """Serve under these settings, or run a part of the service.

    Raises:
        PopulerError: the service cannot start.
    """
    logs.set_up(loaded.settings.service, role="main")
    asyncio.run(serve(loaded, only=only))
