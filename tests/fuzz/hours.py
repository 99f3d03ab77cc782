#!/usr/bin/env python3
"""Adds up how long each fuzz target has run, in hours.json beside this file, prints the table and writes it into
tests/integration/README.md. What is to be added comes on standard input as run.sh writes it, a line a target: name,
milliseconds of processor time, inputs tried."""
import datetime
import json
import sys
from pathlib import Path

FILE = Path(__file__).with_name("hours.json")
sys.path.insert(1, str(FILE.parents[1] / "integration"))
import tables  # noqa: E402


def add(targets, lines):
    for line in lines:
        name, used_ms, inputs = line.split()
        target = targets.setdefault(name, {"cpu_s": 0, "inputs": 0})
        target["cpu_s"] = round(target["cpu_s"] + int(used_ms) / 1000)
        target["inputs"] += int(inputs)
        target["last"] = str(datetime.date.today())


def table(targets):
    lines = ["| target | CPU hours | inputs tried | last run |", "|---|---|---|---|"]
    lines += [f"| {name} | {target['cpu_s'] / 3600:.2f} | {target['inputs']:,} | {target['last']} |"
              for name, target in sorted(targets.items())]
    total_s, inputs = (sum(target[key] for target in targets.values()) for key in ("cpu_s", "inputs"))
    return "\n".join(lines + [f"| all | {total_s / 3600:.2f} | {inputs:,} | |"])


def main():
    targets = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    if not sys.stdin.isatty():
        add(targets, sys.stdin)
    if targets:
        FILE.write_text(json.dumps(targets, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        tables.write("fuzz/hours.py", table(targets))
    print(table(targets))


main()
