"""A host's copy of the secret that marks are hashed under, beside the spools.

A request that waits in a spool has the mark of its idempotency key already. The worker that is sent it again must come
to the same mark, also where it was started while the store was away.
"""

import contextlib
import os
import secrets
from pathlib import Path

from ranking.store.disk import fsync

NAME = "marks.secret"
SECRET_BYTES = 32


def kept_secret(folder: Path) -> bytes:
    """The secret that the workers of a host have in common: the one in `folder`, or one that is made there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    if not path.exists():
        mine = _written(folder, secrets.token_bytes(SECRET_BYTES))
        with contextlib.suppress(FileExistsError):  # another worker was first
            os.link(mine, path)
        mine.unlink()
    return path.read_bytes()


def keep_secret(folder: Path, secret: bytes) -> None:
    """Have `secret`, which is the store's, be the one in `folder`."""
    path = folder / NAME
    if path.read_bytes() != secret:
        _written(folder, secret).replace(path)


def _written(folder: Path, secret: bytes) -> Path:
    path = folder / f"{NAME}.{secrets.token_hex(4)}"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    fsync(path)
    return path
