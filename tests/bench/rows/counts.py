"""Counts that repeat exactly where seconds do not: system calls, instructions; processor time by workers."""
import re
import signal
import subprocess
import time
from pathlib import Path

from broker import BUILD
from daemons import Daemon, wait_until
from lab import PARTITIONS, Contestant, Lab
from load import wrk
from measure import SERVER_CPU, Figures, pinned
from row import Result, Row

SENT = 300000  # records
FEW, MANY = 10000, 40000  # requests under valgrind
MARKS = {"worker": "journal_commit", "publisher": "sender_send"}
WORKERS = (1, 2, 4)


def traced(lab: Lab, pid: int, port: int) -> tuple[dict[str, int], int]:
    """The system calls of a process, and the requests it served meanwhile."""
    table = lab.folder / "strace"
    with subprocess.Popen(["strace", "-c", "-f", "-qq", "-p", str(pid), "-o", str(table)],
                          stderr=subprocess.DEVNULL) as strace:
        wait_until("strace is at work", lambda: "TracerPid:\t0" not in Path(f"/proc/{pid}/status").read_text())
        requests = wrk(port, "get", 64, lab.seconds)["requests"]
        time.sleep(0.1)  # what the publisher still does
        strace.send_signal(signal.SIGINT)
    calls = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$", table.read_text(), re.M)
    return {name: int(count) for count, name in calls if name != "total"}, requests


def syscalls(lab: Lab) -> Result:
    calls, requests = traced(lab, lab.server("ingest").pid(), lab.server("ingest").port)
    most = sorted(calls.items(), key=lambda one: -one[1])[:8]
    listed = ", ".join(f"{name} {count / requests:.3f}" for name, count in most)
    return Result(f"{sum(calls.values()) / requests:.2f}", None, [f"of a request, all threads: {listed}"])


def collected(lab: Lab, requests: int) -> dict[str, int]:
    """Instructions of a whole life of the daemon with so many requests, by thread."""
    topic, folder = f"bench.valgrind-{requests}", lab.folder / f"valgrind-{requests}"
    lab.brokers.create_topic("try", topic, PARTITIONS)
    folder.mkdir()
    daemon = UnderValgrind(folder, {"journal": folder / "journal", "workers": 1, "topic": topic,
                                    "kafka.bootstrap.servers": lab.try_broker().bootstrap})
    with pinned(SERVER_CPU):
        daemon.start()
    words = [str(BUILD / "playreport-load"), "--target", f"127.0.0.1:{daemon.port}", "--reports", str(requests),
             "--connections", "64", "--forms", "xml", "--events-only", "--seed", str(lab.seeds.take())]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    wait_until("all is delivered", lambda: daemon.ready()["journal"]["waiting"] == 0, 60)
    daemon.stop(120)
    return by_thread(folder)


def by_thread(folder: Path) -> dict[str, int]:
    """A thread is known by a function that no other one calls."""
    sums = {"worker": 0, "publisher": 0, "librdkafka and main": 0}
    for file in folder.glob("callgrind*"):
        text = file.read_text(errors="replace")
        totals = re.search(r"^(?:summary|totals): (\d+)", text, re.M)
        name = next((name for name, mark in MARKS.items() if mark in text), "librdkafka and main")
        sums[name] += int(totals[1]) if totals else 0
    return sums


class UnderValgrind(Daemon):
    """The log gets valgrind's words too."""

    def __init__(self, folder: Path, options: dict) -> None:
        super().__init__("playreport-ingest", folder, options)
        script = folder / "playreport-ingest.sh"
        script.write_text(f"#!/bin/sh\nexec valgrind --tool=callgrind --separate-threads=yes "
                          f"--callgrind-out-file={folder}/callgrind {self.program} \"$@\"\n", encoding="utf-8")
        script.chmod(0o755)
        self.program = script


def instructions(lab: Lab) -> Result:
    lab.say("instructions: under valgrind, a minute")
    few, many = collected(lab, FEW), collected(lab, MANY)
    each = {name: (many[name] - few[name]) / (MANY - FEW) for name in few}
    listed = ", ".join(f"{name} {count:,.0f}" for name, count in each.items())
    return Result(f"{each['worker']:,.0f}", None, [
        f"user space: {listed}; the others' depends on their batches, which are small as slow as it runs here"])


def workers(lab: Lab) -> Result:
    """They share one processor here: what counts is that a report costs the same."""
    figures = {}
    for count in WORKERS:
        name = f"ingest-{count}w" if count > 1 else "ingest"
        figures[count] = Figures()
        for _ in range(lab.count):
            lab.say(f"workers: {count}")
            lab.round(Contestant(name, connections=256), figures[count])
        lab.drop(name)
    costs = {count: its.median("cpu_us") for count, its in figures.items()}
    listed = ", ".join(f"{count}: {cost:.2f} us" for count, cost in costs.items())
    return Result(f"x {costs[WORKERS[-1]] / costs[1]:.2f}", None, [f"processor time of a report by workers: {listed}"],
                  {f"{count} workers": cost for count, cost in costs.items()})


def told_by(words: list[str]) -> dict[str, float]:
    with pinned(SERVER_CPU):
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", done.stdout)}


def librdkafka(lab: Lab) -> Result:
    """What the publisher cannot be cheaper than: the same record over and over, nothing read, nothing encoded."""
    topic = "bench.send"
    lab.brokers.create_topic("try", topic, PARTITIONS)
    costs = {"send": Figures(), "send-plain": Figures()}
    for number in range(lab.count):
        for mode, figures in costs.items():
            lab.say(f"librdkafka, {mode}: {number + 1} of {lab.count}")
            told = told_by([str(BUILD / "playreport-bench-topic"), mode, lab.try_broker().bootstrap, topic, str(SENT)])
            figures.add(us=told["cpu"] / told["records"] * 1e6, bytes=told["bytes"])
    plain, full = costs["send-plain"].median("us"), costs["send"].median("us")
    return Result(f"{full:.2f} us", None, [
        f"rd_kafka_produceva to delivery report, all its threads, a value of {costs['send'].median('bytes'):.0f} bytes "
        f"and two headers; without headers {plain:.2f} us"])


ROWS = (
    Row("syscalls", "system calls of a report", "", syscalls),
    Row("instructions", "instructions of a report in a worker", "", instructions, is_long=True),
    Row("librdkafka", "processor time of librdkafka alone for a record", "", librdkafka),
    Row("workers", "processor time of a report with 4 workers against 1", "", workers),
)
