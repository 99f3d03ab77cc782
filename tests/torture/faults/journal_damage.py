"""A journal that a crash left damaged: each variant is started from, and what it still holds must be delivered."""
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import msgpack
from confluent_kafka import Consumer, TopicPartition

from broker import wait_until
from lab import Lab
from results import Line
from rig import RESENT, Rig

REPORTS = 8
HEADER, RECORD_HEADER = 64, 32
NOWHERE = "127.0.0.1:1"  # no broker listens there


@dataclass(frozen=True)
class Whole:
    """An undamaged journal of one segment. ends[i] is the end of record i in the file."""

    folder: Path
    segment: str
    starts: list[int]
    ends: list[int]
    ids: list[str]


@dataclass(frozen=True)
class Variant:
    """Bytes to cut from or to flip, and the records that must come out of it all the same."""

    cut: int | None
    flip: int | None
    kept: list[int]
    is_damaged: bool


def make_whole(rig: Rig) -> Whole:
    """Reports taken while Kafka is away, then kill -9."""
    rig.front.options["kafka.bootstrap.servers"] = NOWHERE
    rig.front.start()
    rig.send(REPORTS)
    rig.front.kill()
    rig.account.close(None, rig.sums)  # these promises are looked after variant by variant
    journal = rig.folder / "journal"
    segment = max(journal.glob("*.journal"), key=lambda file: file.stat().st_size)
    starts, ends, ids = [], [], []
    data, at = segment.read_bytes(), HEADER
    while at < len(data) and (length := struct.unpack_from("<I", data, at)[0]):
        key_len = struct.unpack_from("<H", data, at + 26)[0]
        end = at + RECORD_HEADER + length
        ids.append(msgpack.unpackb(data[at + RECORD_HEADER + key_len:end])["report_id"])
        starts.append(at)
        ends.append(end)
        at = end
    if len(ids) != REPORTS:
        raise RuntimeError(f"{len(ids)} records found in the journal, not {REPORTS}")
    folder = rig.folder / "whole"
    journal.rename(folder)
    return Whole(folder, segment.name, starts, ends, ids)


def cuts(whole: Whole) -> list[Variant]:
    """At every byte of the last three records."""
    return [Variant(at, None, [i for i, end in enumerate(whole.ends) if end <= at], at not in whole.starts)
            for at in range(whole.starts[-3], whole.ends[-1])]


def flips(whole: Whole) -> list[Variant]:
    """Every byte of a record in the middle."""
    victim = REPORTS // 2
    return [Variant(None, at, [i for i in range(REPORTS) if i != victim], True)
            for at in range(whole.starts[victim], whole.ends[victim])]


class TopicReader:
    """Follows the only partition of a topic, cheaper than a new consumer for every variant."""

    def __init__(self, rig: Rig) -> None:
        self._consumer = Consumer(rig.broker.conf(group_id="tests.damage", fetch_wait_max_ms=10))
        self._consumer.assign([TopicPartition(rig.topic, 0, 0)])

    def read(self, records: int) -> list[str]:
        """The report ids of so many records."""
        messages = self._consumer.consume(records, 120) if records else []
        if len(messages) < records:
            raise TimeoutError(f"{len(messages)} of {records} records came from the topic")
        return [msgpack.unpackb(message.value())["report_id"] for message in messages]

    def close(self) -> None:
        self._consumer.close()


def try_variant(rig: Rig, whole: Whole, variant: Variant, reader: TopicReader, line: Line) -> None:
    journal = rig.folder / "journal"
    shutil.copytree(whole.folder, journal)
    segment = journal / whole.segment
    data = bytearray(segment.read_bytes()[:variant.cut])
    if variant.flip is not None:
        data[variant.flip] ^= 0xFF
    segment.write_bytes(data)
    rig.front.start()
    wait_until("the journal is drained", lambda: rig.front.ready()["journal"]["waiting"] == 0)
    state = rig.front.ready()
    ids = reader.read(state["kafka"]["delivered"])
    wanted = {whole.ids[i] for i in variant.kept}
    line.acknowledged += len(wanted)
    line.in_topic += len(wanted & set(ids))
    line.lost += len(wanted - set(ids))
    line.twice += len(ids) - len(set(ids))
    line.sent_again += int(rig.front.metric(RESENT))
    line.bites += bool(state["journal"]["damaged"]) == variant.is_damaged
    rig.front.kill()
    shutil.rmtree(journal)


def damage(variants_of: Callable[[Whole], list[Variant]]) -> Callable[[Lab], None]:
    """Bites when the damage was counted as such, and where there is none (a cut between records) none was."""

    def run(lab: Lab) -> None:
        kafka = lab.brokers.single()
        with lab.rig(kafka, {"workers": 1}, start=False) as rig:
            kafka.create_topic(rig.topic, 1)
            rig.counter.start()
            whole = make_whole(rig)
            rig.front.options["kafka.bootstrap.servers"] = kafka.bootstrap
            variants = variants_of(whole)
            if not lab.short:
                lab.count = min(lab.count, len(variants) - lab.done)
            step = len(variants) / lab.count if lab.short else 1
            reader = TopicReader(rig)
            counted = 0
            for batch in lab.batches(10 if lab.short else 50):
                line = Line(lab.row, wanted=0 if lab.short else len(variants))
                for number in batch:
                    lab.say(f"variant {number + 1} of {len(variants)}")
                    try_variant(rig, whole, variants[int(number * step)], reader, line)
                counted = compare_counted(rig, line, counted)
                lab.record(rig, len(batch), line.bites, line)
            reader.close()

    return run


def compare_counted(rig: Rig, line: Line, before: int) -> int:
    """Every variant brings the same records again: they count once, however often they come. Returns the count."""
    rig.account.read()
    wait_until("all is counted", lambda: rig.counter.totals()["reports"] >= rig.account.distinct)
    wait_until("all is read", lambda: rig.counter.metric("playreport_consumer_lag_records") == 0)
    counted = rig.counter.totals()["reports"]
    line.counted = counted - before
    line.notes.append("each variant holds the same records: they come again each time and count once")
    line.twice += max(0, counted - rig.account.distinct)
    line.dropped = rig.dropped_since()
    return counted
