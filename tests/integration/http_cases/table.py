#!/usr/bin/env python3
"""Runs the tests of hostile HTTP and writes what they show into README.md of the folder above; nothing if one fails."""
import collections
import datetime
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
README = FOLDER.parent / "README.md"
BEGIN, END = "<!-- http_cases/table.py writes from here -->", "<!-- to here -->"
TESTS = ["test_http_cases.py", "test_proxies.py"]


def run():
    """Each test's name and its properties; ends the program when one fails."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1",
                 f"--junitxml={report.name}", *TESTS]
        if subprocess.run(words, cwd=FOLDER.parent, check=False).returncode:
            sys.exit("table.py: not written, as a test failed")
        return [(test.get("name"), {own.get("name"): own.get("value") for own in test.iter("property")})
                for test in xml.parse(report.name).iter("testcase")]


def words_of(name):
    name, _, file = name.partition("[")
    return name.removeprefix("test_").replace("_", " ") + (f", {file[:-1]}" if file else "")


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
    lines += [f"| {words_of(name)} | {own['cases']} | {own['cases']} |" for name, own in tests]
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


def main():
    tests = [(name, own) for name, own in run() if "cases" in own]
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    README.write_text(before + BEGIN + "\n" + table(tests) + "\n" + END + rest.split(END)[1], encoding="utf-8")


main()
