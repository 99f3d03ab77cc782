"""How many records a topic was given, asked of the broker."""
from confluent_kafka import Consumer, KafkaException, TopicPartition

from broker import CLIENT


class Delivered:
    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._consumer = Consumer({**CLIENT, "bootstrap.servers": bootstrap, "group.id": "bench.delivered"})
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]

    def count(self) -> int:
        """The ends of all partitions added up; -1 while one of them has no leader."""
        try:
            ends = [self._consumer.get_watermark_offsets(one, timeout=10) for one in self._partitions]
        except KafkaException:
            return -1
        return sum(end[1] for end in ends) if all(ends) else -1

    def close(self) -> None:
        self._consumer.close()
