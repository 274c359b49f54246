"""A real topic is counted, each record once, whatever becomes of those who read it."""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import broker
import httpx2
import pytest
from broker import Broker
from ports import free_ports
from service import MODULE, Service, environment, run, serving, wait_until

ITEMS = 50
#: Of a member that is gone or hangs the group hears soon.
IMPATIENT = """
[consume.options]
"session.timeout.ms" = "1500"
"heartbeat.interval.ms" = "300"
"""

pytestmark = [pytest.mark.skipif(not broker.IS_THERE, reason=broker.MISSING), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def kafka() -> Iterator[Broker]:
    with broker.running() as started:
        yield started


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "populer.toml"
    file.write_text('[ingest]\ndedupe_window = "0s"\n[lists.populer]\nsize = 100\ndepth = 100\n' + IMPATIENT)
    return file


@pytest.fixture
def service(tmp_path: Path, config: Path) -> Iterator[Service]:
    with serving(tmp_path / "data", "--config", str(config)) as started:
        yield started


class Consumer:
    """A running `populer consume`."""

    def __init__(self, service: Service, config: Path, url: str, *options: str) -> None:
        self.log = service.data_dir.with_name(f"consume-{time.monotonic_ns()}.log")
        command = [*MODULE, "consume", url, "--group", "g", "--config", str(config), "--data", str(service.data_dir)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *options], stdout=log, stderr=log, env=environment(), start_new_session=True
            )

    def has_partitions(self) -> bool:
        return "partitions were assigned" in self.log.read_text()

    def stop(self) -> str:
        """End it as an operator does; what it has logged."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        assert self.process.wait(30) == 0, self.log.read_text()
        return self.log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(15)


@contextlib.contextmanager
def consuming(*given: Any) -> Iterator[Consumer]:
    consumer = Consumer(*given)
    try:
        yield consumer
    finally:
        if consumer.process.poll() is None:
            consumer.kill()


def counts(service: Service) -> dict[str, int]:
    """Counted views by item."""
    done = run("rank", "--data", str(service.data_dir), "--json", "--set", "size=1000", "--set", "fill=none")
    assert done.returncode == 0, done.stderr
    return {each["id"]: each["views"] for each in json.loads(done.stdout)["items"]}


def total(service: Service) -> int:
    return sum(counts(service).values())


def write(kafka: Broker, topic: str, many: int, partitions: int = 4) -> dict[str, int]:
    """Views of some items, over all partitions; how many each has."""
    written: dict[str, int] = {}
    for number in range(many):
        item = f"berita-{number * number % ITEMS}"
        written[item] = written.get(item, 0) + 1
        kafka.write(topic, json.dumps({"item": item}).encode(), number % partitions)
    kafka.flush()
    return written


@pytest.mark.parametrize("seed", [1, 2])
def test_each_record_counts_once_however_often_its_reader_is_killed(
    kafka: Broker, service: Service, config: Path, seed: int
) -> None:
    chance, url = random.Random(seed), kafka.topic(f"killed-{seed}")
    written = write(kafka, f"killed-{seed}", 60_000)
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(consuming(service, config, url, "--from", "earliest")) for _ in range(2)]
        for _ in range(6):
            time.sleep(chance.uniform(0.3, 1.5))
            readers.pop(chance.randrange(len(readers))).kill()
            readers.append(stack.enter_context(consuming(service, config, url, "--from", "earliest")))
        wait_until(lambda: total(service) >= 60_000, 120.0)
        time.sleep(1.0)
        said = [each.stop() for each in readers]
    assert counts(service) == written
    assert all("Traceback" not in each for each in said)


def test_reader_that_hangs_and_wakes_up_counts_nothing_twice(kafka: Broker, service: Service, config: Path) -> None:
    url = kafka.topic("hung", 1)
    with consuming(service, config, url, "--from", "earliest") as hung:
        wait_until(hung.has_partitions)
        written = write(kafka, "hung", 5_000, 1)
        wait_until(lambda: total(service) > 0)
        hung.process.send_signal(signal.SIGSTOP)
        with consuming(service, config, url, "--from", "earliest") as other:
            for item, count in write(kafka, "hung", 5_000, 1).items():
                written[item] += count
            wait_until(lambda: total(service) == 10_000, 60.0)
            hung.process.send_signal(signal.SIGCONT)
            for item, count in write(kafka, "hung", 1_000, 1).items():
                written[item] += count
            wait_until(lambda: total(service) == 11_000, 60.0)
            other.stop()
        hung.stop()
    assert counts(service) == written


def test_fields_go_by_their_own_names_and_bad_records_are_counted_by_reason(
    kafka: Broker, service: Service, config: Path
) -> None:
    config.write_text(
        config.read_text()
        + '[consume.fields]\nitem = "data.article"\nvisitor = "@key"\nts = "data.at"\nkind = "type"\n'
    )
    url = kafka.topic("named", 1)
    now = time.time()
    good = {"type": "view", "data": {"article": 4711, "at": 1000 * (now - 60)}}
    values: list[bytes | None] = [json.dumps(good).encode()] * 3
    values += [None, b"", b"{", b"[]", b'{"data":{}}', b'{"type":"sold","data":{"article":"a"}}']
    values += [b'{"type":"view","data":{"article":"a","at":"gestern"}}']
    for value in values:
        kafka.write("named", value, 0, key=b"reader")
    kafka.flush()
    (port,) = free_ports(1)
    with consuming(service, config, url, "--from", "earliest", "--metrics-port", str(port)) as reader:
        wait_until(lambda: counts(service) == {"4711": 3})
        wait_until(lambda: 'outcome="bad kind"' in httpx2.get(f"http://127.0.0.1:{port}/metrics").text)
        shown = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
        assert 'populer_consumed_records_total{outcome="counted"} 3.0' in shown
        assert 'populer_consume_lag{partition="0"} 0.0' in shown
        said = reader.stop()
    assert "bad_empty=2" in said
    assert "bad_unreadable=1" in said
    assert "bad_item=2" in said
    assert "bad_kind=1" in said
    assert "bad_ts=1" in said


def test_store_that_is_away_is_waited_for_and_a_stop_is_not(kafka: Broker, service: Service, config: Path) -> None:
    url = kafka.topic("away", 1)
    with consuming(service, config, url, "--from", "earliest") as reader:
        write(kafka, "away", 100, 1)
        wait_until(lambda: total(service) == 100)
        os.kill(service.valkey_pid, signal.SIGSTOP)
        try:
            write(kafka, "away", 100, 1)
            wait_until(lambda: "The store does not take events" in reader.log.read_text(), 60.0)
            assert "Traceback" not in reader.stop()
        finally:
            os.kill(service.valkey_pid, signal.SIGCONT)
    with consuming(service, config, url, "--from", "earliest") as other:
        wait_until(lambda: total(service) == 200, 60.0)
        other.stop()


def test_group_that_has_read_nothing_begins_where_it_is_told(kafka: Broker, service: Service, config: Path) -> None:
    url, now = kafka.topic("begun", 1), time.time()
    for minutes in (50, 40, 30, 20):
        at = int(1000 * (now - 60 * minutes))
        kafka.write("begun", b'{"item":"m%d"}' % minutes, 0, timestamp=at)
    kafka.flush()
    with consuming(service, config, url, "--from", str(now - 35 * 60)) as reader:
        wait_until(lambda: counts(service) == {"m30": 1, "m20": 1})
        reader.stop()
    with consuming(service, config, url, "--from", "earliest") as reader:  # it goes on, whatever it is told
        wait_until(reader.has_partitions)
        kafka.write("begun", b'{"item":"new"}', 0)
        kafka.flush()
        wait_until(lambda: counts(service).get("new") == 1)
        reader.stop()
    assert counts(service) == {"m30": 1, "m20": 1, "new": 1}


def test_port_that_is_taken_is_one_sentence(kafka: Broker, service: Service, config: Path) -> None:
    url, port = kafka.topic("port", 1), service.url.rpartition(":")[2]
    done = run(
        "consume", url, "--group", "g", "--config", str(config), "--data", str(service.data_dir), "--metrics-port", port
    )
    assert done.returncode == 1
    assert f"cannot serve metrics on 127.0.0.1 port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_cannot_be_read_is_said_in_a_sentence(service: Service, config: Path) -> None:
    for arguments, said in (
        (["kafka://127.0.0.1:1"], "kafka://broker:9092/events"),
        (["kafka://127.0.0.1:1/t", "--from", "gestern"], "--from"),
        (["http://127.0.0.1:1/t"], "kafka://broker:9092/events"),
    ):
        done = run("consume", *arguments, "--group", "g", "--config", str(config), "--data", str(service.data_dir))
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr
