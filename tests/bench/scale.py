"""From what a run of make bench measured to machines, partitions, disks and money: prints SCALE.md.

    /usr/bin/python3 tests/bench/scale.py build/bench/result-*.json > tests/bench/SCALE.md

Of several files the last one that has a row counts. What is not measured is assumed, and stands at the end."""
import json
import math
import sys
from pathlib import Path

RATES = (10_000, 1_000_000, 10_000_000)
ASSUMED = {
    "share of a processor that is used": 0.5,
    "processors of a machine": 16,
    "TCP, IP and Ethernet around a request and its reply, bytes each": 140,
    "copies of a partition": 3,
    "days a topic keeps": 7,
    "hours of Kafka away that the journals take": 4,
    "MB/s that a broker takes, copies included": 150,
    "MB/s of a partition": 5,
    "a processor's hour, dollars": 0.045,
    "a GB of disk for a month, dollars": 0.08,
}
HOURS = 730  # of a month


def numbers(files: list[Path]) -> tuple[dict[str, dict[str, float]], list[str]]:
    found: dict[str, dict[str, float]] = {}
    facts: list[str] = []
    for file in files:
        run = json.loads(file.read_text(encoding="utf-8"))
        facts = run["facts"]
        found.update({row["row"]: row["numbers"] for row in run["rows"] if row.get("numbers")})
    missing = [row for row in ("get-cpu", "consumer", "sizes") if row not in found]
    if missing:
        sys.exit(f"scale.py: no figures of {', '.join(missing)}: make bench ROW={','.join(missing)}")
    return found, facts


def machines(rate: float, cpu_us: float) -> tuple[float, int]:
    """Processors that are busy, and machines with room to spare and one to lose."""
    busy = rate * cpu_us / 1e6
    room = ASSUMED["processors of a machine"] * ASSUMED["share of a processor that is used"]
    return busy, math.ceil(busy / room) + 1


def plan(rate: float, m: dict[str, dict[str, float]]) -> dict[str, str]:
    size, around = m["sizes"], ASSUMED["TCP, IP and Ethernet around a request and its reply, bytes each"]
    front_busy, front = machines(rate, m["get-cpu"]["ingest"])
    count_busy, count = machines(rate, m["consumer"]["consumer"])
    kafka = rate * size["kafka"] / 1e6
    copies = ASSUMED["copies of a partition"]
    brokers = max(3, math.ceil(kafka * copies / ASSUMED["MB/s that a broker takes, copies included"]) + 1)
    partitions = max(12, math.ceil(kafka / ASSUMED["MB/s of a partition"]),
                     math.ceil(rate * m["consumer"]["consumer"] / 1e6) * 2)
    kept = kafka * copies * 86400 * ASSUMED["days a topic keeps"] / 1e3
    waiting = rate * size["journal"] * 3600 * ASSUMED["hours of Kafka away that the journals take"] / 1e9
    total = front + count + brokers
    money = (total * ASSUMED["processors of a machine"] * HOURS * ASSUMED["a processor's hour, dollars"]
             + (kept + waiting) * ASSUMED["a GB of disk for a month, dollars"])
    return {
        "ingest: processors busy, machines": f"{front_busy:.2f}, {front}",
        "players' link in, out": f"{rate * (size['request'] + around) * 8 / 1e9:.2f}, "
                                 f"{rate * (size['reply'] + around) * 8 / 1e9:.2f} Gbit/s",
        "journals: written, room for an outage": f"{rate * size['journal'] / 1e6:.0f} MB/s, {waiting:,.0f} GB",
        "Kafka: in, brokers": f"{kafka:.1f} MB/s, {brokers}",
        "Kafka: partitions, disk in all": f"{partitions}, {kept:,.0f} GB",
        "consumer: processors busy, machines": f"{count_busy:.2f}, {count}",
        "a month, dollars": f"{money:,.0f}",
        "of a million reports, dollars": f"{money / (rate * HOURS * 3600 / 1e6):.5f}",
    }


def table(m: dict[str, dict[str, float]]) -> list[str]:
    plans = [plan(rate, m) for rate in RATES]
    lines = ["| | " + " | ".join(f"{rate:,} reports/s" for rate in RATES) + " |", "|---|" + "---|" * len(RATES)]
    return lines + [f"| {name} | " + " | ".join(one[name] for one in plans) + " |" for name in plans[0]]


def limits(m: dict[str, dict[str, float]]) -> list[str]:
    """Where each part ends, by its own cost."""
    store = 1e6 / m["consumer"]["consumer"]
    front = 1e6 / m["get-cpu"]["ingest"]
    around = ASSUMED["TCP, IP and Ethernet around a request and its reply, bytes each"]
    link = 25e9 / 8 / (m["sizes"]["request"] + around)
    disk = 1e9 / m["sizes"]["journal"]
    return [
        f"- One processor of ingest takes {front:,.0f} reports/s; workers share nothing, so a machine's limit is its "
        f"processors; then a disk that writes 1 GB/s, at {disk:,.0f}/s, and a link of 25 Gbit/s, at {link:,.0f}/s.",
        f"- One SQLite store has one writer: {store:,.0f} events/s with one processor for the consumer. Past that: "
        "several consumers and PostgreSQL, whose rows grow with the distinct keys of a flush, not with reports.",
        "- A partition is one consumer's: the partition count is the ceiling of the group, so it is set for the peak.",
    ]


def slopes(m: dict[str, dict[str, float]]) -> list[str]:
    lines = []
    for row, what in (("workers", "processor time of a report by workers"),
                      ("growth", "processor time of an event by stored rows"),
                      ("growth-100m", "the same, to 100 M rows")):
        if row in m:
            listed = ", ".join(f"{name}: {cost:.2f} us" for name, cost in m[row].items())
            lines.append(f"- {what}: {listed} (`make bench ROW={row}`).")
    return lines


def main() -> int:
    files = sorted(map(Path, sys.argv[1:]))
    if not files:
        print(__doc__, file=sys.stderr)
        return 2
    m, facts = numbers(files)
    measured = [f"| {row}: {name} | {value:.2f} |" for row in ("get-cpu", "consumer", "sizes")
                for name, value in m[row].items()]
    parts = ["# Scale on paper", "", "Printed by `tests/bench/scale.py` from a run of `make bench`; costs are "
             "measured, loads are multiplied.", "", *(f"    {fact}" for fact in facts), "", *table(m), "",
             "## Where the next bottleneck is", "", *limits(m), "", "## What the slopes say", "", *slopes(m), "",
             "## Measured: us of processor time a report or event, bytes a report", "", "| | |", "|---|---|", *measured,
             "", "## Assumed", "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in ASSUMED.items())]
    print("\n".join(parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
