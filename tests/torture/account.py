"""What was acknowledged, what is in the topic, what is counted: a running account, closed now and then."""
from collections import Counter
from dataclasses import dataclass, field

import msgpack

from broker import Topics
from counts import counted_events
from daemons import ConsumerDaemon
from stream import FATES


@dataclass
class Sums:
    """A stretch of the account. in_topic is what a reader has that drops repeats by marks."""

    acknowledged: int = 0
    in_topic: int = 0
    counted: int = 0
    lost: int = 0
    twice: int = 0
    refused: int = 0
    unknown: int = 0
    notes: list[str] = field(default_factory=list)


class Account:
    """One topic from its start. Each close() gives what came since the last."""

    def __init__(self, broker: Topics, topic: str) -> None:
        self.broker = broker
        self.topic = topic
        self.records = self.repeats = self.distinct = 0
        self.events: Counter = Counter()  # {(photo_id, source, event): count}
        self._next: dict[int, int] = {}
        self._marks: dict[tuple[int, str], int] = {}
        self._seen: dict[str, bytearray] = {}  # by prefix of the report_id, how often its number was seen
        self._skipped: set[tuple[int, int]] = set()
        self._twice = 0
        self._over = self._under = self._counted = self._distinct = 0
        self._acked: dict[str, list[int]] = {}

    # ---- The topic.

    def read(self, timeout_s: float = 300) -> None:
        """Reads on to the topic's present end."""
        for record in self.broker.read_from(self.topic, self._next, timeout_s):
            self._next[record.partition] = record.offset + 1
            if (record.partition, record.offset) in self._skipped:
                continue
            event = msgpack.unpackb(record.value)
            lane, sequence = event["id"].split("-")
            self.records += 1
            key, number = (record.partition, lane), int(sequence, 16)
            if number <= self._marks.get(key, 0):
                self.repeats += 1
            else:
                self._marks[key] = number
                self._take(event)

    def skip(self, partition: int, offset: int) -> None:
        """This record is poison of ours, no report."""
        self._skipped.add((partition, offset))

    def _take(self, event: dict) -> None:
        self.distinct += 1
        if event["kind"] == "event":
            self.events[event["photo_id"], event.get("source", "").strip() or "(none)", event["event"]] += 1
        prefix, _, number = event.get("report_id", "").rpartition("-")
        if prefix and not self._mark_seen(prefix, int(number)):
            self._twice += 1

    def _mark_seen(self, prefix: str, number: int) -> bool:
        """False if it was seen before."""
        seen = self._seen.setdefault(prefix, bytearray())
        if number >= len(seen):
            seen.extend(bytes(number + 4096 - len(seen)))
        first = not seen[number]
        seen[number] = 1
        return first

    # ---- What the senders were told.

    def promise(self, report_ids: list[str]) -> None:
        """These were acknowledged: each must be in the topic when the account is closed."""
        for report_id in report_ids:
            prefix, _, number = report_id.rpartition("-")
            self._acked.setdefault(prefix, []).append(int(number))

    def forgive(self, report_ids: list[str]) -> None:
        """These were set aside, by name: the promise is kept elsewhere."""
        for report_id in report_ids:
            prefix, _, number = report_id.rpartition("-")
            self._mark_seen(prefix, int(number))

    def take_fates(self, seed: int, fates: dict[int, int], sums: Sums) -> None:
        """What the sender of this seed was told, number by number."""
        self._acked[f"l{seed}"] = [number for number, fate in fates.items() if fate == FATES["acked"]]
        sums.refused += sum(fate == FATES["refused"] for fate in fates.values())
        sums.unknown += sum(fate == FATES["unknown"] for fate in fates.values())

    def pending(self) -> int:
        """Promises not yet found in the topic."""
        missing = 0
        for prefix, numbers in self._acked.items():
            seen = self._seen.get(prefix, b"")
            missing += sum(number >= len(seen) or not seen[number] for number in numbers)
        return missing

    # ---- Holding it together.

    def close(self, consumer: ConsumerDaemon | None, sums: Sums) -> Sums:
        """Fills sums. Without a consumer the topic alone is compared."""
        sums.acknowledged += sum(map(len, self._acked.values()))
        sums.lost += self.pending()
        self._acked.clear()
        sums.in_topic += self.distinct - self._distinct
        self._distinct = self.distinct
        sums.twice += self._twice
        self._twice = 0
        if consumer is not None:
            self._compare_counted(consumer, sums)
        return sums

    def _compare_counted(self, consumer: ConsumerDaemon, sums: Sums) -> None:
        counted = consumer.totals()["reports"]
        sums.counted += counted - self._counted
        self._counted = counted
        rows = counted_events(consumer)
        over = max(counted - self.distinct, sum((rows - self.events).values()), 0)
        under = max(self.distinct - counted, sum((self.events - rows).values()), 0)
        sums.twice += max(0, over - self._over)
        sums.lost += max(0, under - self._under)
        self._over, self._under = over, under
