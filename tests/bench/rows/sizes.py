"""Bytes of a report: on the wire, in the journal, on the real Kafka, in the store."""
from pathlib import Path

from daemons import wait_until
from lab import Lab
from load import open_loop, wrk
from row import Result, Row
from rows.consumer import start_consumer, stored
from servers import Ingest

SECONDS = 10
RATE = 10000


def bytes_under(folder: Path, pattern: str) -> int:
    return sum(file.stat().st_size for file in folder.rglob(pattern))


def on_kafka(lab: Lab, topic: str) -> int:
    """The log files of a topic; replicas would come on top."""
    return sum(bytes_under(folder, "*.log") for folder in lab.kafka().folder.rglob(f"{topic}-*") if folder.is_dir())


def sizes(lab: Lab) -> Result:
    """Reports as all kinds of players send them, at a rate that lets batches be as small as they are on a quiet day."""
    topic = lab.topic("bench.sizes")
    lab.say("sizes")
    front = Ingest(lab.folder / "sizes-ingest", lab.kafka().bootstrap, topic)
    try:
        told = open_loop(front, RATE, SECONDS, lab.seeds.take(), forms="all")
        wait_until("all is on Kafka", lambda: front.daemon.ready()["journal"]["waiting"] == 0, 60)
        count = told["reports"]
        journal = front.daemon.metric("playreport_journal_written_bytes_total") / count
        kafka = on_kafka(lab, topic) / count
        wire = wrk(front.port, "player", 64, 1)
    finally:
        front.stop()
    numbers = {"request": wire["request_bytes"], "reply": wire["reply_bytes"], "journal": journal, "kafka": kafka,
               "store": in_store(lab, topic, int(count))}
    listed = ", ".join(f"{name} {value:.0f}" for name, value in numbers.items())
    return Result(f"{journal:.0f} bytes", None, [
        f"{listed}; request and reply of a browser, without TCP and TLS; Kafka: one copy, zstd, at {RATE:,} reports/s; "
        f"the store: all it took for {count:,.0f} reports of 1,000 photos, spread over no more than a day"], numbers)


def in_store(lab: Lab, topic: str, count: int) -> float:
    folder = lab.folder / "sizes-consumer"
    daemon = start_consumer(lab, folder, topic, topic)
    try:
        wait_until("all is stored", lambda: stored(folder) >= count, 120)
    finally:
        daemon.stop()
    return bytes_under(folder, "store.db*") / count


ROWS = (Row("sizes", "bytes of a report in the journal, and elsewhere", "", sizes),)
