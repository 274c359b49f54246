"""The data directory of a service, before anything in it is used: whose it is, and whether it will do.

The bundled Valkey locks the directory itself. Where the store is elsewhere the keys, the spool and the workers' metrics
still lie here, and a second service would wipe and replay the first one's.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from api.monitoring import metrics
from ranking.store.embedded.data_dir import release_lock, take_lock, unusable

SPOOL_DIR: Final = "spool"


@contextlib.contextmanager
def held(data_dir: Path) -> Iterator[None]:
    """Hold the directory against other services.

    Raises:
        DataDirLockedError: another service holds it.
        StoreRefusedError: it cannot be used.
    """
    lock = take_lock(data_dir)
    try:
        yield
    finally:
        release_lock(lock)


def check_folders(data_dir: Path) -> None:
    """Make the folders that workers write to, and try each.

    Raises:
        StoreRefusedError: one of them cannot be used; the message says which, and why.
    """
    for name in (SPOOL_DIR, metrics.FOLDER):
        folder = data_dir / name
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = folder / ".probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise unusable(folder, error, "The folder") from error
