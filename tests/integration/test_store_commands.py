"""playreport-consumer check and forget, on stores that the counting of the reference's streams filled."""
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daemons import PROGRAMS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))

import fixture  # noqa: E402
from c_counting import Driver  # noqa: E402

FIXTURES = ("embeds", "seek", "over_midnight", "photo_ids", "report_id", "downloads", "two_sources")


def command(name, *words):
    return subprocess.run([str(PROGRAMS / "playreport-consumer"), name, *words], capture_output=True, text=True,
                          check=False)  # fmt: skip


def check(store):
    done = command("check", f"--store=sqlite:{store}")
    assert done.stderr == ""
    rows = [(line[:52].strip(), line[53:]) for line in done.stdout.splitlines()]
    failed = [name for name, result in rows if result != "ok"]
    assert len(rows) == 18 and done.returncode == (1 if failed else 0)
    return failed


@pytest.fixture(name="store")
def store_of_all(tmp_path):
    driver = Driver(tmp_path)
    items = []
    for name in FIXTURES:
        items += [{"partition": 0, "event": {k: v for k, v in item["event"].items() if k != "id"}}
                  for item in fixture.items(fixture.load(name))]  # fmt: skip
    store = driver.count(fixture.named(items), {}, [(20, "flush")])
    driver.close()
    return store


def test_what_was_counted_is_in_order(store):
    assert check(store) == []


# (what is done to the store, the checks that must fail; more may)
DAMAGE = (
    ("DELETE FROM strings WHERE text = 'load'", "all strings are there that rows name"),
    ("UPDATE events_quarter SET count = count + 1", "events of the quarters add up to their totals"),
    ("UPDATE events_hour SET count = count + 1", "events of the hours add up to their totals"),
    ("DELETE FROM events_day WHERE bucket = (SELECT min(bucket) FROM events_day)", "events of the days add up to their totals"),
    ("UPDATE totals_quarter SET plays_derived = plays + 1", "measures of the quarters fit together"),
    ("UPDATE totals_hour SET engagement_ms = -1", "measures of the hours fit together"),
    ("UPDATE totals_day SET finishes = known + 1", "measures of the days fit together"),
    ("UPDATE totals_hour SET engagement_ms = engagement_ms + 1 WHERE bucket = (SELECT max(bucket) FROM totals_hour)",
     "hours are the sum of their quarters"),
    ("UPDATE playthrough SET change = change + 1 WHERE point = 0", "what viewings covered adds up"),
    ("DELETE FROM embed_events", "events of embedding pages add up"),
    ("UPDATE embeds SET loads = loads + 1000", "embedding pages have no more than their source"),
    ("UPDATE names SET uses = -1", "no name was used less than never"),
    ("DELETE FROM positions", "marks and clocks are of partitions with a position"),
    ("UPDATE report_ids SET seen = x'00'", "report ids can be read"),
    ("UPDATE viewings SET state = x'01'", "viewings can be read"),
    ("UPDATE viewings SET clock = clock + 1", "viewings can be read"),
    ("UPDATE viewers SET sketch = x'09'", "sketches of viewers can be read"),
)  # fmt: skip


@pytest.mark.parametrize("damage, name", DAMAGE)
def test_each_damage_is_found(store, damage, name):
    with sqlite3.connect(store) as db:
        assert db.execute(damage).rowcount > 0
    assert name in check(store)


def test_days_are_held_against_hours_while_all_hours_are_kept(tmp_path):
    load = {"v": 1, "kind": "event", "event": "load", "site": "main", "photo_id": 7}
    now = int(time.time() * 1000)
    driver = Driver(tmp_path)
    items = [{"partition": 0, "event": {**load, "ts": now - age * 86_400_000}} for age in (0, 1, 390)]
    store = driver.count(fixture.named(items), {"sites": {"main": {"timezone": "Asia/Kolkata"}}}, [])
    driver.close()
    assert check(store) == []
    with sqlite3.connect(store) as db:
        db.execute("UPDATE totals_day SET reports = reports + 1 WHERE bucket = (SELECT min(bucket) FROM totals_day)")
    assert check(store) == ["days are the sum of all hours"]


def test_a_file_damaged_on_disk_is_found(store):
    with sqlite3.connect(store) as db:
        db.execute("PRAGMA writable_schema = on")
        db.execute("UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'names')"
                   " WHERE name = 'report_ids_day'")  # fmt: skip
    done = command("check", f"--store=sqlite:{store}")
    assert done.returncode == 1 and ("failed" in done.stdout.splitlines()[0] or "malformed" in done.stderr)


def test_no_store_is_a_clear_error(tmp_path):
    done = command("check", f"--store=sqlite:{tmp_path}/none.db")
    assert done.returncode == 1 and "none.db" in done.stderr and done.stdout == ""
    assert not (tmp_path / "none.db").exists()


def viewings(store):
    with sqlite3.connect(store) as db:
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("viewings", "report_ids", "totals_day", "playthrough")}  # fmt: skip


def test_forget_takes_one_viewer_out_and_leaves_sums(tmp_path):
    play = {"v": 1, "kind": "play", "site": "main", "source": "site", "time_start": 0, "time_end": 20,
            "ts": 1_710_054_000_000}  # fmt: skip
    events = [{**play, "photo_id": photo, "uuid": uuid, "report_id": f"{uuid}{photo}"}
              for photo in (7, 8) for uuid in ("a", "b")]  # fmt: skip
    driver = Driver(tmp_path)
    store = driver.count(fixture.named([{"partition": 0, "event": event} for event in events]), {}, [])
    driver.close()
    before = viewings(store)
    done = command("forget", "a", f"--store=sqlite:{store}")
    assert (done.returncode, done.stdout) == (0, "forget: 2 viewings and report ids of 2 videos are gone\n")
    assert viewings(store) == {**before, "viewings": 2, "report_ids": 2}
    again = command("forget", "a", f"--store=sqlite:{store}")
    assert (again.returncode, again.stdout) == (0, "forget: 0 viewings and report ids of 0 videos are gone\n")
    assert check(store) == []


def test_forget_needs_a_uuid():
    for words in ([], [""]):
        done = command("forget", *words)
        assert done.returncode == 2 and done.stdout == ""
