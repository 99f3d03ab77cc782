"""Memory: of an idle connection, under full load, while Kafka is away."""
import socket
import threading
import time
from pathlib import Path

from lab import Contestant, Lab
from load import open_loop, wrk
from measure import Figures, memory_kib
from row import Result, Row

CONNECTIONS = 10000
REQUEST = b"GET /api/analytics/report/event?photo_id=7&event=load HTTP/1.1\r\nHost: h\r\n\r\n"
OUTAGE_RATE, OUTAGE_S = 20000, 600
MIB = 1024  # in KiB


def open_idle(port: int, count: int) -> list[socket.socket]:
    """Connections that have had an answer and are kept."""
    kept = []
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port), 10)
        kept.append(one)
        one.sendall(REQUEST)
        if b" 200 " not in one.recv(4096)[:16]:
            raise RuntimeError(f"connection {len(kept)} got no 200")
    return kept


def idle_bytes(lab: Lab, name: str, pid: int) -> float:
    """The private memory that grew while connections were opened, by their number."""
    port = lab.server(name).port
    before = memory_kib(pid)["RssAnon"]
    kept = open_idle(port, CONNECTIONS)
    grown = memory_kib(pid)["RssAnon"] - before
    for one in kept:
        one.close()
    return grown * 1024 / CONNECTIONS


def worker_of_nginx(lab: Lab) -> int:
    pid = lab.server("nginx").pid()
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()[0])


def idle(lab: Lab) -> Result:
    """New servers: what earlier rounds left free would hide what the connections take."""
    for name in ("ingest", "nginx"):
        lab.drop(name)
    wrk(lab.server("ingest").port, "get", 64, 1)  # what the first requests bring along is not the connections'
    wrk(lab.server("nginx").port, "get", 64, 1)
    ours = idle_bytes(lab, "ingest", lab.server("ingest").pid())
    theirs = idle_bytes(lab, "nginx", worker_of_nginx(lab))
    return Result(f"{ours:.0f} bytes", ours <= 350, [f"{CONNECTIONS:,} connections; nginx: {theirs:.0f} bytes"])


class Sampler(threading.Thread):
    """The most a process took, asked every 20 ms until it is stopped; the course of it in ten-second steps."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.most: dict[str, int] = {}
        self.course: list[int] = []
        self._pid, self._done = pid, threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        while not self._done.wait(0.02):
            now = memory_kib(self._pid)
            self.most = {name: max(value, self.most.get(name, 0)) for name, value in now.items()}
            if time.monotonic() - began > 10 * len(self.course):
                self.course.append(now["VmRSS"])

    def end(self) -> dict[str, int]:
        self._done.set()
        self.join()
        return self.most


def under_load(lab: Lab) -> Result:
    lab.drop("ingest")
    pid = lab.server("ingest").pid()
    at_rest = memory_kib(pid)
    sampler = Sampler(pid)
    sampler.start()
    figures = Figures()
    for number in range(lab.count):
        lab.say(f"memory: {number + 1} of {lab.count}")
        lab.round(Contestant("ingest"), figures)
    most = sampler.end()
    return Result(f"{most['VmRSS'] / MIB:.1f} MiB", most["VmRSS"] <= 12 * MIB, [
        f"of it private {most['RssAnon'] / MIB:.1f} MiB, pages of programs and libraries {most['RssFile'] / MIB:.1f} "
        f"MiB; at rest {at_rest['VmRSS'] / MIB:.1f} MiB; at {figures.median('acked_rate'):,.0f} reports/s"])


def outage(lab: Lab) -> Result:
    """Kafka stops after a warm-up; reports go on at a fixed rate."""
    name = "ingest@kafka"
    lab.drop(name)
    server = lab.server(name)
    lab.say("outage: warm-up")
    send(lab, server, OUTAGE_RATE, 10)
    lab.kafka().stop()
    sampler = Sampler(server.pid())
    sampler.start()
    lab.say(f"outage: {OUTAGE_S} s without Kafka at {OUTAGE_RATE:,}/s")
    reached = send(lab, server, OUTAGE_RATE, OUTAGE_S)
    most = sampler.end()
    lab.kafka().restart()
    lab.drop(name)
    half = sampler.course[len(sampler.course) // 2:]
    grown = max(half) - half[0]
    is_flat = grown < MIB
    return Result(f"{most['VmRSS'] / MIB:.1f} MiB", most["VmRSS"] <= 64 * MIB and is_flat, [
        f"{OUTAGE_S} s at {reached:,.0f}/s; in its second half it grew by {grown / MIB:.2f} MiB"])


def send(lab: Lab, server, rate: float, seconds: float) -> float:
    return open_loop(server, rate, seconds, lab.seeds.take())["rate"]


ROWS = (
    Row("idle-memory", "private memory of an idle connection", "<= 350 bytes", idle),
    Row("load-memory", "resident memory under full load", "<= 12 MiB", under_load),
    Row("outage", "resident memory in 10 min without Kafka at 20,000/s", "flat, <= 64 MiB", outage, is_long=True),
)
