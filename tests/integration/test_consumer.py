"""The consumer against the real Kafka: what goes wrong around it delays counting, and changes no number."""
import os
import re
import signal
import sqlite3
import subprocess
import threading
import time

import msgpack
import pytest
from confluent_kafka import Consumer

from broker import Kafka
from daemons import PROGRAMS, consumer, wait_until
from group_admin import delete_group, delete_records
from streams import PARTITIONS, TS, Stream, counted

SESSION = {"kafka.session.timeout.ms": 6000, "kafka.heartbeat.interval.ms": 500,
           "kafka.max.poll.interval.ms": 6000}


def lines(daemon, event):
    return [line for line in daemon.log.read_text().splitlines() if f"event={event} " in line + " "]


def store_file(folder):
    return folder / "store.db"


def positions(folder):
    with sqlite3.connect(store_file(folder)) as db:
        return dict(db.execute("SELECT partition, next_offset FROM positions"))


# ---- One store, one consumer ----


def test_a_second_consumer_on_the_store_is_refused_and_the_first_goes_on(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as first:
        stream.send(10)
        counted(first, stream)
        second = consumer(tmp_path / "second", shared_kafka.bootstrap, **stream.options(),
                          store=f"sqlite:{store_file(tmp_path)}")
        with pytest.raises(RuntimeError, match="ended with 1"):
            second.start()
        refusal = second.log.read_text()
        assert "another playreport-consumer" in refusal and str(store_file(tmp_path)) in refusal
        assert "Stop it first" in refusal
        stream.send(10)
        counted(first, stream)
        table = subprocess.run([str(PROGRAMS / "playreport-consumer"), "report", f"--store=sqlite:{store_file(tmp_path)}",
                                "--dimensions=source", "--metrics=reports", "--to=all"],
                               capture_output=True, text=True, check=True).stdout
        assert re.search(r"embed\D+20", table)
        first.kill()
        with second.start():  # the lock went with the process
            stream.send(5)
            counted(second, stream)


# ---- The store takes nothing for a while ----


def stalled(daemon, words):
    def unready():
        answer = daemon.ready()
        return words in answer["reason"] and answer

    answer = wait_until(f"/readyz says {words}", unready)
    assert daemon.admin("/readyz")[0] == 503 and answer["partitions"] == PARTITIONS
    return answer


def test_a_store_locked_by_another_program_pauses_counting_and_keeps_the_place_in_the_group(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options(), **SESSION) as daemon:
        stream.send(10)
        counted(daemon, stream)
        blocker = sqlite3.connect(store_file(tmp_path), isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        stream.send(500)
        stalled(daemon, "the store is busy: ")
        time.sleep(8)  # longer than the group waits for a member that does not poll
        stream.send(10)
        blocker.execute("ROLLBACK")
        blocker.close()
        counted(daemon, stream)
        assert daemon.admin("/readyz")[0] == 200
        assert len(lines(daemon, "store_stalled")) == 1 and len(lines(daemon, "store_resumed")) == 1
        assert len(lines(daemon, "partitions_assigned")) == 1


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MiB. It takes the right to mount."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_under_the_store_pauses_counting_and_loses_nothing(shared_kafka, small_disk, tmp_path):
    stream = Stream(shared_kafka)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options(store=f"sqlite:{store_file(small_disk)}"),
                  **SESSION) as daemon:
        for _ in range(3):
            stream.send(10)
            counted(daemon, stream)
            before = len(lines(daemon, "store_stalled"))
            filler = small_disk / "filler"
            with open(filler, "wb", buffering=0) as file:
                with pytest.raises(OSError):
                    while True:
                        file.write(bytes(4096))
            for number in range(400):
                stream.send(1, source=f"source {number} of {stream.sent}")
            stalled(daemon, "the store")
            filler.unlink()
            counted(daemon, stream)
            assert len(lines(daemon, "store_stalled")) == before + 1
        assert daemon.metric("playreport_consumer_flush_retries_total") > 0
        print(lines(daemon, "store_stalled"))


# ---- Records that are none ----

GOOD = {"v": 1, "id": f"{1:016x}-{1:016x}", "ts": TS, "kind": "event", "site": "default", "photo_id": 1,
        "event": "load"}
POISON = [
    (b"\xc1", "not_a_map"),
    (msgpack.packb(GOOD)[:-3], "truncated"),
    (msgpack.packb(GOOD) + b"\x01", "trailing"),
    (b"", "empty"),
    (None, "empty"),
    (msgpack.packb({**GOOD, "site": b"\xff\xfe"}, use_bin_type=False), "bad_utf8"),
    (msgpack.packb({**GOOD, "photo_id": "7"}), "bad_type"),
    (msgpack.packb({**GOOD, "photo_id": -1}), "bad_value"),
    (msgpack.packb({**GOOD, "kind": 3}), "bad_type"),
    (msgpack.packb({**GOOD, "v": 2}), "bad_version"),
    (msgpack.packb({**GOOD, "id": "x"}), "bad_value"),
    (msgpack.packb({name: value for name, value in GOOD.items() if name != "ts"}), "missing"),
    (msgpack.packb([GOOD]), "not_a_map"),
    (b"\xdd\x01\x00\x00\x00", "not_a_map"),
    (b"\xdf\xff\xff\xff\xff", "truncated"),
    (os.urandom(900 * 1024), None),
    (b"\x81\xa1x" + b"\x91" * 200 + b"\xc0", "too_deep"),
]


def test_poison_is_set_aside_byte_for_byte_and_what_is_good_around_it_is_counted(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    at = {}
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        for number, (value, reason) in enumerate(POISON):
            stream.send(3)
            key = f"key {number}".encode() if number % 2 else None
            offset = shared_kafka.produce(stream.topic, value, 1, key, headers=[("mine", b"\x00\xff"), ("dlq.reason", b"old")],
                                          timestamp=TS + number)
            at[offset] = (value, key, reason, TS + number)
        bad_name = shared_kafka.produce(stream.topic, msgpack.packb(GOOD), 1, headers=[("playreport-id", b"nonsense")])
        at[bad_name] = (msgpack.packb(GOOD), None, "bad_id_header", None)
        stream.send(3)
        counted(daemon, stream)
        assert daemon.metric("playreport_consumer_dead_letters_total") == len(at)
    letters = stream.letters()
    assert len(letters) == len(at) and {letter.partition for letter in letters} == {1}
    for letter in letters:
        headers = dict(letter.headers)
        value, key, reason, timestamp = at[int(headers["dlq.offset"])]
        assert (letter.value, letter.key) == (value, key)
        assert headers["dlq.topic"] == stream.topic.encode() and headers["dlq.partition"] == b"1"
        assert [name for name, _ in letter.headers].count("dlq.reason") == 1
        assert reason is None or headers["dlq.reason"] == reason.encode()
        if timestamp:
            assert headers["dlq.timestamp"] == str(timestamp).encode() and headers["mine"] == b"\x00\xff"
    assert [int(dict(letter.headers)["dlq.offset"]) for letter in letters] == sorted(at)


def test_a_name_in_the_headers_counts_where_the_record_was_sent_later_than_its_ts(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    named = [("playreport-id", f"{77:016x}-{5:016x}".encode())]
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        value = stream.event()
        ts = msgpack.unpackb(value)["ts"]
        for _ in range(2):
            shared_kafka.produce(stream.topic, value, 1, timestamp=ts, headers=named)
        stream.sent += 1
        for _ in range(2):
            shared_kafka.produce(stream.topic, value, 1, timestamp=ts + 1, headers=named)
        stream.sent += 1
        shared_kafka.produce(stream.topic, stream.event(), 1)
        stream.sent -= 1
        counted(daemon, stream)
        assert daemon.metric("playreport_consumer_repeats_total") == 2


def test_a_partition_whose_letters_cannot_be_delivered_waits_and_the_others_go_on(shared_kafka, tmp_path):
    stream = Stream(shared_kafka, dead=False)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options(topic_create="off"), **SESSION) as daemon:
        stream.send(9)
        counted(daemon, stream)
        shared_kafka.produce(stream.topic, b"\xc1", 1)
        wait_until("the partition is held", lambda: daemon.ready()["held"] == 1)
        stream.send(5, partition=0)
        wait_until("the others go on", lambda: daemon.totals()["reports"] == 14)
        stream.send(5, partition=1)
        answer = daemon.ready()
        assert not answer["ready"] and stream.dead in answer["reason"]
        assert positions(tmp_path)[1] == 3
        assert daemon.metric("playreport_consumer_partitions_held") == 1
        shared_kafka.create_topic(stream.dead, PARTITIONS)
        counted(daemon, stream)
        assert {dict(letter.headers)["dlq.offset"] for letter in stream.letters()} == {b"3"}
        assert daemon.ready()["ready"] and len(lines(daemon, "partitions_assigned")) == 1


# ---- Positions that the topic does not have ----


def test_a_position_that_retention_passed_stops_its_partition_unless_the_jump_is_accepted(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    daemon = consumer(tmp_path, shared_kafka.bootstrap, **stream.options())
    with daemon:
        stream.send(12)
        counted(daemon, stream)
        assert daemon.stop() == 0
        stream.send(10, partition=1)
        delete_records(shared_kafka.bootstrap, stream.topic, {1: 10})
        stream.sent -= 6  # of the 10 new ones at offsets 4 to 13 those from 10 on are left
        daemon.start()
        wait_until("the partition is stopped", lambda: daemon.ready()["stopped"] == 1)
        stream.lane += 1000
        before, stream.sent = stream.sent, 100  # other names
        stream.send(8, partition=0)
        stream.sent = before + 8 - 4
        wait_until("the others go on", lambda: daemon.totals()["reports"] == stream.sent)
        answer = daemon.ready()
        assert not answer["ready"]
        for words in (stream.topic, "partition 1", "position is 4", "10 to 14", "accept_offset_jump", "topic_epoch"):
            assert words in answer["reason"]
        assert daemon.metric("playreport_consumer_out_of_range_total") == 1
        assert daemon.metric("playreport_consumer_partitions_stopped") == 1
        assert daemon.stop() == 0
        daemon.options["accept_offset_jump"] = "on"
        daemon.start()
        stream.sent += 4
        counted(daemon, stream)
        assert daemon.metric("playreport_consumer_offsets_skipped_total") == 6
        assert len(lines(daemon, "offset_jumped")) == 1 and daemon.ready()["ready"]


def test_a_topic_made_anew_is_read_from_its_start_under_a_new_epoch(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    daemon = consumer(tmp_path, shared_kafka.bootstrap, **stream.options())
    with daemon:
        stream.send(30)
        counted(daemon, stream)
        assert daemon.stop() == 0
        again = Stream(shared_kafka)  # stands for the same name: its offsets begin at 0
        daemon.options["topic"] = again.topic
        with sqlite3.connect(store_file(tmp_path)) as db:
            for table in ("positions", "marks"):
                db.execute(f"UPDATE {table} SET topic = ?", (again.topic,))
        again.send(6)
        daemon.start()
        wait_until("all partitions are stopped", lambda: daemon.ready()["stopped"] == PARTITIONS)
        assert daemon.stop() == 0
        daemon.options["topic_epoch"] = 1
        daemon.start()
        again.send(3)
        again.sent += 30
        counted(daemon, again)
        assert daemon.ready()["ready"]


# ---- Reports that their sender named ----


def test_a_report_of_the_same_report_id_is_counted_once_across_kills_and_restarts(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    hour = 3600000

    def again(report_id, at=0, **more):
        """An event with this report_id; one that must count unless told otherwise."""
        shared_kafka.produce(stream.topic, stream.event(report_id=report_id, ts=TS + at, photo_id=1, **more), 1)

    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        for turn in range(4):
            for uuid in ({"uuid": "a"}, {"uuid": "b"}, {}):
                for report_id in ("first", "second"):
                    again(report_id, turn * hour, **uuid)
                    if turn > 0:
                        stream.sent -= 1
                        stream.lane += 1  # the name of the record that does not count is not used again
            counted(daemon, stream)
            if turn % 2:
                daemon.kill()
                daemon.start()
        again("first", 24 * hour, uuid="a")
        again("first", 0, uuid="a", site="other")
        again("", 0, uuid="a")
        again("", 0, uuid="a")
        counted(daemon, stream)
        for number in range(64):
            again(f"more {number}", 24 * hour, uuid="a")
        again("first", 24 * hour, uuid="a")  # no longer among the last 64
        counted(daemon, stream)


def test_nothing_is_complete_or_swept_while_others_hold_partitions(shared_kafka, tmp_path):
    """What waits in a partition of another's may be of any age: report_ids that it needs are kept."""
    stream = Stream(shared_kafka)
    for partition in range(PARTITIONS):
        shared_kafka.produce(stream.topic, stream.event(report_id="one", uuid=str(partition), photo_id=1), partition)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        counted(daemon, stream)
        assert daemon.stop() == 0
        other = Consumer(shared_kafka.conf(group_id=stream.topic, enable_auto_commit=False))
        other.subscribe([stream.topic])

        def other_has_all():
            other.poll(0.1)
            return len(other.assignment()) == PARTITIONS

        wait_until("the other holds all", other_has_all, 60)
        daemon.start()

        def shared():
            other.poll(0.1)
            return 0 < daemon.ready()["partitions"] < PARTITIONS and daemon.ready()["lag_records"] == 0

        wait_until("they share the partitions", shared, 60)
        for partition in range(PARTITIONS):
            report = stream.event(report_id="one", uuid=str(partition), photo_id=1)
            shared_kafka.produce(stream.topic, report, partition)
            stream.sent -= 1
            stream.lane += 1
        assert daemon.ready()["complete_through"] == 0
        other.close()
        wait_until("the daemon has all", lambda: daemon.ready()["partitions"] == PARTITIONS, 60)
        wait_until("all is read", lambda: daemon.ready()["complete_through"] > 0 and daemon.ready()["lag_records"] == 0, 60)
        wait_until("the positions are stored", lambda: sum(positions(tmp_path).values()) == 2 * PARTITIONS, 60)
        counted(daemon, stream)


# ---- Backup, and upgrades ----


def backup(folder, file):
    words = [str(PROGRAMS / "playreport-consumer"), "backup", str(file), f"--store=sqlite:{store_file(folder)}"]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_a_backup_made_while_counting_rewinds_its_offsets_and_comes_out_right(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    copy = tmp_path / "copy.db"
    daemon = consumer(tmp_path, shared_kafka.bootstrap, **stream.options(flush_ms=1))
    with daemon:
        stream.send(100)
        counted(daemon, stream)
        sender = threading.Thread(target=stream.send, args=(300,))
        sender.start()
        wait_until("reports flow", lambda: daemon.totals()["reports"] > 150)
        assert backup(tmp_path, copy).returncode == 0
        sender.join()
        refused = backup(tmp_path, copy)
        assert refused.returncode == 1 and "File exists" in refused.stderr
        counted(daemon, stream)
        assert daemon.stop() == 0
        with sqlite3.connect(copy) as db:
            assert 100 < sum(next_ for (next_,) in db.execute("SELECT next_offset FROM positions")) < 400
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for ending in ("-wal", "-shm"):
            store_file(tmp_path).with_name("store.db" + ending).unlink(missing_ok=True)
        copy.rename(store_file(tmp_path))
        daemon.start()
        counted(daemon, stream)
        stream.send(10)
        counted(daemon, stream)
        nothing = backup(tmp_path / "nowhere", tmp_path / "other.db")
        assert nothing.returncode == 1 and "nowhere" in nothing.stderr and not (tmp_path / "other.db").exists()


def test_an_event_of_a_newer_ingest_is_counted_whatever_new_keys_it_has(shared_kafka, tmp_path):
    new = [None, True, False, 0, 127, -1, -32, 200, -200, 70000, -70000, 2**40, -2**40, 2**64 - 1, -2**63, 1.5, float("inf"),
           "text", "", "x" * 40, "x" * 300, "x" * 70000, b"", b"bytes", b"x" * 300, b"\xff" * 70000, [], [1, [2, [3]]],
           list(range(20)), list(range(70000)), {}, {"a": {"b": [None]}}, {n: n for n in range(20)},
           {n: n for n in range(70000)}, msgpack.ExtType(1, b"x"), msgpack.ExtType(2, b"xx"), msgpack.ExtType(3, b"x" * 4),
           msgpack.ExtType(4, b"x" * 8), msgpack.ExtType(5, b"x" * 16), msgpack.ExtType(6, b"x" * 3),
           msgpack.ExtType(7, b"x" * 300), msgpack.ExtType(8, b"x" * 70000), msgpack.Timestamp(1, 2)]
    stream = Stream(shared_kafka)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        for number, value in enumerate(new):
            stream.send(1, **{f"new{number}": value})
        stream.send(1, **{f"new{number}": value for number, value in enumerate(new) if len(msgpack.packb(value)) < 1000})
        for key in (7, -1, None, True, 1.5, b"bytes", ""):
            event = msgpack.unpackb(stream.event())
            shared_kafka.produce(stream.topic, msgpack.packb({key: "x", **event}), 0)
        counted(daemon, stream)
        assert daemon.metric("playreport_consumer_dead_letters_total") == 0


# ---- The group ----


def test_a_consumer_frozen_past_its_session_and_its_group_deleted_goes_on_exactly(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options(), **SESSION) as daemon:
        for delete in (False, True):
            stream.send(20)
            counted(daemon, stream)
            stream.send(20)
            daemon.process.send_signal(signal.SIGSTOP)
            stream.send(20)
            time.sleep(8)
            if delete:
                wait_until("the group is deleted", lambda: deleted(shared_kafka, stream.topic))
            daemon.process.send_signal(signal.SIGCONT)
            stream.send(20)
            counted(daemon, stream)
        assert len(lines(daemon, "partitions_assigned")) == 3


def deleted(kafka, group):
    try:
        delete_group(kafka.bootstrap, group)
        return True
    except RuntimeError:
        return False


def test_offsets_that_kafka_lost_change_nothing(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    daemon = consumer(tmp_path, shared_kafka.bootstrap, **stream.options())
    with daemon:
        for _ in range(3):
            stream.send(20)
            counted(daemon, stream)
            daemon.kill()  # between the store's commit and Kafka's, as far as Kafka can tell
            wait_until("the group is deleted", lambda: deleted(shared_kafka, stream.topic), 60)
            daemon.start()
        stream.send(20)
        counted(daemon, stream)
        assert daemon.metric("playreport_consumer_repeats_total") == 0


def test_kills_under_load_and_broker_restarts_leave_the_numbers_exact(tmp_path):
    with Kafka.start(tmp_path) as kafka:
        stream = Stream(kafka)
        with consumer(tmp_path, kafka.bootstrap, **stream.options(flush_ms=1)) as daemon:
            for turn in range(8):
                stream.send(50)
                daemon.kill()
                stream.send(10)
                daemon.start()
                if turn % 4 == 3:
                    kafka.kill()
                    kafka.restart()
            counted(daemon, stream, 120)


# ---- What is kept for a time only ----


def rows(folder, table):
    with sqlite3.connect(store_file(folder)) as db:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_finer_grains_and_names_of_days_long_past_go_and_totals_stay(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    now, day = int(time.time() * 1000), 86_400_000
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        for age, photo in ((500, 1), (100, 2), (1, 3)):
            stream.send(3, ts=now - age * day, photo_id=photo)
        counted(daemon, stream)
        assert daemon.stop() == 0
        daemon.start()  # which looks at once
        wait_until("old quarters went", lambda: rows(tmp_path, "totals_quarter") == 1, 150)
        wait_until("old hours went", lambda: rows(tmp_path, "totals_hour") == 2, 150)
        wait_until("old names went", lambda: rows(tmp_path, "names WHERE kind = 2") == 1, 150)
        assert rows(tmp_path, "totals_day") == 3
        assert 'rows_dropped_total{table="quarters"}' in daemon.admin("/metrics")[1]
        counted(daemon, stream)
