"""What was acknowledged, what is in the topic, what is counted: held against each other to the unit."""
from collections import Counter
from pathlib import Path

import msgpack

TOPIC = "video.player.reports.v1"


def expected_events(expect):
    """{(photo_id, source, event): count} of acknowledged events, as the generator says."""
    counts = Counter()
    for row in expect["counts"]:
        if row["kind"] == "event":
            counts[row["photo_id"], row["source"], row["event"]] += row["count"]
    return counts


def counted_events(consumer):
    answer = consumer.report(dimensions="photo_id,source,event", metrics="events", limit=100000)
    return Counter({(r["photo_id"], r["source"], r["event"]): r["events"] for r in answer["rows"]})


class TopicView:
    """The topic as a reader sees it that drops repeats by marks."""

    def __init__(self, broker):
        self.records = self.repeats = 0
        self.events = []
        marks = {}
        for record in broker.read_all(TOPIC, timeout_s=120):
            self.records += 1
            event = msgpack.unpackb(record.value)
            lane, sequence = event["id"].split("-")
            key = (record.partition, lane)
            if int(sequence, 16) <= marks.get(key, 0):
                self.repeats += 1
                continue
            marks[key] = int(sequence, 16)
            self.events.append(event)
        self.report_ids = Counter(e.get("report_id") for e in self.events)

    def counts(self):
        return Counter((e["photo_id"], e.get("source", "").strip() or "(none)", e["event"])
                       for e in self.events if e["kind"] == "event")


def acknowledged(path):
    """The report ids of an --acks file by fate."""
    fates = {"acked": set(), "unknown": set(), "refused": set()}
    for line in Path(path).read_text().splitlines():
        name, fate = line.split()
        fates[fate].add(name)
    return fates
