"""Requests a second, processor time a request, latency: against nginx answering a fixed reply, and evhttp.

The broker is the try-out one unless the row says otherwise: it takes next to nothing of the generator's processor."""
import os
import statistics
import time
from typing import Callable

from lab import Contestant, Lab
from load import open_loop
from measure import Figures, ratio
from row import Result, Row, at_least, at_most

SYNC_BYTES = 64 * 200
INGEST, NGINX, EVHTTP = Contestant("ingest"), Contestant("nginx"), Contestant("evhttp")


def many(server: str, shape: str = "get", connections: int = 64) -> Contestant:
    return Contestant(server, shape, connections)


def told(name: str, figures: Figures) -> str:
    """The figures behind a ratio."""
    low, high = figures.spread("cpu_us")
    missing, others = sum(figures.values["missing"]), figures.median("others")
    return (f"{name}: {figures.median('rate'):,.0f}/s, {figures.median('cpu_us'):.2f} us of processor time "
            f"({low:.2f} to {high:.2f}), p99 {figures.median('p99_us') / 1000:.1f} ms in the closed loop"
            + (f", {missing:,.0f} NOT DELIVERED" if missing else "")
            + (f"; NOT QUIET: others took {100 * others:.0f} % of its processor" if others > 0.05 else ""))


def compare(lab: Lab, one: Contestant, other: Contestant, name: str) -> tuple[float, list[str]]:
    ours, theirs = lab.rounds(one, other)
    words = [f"{c.server} {c.shape}, {c.connections} connections" for c in (one, other)]
    notes = [told(words[0], ours), told(words[1], theirs)]
    if name == "rate":
        notes.append(f"by processor time {ratio(theirs, ours, 'cpu_us'):.2f}")
    return ratio(ours, theirs, name), notes


def front(lab: Lab) -> dict[str, Figures]:
    """The rounds that several rows share."""
    return dict(zip(("ingest", "nginx", "evhttp"), lab.rounds(INGEST, NGINX, EVHTTP)))


def get_rate(lab: Lab) -> Result:
    f = front(lab)
    return at_least(ratio(f["ingest"], f["nginx"], "rate"), 1.0, *(told(name, its) for name, its in f.items()))


def get_cpu(lab: Lab) -> Result:
    f = front(lab)
    result = at_most(ratio(f["ingest"], f["nginx"], "cpu_us"), 1.0)
    result.numbers = {name: its.median("cpu_us") for name, its in f.items()}
    return result


def evhttp(lab: Lab) -> Result:
    f = front(lab)
    return at_least(ratio(f["evhttp"], f["ingest"], "cpu_us"), 1.8)


def rate_row(one: Contestant, other: Contestant, goal: float) -> Callable[[Lab], Result]:
    def run(lab: Lab) -> Result:
        value, notes = compare(lab, one, other, "rate")
        return at_least(value, goal, *notes)
    return run


def cpu_row(one: Contestant, other: Contestant, goal: float | None) -> Callable[[Lab], Result]:
    def run(lab: Lab) -> Result:
        value, notes = compare(lab, one, other, "cpu_us")
        return Result(f"{value:.2f}", None if goal is None else value <= goal, notes)
    return run


def sync_ms(lab: Lab) -> float:
    """What the disk needs to append and sync as much as 64 reports: no reply can be sooner."""
    file = os.open(lab.folder / "sync", os.O_CREAT | os.O_WRONLY)
    took = []
    for number in range(100):
        os.pwrite(file, b"x" * SYNC_BYTES, number * SYNC_BYTES)
        began = time.monotonic()
        os.fdatasync(file)
        took.append((time.monotonic() - began) * 1000)
    os.close(file)
    return statistics.median(took)


def disk_row(connections: int, goal: float) -> Callable[[Lab], Result]:
    def run(lab: Lab) -> Result:
        before = sync_ms(lab)
        value, notes = compare(lab, many("ingest-disk", connections=connections),
                               many("ingest", connections=connections), "rate")
        ms = max(before, sync_ms(lab))
        return at_least(value, goal, *notes, f"fdatasync alone took {ms:.2f} ms: {connections} connections that wait for "
                        f"one each reach {connections / ms * 1000:,.0f}/s")
    return run


def latency(lab: Lab) -> Result:
    """At half of what the slowest of the three reaches: both servers and the generator."""
    ours, theirs = lab.server("ingest"), lab.server("nginx")
    lab.say("latency: how fast the generator is")
    full = min(open_loop(server, 0, lab.seconds, lab.seeds.take())["rate"] for server in (ours, theirs))
    figures = [Figures(), Figures()]
    for number in range(lab.count):
        for server, its in zip((ours, theirs), figures):
            lab.say(f"latency: {server.name}: {number + 1} of {lab.count}")
            answer = open_loop(server, full / 2, 2 * lab.seconds, lab.seeds.take())
            its.add(p50=answer["p50"], p99=answer["p99"], p999=answer["p99.9"])
    notes = [f"{server.name} at {full / 2:,.0f}/s: p50 {f.median('p50'):,.0f} us, p99 {f.median('p99'):,.0f} us, "
             f"p99.9 {f.median('p999'):,.0f} us" for server, f in zip((ours, theirs), figures)]
    return at_most(ratio(*figures, "p99"), 1.2, *notes)


ROWS = (
    Row("get-rate", "the whole way, reports/s against nginx return 200", ">= 1.0", get_rate),
    Row("get-cpu", "the whole way, processor time of the process against nginx", "<= 1.0", get_cpu),
    Row("evhttp", "processor time of evhttp doing the same without a journal, against ours", ">= 1.8", evhttp),
    Row("pipeline", "16 requests at once, reports/s against nginx one by one", ">= 10",
        rate_row(many("ingest", "pipeline"), NGINX, 10)),
    Row("pipeline-nginx", "the same against nginx given 16 at once too", "",
        cpu_row(many("ingest", "pipeline"), many("nginx", "pipeline"), None)),
    Row("close", "a connection a request, processor time against nginx", "<= 1.0",
        cpu_row(many("ingest", "close"), many("nginx", "close"), 1.0)),
    Row("post-form", "POST of a form, requests/s against nginx GET", ">= 0.95",
        rate_row(many("ingest", "form"), NGINX, 0.95)),
    Row("post-json", "POST of JSON, requests/s against nginx GET", ">= 0.85",
        rate_row(many("ingest", "json"), NGINX, 0.85)),
    Row("batch", "100 reports a request, reports/s against single GETs", ">= 8",
        rate_row(many("ingest", "batch"), INGEST, 8)),
    Row("disk-64", "ack=disk against ack=journal, 64 connections", ">= 0.6", disk_row(64, 0.6)),
    Row("disk-1024", "the same, 1,024 connections", ">= 0.9", disk_row(1024, 0.9)),
    Row("latency", "p99 at half load, open loop, against nginx", "<= 1.2", latency),
    Row("player", "a browser's request with all its headers, processor time against nginx", "",
        cpu_row(many("ingest", "player"), many("nginx", "player"), None)),
    Row("nouuid", "no uuid, so the viewer is hashed; processor time against a report with one", "",
        cpu_row(many("ingest", "nouuid"), INGEST, None)),
    Row("real-kafka", "get-cpu with the real Kafka on the generator's processor", "",
        cpu_row(many("ingest@kafka"), NGINX, None)),
)
