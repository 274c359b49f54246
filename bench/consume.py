"""How fast a Kafka topic is counted: `populer consume` against a bare client, `python bench/consume.py [--json]`.

It takes Java and a broker's jars (`make .venv/.kafka`). A topic of one partition holds views of a thousand items by
Zipf's law, of 3,000 readers. What is measured is the CPU that the consumer's process uses until all are counted in a
Valkey like the service's own, less that of one that finds nothing to read (its start): what one core can do, whatever
else runs here. The baseline reads the same records with the same client, decodes each with the fastest JSON decoder
there is and adds up by item: no consumer can be faster. What is counted and what repeats is compared with what was
written.
"""

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import servers
from report import Row, parser_of, show

sys.path.append(str(servers.ROOT / "tests" / "populer"))

import broker
from service import MODULE, environment

RECORDS = 500_000
ROUNDS = 3
ITEMS, READERS = 1_000, 3_000
GOAL_PER_S = 150_000
PATIENCE_S = 180.0


class _View(msgspec.Struct):
    item: str


def main() -> None:
    """Print the rows."""
    options = parser_of(__doc__).parse_args()
    if not broker.IS_THERE:
        sys.exit(broker.MISSING)
    rows = []
    with broker.running() as kafka:
        kafka.topic("views", 1)
        written = _write(kafka)
        for name, window in (("dedupe off", "0s"), ("dedupe on", "30m")):
            ours = [_consumed(kafka, f"{name} {number}", written, window) for number in range(ROUNDS)]
            bare = [_bare(kafka, f"bare {name} {number}", written) for number in range(ROUNDS)]
            mine, theirs = statistics.median(ours), statistics.median(bare)
            rate = RECORDS / mine
            rounds = {"rounds": [round(RECORDS / each) for each in ours], "answers": "the store agrees"}
            goal = f">= {GOAL_PER_S:,}"
            row = (f"records of a topic, {name}", rate, "records/s of a core", "bare client", RECORDS / theirs)
            rows.append(Row(*row, theirs / mine, goal, rate >= GOAL_PER_S, rounds))
    show(rows, "Consuming a topic", f"medians of {ROUNDS} rounds", as_json=options.json)


def _write(kafka: broker.Broker) -> Counter[str]:
    draw = random.Random(1)
    weights = [1 / (rank + 1) for rank in range(ITEMS)]
    written: Counter[str] = Counter()
    for item in draw.choices(range(ITEMS), weights, k=RECORDS):
        name = f"berita-{item}"
        written[name] += 1
        kafka.write("views", json.dumps({"item": name, "visitor": f"r{draw.randrange(READERS)}"}).encode())
    kafka.flush()
    return written


def _consumed(kafka: broker.Broker, group: str, written: Counter[str], window: str) -> float:
    """CPU seconds of a consumer from its first record to its last."""
    with servers.valkey() as store, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "populer.toml"
        config.write_text(f'[redis]\nurl = "{store}"\n[ingest]\ndedupe_window = "{window}"\n')
        command = [*MODULE, "consume", f"kafka://{kafka.address}/views", "--group", group, "--config", str(config)]
        (port,) = servers.free_ports(1)
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--from", "earliest", "--metrics-port", str(port)], stdout=log, stderr=log, env=environment()
            )
        try:
            outcomes = _until_all(process, port)
            used = servers.usage(process.pid).cpu_s
        finally:
            process.terminate()
            process.wait(30)
        assert sum(outcomes.values()) == written.total(), outcomes
        assert window != "0s" or outcomes == {"counted": RECORDS}, outcomes
    return used - _start_s()


def _until_all(process: subprocess.Popen[bytes], port: int) -> dict[str, int]:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.1)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                shown = answer.read().decode()
        except OSError:
            continue
        found = {
            line.split('"')[1]: int(float(line.split()[-1]))
            for line in shown.splitlines()
            if line.startswith("populer_consumed_records_total{")
        }
        if sum(found.values()) >= RECORDS:
            return found
    raise SystemExit("the consumer did not come to the end")


def _start_s() -> float:
    """CPU seconds that a command of ours uses before it does anything."""
    code = "import populer.commands.consume, confluent_kafka"
    before = _children_s()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment(), cwd=servers.ROOT)
    return _children_s() - before


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _bare(kafka: broker.Broker, group: str, written: Counter[str]) -> float:
    """CPU seconds of the least that reads and adds up."""
    import confluent_kafka

    consumer: Any = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka.address, "group.id": group, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["views"])
    decode = msgspec.json.Decoder(_View).decode
    found: Counter[str] = Counter()
    before = time.process_time()
    while found.total() < RECORDS:
        for message in consumer.consume(10_000, 0.5):
            found[decode(message.value()).item] += 1
    used = time.process_time() - before
    consumer.close()
    assert found == written
    return used


if __name__ == "__main__":
    main()
