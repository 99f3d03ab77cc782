"""Answers longer than memory should hold, and clients that take them slowly."""
import os
import socket
import subprocess

from confluent_kafka import Producer

from daemons import PROGRAMS, consumer
from streams import Stream, counted

ROWS = 300000  # more bytes than the kernel holds for a socket
FIRST = 10**18
QUESTION = f"dimensions=photo_id&metrics=loads&to=all&limit={ROWS}"


def fill(stream):
    producer = Producer(stream.kafka.conf(acks="all", queue_buffering_max_messages=ROWS))
    for photo_id in range(FIRST, FIRST + ROWS):
        producer.produce(stream.topic, stream.event(photo_id=photo_id), partition=0)
    assert producer.flush(60) == 0


def ask(daemon, format_name):
    """A connection on which the question was asked, and nothing read."""
    taker = socket.socket()
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    taker.settimeout(60)
    taker.connect(("127.0.0.1", daemon.port))
    taker.sendall(f"GET /v1/report?{QUESTION}&format={format_name} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    return taker


def take(taker):
    """The body, of the length that was said."""
    with taker.makefile("rb") as stream:
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
        fields = dict(line.decode().strip().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
        return stream.read(int(fields["Content-Length"]))


def printed(folder, format_name):
    words = [PROGRAMS / "playreport-consumer", "report", f"--store=sqlite:{folder / 'store.db'}", f"--format={format_name}",
             *(f"--{word}" for word in QUESTION.split("&"))]
    return subprocess.run(words, capture_output=True, check=True).stdout


def spooled_files(daemon):
    """Files without a name that the daemon holds open."""
    folder = f"/proc/{daemon.process.pid}/fd"
    targets = []
    for name in os.listdir(folder):
        try:
            targets.append(os.readlink(f"{folder}/{name}"))
        except FileNotFoundError:  # closed in between
            pass
    return [target for target in targets if "playreport-" in target and target.endswith("(deleted)")]


def test_long_answers_hold_up_neither_counting_nor_others(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options()) as daemon:
        fill(stream)
        counted(daemon, stream)
        expected = b"photo_id,loads\r\n" + b"".join(b"%d,1\r\n" % photo_id for photo_id in range(FIRST, FIRST + ROWS))
        takers = [ask(daemon, "csv") for _ in range(3)]
        takers[0].recv(1)  # it is being answered
        assert len(spooled_files(daemon)) >= 1
        stream.send(100, photo_id=FIRST + ROWS)
        counted(daemon, stream)
        assert (tmp_path / "store.db-wal").stat().st_size < 64 << 20  # nobody holds a snapshot meanwhile
        assert take(takers[1]) == expected
        takers[2].close()
        takers[0].close()
        assert take(ask(daemon, "csv")) == expected
        assert daemon.report(to="all", limit=1)["rows"]
        assert spooled_files(daemon) == []
        lines = take(ask(daemon, "ndjson")).splitlines()
        assert lines[0] == b'{"photo_id":%d,"loads":1}' % FIRST and len(lines) == ROWS
        assert printed(tmp_path, "csv") == expected
        assert printed(tmp_path, "ndjson").splitlines() == lines

        assert daemon.stop() == 0
        daemon.environment["TMPDIR"] = str(tmp_path / "nowhere")
        daemon.start()
        with ask(daemon, "csv") as taker:
            assert taker.recv(12) == b"HTTP/1.1 503"
        assert "event=answer_failed" in daemon.log.read_text()
        counted(daemon, stream)
