"""What a bundled server has left in the data directory, where `redis.url` names another store, and the way out."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ranking.errors import PopulerError
from ranking.settings.service import Settings
from ranking.store.embedded.data_dir import socket_path, socket_url
from ranking.store.embedded.server import APPEND_ONLY_FOLDER, EmbeddedValkey

ADVICE = (
    "Bring it over with `populer backup FILE --bundled` and `populer restore FILE`, or remove the folder"
    " (docs/ops.md, Backup and restore)."
)


def left_behind(settings: Settings) -> tuple[Path, int] | None:
    """The folder of a bundled store that is not used, as `redis.url` is set, and its size in bytes."""
    folder = settings.service.data_dir / APPEND_ONLY_FOLDER
    if settings.redis.url is None or not folder.is_dir():
        return None
    size = sum(file.stat().st_size for file in folder.iterdir())
    return (folder, size) if size else None


@contextlib.contextmanager
def bundled_store(data_dir: Path) -> Iterator[str]:
    """Address of the bundled store of `data_dir`: the server that runs there, or one on a copy of its files.

    Raises:
        PopulerError: there is none.
    """
    if socket_path(data_dir).exists():
        yield socket_url(data_dir)
        return
    folder = data_dir / APPEND_ONLY_FOLDER
    if not folder.is_dir():
        raise PopulerError(f"{data_dir} has no bundled store; name its directory with --data")
    with tempfile.TemporaryDirectory(prefix="bundled-", dir=data_dir) as copy:
        shutil.copytree(folder, Path(copy) / APPEND_ONLY_FOLDER)
        with EmbeddedValkey(Path(copy)) as valkey:
            yield valkey.url
