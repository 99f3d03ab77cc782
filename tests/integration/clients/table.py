#!/usr/bin/python3
"""Runs the tests with real clients and load tools and writes what they show into README.md of the folder above; nothing
if one fails."""
import datetime
import re
import subprocess
import sys
import textwrap
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

import tables  # noqa: E402

# The tests of a client begin with its name; those of the browser are a file of their own.
VERSIONS = {
    "Chromium": ["chromium", "--version"], "node": ["node", "--version"], "java": ["java", "-version"],
    "curl": ["curl", "--version"], "requests": ["/usr/bin/python3", "-c", "import requests; print(requests.__version__)"],
    "wrk": ["wrk", "-v"], "ab": ["ab", "-V"], "h2load": ["h2load", "--version"], "siege": ["siege", "-V"],
}


def version_of(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)[0]


def client_rows(tests, client=None):
    """A row a test; its cases fall together."""
    rows = {}
    for name, own in tests:
        name, _, case = name.partition("[")
        row = rows.setdefault(name, {"client": client or name.split("_")[1], "cases": [], "events": 0})
        row["cases"] += [case[:-1].replace('-', ', ')] if case else []
        row["events"] += int(own.get("events", 0))
    return [f"| {row['client']} | {tables.words_of(name)} | {'; '.join(row['cases'])} | {row['events']} |"
            for name, row in rows.items()]


def load_rows(tests):
    return [f"| {own['tool']} | {own['answered']} | {own['in_topic']} | {own['counted']} |" for _, own in tests]


def table():
    browser, clients, tools = map(tables.run, ["test_browser.py", "test_clients.py", "test_load_tools.py"])
    versions = ", ".join(f"{name} {version_of(words)}" for name, words in VERSIONS.items())
    made = f"Made on {datetime.date.today()} by `tests/integration/clients/table.py` with {versions}; all passed."
    lines = [textwrap.fill(made, 120), "",
             "| client | test | its cases | events in the topic |", "|---|---|---|---|",
             *client_rows(browser, "Chromium"), *client_rows(clients), "",
             "| tool, for a second | it had answered | in the topic | counted |", "|---|---|---|---|", *load_rows(tools)]
    return "\n".join(lines)


tables.write("clients/table.py", table())
