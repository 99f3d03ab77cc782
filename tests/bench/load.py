"""Requests: wrk in a closed loop, playreport-load at a fixed rate. Both on the processor that is not measured."""
import json
import re
import subprocess
import time
from pathlib import Path

from broker import BUILD
from daemons import wait_until
from measure import OTHER_CPU, SERVER_CPU, Figures, busy_s, pinned
from servers import Server
from topic import Delivered

REQUESTS = Path(__file__).parent / "requests.lua"
EVENTS_OF = {"batch": 100}  # reports in one request


def wrk(port: int, shape: str, connections: int, seconds: float) -> dict:
    """Runs wrk. A refused or broken request is an error: then the figure is worth nothing."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}", "--timeout", "10",
             "-s", str(REQUESTS), f"http://127.0.0.1:{port}", "--", shape]
    with pinned(OTHER_CPU):
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    if answer["errors"]:
        raise RuntimeError(f"wrk, {shape}: {answer['errors']} of {answer['requests']} requests failed")
    return answer


def deliver(delivered: Delivered | None, wanted: int) -> int:
    """Waits until the broker has so many records, or for 3 s no more came. Returns how many are missing."""
    missing, moved = 0, time.monotonic()
    while delivered is not None and time.monotonic() - moved < 3:
        left = wanted - delivered.count()
        if left <= 0:
            return 0
        if left != missing:
            missing, moved = left, time.monotonic()
        time.sleep(0.01)
    return missing


def closed_loop(server: Server, delivered: Delivered | None, shape: str, connections: int, seconds: float,
                figures: Figures) -> None:
    """One round. rate is in reports a second until the broker has the last one, cpu_us what the server's processes
    took for a report until then: so both are of the whole way."""
    before = wait_until("the topic is known", lambda: delivered.count() + 1, 30) - 1 if delivered else 0
    cpu, busy, began = server.cpu_s(), busy_s(SERVER_CPU), time.monotonic()
    answer = wrk(server.port, shape, connections, seconds)
    ended = time.monotonic()
    others = (busy_s(SERVER_CPU) - busy - (server.cpu_s() - cpu)) / (ended - began)
    reports = answer["requests"] * EVENTS_OF.get(shape, 1)
    missing = deliver(delivered, before + reports)
    late_s = time.monotonic() - ended
    figures.add(rate=reports / (answer["seconds"] + late_s), acked_rate=reports / answer["seconds"],
                cpu_us=(server.cpu_s() - cpu) / reports * 1e6, p50_us=answer["p50_us"], p99_us=answer["p99_us"],
                late_s=late_s, missing=missing, others=max(0.0, others))
    deliver(delivered, before + reports + connections)  # those that wrk no longer waited for


class Seeds:
    """The server counts a report_id once: no two runs may take the same."""

    def __init__(self) -> None:
        self._next = int(time.time())

    def take(self) -> int:
        self._next += 1
        return self._next


def open_loop(server: Server, rate: float, seconds: float, seed: int, forms: str = "xml") -> dict[str, float]:
    """Latency from the moment a report was due, so waiting for a slow server counts. In microseconds."""
    words = [str(BUILD / "playreport-load"), "--target", f"127.0.0.1:{server.port}", "--rate", f"{rate:.0f}",
             "--reports", f"{max(1, rate * seconds):.0f}", "--connections", "64", "--seed", str(seed),
             "--forms", forms, "--latency"]
    if forms == "xml":
        words.append("--events-only")  # all of one kind: to compare with a fixed reply
    if not rate:
        words[words.index("--reports") + 1] = f"{40000 * seconds:.0f}"
    with pinned(OTHER_CPU):
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    return {name: float(value) for name, value in re.findall(r"([\w.]+)=([\d.]+)", done.stdout)}
