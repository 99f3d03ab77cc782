"""What grows with the store: restart, a question, the cost of an event. The real Kafka."""
import json
import shutil
import sqlite3
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import msgpack
from daemons import ConsumerDaemon, consumer, wait_until
from lab import Lab
from measure import Figures
from row import Result, Row
from rows.consumer import EVENTS, RECORDS, count_all, filled_topic, start_consumer

RESTART_ROWS, TOP_ROWS = 10_000_000, 5_000_000
GROWTH = (1_000_000, 10_000_000)
GROWTH_LONG = (*GROWTH, 100_000_000)
PER_BUCKET = 200_000
GRAIN_S = {"quarter": 900, "hour": 3600, "day": 86400}


def empty_store(lab: Lab, folder: Path, topic: str) -> Path:
    """Made by the consumer itself: the tables are its own."""
    shutil.rmtree(folder, ignore_errors=True)
    daemon = consumer(folder, lab.kafka().bootstrap, topic=topic, group=f"bench.{lab.seeds.take()}")
    daemon.start()
    daemon.stop()
    return folder / "store.db"


def fill_table(db: sqlite3.Connection, table: str, count: int, newest: int) -> None:
    """Columns that are no part of the key get numbers without a pattern. In the order of the key: as quick as can be."""
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    first = newest - -(-count // PER_BUCKET)
    known = {"bucket": f"{first} + n / {PER_BUCKET}", "photo_id": f"1 + n % {PER_BUCKET}", "site": "1", "source": "2",
             "traffic": "0"}
    chosen = ", ".join(known.get(column, "1 + n * 2654435761 % 4294967296 % 7919") for column in columns)
    db.execute(f"INSERT INTO {table} SELECT {chosen} FROM (WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 "
               f"FROM c WHERE n + 1 < {count}) SELECT n FROM c)")


def fill_rollups(store: Path, count: int) -> None:
    """Puts `count` rows into the rollup of each grain, in the buckets before the present one."""
    db = sqlite3.connect(store)
    with db:
        db.execute("INSERT OR IGNORE INTO strings (id, text) VALUES (1, 'default'), (2, 'site')")
        tables = "SELECT name FROM sqlite_master WHERE name LIKE 'totals_%' AND type = 'table'"
        for (table,) in db.execute(tables).fetchall():
            fill_table(db, table, count, int(time.time()) // GRAIN_S[table.removeprefix("totals_")])
    db.close()


def stocked(lab: Lab, rows: int, topic: str) -> Path:
    """The folder of a store with so many rows; the caller's to write to."""
    folder = lab.folder / f"store-{rows}"
    if lab.once(f"store {rows}"):
        store = empty_store(lab, folder, topic)
        lab.say(f"filling a store with {rows:,} rows")
        fill_rollups(store, rows)
    return folder


def restart(lab: Lab) -> Result:
    """From the start of the process until a record that waited is in the store."""
    topic = lab.topic("bench.restart")
    folder = stocked(lab, RESTART_ROWS, topic)
    figures, counted = Figures(), 0
    for number in range(lab.count):
        lab.say(f"restart: {number + 1} of {lab.count}")
        lab.kafka().produce(topic, record(number))
        began = time.monotonic()
        daemon = start_consumer(lab, folder, topic, topic)
        try:
            wait_until("it counts", lambda: daemon.metric("playreport_consumer_flushes_total") > 0, 60)
            figures.add(s=time.monotonic() - began)
            counted += int(daemon.metric(RECORDS))
        finally:
            daemon.stop()
    size = (folder / "store.db").stat().st_size
    return Result(f"{figures.median('s'):.2f} s", figures.median("s") <= 2, [
        f"{RESTART_ROWS:,} rows in the rollup of each grain, {size / 2**20:.0f} MiB; {counted} records counted"],
        {"bytes of a row": size / RESTART_ROWS})


def record(number: int) -> bytes:
    return msgpack.packb({"v": 1, "id": f"{1:016x}-{number + 1:016x}", "ts": int(time.time() * 1000), "kind": "event",
                          "site": "default", "photo_id": 7, "event": "load"})


def ask_top(daemon: ConsumerDaemon) -> float:
    """Seconds; a question that came past its time limit is no answer."""
    words = urllib.parse.urlencode({"dimensions": "photo_id,source", "metrics": "reports", "sort": "-reports",
                                    "limit": 20, "from": "all"})
    began = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{daemon.port}/v1/report?{words}", timeout=60) as answer:
        rows = json.loads(answer.read())["rows"]
    if len(rows) != 20:
        raise RuntimeError(f"{len(rows)} rows instead of 20")
    return time.monotonic() - began


def top(lab: Lab) -> Result:
    topic = lab.topic("bench.top")
    folder = stocked(lab, TOP_ROWS, topic)
    daemon = start_consumer(lab, folder, topic, topic)
    figures = Figures()
    try:
        for number in range(lab.count + 1):
            lab.say(f"top: {number} of {lab.count}")
            took = ask_top(daemon)
            if number > 0:  # the first one reads the file
                figures.add(ms=took * 1000)
    except urllib.error.HTTPError as error:
        return Result("no answer", False, [f"{error.code}: {error.read().decode()[:160]}"])
    finally:
        daemon.stop()
    return Result(f"{figures.median('ms'):.0f} ms", figures.median("ms") <= 200, [
        f"{TOP_ROWS:,} rows in the rollup of each grain: {TOP_ROWS // PER_BUCKET} buckets of {PER_BUCKET:,} photos"])


def growth_of(lab: Lab, sizes: tuple[int, ...]) -> Result:
    topic = filled_topic(lab)
    figures = {size: Figures() for size in (0, *sizes)}
    for number in range(lab.count):
        for size, its in figures.items():
            lab.say(f"growth: {size:,} rows: {number + 1} of {lab.count}")
            folder = lab.folder / "growth"
            shutil.rmtree(folder, ignore_errors=True)
            if size > 0:
                shutil.copytree(stocked(lab, size, topic), folder)
            count_all(lab, topic, folder, EVENTS, its)
    costs = {size: its.median("cpu_us") for size, its in figures.items()}
    slope = costs[sizes[-1]] / costs[sizes[0]]
    notes = [f"{size:,} rows: {cost:.2f} us of processor time an event, {figures[size].median('rate'):,.0f} events/s"
             for size, cost in costs.items()]
    return Result(f"x {slope:.2f}", slope <= 1.1, notes, {f"{size} rows": cost for size, cost in costs.items()})


ROWS = (
    Row("restart", "restart with 10 M rollup rows until the first record is applied", "<= 2 s", restart),
    Row("top", "top 20 of 5 M rollup rows", "<= 200 ms", top),
    Row("growth", "cost of an event at 10 M stored rows against 1 M", "flat (<= 1.1)",
        lambda lab: growth_of(lab, GROWTH)),
    Row("growth-100m", "the same at 100 M rows against 1 M", "flat (<= 1.1)",
        lambda lab: growth_of(lab, GROWTH_LONG), is_long=True),
)
