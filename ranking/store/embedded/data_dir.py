"""What belongs to a data directory, and to whom: its lock, its server's socket, its server's process.

Nothing here starts, asks or ends a server. Invariants: a directory is used under its lock only; a socket
outside of it lies in a directory that nobody but us can enter; and a process counts as the directory's server
only if it is a valkey-server or redis-server working in it, whatever a pid file says.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from ranking.errors import DataDirLockedError, StoreRefusedError
from ranking.store.embedded.launch import SYSTEM_PROGRAMS

HAS_PROC = Path("/proc/self/cmdline").exists()
_SUN_PATH_BYTES = 108 if sys.platform == "linux" else 104  # with the closing NUL


def socket_path(data_dir: Path) -> Path:
    """Where the server of `data_dir` listens; nothing is created, so a client may ask too.

    Inside the data directory, or, where that is longer than a socket's address may be, in a directory of
    ours under the temporary one. Raises StoreRefusedError where somebody else made that directory: whoever
    owns it could answer in the server's place.
    """
    folder = data_dir.resolve()
    inside = folder / "valkey.sock"
    if _fits(inside):
        return inside
    digest = hashlib.blake2b(os.fsencode(folder), digest_size=6).hexdigest()
    name = f"populer-{os.geteuid()}-{digest}"
    short = Path(tempfile.gettempdir(), name, "valkey.sock")
    if not _fits(short):
        short = Path("/tmp", name, "valkey.sock")  # noqa: S108  # verified below to be ours alone
    with contextlib.suppress(FileNotFoundError):
        found = short.parent.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise StoreRefusedError(
                f"{short.parent} should be a directory of mode 0700 owned by user {os.geteuid()}: "
                f"the bundled server's socket goes there. Remove it, or choose a shorter data directory "
                f"with --data."
            )
    return short


def socket_url(data_dir: Path) -> str:
    """The address of `data_dir`'s server as Redis clients take it.

    Raises StoreRefusedError like `socket_path`.
    """
    return "unix://" + quote(os.fsencode(socket_path(data_dir)))


def make_socket_folder(data_dir: Path, place: Path) -> None:
    """Make the directory of the socket at `place`. Raises OSError, and StoreRefusedError like `socket_path`."""
    if place.parent != data_dir:
        place.parent.mkdir(mode=0o700, exist_ok=True)
        socket_path(data_dir)  # it may have been there: whose is it?


def remove_socket_folder(data_dir: Path, place: Path) -> None:
    """Remove what a server that has ended leaves outside of `data_dir`: its socket at `place`, and the folder."""
    if place.parent != data_dir:
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)
            place.parent.rmdir()


def take_lock(data_dir: Path) -> int:
    """Make `data_dir` ours: an open file that holds the lock until it is closed.

    Raises DataDirLockedError where another service holds it, StoreRefusedError where it cannot be used.
    """
    fd = None
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        assert fd is not None  # noqa: S101  # only flock answers that it would block
        holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
        os.close(fd)
        raise DataDirLockedError(
            f"{data_dir} is in use by another Populer service (process {holder or 'unknown'}). Stop "
            f"that one, or choose another directory with --data."
        ) from error
    except OSError as error:
        if fd is not None:
            os.close(fd)
        raise unusable(data_dir, error) from error
    return fd


def release_lock(fd: int) -> None:
    """Let go of the directory whose lock `fd` is."""
    # The file stays: removing it would let two services hold locks on two files of one name.
    os.ftruncate(fd, 0)
    os.close(fd)


def holder_of(data_dir: Path) -> int | None:
    """The process whose directory it is; None where no service holds it."""
    try:
        with (data_dir / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except BlockingIOError:
        held_by = (data_dir / "lock").read_text().strip()
        return int(held_by) if held_by.isdigit() else None
    except OSError:
        return None


def unusable(folder: Path, error: OSError, name: str = "The data directory") -> StoreRefusedError:
    """The refusal to raise where `folder`, or a file in it, cannot be made or opened; `name`: what it is."""
    match error.errno:
        case errno.ENOTDIR | errno.EEXIST:
            why = "something on that path is a file, not a directory"
        case errno.EACCES | errno.EPERM:
            why = "no permission to write there"
        case errno.EROFS:
            why = "it is on a read-only file system"
        case errno.ENOSPC | errno.EDQUOT:
            why = "no space is left on its disk"
        case errno.ENOLCK | errno.EOPNOTSUPP:
            why = "its file system has no locks (a network disk?)"
        case _:
            why = error.strerror or str(error)
    return StoreRefusedError(
        f"{name} {folder} cannot be used: {why}. Put that right, or choose another directory with --data."
    )


def serves(pid: int, data_dir: Path) -> bool:
    """Whether `pid` is a server working in `data_dir`: a number that is used again proves nothing.

    Costs two reads of /proc; where the machine has none (macOS), a run of `ps`.
    """
    if pid <= 0:
        return False
    command = _command(pid)
    if not any(name in command for name in SYSTEM_PROGRAMS):
        return False
    if HAS_PROC:
        with contextlib.suppress(OSError):  # not ours to look into
            return Path(f"/proc/{pid}/cwd").samefile(data_dir)
    return command.endswith(f" {data_dir / 'valkey.pid'}")


def _command(pid: int) -> str:
    """The command line of `pid`; empty where it does not run any more."""
    try:
        if HAS_PROC:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ").rstrip()
        shown = subprocess.run(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
        return os.fsdecode(shown.stdout).strip()
    except OSError:
        return ""


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) < _SUN_PATH_BYTES
