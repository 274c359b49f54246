"""A change of the settings' file is told once, when it has come to rest, however it was made."""

import os
from pathlib import Path

from populer.service.file_watch import NO_FILE, STEADY_S, FileContent, Watch, look

OLD, HALF, NEW = FileContent(b"old"), FileContent(b"ne"), FileContent(b"new")


def told(watch: Watch, *seen: tuple[float, FileContent]) -> list[FileContent]:
    return [news for now, found in seen if (news := watch.seen(found, now)) is not None]


def test_what_stays_is_no_news() -> None:
    assert told(Watch(OLD), (0, OLD), (1, OLD), (9, OLD)) == []


def test_a_change_is_told_once_when_it_has_come_to_rest() -> None:
    watch = Watch(OLD)
    assert told(watch, (0, NEW), (STEADY_S - 0.01, NEW)) == []
    assert told(watch, (STEADY_S, NEW), (STEADY_S + 1, NEW), (99, NEW)) == [NEW]
    assert told(watch, (100, OLD), (100 + STEADY_S, OLD)) == [OLD]


def test_a_file_that_is_being_written_is_waited_for() -> None:
    growing = [(number * (STEADY_S - 0.01), FileContent(b"x" * number)) for number in range(1, 50)]
    last = growing[-1]
    assert told(Watch(OLD), (0, FileContent()), *growing, (last[0] + 2 * STEADY_S, last[1])) == [last[1]]


def test_a_change_that_is_taken_back_at_once_is_none() -> None:
    watch = Watch(OLD)
    assert told(watch, (0, NEW), (0.1, OLD), (0.2, NEW), (0.1 + STEADY_S, NEW), (1, OLD), (9, OLD)) == []


def test_a_file_that_goes_and_comes_is_news_both_times() -> None:
    assert told(Watch(OLD), (0, NO_FILE), (1, NO_FILE), (2, OLD), (3, OLD)) == [NO_FILE, OLD]


def test_where_there_was_no_file_one_is_news() -> None:
    assert told(Watch(NO_FILE), (0, NO_FILE), (1, NO_FILE), (2, NEW), (3, NEW)) == [NEW]


def test_looking_follows_links_and_never_waits(tmp_path: Path) -> None:
    file, link, pipe = tmp_path / "file", tmp_path / "link", tmp_path / "pipe"
    assert look(file) == NO_FILE
    file.write_bytes(b"\xffnot text")
    link.symlink_to(file)
    assert look(link) == FileContent(b"\xffnot text")
    file.unlink()
    assert look(link) == NO_FILE
    link.unlink()
    link.symlink_to(link)
    assert str(look(link).problem).startswith("cannot be read: ")
    os.mkfifo(pipe)
    assert look(pipe) == FileContent(problem="is no regular file")
    assert look(tmp_path) == FileContent(problem="cannot be read: Is a directory")
