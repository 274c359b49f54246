"""`populer serve`: the whole service, until a signal."""

import asyncio

from populer.config import Loaded
from populer.service import logs
from populer.service.supervisor import serve


def run(loaded: Loaded) -> None:
    """Serve under these settings.

    Raises:
        PopulerError: the service cannot start.
    """
    logs.set_up(loaded.settings.service.log_format, role="main")
    asyncio.run(serve(loaded))
