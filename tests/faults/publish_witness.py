"""A witness of what jobs processes publish: every call of the publishing script, whose it was, and what it wrote.

It reads MONITOR, in which the server says all that it does in the order that it does it.
"""

import re
import socket
import threading
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import servers

from ranking.store.redis.lists import PUBLISH

CALL = f'"EVALSHA" "{PUBLISH.sha}"'.encode()
PART = re.compile(rb'"((?:[^"\\]|\\.)*)"')
LIST = re.compile(rb"populer:\{(?P<site>[^}]+)\}:list:(?P<name>.+)")
FROM = re.compile(rb"\[\d+ [^\]]*:(\d+)\]")


class Call(NamedTuple):
    """A call of the publishing script: by the connection from `port`."""

    site: str
    epoch: int
    port: int


class Witness:
    """Follows one server until it is closed.

    `epochs` and `generations`: of each list, as they were set. `publishers`: the processes that have called in a term,
    by site and epoch, as far as `settle` can tell; `settled`: in how many calls.
    """

    def __init__(self, server: servers.Valkey) -> None:
        self._calls: list[Call] = []
        self.epochs: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.generations: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.publishers: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
        self.settled = 0
        self._process_of: dict[int, int] = {}
        self._socket = socket.create_connection((servers.HOST, server.port))
        self._socket.sendall(b"MONITOR\r\n")
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reading.join()
        self._socket.close()

    def settle(self, pids: Collection[int]) -> None:
        """Say whose the calls since the last time were.

        `pids`: of the processes that have lived since then; one that begins may get the port of one that has ended.
        """
        known = {port: pid for port, pid in self._process_of.items() if pid in pids}
        ports = _local_ports()
        self._process_of = known | {ports[each]: pid for pid in pids for each in _sockets(pid) if each in ports}
        calls, self._calls = self._calls, []
        for call in calls:
            if call.port in self._process_of:
                self.publishers[call.site, call.epoch].add(self._process_of[call.port])
                self.settled += 1

    def _read(self) -> None:
        with self._socket.makefile("rb") as lines:
            for line in lines:
                if CALL in line:
                    self._note_call(line)
                elif b' lua] "HSET" ' in line:
                    self._note_write(PART.findall(line))

    def _note_call(self, line: bytes) -> None:
        parts = PART.findall(line)
        count = int(parts[2])
        found, source = LIST.fullmatch(parts[3]), FROM.search(line)
        assert found is not None
        assert source is not None
        epoch = int(parts[3 + count + 7])
        self._calls.append(Call(found["site"].decode(), epoch, int(source[1])))

    def _note_write(self, parts: list[bytes]) -> None:
        found = LIST.fullmatch(parts[1])
        if found is not None and parts[2] in (b"generation", b"epoch"):
            place = found["site"].decode(), found["name"].decode()
            (self.epochs if parts[2] == b"epoch" else self.generations)[place].append(int(parts[3]))


def _local_ports() -> dict[str, int]:
    """Inode of each TCP socket of this host -> its local port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9]: int(row[1].partition(":")[2], 16) for row in rows}


def _sockets(pid: int) -> list[str]:
    """Inodes of a process's sockets."""
    try:
        names = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # it has just ended
        return []
    return [name[8:-1] for name in names if name.startswith("socket:[")]
