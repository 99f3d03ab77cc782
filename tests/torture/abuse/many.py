"""More connections than one would like: idle ones, and short ones beyond what the file limit allows."""
import re
import socket
import time
from datetime import datetime

from abuse.crowd import REPORT, Visits, connect
from abuse.scene import Scene, front
from broker import wait_until
from lab import Lab
from process import allow_files

IDLE, SHORT_IDLE = 15_000, 5_000
IDLE_S = 75  # the daemon's
VISITS, SHORT_VISITS = 100_000, 5_000
FILES = 256
AT_ONCE = 600  # more than the daemon may have open
CONNECTIONS = "playreport_http_connections"
PAUSED = re.compile(r"^ts=(\S+) .*event=http_accept_paused ", re.M)


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
    count = SHORT_IDLE if lab.short else IDLE
    allow_files(count + 200)
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


def pauses(log: str) -> list[float]:
    """When the daemon has said that it does not accept, in seconds."""
    return sorted(datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp() for at in PAUSED.findall(log))


def short(lab: Lab) -> None:
    count = SHORT_VISITS if lab.short else VISITS
    allow_files(AT_ONCE + 200)
    for _ in lab.batches(1):
        with front(lab, files=FILES) as daemon:
            scene = Scene(lab, daemon)
            visits = Visits(daemon.port, count, AT_ONCE)
            with scene.abuse(f"{count:,} short connections, {AT_ONCE} at once, {FILES} files"):
                began = time.monotonic()
                visits.run()
                took = time.monotonic() - began
            said = pauses(daemon.log.read_text())
            scene.notes.append(f"{visits.answered:,} answered in {took:.0f} s, the slowest after "
                               f"{visits.slowest_s:.1f} s; {len(said)} log lines of accepting paused")
            if visits.failed:
                scene.fail(f"{len(visits.failed):,} were not answered: {visits.failed[0]}")
            if not said:
                scene.fail("it did not bite: the limit was never reached")
            # Two lines of one second may stand in two turns of the clock; a loop that spins says hundreds.
            if any(later - earlier < 0.99 for earlier, later in zip(said, said[1:])):
                scene.fail("more than one log line a second")
            scene.record()
