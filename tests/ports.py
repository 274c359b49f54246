"""Ports for servers that are started with a number."""

import itertools
import os
import random
import socket
from collections.abc import Iterator

HOST = "127.0.0.1"
#: Below the ports that a system gives to connections and to servers that ask for any: no other process gets a port
#: between the moment it is found free and the moment its server listens on it.
RANGE = range(12_000, 32_000)
TESTERS = 8


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on, and that no other process of the same tests is given."""
    return list(itertools.islice(filter(_is_free, _ports), count))


def is_listening(port: int) -> bool:
    """Whether a server listens on a port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _ports_of_process() -> Iterator[int]:
    tester = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = list(RANGE[tester % TESTERS :: TESTERS])
    random.SystemRandom().shuffle(ports)  # two runs at a time start at places of their own
    return itertools.cycle(ports)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


_ports = _ports_of_process()
