"""Ports for servers that are started with a number."""

import itertools
import os
import random
import socket
from collections.abc import Iterator

HOST = "127.0.0.1"
#: Below those that a system gives to whoever connects or asks for any: nobody gets one of these between the moment it
#: is found free and the moment that a server listens on it.
RANGE = range(12_000, 32_000)
TESTERS = 8


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on, and that no other process of the same tests is given."""
    return list(itertools.islice(filter(_is_free, _mine), count))


def _of_this_process() -> Iterator[int]:
    tester = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = list(RANGE[tester % TESTERS :: TESTERS])
    random.SystemRandom().shuffle(ports)  # two runs at a time start at places of their own
    return itertools.cycle(ports)


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind((HOST, port))
        except OSError:
            return False
    return True


_mine = _of_this_process()
