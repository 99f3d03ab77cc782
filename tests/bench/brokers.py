"""The brokers of a run, each started when first asked for, on the generator's processor: two have no third."""
import os
from pathlib import Path

from broker import Kafka, TryBroker
from measure import OTHER_CPU, pinned

# lua-resty-kafka 0.07 sends Produce v0 to v2 only, which no later Kafka takes, nor does the try-out broker.
OLD_VERSION = "3.9.1"
JVM = "-Xmx1g -XX:+UseSerialGC"


class Brokers:
    """try: in memory and next to no work, for the cost of ingest. kafka: the real one. old: a real one of old."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, Kafka | TryBroker] = {}

    def get(self, name: str) -> Kafka | TryBroker:
        if name not in self._kept:
            with pinned(OTHER_CPU):
                self._kept[name] = TryBroker() if name == "try" else self._start_kafka(name)
        return self._kept[name]

    def _start_kafka(self, name: str) -> Kafka:
        os.environ["PLAYREPORT_TEST_KAFKA_JVM"] = JVM
        if name == "old":
            os.environ["PLAYREPORT_TEST_KAFKA_VERSION"] = OLD_VERSION
        try:
            return Kafka.start(self._folder / name)
        finally:
            os.environ.pop("PLAYREPORT_TEST_KAFKA_VERSION", None)

    def create_topic(self, name: str, topic: str, partitions: int) -> None:
        broker = self.get(name)
        if isinstance(broker, TryBroker):
            broker.command(f"topic {topic} {partitions}")
        else:
            broker.create_topic(topic, partitions)

    def close(self) -> None:
        for broker in self._kept.values():
            if isinstance(broker, TryBroker):
                broker.stop()
            else:
                broker.kill()
        self._kept.clear()
