"""A topic of a test's own, filled with events that are counted on, without ingest."""
from itertools import count

import msgpack

from broker import wait_until

PARTITIONS = 3
TS = 1700000000000
NAMES = count(1)


class Stream:
    """A topic of its own with its dead letters, and a lane that fills it. sent counts what must be counted."""

    def __init__(self, kafka, partitions=PARTITIONS, dead=True, config=None):
        self.kafka = kafka
        self.topic = f"stream{next(NAMES)}.reports"
        self.dead = self.topic + ".dlq"
        self.partitions = partitions
        self.sent = 0
        self.lane = next(NAMES)
        kafka.create_topic(self.topic, partitions, config)
        if dead:
            kafka.create_topic(self.dead, partitions)

    def event(self, **more):
        self.sent += 1
        event = {"v": 1, "id": f"{self.lane:016x}-{self.sent:016x}", "ts": TS + self.sent, "kind": "event",
                 "site": "default", "photo_id": self.sent % 7, "event": "load", "source": "embed", **more}
        return msgpack.packb(event)

    def send(self, reports, partition=None, **more):
        for _ in range(reports):
            to = self.sent % self.partitions if partition is None else partition
            self.kafka.produce(self.topic, self.event(**more), to)

    def options(self, **more):
        return {"topic": self.topic, "group": self.topic, **more}

    def letters(self):
        return self.kafka.read_all(self.dead)


def counted(daemon, stream, timeout_s=60):
    """Waits until everything is counted, and sees that it is not more."""
    wait_until(f"{stream.sent} reports are counted",
               lambda: daemon.totals()["reports"] >= stream.sent and daemon.ready()["lag_records"] == 0, timeout_s)
    assert daemon.totals() == {"reports": stream.sent, "events": stream.sent, "loads": stream.sent}
