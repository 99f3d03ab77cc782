"""README says what is so: its reader of the topic runs, its option tables are those of --help."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tables
from broker import ROOT, wait_until
from daemons import PROGRAMS, ingest, load

README = (ROOT / "README.md").read_text()


def test_the_reader_of_the_topic_prints_each_report_once(shared_kafka, tmp_path):
    topic = "readme.reports"
    program = re.search(r"```python\n(.*?)```", README, re.S)[1]
    assert "localhost:9092" in program and "video.player.reports.v1" in program
    program = program.replace("localhost:9092", shared_kafka.bootstrap).replace("video.player.reports.v1", topic)
    with ingest(tmp_path, shared_kafka.bootstrap, topic=topic) as front:
        load(front.port, 50, tmp_path / "expect.json", None, "--seed", 11)
        with open(tmp_path / "out", "w") as out:
            reader = subprocess.Popen([sys.executable, "-u", "-c", program], stdout=out, stderr=subprocess.STDOUT)
        try:
            wait_until("the reader has read them", lambda: len((tmp_path / "out").read_text().splitlines()) >= 50)
        finally:
            reader.kill()
            reader.wait()
    lines = (tmp_path / "out").read_text().splitlines()
    assert len(lines) == 50
    assert all(re.match(r"\d+ .* (event|play) ", line) for line in lines), lines


def table_of(program):
    """The option names of README's table for a program."""
    table = re.search(rf"\| {program} \| default \|.*?\n((?:\|.*\n)+)", README)[1]
    return set(re.findall(r"`(\w+)`", "\n".join(row.split("|")[1] for row in table.splitlines())))


@pytest.mark.parametrize("program, words", [("playreport-ingest", []), ("playreport-consumer", ["run"])])
def test_the_option_tables_are_those_of_help(program, words):
    text = subprocess.run([PROGRAMS / program, *words, "--help"], capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"^\s*--(\w+)[= ]", text, re.M)) - {"help", "version", "config"}
    assert table_of(program) == options - {"check_config"}


def test_each_test_with_a_client_has_its_row():
    """clients/table.py writes them."""
    files = [Path(__file__).parent / name for name in ("test_browser.py", "test_clients.py")]
    tests = [name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)]
    rows = [row.split(" | ") for row in tables.read("clients/table.py").splitlines()]
    assert [cells[1] for cells in rows if len(cells) == 4][1:][:len(tests)] == list(map(tables.words_of, tests))


def test_every_warning_and_error_of_the_log_is_explained():
    code = "".join(file.read_text() for folder in ("common", "ingest", "consumer") for file in (ROOT / folder).glob("*.c"))
    told = set(re.findall(r'LOG_(?:WARN|ERROR)\(\s*(?:[^",;]*\?\s*)?"(\w+)"', code))
    told |= set(re.findall(r'LOG_AT\([^"]*"(\w+)"', code)) | set(re.findall(r'\? "(journal_\w+)" : "journal_\w+",', code))
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    explained = re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", page, re.M)
    assert len(explained) == len(set(explained)) and set(explained) == told | {"journal_sync_failed"}
