"""Dead letters sent again: each is counted once, however often it was set aside or replayed."""
import os
import re
import signal
import subprocess

import msgpack
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from broker import wait_until
from daemons import PROGRAMS, consumer
from streams import Stream, counted


def replay(stream, *flags, check=True):
    """Runs replay to its end; returns what it printed."""
    words = [str(PROGRAMS / "playreport-consumer"), "replay", f"--topic={stream.topic}", f"--group={stream.topic}",
             f"--kafka.bootstrap.servers={stream.kafka.bootstrap}", *flags]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def set_aside(stream, value, origin=None, partition=1, key=b"1"):
    """Puts a letter into the dead letters as a consumer does, or as ingest (origin -1), or as no one does (None)."""
    headers = [("content-type", b"application/msgpack"), ("dlq.reason", b"bad_value")]
    if origin is not None:
        headers += [("dlq.topic", stream.topic.encode()), ("dlq.partition", str(partition).encode()),
                    ("dlq.offset", str(origin).encode()), ("dlq.timestamp", b"1700000000000")]
    stream.kafka.produce(stream.dead, value, partition % stream.partitions, key, headers=headers)


def good(stream, sequence=1):
    """An event that the mark of its lane has passed by: only another name lets it count."""
    return stream.event(id=f"{stream.lane:016x}-{sequence:016x}")


def rewind(stream):
    """As after a replay that was killed before it stored its position."""
    group = Consumer(stream.kafka.conf(group_id=stream.topic + ".replay", enable_auto_commit=False))
    group.commit(offsets=[TopicPartition(stream.dead, n, 0) for n in range(stream.partitions)], asynchronous=False)
    group.close()


def test_letters_are_counted_once_however_often_they_are_set_aside_or_replayed(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        stream.send(9)
        counted(daemon, stream)
        for origin in (100, 101, 102):
            set_aside(stream, good(stream), origin)
        for origin in (101, 102):  # set aside again after a crash before the commit
            set_aside(stream, good(stream), origin)
        stream.sent -= 2
        set_aside(stream, good(stream), 7, partition=2)
        set_aside(stream, good(stream), None, partition=0)
        set_aside(stream, good(stream), None, partition=0, key=None)
        for sequence in (1, 2, 1, 2):  # ingest's, the second time after a crash before it settled them
            set_aside(stream, good(stream, sequence), -1, partition=0)
        stream.sent -= 2
        listed = replay(stream, "--dry-run=on")
        assert listed.count("\nletter ") + listed.startswith("letter ") == 12 and "would replay 12 letters" in listed
        assert f"letter 1:4 from {stream.topic} 1:102 reason bad_value" in listed
        assert daemon.totals()["reports"] == 9
        assert "replayed 12 letters" in replay(stream)
        counted(daemon, stream)
        assert daemon.metric("playreport_consumer_repeats_total") == 4
        assert "replayed 0 letters" in replay(stream)
        rewind(stream)
        assert "replayed 12 letters" in replay(stream)
        stream.send(3)
        counted(daemon, stream)
        again = [r for r in shared_kafka.read_all(stream.topic) if dict(r.headers).get("playreport-id")]
        assert len(again) == 24
        assert all(not name.startswith("dlq.") for r in again for name, _ in r.headers)
        assert {r.partition for r in again if r.key is None} == {0}
        assert all(r.timestamp != msgpack.unpackb(r.value)["ts"] for r in again)
        assert dict(again[0].headers)["content-type"] == b"application/msgpack"
        names = [dict(r.headers)["playreport-id"] for r in again]
        assert len(set(names)) == 8


def test_a_replay_killed_again_and_again_loses_and_repeats_nothing(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    producer = Producer(shared_kafka.conf(acks="all", enable_idempotence=True))  # else a retry changes their order
    for origin in range(3000):
        producer.produce(stream.dead, good(stream), b"1", origin % 3, headers=[
            ("dlq.topic", stream.topic.encode()), ("dlq.partition", str(origin % 3).encode()),
            ("dlq.offset", str(origin).encode())])
    assert producer.flush(30) == 0
    words = [str(PROGRAMS / "playreport-consumer"), "replay", f"--topic={stream.topic}", f"--group={stream.topic}",
             f"--kafka.bootstrap.servers={shared_kafka.bootstrap}"]
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        kills = 0
        for _ in range(4):
            run = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
            run.stdout.readline()  # some are delivered and their position is stored, or on its way
            run.send_signal(signal.SIGKILL)
            kills += run.wait() == -signal.SIGKILL
            run.stdout.close()
        rest = int(re.search(r"replayed (\d+) letters", replay(stream))[1])
        counted(daemon, stream)
        assert kills > 0
        rewind(stream)
        assert "replayed 3000 letters" in replay(stream)
        counted(daemon, stream)
        wait_until("the repeats are dropped", lambda: daemon.metric("playreport_consumer_repeats_total") >= 3000)
        counted(daemon, stream)
        print(f"kills={kills} rest={rest}")


def test_a_letter_that_still_does_not_decode_comes_back_and_does_not_loop(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        stream.send(3)
        shared_kafka.produce(stream.topic, b"\xc1", 1, b"key")
        shared_kafka.produce(stream.topic, None, 1)
        stream.send(3)
        counted(daemon, stream)
        for round_ in range(1, 3):
            wait_until("they are set aside", lambda: len(stream.letters()) == 2 * round_)
            assert "replayed 2 letters" in replay(stream)
        wait_until("they are set aside", lambda: len(stream.letters()) == 6)
        assert [(r.key, r.value) for r in stream.letters()] == [(b"key", b"\xc1"), (None, None)] * 3
        origins = [int(dict(r.headers)["dlq.offset"]) for r in stream.letters()]
        assert origins == sorted(set(origins))
        counted(daemon, stream)


def test_a_letter_that_is_refused_ends_the_replay_there_or_is_passed_over(shared_kafka, tmp_path):
    stream = Stream(shared_kafka, config={"max.message.bytes": "20000"})
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        for origin in range(5):
            set_aside(stream, good(stream), origin)
        set_aside(stream, os.urandom(100000), 5)
        for origin in range(6, 10):
            set_aside(stream, good(stream), origin)
        said = replay(stream, check=False)
        assert "letter 1:5 was refused" in said and "--skip-refused=on" in said
        said = replay(stream, "--skip-refused=on")
        assert "letter 1:5 passed over" in said and "replayed 4 letters" in said and "passed over 1" in said
        counted(daemon, stream)


@pytest.mark.parametrize("flags", [["--dry_run=x"], ["--nonsense=1"], ["--patience=0"]])
def test_bad_usage_is_exit_2(flags):
    words = [str(PROGRAMS / "playreport-consumer"), "replay", *flags]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 2
