"""The consumer against reading the topic and no more; decoding; how soon a report is seen. The real Kafka."""
import json
import re
import shutil
import sqlite3
import subprocess
import threading
import time
import urllib.request
from contextlib import closing
from pathlib import Path

from broker import BUILD
from daemons import ConsumerDaemon, consumer, wait_until
from lab import Lab
from load import open_loop
from measure import SERVER_CPU, Figures, cpu_s, pinned, ratio
from row import Result, Row, at_least
from servers import Ingest

EVENTS = 1_000_000
RECORDS = "playreport_consumer_records_total"
LAG = "playreport_consumer_lag_records"
SEEN_RATE, SEEN_GOAL_MS = 50000, 500
TOPIC = "bench.events"


def filled_topic(lab: Lab) -> str:
    """A topic of the run with EVENTS events."""
    if lab.once("filled"):
        lab.topic(TOPIC)
        lab.fill(TOPIC, EVENTS)
    return TOPIC


def read_bare(lab: Lab, topic: str, figures: Figures) -> None:
    words = [str(BUILD / "playreport-bench-topic"), "read", lab.kafka().bootstrap, topic, str(EVENTS)]
    with pinned(SERVER_CPU):
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    told = {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", done.stdout)}
    figures.add(rate=told["records"] / told["seconds"], cpu_us=told["cpu"] / told["records"] * 1e6,
                bytes=told["bytes"] / told["records"])


def start_consumer(lab: Lab, folder: Path, topic: str, group: str, **options) -> ConsumerDaemon:
    daemon = consumer(folder, lab.kafka().bootstrap, topic=topic, group=group, **options)
    with pinned(SERVER_CPU):
        daemon.start()
    return daemon


def stored(folder: Path) -> int:
    """How many records the store is past."""
    with closing(sqlite3.connect(f"file:{folder}/store.db?mode=ro", uri=True)) as db:
        return db.execute("SELECT coalesce(sum(next_offset), 0) FROM positions").fetchone()[0]


def count_all(lab: Lab, topic: str, folder: Path, events: int, figures: Figures) -> None:
    """From the first record to the last: what starting and joining the group take is not counting."""
    daemon = start_consumer(lab, folder, topic, f"bench.{lab.seeds.take()}")
    try:
        wait_until("it counts", lambda: daemon.metric(RECORDS) > 0, 60)
        began, first, cpu = time.monotonic(), daemon.metric(RECORDS), cpu_s([daemon.process.pid])
        wait_until("it has counted", lambda: daemon.metric(RECORDS) >= events, 300)
        wait_until("all is stored", lambda: stored(folder) >= events, 60)
        seconds, count = time.monotonic() - began, events - first
        figures.add(rate=count / seconds, cpu_us=(cpu_s([daemon.process.pid]) - cpu) / count * 1e6)
    finally:
        daemon.kill()


def whole_way(lab: Lab) -> Result:
    topic = filled_topic(lab)
    bare, ours = Figures(), Figures()
    for number in range(lab.count):
        lab.say(f"consumer: {number + 1} of {lab.count}")
        read_bare(lab, topic, bare)
        folder = lab.folder / "consumer"
        shutil.rmtree(folder, ignore_errors=True)
        count_all(lab, topic, folder, EVENTS, ours)
    notes = [f"{name}: {f.median('rate'):,.0f} events/s, {f.median('cpu_us'):.2f} us of processor time an event"
             for name, f in (("bare", bare), ("topic to store", ours))]
    notes.append(f"by processor time {ratio(bare, ours, 'cpu_us'):.2f}; {EVENTS:,} events of "
                 f"{bare.median('bytes'):.0f} bytes, 12 partitions, 100,000 photo_ids by Zipf's law, a new store")
    result = at_least(ratio(ours, bare, "rate"), 0.25, *notes)
    result.numbers = {"bare": bare.median("cpu_us"), "consumer": ours.median("cpu_us")}
    return result


def decode(lab: Lab) -> Result:
    lab.say("decode")
    with pinned(SERVER_CPU):
        done = subprocess.run([str(BUILD / "playreport-bench-decode"), str(lab.count)], check=True,
                              capture_output=True, text=True)
    ours, theirs = Figures(), Figures()
    for line in done.stdout.splitlines():
        told = {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", line)}
        ours.add(ns=told["decode_ns"], bytes=told["bytes"])
        theirs.add(ns=told["unpack_ns"])
    return at_least(ratio(theirs, ours, "ns"), 4.0, f"event_decode {ours.median('ns'):.0f} ns, msgpack_unpack_next "
                    f"{theirs.median('ns'):.0f} ns, events of {ours.median('bytes'):.0f} bytes on average")


class Marked(threading.Thread):
    """Sends a report with a photo_id of its own now and then, and asks the API until it is there."""

    def __init__(self, front: Ingest, counter: ConsumerDaemon) -> None:
        super().__init__(daemon=True)
        self.delays_ms: list[float] = []
        self._front, self._counter, self._done = front, counter, threading.Event()

    def run(self) -> None:
        photo_id = int(time.time()) * 100000
        while not self._done.wait(0.02):
            photo_id += 1
            self.delays_ms.append(self._delay_ms(photo_id))

    def _delay_ms(self, photo_id: int) -> float:
        url = f"http://127.0.0.1:{self._front.port}/api/analytics/report/event?photo_id={photo_id}&event=load"
        urllib.request.urlopen(url, timeout=10).read()
        acked = time.monotonic()
        ask = f"http://127.0.0.1:{self._counter.port}/v1/report?metrics=reports&where=photo_id=={photo_id}"
        while time.monotonic() - acked < 30:
            rows = json.loads(urllib.request.urlopen(ask, timeout=30).read())["rows"]
            if rows and rows[0]["reports"]:
                break
            time.sleep(0.005)
        return (time.monotonic() - acked) * 1000

    def end(self) -> list[float]:
        self._done.set()
        self.join()
        return sorted(self.delays_ms)


def seen(lab: Lab) -> Result:
    """Load, ingest, Kafka and consumer share the two processors: nothing is pinned."""
    topic = lab.topic("bench.seen")
    front = Ingest(lab.folder / "seen-ingest", lab.kafka().bootstrap, topic)
    counter = consumer(lab.folder / "seen-consumer", lab.kafka().bootstrap, topic=topic, group=topic)
    counter.start()
    lab.say("seen: load")
    try:
        wait_until("the consumer has its partitions", lambda: counter.ready()["ready"], 60)
        marked = Marked(front, counter)
        marked.start()
        told = open_loop(front, SEEN_RATE, lab.count * lab.seconds, lab.seeds.take())
        delays = marked.end()
    finally:
        counter.kill()
        front.stop()
    p50, p99 = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
    return Result(f"{p99:.0f} ms", p99 <= SEEN_GOAL_MS and told["rate"] >= 0.99 * SEEN_RATE, [
        f"p50 {p50:.0f} ms of {len(delays)} marked reports, at {told['rate']:,.0f} reports/s (wanted {SEEN_RATE:,})"])


ROWS = (
    Row("consumer", "topic to store, events/s against bare rd_kafka_consume_batch_queue", ">= 0.25", whole_way),
    Row("decode", "decoding against msgpack_unpack_next", ">= 4", decode),
    Row("seen", "acknowledged until seen in the API, p99 at 50,000/s", "<= 500 ms", seen),
)
