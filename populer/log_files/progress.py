"""A progress bar over files, by their bytes."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from populer.log_files.files import Reading

if TYPE_CHECKING:
    from rich.progress import Progress

ROWS_A_LOOK: Final = 20_000
T = TypeVar("T")


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

    def over(self, rows: Iterable[T], reading: Reading) -> Iterator[T]:
        """The rows of a file, whose bytes are done as they are read."""
        done = 0
        for number, row in enumerate(rows, 1):
            yield row
            if number % ROWS_A_LOOK == 0:
                self.advance(reading.bytes_read - done)
                done = reading.bytes_read
        self.advance(reading.bytes_read - done)
