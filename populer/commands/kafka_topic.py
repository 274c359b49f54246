"""A topic of Kafka as the consumer of a group sees it: which partitions it has, what comes next, how far they are read.

With an offset the group's commit keeps, as metadata, the numbers of the shards (`ranking.recording.partitions`), by
which a store is recognised that has gone back.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import structlog

from ranking.errors import PopulerError

log = structlog.get_logger("populer.consume")

WAIT_S: Final = 0.5
AT_ONCE: Final = 10_000
ANSWER_S: Final = 30.0

#: The offset to read a partition from, by its number, the offset that the group has come to and the numbers then.
Begin = Callable[[int, int, Sequence[int]], int]


class Address(NamedTuple):
    """Of a topic: brokers as the library takes them, and the topic's name."""

    brokers: str
    topic: str


def address_of(url: str) -> Address:
    """The topic at `kafka://HOST:PORT[,HOST:PORT…]/TOPIC`.

    Raises:
        PopulerError: it is no such address.
    """
    parts = urlsplit(url)
    topic = parts.path.strip("/")
    if parts.scheme != "kafka" or not parts.netloc or not topic or "/" in topic:
        raise PopulerError(f"expected an address such as kafka://broker:9092/events, found {url!r}")
    return Address(parts.netloc, topic)


class Topic:
    """A consumer of one topic. `begin` says where a partition that it is given is to be read from; one thread uses it.

    `start`: where a partition begins that the group has never read: "earliest", "latest" or epoch seconds.
    """

    def __init__(
        self, address: Address, group: str, start: str | float, options: Mapping[str, str], begin: Begin
    ) -> None:
        try:
            import confluent_kafka
        except ImportError:
            raise PopulerError(
                "reading Kafka needs confluent-kafka, which is not installed; pip install 'populer[kafka]'"
            ) from None
        self._kafka: Any = confluent_kafka
        self._topic = address.topic
        self._start = start
        self._begin = begin
        self.partitions: set[int] = set()
        try:
            self._consumer: Any = confluent_kafka.Consumer(
                {
                    **options,
                    "bootstrap.servers": address.brokers,
                    "group.id": group,
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    "auto.offset.reset": "earliest",  # what the broker has dropped cannot be read
                    "error_cb": _report,
                }
            )
            self._consumer.subscribe(
                [address.topic], on_assign=self._assigned, on_revoke=self._gone, on_lost=self._gone
            )
        except confluent_kafka.KafkaException as error:
            raise PopulerError(f"consume.options: {error.args[0].str()}; correct them") from None

    def messages(self) -> dict[int, list[Any]]:
        """What comes next, by partition; empty where nothing does for half a second.

        Raises:
            PopulerError: the topic cannot be read.
        """
        messages: dict[int, list[Any]] = {}
        for message in self._consumer.consume(AT_ONCE, WAIT_S):
            error = message.error()
            if error is None:
                messages.setdefault(message.partition(), []).append(message)
            elif error.code() in (
                self._kafka.KafkaError.UNKNOWN_TOPIC_OR_PART,
                self._kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED,
                self._kafka.KafkaError.GROUP_AUTHORIZATION_FAILED,
            ):
                raise PopulerError(
                    f"topic {self._topic} cannot be read: {error.str()}; correct its address, or let the group read it"
                )
            else:
                _report(error)
        return messages

    def commit(self, read: Mapping[int, tuple[int, Sequence[int]]]) -> None:
        """Note how far partitions are read, with the numbers of their shards; what is not noted is looked up anew."""
        offsets = [
            self._kafka.TopicPartition(self._topic, partition, offset, json.dumps(list(numbers)))
            for partition, (offset, numbers) in read.items()
            if partition in self.partitions
        ]
        try:
            if offsets:
                self._consumer.commit(offsets=offsets, asynchronous=False)
        except self._kafka.KafkaException as error:
            _report(error.args[0])

    def seek(self, partition: int, offset: int) -> None:
        """Read a partition from an offset on."""
        if partition in self.partitions:
            self._consumer.seek(self._kafka.TopicPartition(self._topic, partition, offset))

    def lag(self) -> dict[int, int]:
        """Records behind the present place of each partition, as far as the broker has said."""
        own = [self._kafka.TopicPartition(self._topic, partition) for partition in sorted(self.partitions)]
        lag = {}
        for place in self._consumer.position(own):
            _, end = self._consumer.get_watermark_offsets(place, cached=True)
            if end >= 0 and place.offset >= 0:
                lag[place.partition] = max(0, end - place.offset)
        return lag

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _assigned(self, consumer: Any, partitions: list[Any]) -> None:
        try:
            committed = consumer.committed(partitions, timeout=ANSWER_S)
            starts = self._starts(consumer, [each for each in committed if each.offset < 0])
        except self._kafka.KafkaException as error:
            raise PopulerError(
                f"how far topic {self._topic} is read cannot be learned: {error.args[0].str()}; see to the brokers and"
                " start it again"
            ) from None
        for each in committed:
            read = starts[each.partition] if each.offset < 0 else each.offset
            each.offset = self._begin(each.partition, read, _numbers(each.metadata))
        self.partitions = {each.partition for each in committed}
        consumer.assign(committed)
        log.info("The partitions were assigned.", topic=self._topic, partitions=sorted(self.partitions))

    def _gone(self, _: Any, partitions: list[Any]) -> None:
        self.partitions -= {each.partition for each in partitions}

    def _starts(self, consumer: Any, partitions: list[Any]) -> dict[int, int]:
        """Where partitions begin that the group has never read."""
        at = {}
        if not isinstance(self._start, str) and partitions:
            since_ms = int(self._start * 1_000)
            times = [self._kafka.TopicPartition(self._topic, each.partition, since_ms) for each in partitions]
            at = {each.partition: each.offset for each in consumer.offsets_for_times(times, timeout=ANSWER_S)}
        starts = {}
        for each in partitions:
            low, high = consumer.get_watermark_offsets(each, timeout=ANSWER_S)
            later = at.get(each.partition, low if self._start == "earliest" else high)
            starts[each.partition] = later if later >= 0 else high  # nothing has been written since
        return starts


def _numbers(metadata: str | None) -> Sequence[int]:
    try:
        numbers = json.loads(metadata or "[]")
    except ValueError:
        return ()
    return numbers if isinstance(numbers, list) and all(isinstance(each, int) for each in numbers) else ()


def _report(error: Any) -> None:
    log.warning("The Kafka client reports a fault. It tries again by itself.", error=error.str())
