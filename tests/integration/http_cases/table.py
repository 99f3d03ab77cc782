#!/usr/bin/python3
"""Runs the tests of hostile HTTP and writes what they show into README.md of the folder above; nothing if one fails."""
import collections
import datetime
import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(1, str(FOLDER.parent))

import tables  # noqa: E402

TESTS = ["test_http_cases.py", "test_proxies.py"]


def kinds_of(names):
    counts = collections.Counter(name.split()[0] for name in names)
    kinds = ", ".join(f"{kind} ({count})" for kind, count in sorted(counts.items()))
    return f"{len(names)}: {kinds}" if names else "0"


def notes():
    """What is decided otherwise, or left open, in the cases' own words; once each."""
    rows = {}
    for file in ("framing.json", "query.json", "input.json", "concatenate.json"):
        for case in json.loads((FOLDER / file).read_text(encoding="utf-8"))["cases"]:
            if "note" in case:
                rows.setdefault((case["id"], case["note"]), case["what"])
    return [f"| {kind} | {what.replace('|', chr(92) + '|')} | {note} |" for (kind, note), what in rows.items()]


def table(tests):
    lines = [f"Made on {datetime.date.today()} by `tests/integration/http_cases/table.py`.", "",
             "| test | cases tried | passed |", "|---|---|---|"]
    lines += [f"| {tables.words_of(name)} | {own['cases']} | {own['cases']} |" for name, own in tests]
    total = sum(int(own["cases"]) for _, own in tests)
    lines += [f"| all | {total} | {total} |", "", "Behind proxies no request is smuggled: each event in the topic is a "
              "request that the proxy answered, and ingest counts", "no request that the proxy did not send. Where a "
              "framing case fares otherwise than without the proxy, both sides agree:", "",
              "| in front | taken, because the proxy mends it | refused, by the proxy or for what it makes of it |",
              "|---|---|---|"]
    for _, own in tests:
        if "front" in own:
            differences = json.loads(own["differences"])
            lines.append(f"| {own['front']} | {kinds_of(differences['mends'])} | {kinds_of(differences['refuses'])} |")
    lines += ["", "Known differences from the list of known failures, and what it leaves open:", "",
              "| kind | first case of it | what is done, and why |", "|---|---|---|", *notes()]
    return "\n".join(lines)


tables.write("http_cases/table.py", table([(name, own) for name, own in tables.run(*TESTS) if "cases" in own]))
