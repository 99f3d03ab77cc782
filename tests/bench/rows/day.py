"""A day of viewers through the real Kafka: what the consumer makes of it, and what the plain reference does."""
import json
import os
import sys
import time
import urllib.parse
import urllib.request
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgpack
from confluent_kafka import Consumer, TopicPartition

sys.path.insert(1, str(Path(__file__).resolve().parents[2] / "reference"))

from broker import CLIENT  # noqa: E402
from count import Counts, is_wanted, playthrough_counts, viewers  # noqa: E402
from daemons import ConsumerDaemon, wait_until  # noqa: E402
from lab import Lab  # noqa: E402
from measure import cpu_s, memory_kib  # noqa: E402
from row import Result, Row  # noqa: E402
from rows.consumer import RECORDS, start_consumer, stored  # noqa: E402

EVENTS = int(os.environ.get("PLAYREPORT_TEST_DAY_EVENTS", "10000000"))
VIEWERS_ERROR = 0.025


def refer(lab: Lab, topic: str) -> Counts:
    """The reference's count of the topic, each partition in its order."""
    counts, done = Counts(), 0
    with closing(Consumer({**CLIENT, "bootstrap.servers": lab.kafka().bootstrap, "group.id": "bench.day"})) as reader:
        for number in sorted(reader.list_topics(topic, timeout=30).topics[topic].partitions):
            end = reader.get_watermark_offsets(TopicPartition(topic, number), timeout=30)[1]
            reader.assign([TopicPartition(topic, number, 0)])
            position = 0
            while position < end:
                for record in reader.consume(min(10000, end - position), timeout=30):
                    if record.error():
                        raise RuntimeError(str(record.error()))
                    counts.take(msgpack.unpackb(record.value()), number)
                    position = record.offset() + 1
                    done += 1
                lab.say(f"day: the reference has counted {done:,} of {EVENTS:,}")
    return counts.finish()


def ask(daemon: ConsumerDaemon, path: str, **query: object) -> dict:
    words = urllib.parse.urlencode(query)
    with urllib.request.urlopen(f"http://127.0.0.1:{daemon.port}{path}?{words}", timeout=120) as answer:
        return json.loads(answer.read())


def referred_rows(counts: Counts) -> dict[tuple, Counter]:
    """Measures by (photo_id, source), without robots and one's own people."""
    rows: dict[tuple, Counter] = {}
    for (grain, _, _, photo, source, marks), measures in counts.rollups.items():
        if grain == "day" and is_wanted(marks, ()):
            rows.setdefault((photo, source), Counter()).update(measures)
    return rows


def compare_rows(daemon: ConsumerDaemon, counts: Counts) -> tuple[int, list[str]]:
    """Every (photo_id, source): the measures that the reference has, and engagement to the second."""
    shared = ("loads", "plays", "plays_derived", "finishes", "uncounted_reports", "play_engagement")
    ours = ask(daemon, "/v1/report", dimensions="photo_id,source", metrics=",".join(shared), limit=1000000,
               **{"from": "all"})["rows"]
    theirs, wrong = referred_rows(counts), []
    for row in ours:
        measures = theirs.pop((row["photo_id"], row["source"]), Counter())
        wanted = {name: measures[name] for name in shared[:-1]}
        wanted["play_engagement"] = (measures["engagement_ms"] + 500) // 1000
        got = {name: row[name] for name in shared}
        if got != wanted:
            wrong.append(f"photo_id {row['photo_id']}, {row['source']}: {got} and not {wanted}")
    wrong += [f"photo_id {photo}, {source}: no row" for photo, source in theirs]
    return len(ours), wrong


def compare_retention(daemon: ConsumerDaemon, counts: Counts, photos: list[int]) -> list[str]:
    """The curves are told in percent of the viewings, to seven digits: enough to have the viewings again."""
    wrong = []
    for photo in photos:
        points = playthrough_counts(counts, photo_id=photo)
        told = ask(daemon, "/v1/retention", photo_id=photo, **{"from": "all"})
        got = [round(percent * told["viewings"] / 100) for percent in told["points"]]
        wrong += [f"photo_id {photo} at {point} %: {ours} viewings and not {theirs}"
                  for point, (ours, theirs) in enumerate(zip(got, points)) if ours != theirs][:1]
    return wrong


def compare_viewers(daemon: ConsumerDaemon, counts: Counts, photos: list[int]) -> tuple[float, list[str]]:
    """The largest error, and what is past the bound."""
    worst, wrong = 0.0, []
    for photo in (None, *photos):
        where = {} if photo is None else {"where": f"photo_id=={photo}"}
        got = ask(daemon, "/v1/report", dimensions="site", metrics="viewers", **where, **{"from": "all"})["rows"]
        wanted = viewers(counts, photo_id=photo)
        error = abs((got[0]["viewers"] if got else 0) / wanted - 1)
        worst = max(worst, error)
        if error > VIEWERS_ERROR:
            wrong.append(f"photo_id {photo or 'all'}: {got} viewers and not {wanted}")
    return worst, wrong


def count_day(lab: Lab, topic: str, folder: Path) -> tuple[ConsumerDaemon, list[str]]:
    """Counted from the first record to the last; the daemon still runs."""
    daemon = start_consumer(lab, folder, topic, topic)
    wait_until("it counts", lambda: daemon.metric(RECORDS) > 0, 60)
    began, first, cpu = time.monotonic(), daemon.metric(RECORDS), cpu_s([daemon.process.pid])
    peak = 0
    while stored(folder) < EVENTS:
        peak = max(peak, memory_kib(daemon.process.pid)["VmRSS"])
        lab.say(f"day: counted {daemon.metric(RECORDS):,.0f} of {EVENTS:,}")
        time.sleep(0.5)
        if daemon.process.poll() is not None:
            raise RuntimeError("the consumer ended")
    seconds, count = time.monotonic() - began, EVENTS - first
    busy = cpu_s([daemon.process.pid]) - cpu
    size = sum(file.stat().st_size for file in folder.glob("store.db*"))
    return daemon, [f"{EVENTS:,} events in {seconds:.0f} s: {count / seconds:,.0f} events/s, "
                    f"{count / busy:,.0f} events a second of processor time",
                    f"resident memory at most {peak / 1024:.0f} MiB; store {size / 2**20:.0f} MiB"]


def day(lab: Lab) -> Result:
    topic = lab.topic("bench.day")
    lab.fill(topic, EVENTS, "fill-day")
    folder = lab.folder / "day"
    daemon, notes = count_day(lab, topic, folder)
    try:
        counts = refer(lab, topic)
        total = sum(referred_rows(counts).values(), Counter())
        by_photo: Counter = Counter()
        for (photo, _), measures in referred_rows(counts).items():
            by_photo[photo] += measures["plays"]
        photos = [photo for photo, _ in by_photo.most_common(100)]
        rows, wrong = compare_rows(daemon, counts)
        wrong += compare_retention(daemon, counts, photos)
        worst, far = compare_viewers(daemon, counts, photos)
        wrong += far
    finally:
        daemon.stop()
    notes += [f"{total['plays']:,} viewings of {len(by_photo):,} videos; {rows:,} rows of video and source, "
              f"{len(photos)} curves of 101 points, viewers off by at most {100 * worst:.2f} %"]
    return Result("equal" if not wrong else f"{len(wrong)} differ", not wrong, notes + wrong[:20])


ROWS = (Row("day", "a day of viewers: 10 M events held against the plain reference", "equal to the unit", day,
            is_long=True),)
