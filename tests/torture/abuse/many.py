"""More connections than one would like: idle ones, and short ones beyond what the file limit allows."""
import socket
import time

from abuse.crowd import REPORT, Visits, connect
from abuse.scene import Scene, front
from broker import wait_until
from daemons import Daemon
from lab import Lab
from process import allow_connections, allow_files

IDLE, SHORT_IDLE = 15_000, 2_000
IDLE_S = 75  # the daemon's
VISITS, SHORT_VISITS = 100_000, 5_000
FILES = 256
AT_ONCE = 400  # more than the daemon may have open
CONNECTIONS = "playreport_http_connections"


def be_served(one: socket.socket) -> None:
    one.sendall(REPORT % b"keep-alive")
    answer = one.recv(65536)
    if b'status="ok"' not in answer:
        raise RuntimeError(f"answered {answer[:200]!r}")


def wait_for_ends(crowd: list[socket.socket], timeout_s: float) -> int:
    """How many of them the daemon does not close in time."""
    deadline = time.monotonic() + timeout_s
    open_still = 0
    for one in crowd:
        one.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            open_still += one.recv(1) != b""
        except TimeoutError:
            open_still += 1
    return open_still


def hold(lab: Lab, scene: Scene, crowd: list[socket.socket]) -> None:
    """Every other one is answered once; then half of all go, and the daemon ends the other half in its time."""
    for one in crowd[::2]:
        be_served(one)
    half = len(crowd) // 2
    each = (scene.resting_mib() - scene.figures.rss_before) * 2**20 / len(crowd)
    scene.notes.append(f"{each:.0f} bytes of RssAnon for each of {len(crowd):,} idle connections")
    for one in crowd[half:]:
        one.close()
    if not lab.short:
        lab.say("waiting for the daemon to close what idles")
        left = wait_for_ends(crowd[:half], IDLE_S + 15)
        if left:
            scene.fail(f"{left:,} idle connections were not closed after {IDLE_S} s")


def idle(lab: Lab) -> None:
    count = allow_connections(SHORT_IDLE if lab.short else IDLE, lab.short)
    for _ in lab.batches(1):
        with front(lab) as daemon:
            scene = Scene(lab, daemon)
            crowd: list[socket.socket] = []
            with scene.abuse(f"{count:,} idle connections"):
                before = daemon.metric(CONNECTIONS)
                try:
                    for number in range(count):
                        crowd.append(connect(daemon.port, number))
                    wait_until("all are accepted", lambda: daemon.metric(CONNECTIONS) >= before + count)
                    hold(lab, scene, crowd)
                finally:
                    for one in crowd:
                        one.close()
            scene.record()


def pauses(daemon: Daemon) -> int:
    """How often it has said that it does not accept."""
    return daemon.log.read_text().count("event=http_accept_paused ")


def fill_up(daemon: Daemon) -> None:
    """Takes all that the daemon may have open, until it says so."""
    wall = [connect(daemon.port, number) for number in range(FILES)]
    wait_until("the daemon accepts no more", lambda: pauses(daemon))
    for one in wall:
        one.close()


def short(lab: Lab) -> None:
    count = SHORT_VISITS if lab.short else VISITS
    allow_files(AT_ONCE + FILES + 200)
    for _ in lab.batches(1):
        with front(lab, files=FILES) as daemon:
            scene = Scene(lab, daemon)
            visits = Visits(daemon.port, count, AT_ONCE)
            with scene.abuse(f"{count:,} short connections, {AT_ONCE} at once, {FILES} files"):
                began = time.monotonic()
                fill_up(daemon)
                visits.run()
                took = time.monotonic() - began
            said = pauses(daemon)
            scene.notes.append(f"{visits.answered:,} answered in {took:.0f} s, the slowest after "
                               f"{visits.slowest_s:.1f} s; {said} log lines of accepting paused")
            if visits.failed:
                scene.fail(f"{len(visits.failed):,} were not answered: {visits.failed[0]}")
            # Each says when it was written, which may be late: how many there are counts. A loop that spins says hundreds.
            if said > took + 2:
                scene.fail("more than one log line a second")
            scene.record()
