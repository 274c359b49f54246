"""`populer reload`: the running service reads its settings anew, or replaces its workers."""

import os
import signal

from populer.config import Loaded
from ranking.errors import PopulerError
from ranking.store.embedded.data_dir import holder_of


def run(loaded: Loaded, *, workers: bool) -> None:
    """Tell the service whose data directory the settings name; they are known to be good.

    Raises:
        PopulerError: no service runs there, or it belongs to another user.
    """
    data_dir = loaded.settings.service.data_dir
    pid = holder_of(data_dir)
    if pid is None:
        raise PopulerError(f"no service runs with {data_dir}; start it with `populer serve`, or name its --data")
    try:
        os.kill(pid, signal.SIGUSR2 if workers else signal.SIGHUP)
    except PermissionError:
        raise PopulerError(f"the service (process {pid}) belongs to another user; ask as that user") from None
    what = "replaces its workers one by one" if workers else "reads its settings anew"
    print(f"The service (process {pid}) {what}; its log says what came of it.")  # noqa: T201
