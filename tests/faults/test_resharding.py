"""Slots of a cluster go to other nodes under events: each counts once, and lists go on."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import servers
from ledger import Ledger, Sender, await_counted
from service import Service, serving, wait_until
from soak import either

MOVED_WITHIN_S = 60.0
ROUNDS = either(1, 10)
#: How far apart two keys of a slot go that takes its time.
HELD_S = 0.4


@pytest.fixture
def cluster() -> Iterator[servers.Topology]:
    with servers.cluster() as topology:
        yield topology


@pytest.fixture
def service(cluster: servers.Topology, tmp_path: Path) -> Iterator[Service]:
    file = tmp_path / "populer.toml"
    file.write_text(
        '[ingest]\nbots = false\ndedupe_window = "0s"\n[refresh]\nevery = "1s"\n'
        f'[redis]\nurl = "{cluster.url}"\ntimeout = "1s"\n'
    )
    with serving(tmp_path / "data", "--config", str(file)) as started:
        yield started


def name_of(node: servers.Valkey) -> str:
    return str(node.admin.execute_command("CLUSTER", "MYID").decode())


def filled_slots(cluster: servers.Topology) -> list[tuple[int, servers.Valkey]]:
    """The slots that hold keys, each with its node."""
    return [
        (slot, node)
        for node in cluster.servers
        for slot in sorted({node.admin.execute_command("CLUSTER", "KEYSLOT", key) for key in node.admin.scan_iter()})
    ]


def another(cluster: servers.Topology, node: servers.Valkey) -> servers.Valkey:
    return cluster.servers[(cluster.servers.index(node) + 1) % len(cluster.servers)]


def move_at_once(cluster: servers.Topology, slot: int, node: servers.Valkey) -> None:
    """As Valkey 9 does it, all keys together."""
    to = name_of(another(cluster, node))
    node.admin.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", to)

    def states() -> set[bytes]:
        jobs = node.admin.execute_command("CLUSTER", "GETSLOTMIGRATIONS")
        return {
            (job if isinstance(job, dict) else dict(zip(job[::2], job[1::2], strict=True)))[b"state"] for job in jobs
        }

    wait_until(lambda: states() <= {b"success", b"failed", b"cancelled"}, MOVED_WITHIN_S)
    assert states() == {b"success"}


def move_by_key(cluster: servers.Topology, slot: int, node: servers.Valkey, apart_s: float = 0.0) -> None:
    """As all servers do it, one key after the other."""
    to = another(cluster, node)
    to.admin.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", name_of(node))
    node.admin.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", name_of(to))
    while keys := node.admin.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1):
        node.admin.execute_command("MIGRATE", servers.HOST, to.port, "", 0, 5000, "KEYS", *keys)
        time.sleep(apart_s)
    for each in (to, node, *cluster.servers):
        each.admin.execute_command("CLUSTER", "SETSLOT", slot, "NODE", name_of(to))


def lists_go_on(service: Service) -> None:
    """Return once a list of now is served."""
    with service.client() as http:
        since = time.time()
        wait_until(lambda: http.get("/v1/lists/populer").json().get("generated_at", 0.0) > since)


@pytest.mark.soak
@pytest.mark.parametrize("move", [move_at_once, move_by_key])
def test_slots_that_move_lose_nothing_and_count_nothing_twice(
    cluster: servers.Topology, service: Service, move: Callable[[servers.Topology, int, servers.Valkey], None]
) -> None:
    ledger = Ledger()
    with Sender(service, ledger, keyed=True, pause_s=0.01) as sender:
        wait_until(lambda: ledger.acked > 2_000)
        for _ in range(ROUNDS):
            for slot, node in filled_slots(cluster):
                move(cluster, slot, node)
        lists_go_on(service)
        acked = ledger.acked
        wait_until(lambda: ledger.acked > acked + 1_000)
        sender.finish()
    await_counted(ledger, cluster.url)
    assert "Traceback" not in service.log.read_text()


def test_slot_that_takes_its_time_is_named_by_the_log_and_waited_for(
    cluster: servers.Topology, service: Service
) -> None:
    ledger = Ledger()
    with Sender(service, ledger, keyed=True, pause_s=0.01) as sender:
        wait_until(lambda: ledger.acked > 500)
        counts_of_shard = cluster.servers[0].admin.execute_command("CLUSTER", "KEYSLOT", "{default.0}")
        slot, node = next(found for found in filled_slots(cluster) if found[0] == counts_of_shard)
        move_by_key(cluster, slot, node, HELD_S)
        lists_go_on(service)
        sender.finish()
    await_counted(ledger, cluster.url)
    said = service.log.read_text()
    assert "A slot of the cluster is on its way to another node" in said
    assert "TTL exhausted" not in said
    assert "Traceback" not in said
