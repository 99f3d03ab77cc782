"""What a daemon has seen on any busy day: all of its buffers have been used as they are meant to be."""
import gzip
import json

from abuse.crowd import connect
from abuse.good_client import GoodClient
from daemons import Daemon

HEAD = (b"POST /api/analytics/report/batch HTTP/1.1\r\nHost: busy.example\r\nContent-Type: application/json\r\n"
        b"%bContent-Length: %d\r\nConnection: close\r\n\r\n")
BATCHES, BATCH = 32, 1000  # so many that each loop has some of either kind
REPORTS = 60_000


def send(port: int, number: int, body: bytes, more: bytes) -> None:
    with connect(port, number) as one:
        one.sendall(HEAD % (more, len(body)) + body)
        answer = b""
        while data := one.recv(65536):
            answer += data
    if b'status="ok"' not in answer:
        raise RuntimeError(f"a batch was answered {answer[-300:]!r}")


def send_batches(port: int) -> list[str]:
    """Of the largest size, with and without gzip. Returns the names of their reports."""
    names = [f"busy-{n}" for n in range(BATCHES * BATCH)]
    for number in range(BATCHES):
        reports = [{"reportType": "event", "photo_id": n % 100, "event": "load", "source": "busy", "report_id": name}
                   for n, name in enumerate(names[number * BATCH:(number + 1) * BATCH])]
        body = json.dumps(reports).encode()
        if number % 2:
            send(port, number, gzip.compress(body), b"Content-Encoding: gzip\r\n")
        else:
            send(port, number, body, b"")
    return names


def send_fast(daemon: Daemon, seed: int) -> GoodClient:
    """As fast as it takes them."""
    client = GoodClient(daemon.port, daemon.folder, seed, 0, REPORTS)
    client.wait(300)
    return client
