"""What the parent makes of its children's stdout, and of the directory that the service is started in."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from service import environment, serving

from populer.service.child_output import LONGEST_LINE, READY, relay

CONSOLE_SCRIPT = (str(Path(sys.executable).with_name("populer")),)

CHATTY_CHILD = """
import sys
if "populer.service.child_process" in sys.orig_argv:
    print("ready\\n" + ("x" * 999 + "\\n") * 200)
"""


async def relayed(*chunks: bytes) -> tuple[int, list[str]]:
    """How often ready was said in these chunks, and the other lines."""
    reader = asyncio.StreamReader()
    ready, lines = list[None](), list[str]()
    reading = asyncio.create_task(relay(reader, lambda: ready.append(None), lines.append))
    for chunk in chunks:
        reader.feed_data(chunk)
        await asyncio.sleep(0)
    reader.feed_eof()
    await reading
    return len(ready), lines


@pytest.mark.parametrize(
    "printed", [b"ready\n", b" ready \n", b"ready http://127.0.0.1:8000\n", b"x" + READY + b"\n", READY + b"!\n"]
)
async def test_relay_takes_no_other_line_for_ready(printed: bytes) -> None:
    assert await relayed(printed) == (0, [printed.decode().strip()])


async def test_relay_knows_the_ready_line_in_pieces_and_behind_an_unfinished_line() -> None:
    assert await relayed(b"loading", b"\n" + READY[:3], READY[3:] + b"\nserving\n") == (1, ["loading", "serving"])


async def test_relay_cuts_a_line_that_does_not_end() -> None:
    _, lines = await relayed(b"x" * (2 * LONGEST_LINE + 1))
    assert [len(line) for line in lines] == [LONGEST_LINE, LONGEST_LINE, 1]


async def test_relay_shows_bytes_that_are_no_text() -> None:
    assert await relayed(b"\xff\n") == (0, ["\\xff"])


def test_serve_waits_for_the_ready_line_and_logs_what_children_print(tmp_path: Path) -> None:
    # More than any pipe holds: a child whose output is not read would stand still before it serves.
    (tmp_path / "sitecustomize.py").write_text(CHATTY_CHILD)
    with serving(tmp_path / "data", env={"PYTHONPATH": path_with(tmp_path)}) as service, service.client() as client:
        assert client.get("/readyz").json()["status"] == "ready"
        assert "A process printed on its stdout." in service.log.read_text()


def path_with(folder: Path) -> str:
    """PYTHONPATH of this process with `folder` before it."""
    return os.pathsep.join(filter(None, [str(folder), environment().get("PYTHONPATH")]))


def test_serve_imports_nothing_from_the_working_directory(tmp_path: Path) -> None:
    cwd = tmp_path / "here"
    for package in ("api", "jobs", "ranking", "populer"):
        (cwd / package).mkdir(parents=True)
        (cwd / package / "__init__.py").write_text("raise ImportError('imported from the working directory')\n")
    (cwd / "msgspec.py").write_text("open('msgspec was imported', 'w')\n")
    with serving(tmp_path / "data", cwd=cwd, command=CONSOLE_SCRIPT) as service, service.client() as client:
        assert client.get("/readyz").json()["status"] == "ready"
    assert not (cwd / "msgspec was imported").exists()
