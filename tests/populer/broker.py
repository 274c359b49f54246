"""A real Kafka broker on the loopback, of one node, in a folder of its own. It needs Java and `make .venv/.kafka`."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ports import free_ports, is_listening
from service import wait_until

JARS = Path(os.environ.get("POPULER_KAFKA", Path(sys.prefix) / "kafka"))
JAVA = shutil.which("java")
MISSING = "there is no Kafka here: it takes Java 17, Maven and `make .venv/.kafka`"
IS_THERE = JAVA is not None and any(JARS.glob("kafka_*.jar"))
SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={folder}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
"""


class Broker:
    """A running one, at `address`."""

    def __init__(self, address: str) -> None:
        import confluent_kafka
        from confluent_kafka.admin import AdminClient, NewTopic

        self.address = address
        self._new_topic = NewTopic
        self._admin = AdminClient({"bootstrap.servers": address})
        self._producer: Any = confluent_kafka.Producer({"bootstrap.servers": address, "linger.ms": 5})

    def topic(self, name: str, partitions: int = 4) -> str:
        """Make a topic; its address for `populer consume`."""
        for made in self._admin.create_topics([self._new_topic(name, partitions, 1)]).values():
            made.result(30)
        return f"kafka://{self.address}/{name}"

    def write(self, topic: str, value: bytes | None, partition: int = 0, **options: Any) -> None:
        """Write a record, now or with the next `flush`."""
        while True:
            try:
                self._producer.produce(topic, value, partition=partition, **options)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def flush(self) -> None:
        """Have all that was written in the log."""
        assert self._producer.flush(60) == 0


@contextlib.contextmanager
def running() -> Iterator[Broker]:
    """A broker until the end."""
    port, controller = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp") as folder:
        settings = Path(folder) / "server.properties"
        settings.write_text(SETTINGS.format(port=port, controller=controller, folder=folder))
        java = [str(JAVA), "-Xmx256m", "-cp", f"{JARS}/*", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        form = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(settings)]
        subprocess.run([*java, *form], check=True, capture_output=True, timeout=60)
        log = Path(folder) / "out"
        with log.open("wb") as out:
            process = subprocess.Popen([*java, "kafka.Kafka", str(settings)], stdout=out, stderr=out)
        try:
            wait_until(lambda: is_listening(port) or process.poll() is not None, 60.0)
            assert process.poll() is None, log.read_text()
            broker = Broker(f"127.0.0.1:{port}")
            wait_until(lambda: _answers(broker), 60.0)
            yield broker
        finally:
            process.kill()
            process.wait(15)


def _answers(broker: Broker) -> bool:
    from confluent_kafka import KafkaException

    with contextlib.suppress(KafkaException):
        return bool(broker._admin.list_topics(timeout=1).brokers)
    return False
