"""Connections that make the daemon keep as much as they can: bodies that lack one byte, replies that are not taken."""
import socket
from typing import Callable

from abuse.crowd import connect
from abuse.scene import Scene, front
from broker import wait_until
from lab import Lab
from process import allow_files

MIB = 2**20
CONNECTIONS, SHORT_CONNECTIONS = 2_000, 300
# Two loops, for each of them twice the 32 MiB that all connections together may make it keep; and what else there is.
MOST_MIB = 2 * 2 * 32 + 32
BODY = (b"POST /api/analytics/report/event HTTP/1.1\r\nHost: hoard.example\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % MIB) + b"x" * (MIB - 1)
SMALL = b"GET /x HTTP/1.1\r\nHost: hoard.example\r\n\r\n" * 1000
CONNECTED, REFUSED = "playreport_http_connections", "playreport_http_rejected_total"


def send_bodies(crowd: list[socket.socket]) -> None:
    for one in crowd:
        try:
            one.sendall(BODY)
        except OSError:
            pass  # it was sent away


def ask_on(crowd: list[socket.socket]) -> None:
    """Until nothing more is taken of any."""
    for one in crowd:
        one.setblocking(False)
    asking = crowd
    while asking:
        asking = [one for one in asking if ask(one)]


def ask(one: socket.socket) -> bool:
    try:
        return one.send(SMALL) > 0
    except OSError:
        return False  # all that lies between us is full, or it was sent away


def hoard(what: str, work: Callable[[list[socket.socket]], None]) -> Callable[[Lab], None]:
    def run(lab: Lab) -> None:
        count = SHORT_CONNECTIONS if lab.short else CONNECTIONS
        allow_files(count + 500)
        for _ in lab.batches(1):
            with front(lab) as daemon:
                scene = Scene(lab, daemon)
                with scene.abuse(f"{count:,} connections, {what}"):
                    crowd = [connect(daemon.port, number) for number in range(count)]
                    wait_until("all are accepted", lambda: daemon.metric(CONNECTED) >= count)
                    connected, refused = daemon.metric(CONNECTED), daemon.metric(REFUSED)
                    work(crowd)
                    scene.serves(2000)  # meanwhile the rest is read
                    refused, closed = daemon.metric(REFUSED) - refused, connected - daemon.metric(CONNECTED)
                    for one in crowd:
                        one.close()
                if scene.figures.rss_peak > scene.figures.rss_before + MOST_MIB:
                    scene.fail(f"more than {MOST_MIB} MiB were kept")
                scene.notes.append(f"{refused:,.0f} were refused, {closed:,.0f} were closed while the rest stayed")
                scene.record()

    return run
