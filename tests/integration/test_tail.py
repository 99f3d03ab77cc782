"""The topic as JSON lines: all of it, parts of it, and what comes."""
import json
import os
import signal
import subprocess
from contextlib import contextmanager

import msgpack
import pytest

from daemons import PROGRAMS
from streams import TS, Stream

PROGRAM = str(PROGRAMS / "playreport-consumer")


def words(stream, *flags):
    return [PROGRAM, "tail", f"--topic={stream.topic}", f"--kafka.bootstrap.servers={stream.kafka.bootstrap}", *flags]


def tail(stream, *flags):
    """Runs it to its end; the events it printed, and what it told beside."""
    done = subprocess.run(words(stream, *flags), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def ids(stream, numbers):
    return [f"{stream.lane:016x}-{number:016x}" for number in numbers]


def shown(events):
    return sorted(event["id"] for event in events)


@pytest.fixture(name="stream", scope="module")
def some_events(shared_kafka):
    """Of 30 events every third is a play, every fifth of the page, every seventh of photo_id 0."""
    stream = Stream(shared_kafka)
    for number in range(1, 31):
        more = {} if number % 5 else {"source": "site"}
        more |= {} if number % 3 else {"kind": "play", "time_start": 0.5, "time_end": 2.0, "uuid": "u"}
        value = msgpack.unpackb(stream.event(**more))
        if number % 3 == 0:
            del value["event"]
        shared_kafka.produce(stream.topic, msgpack.packb(value), number % 3, timestamp=TS + number)
    return stream


def test_each_line_is_the_event_as_it_stands(stream):
    events, notes = tail(stream)
    assert shown(events) == ids(stream, range(1, 31)) and notes == ""
    raw = {msgpack.unpackb(value)["id"]: msgpack.unpackb(value)
           for value in (record.value for record in stream.kafka.read_all(stream.topic))}
    assert {event["id"]: event for event in events} == raw


def test_partitions_are_shown_in_order(stream):
    for partition in range(3):
        events, _ = tail(stream, f"--partition={partition}")
        assert [event["id"] for event in events] == ids(stream, [n for n in range(1, 31) if n % 3 == partition])


@pytest.mark.parametrize("flags, wanted", [
    (["--photo_id=0,3"], lambda n: n % 7 in (0, 3)),
    (["--source=site"], lambda n: n % 5 == 0),
    (["--source=embed,site"], lambda n: True),
    (["--kind=play"], lambda n: n % 3 == 0),
    (["--kind=event", "--source=embed", "--photo_id=1"], lambda n: n % 3 and n % 5 and n % 7 == 1),
    (["--event=load"], lambda n: n % 3),
    (["--event=(none)"], lambda n: n % 3 == 0),
    (["--site=other"], lambda n: False),
    ([f"--from={TS + 20}"], lambda n: n >= 20),
    ([f"--from={TS + 31}"], lambda n: False),
    (["--from=offset:7"], lambda n: (n - 1 if n % 3 else n - 3) // 3 >= 7),
    (["--from=offset:99"], lambda n: False),
    (["--from=now"], lambda n: False),
])
def test_filters_and_starts(stream, flags, wanted):
    events, _ = tail(stream, *flags)
    assert shown(events) == ids(stream, [n for n in range(1, 31) if wanted(n)])


def test_what_is_no_event_is_told_and_passed_over(shared_kafka):
    stream = Stream(shared_kafka)
    stream.send(1, 0)
    shared_kafka.produce(stream.topic, b"\xc1", 0)
    shared_kafka.produce(stream.topic, None, 0)
    stream.send(1, 0)
    events, notes = tail(stream)
    assert shown(events) == ids(stream, [1, 2])
    assert notes.splitlines() == [f"{stream.topic} partition 0 offset 1: no event: not_a_map",
                                  f"{stream.topic} partition 0 offset 2: no event: empty"]


@contextmanager
def follow(stream, *flags):
    with subprocess.Popen(words(stream, "--follow", *flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          bufsize=1) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_who_follows_sees_what_comes_until_a_signal(shared_kafka, end):
    stream = Stream(shared_kafka)
    stream.send(2)
    with follow(stream, "--from=all") as process:
        seen = [json.loads(process.stdout.readline()) for _ in range(2)]
        stream.send(1)
        seen.append(json.loads(process.stdout.readline()))
        process.send_signal(end)
        assert process.wait(10) == 0 and process.stderr.read() == ""
    assert shown(seen) == ids(stream, [1, 2, 3])


def test_who_follows_sees_partitions_that_are_added(shared_kafka):
    stream = Stream(shared_kafka)
    stream.send(1, 0)
    with follow(stream, "--from=all") as process:
        assert json.loads(process.stdout.readline())["id"] == ids(stream, [1])[0]
        shared_kafka.add_partitions(stream.topic, 4)
        stream.send(1, 3)
        assert json.loads(process.stdout.readline())["id"] == ids(stream, [2])[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_reader_that_goes_away_ends_it_quietly(shared_kafka):
    stream = Stream(shared_kafka)
    stream.send(3000)
    with subprocess.Popen(words(stream), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 0 and process.stderr.read() == ""


def test_a_full_disk_is_told(stream):
    if not os.path.exists("/dev/full"):
        pytest.fail("this system has no /dev/full")
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run(words(stream), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1 and done.stderr == "tail: No space left on device\n"


@pytest.mark.parametrize("flag, code, words_of_it", [
    ("--from=yesterday", 2, "from: 'yesterday' is no time"),
    ("--photo_id=x", 2, "photo_id: 'x' is no whole number of 0 to 9223372036854775807"),
    ("--kind=plays", 2, "kind: 'plays' is none of event, play and download"),
    ("--partition=3", 1, "has the partitions 0 to 2"),
    ("--topic=there.is.none", 1, "there.is.none"),
])
def test_what_cannot_be_shown_is_told(stream, flag, code, words_of_it):
    done = subprocess.run(words(stream, flag, "--patience=5s"), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code and words_of_it in done.stderr and done.stdout == ""


def test_a_position_that_is_gone_is_told_and_the_oldest_record_shown(shared_kafka):
    """The topic is made anew while it is followed, with fewer records than had been read."""
    stream = Stream(shared_kafka, partitions=1)
    stream.send(5)
    with follow(stream, "--from=all") as process:
        for _ in range(5):
            process.stdout.readline()
        shared_kafka.delete_topic(stream.topic)
        shared_kafka.create_topic(stream.topic, 1)
        stream.send(1)
        assert json.loads(process.stdout.readline())["id"] == ids(stream, [6])[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        notes = process.stderr.read()
    assert f"{stream.topic} partition 0 offset 5: is gone; going on with the oldest there is" in notes
