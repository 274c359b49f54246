"""A progress bar over files, by their bytes."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class Bar:
    """One task of a progress display, in bytes of the files; silent where there is no display."""

    def __init__(self, progress: "Progress | None", description: str, files: Iterable[Path]) -> None:
        self._progress = progress
        if progress is not None:
            total = sum(path.stat().st_size for path in files if path.is_file())
            self._task = progress.add_task(description, total=total or None)

    def advance(self, read_bytes: int) -> None:
        """So many more bytes are done."""
        if self._progress is not None:
            self._progress.advance(self._task, read_bytes)
