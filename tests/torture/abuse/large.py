"""Requests that are far too large in one way or another, many in a row."""
import socket
import threading
import zlib
from dataclasses import dataclass

from abuse.crowd import connect
from abuse.scene import Scene, front
from lab import Lab

MIB = 2**20
TIMES, SHORT_TIMES = 2000, 10
SIDE_BY_SIDE = 4
HEAD = b"POST /api/analytics/report/event HTTP/1.1\r\nHost: large.example\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
REPORT = b"photo_id=9&event=load&source="


@dataclass(frozen=True)
class Kind:
    """status: of the answer."""

    what: str
    request: bytes
    status: int


def bomb(decoded: int) -> bytes:
    """gzip as small as it gets: zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(decoded // MIB))
    return packed + packer.flush()


def post(body: bytes, more: bytes = b"") -> bytes:
    return HEAD + FORM + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def kinds() -> dict[str, Kind]:
    packed = bomb(128 * MIB)
    names = b"&".join(b"name%d=value%d" % (n, n) for n in range(10_000))
    return {
        "bomb": Kind(f"gzip, {len(packed) // 1000} KB to 128 MB", post(packed, b"Content-Encoding: gzip\r\n"), 413),
        "parameters": Kind("10,000 parameters", post(names + b"&" + REPORT), 200),
        "header": Kind("1 MiB of one header", HEAD + b"X-Large: " + b"x" * MIB + b"\r\nContent-Length: 0\r\n\r\n", 431),
        "parameter": Kind("1 MiB of one parameter", post(REPORT + b"x" * (MIB - len(REPORT))), 200),
    }


def ask(port: int, number: int, request: bytes) -> int:
    """Sends all of it, then reads the answer. Returns its status."""
    with connect(port, number) as one:
        one.sendall(request)
        one.shutdown(socket.SHUT_WR)
        answer = b""
        while more := one.recv(65536):
            answer += more
    return int(answer[9:12])


def ask_patiently(port: int, number: int, request: bytes, tries: int) -> int:
    """Who does not come to send for 2 s may be cut off before the answer: asks again then."""
    while True:
        try:
            return ask(port, number, request)
        except (OSError, ValueError):
            tries -= 1
            if tries == 0:
                raise


def send_many(port: int, kind: Kind, times: int, tries: int) -> list[str]:
    """Several side by side. Returns what went wrong."""
    wrong: list[str] = []

    def work(first: int) -> None:
        for number in range(first, times, SIDE_BY_SIDE):
            try:
                status = ask_patiently(port, number, kind.request, tries)
                if status != kind.status:
                    wrong.append(f"{kind.what}: {status} where {kind.status} is right")
            except (OSError, ValueError) as error:
                wrong.append(f"{kind.what}: {error}")

    workers = [threading.Thread(target=work, args=(first,), daemon=True) for first in range(SIDE_BY_SIDE)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return wrong


def large(name: str):
    def run(lab: Lab) -> None:
        times = SHORT_TIMES if lab.short else TIMES
        kind = kinds()[name]
        for _ in lab.batches(1):
            with front(lab) as daemon:
                scene = Scene(lab, daemon)
                with scene.abuse(f"{times} times {kind.what}, {SIDE_BY_SIDE} side by side"):
                    for fault in send_many(daemon.port, kind, times, 5 if lab.short else 1)[:1]:
                        scene.fail(fault)
                scene.record()

    return run
