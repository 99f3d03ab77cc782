"""`playreport-ingest journal`: what it shows is what the daemon's metrics say and what players sent."""
import json
import re
import shutil
import subprocess

import pytest

from broker import Kafka
from counts import acknowledged
from daemons import PROGRAMS, ingest, load, wait_until

REPORTS = 500


@pytest.fixture
def kafka(tmp_path):
    with Kafka.start(tmp_path) as broker:
        yield broker


def journal(folder, *words):
    done = subprocess.run([PROGRAMS / "playreport-ingest", "journal", f"--journal={folder}", *words],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def shown_waiting(folder):
    return int(re.search(r"^waiting +(\d+) records", journal(folder)[1], re.M)[1])


def test_it_shows_what_waits_beside_the_daemon_and_after_its_death(kafka, tmp_path):
    folder = tmp_path / "journal"
    with ingest(tmp_path, kafka.bootstrap) as front:
        load(front.port, 100, tmp_path / "first.json", None, "--seed", 1)
        wait_until("the checkpoint says so", lambda: shown_waiting(folder) == 0)
        assert journal(folder, "--dump") == (0, "", "")
        kafka.pause()
        load(front.port, REPORTS, tmp_path / "expect.json", tmp_path / "acks", "--seed", 2)
        assert front.metric("playreport_journal_waiting_records") == REPORTS
        assert shown_waiting(folder) == REPORTS
        status, text, _ = journal(folder, "--dump")
        lines = [json.loads(line) for line in text.splitlines()]
        assert status == 0 and len(lines) == REPORTS
        assert {line["event"]["report_id"] for line in lines} == acknowledged(tmp_path / "acks")["acked"]
        assert all(line["key"] == str(line["event"]["photo_id"]) and line["ts"] == line["event"]["ts"] for line in lines)
        names = [(line["lane"], line["sequence"]) for line in lines]
        assert len(set(names)) == REPORTS and names == sorted(names)
        lane = lines[0]["lane"]
        of_lane = [json.loads(line) for line in journal(folder, "--dump", f"--lane={lane}")[1].splitlines()]
        assert of_lane == [line for line in lines if line["lane"] == lane]
        assert len(journal(folder, "--dump", "--all")[1].splitlines()) >= REPORTS
        front.kill()
    assert shown_waiting(folder) == REPORTS
    kafka.resume()


def test_what_is_no_journal_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "nowhere", tmp_path / "empty"):
        status, text, error = journal(folder)
        assert status == 1 and text == "" and str(folder) in error
    assert journal(tmp_path, "--lane=xyz", "--dump")[0] == 2
    assert "--lane" in journal(tmp_path, "--lane=xyz", "--dump")[2]
    assert journal(tmp_path, "--no_such=1")[0] == 2
    assert journal(tmp_path, "--help")[0] == 0


def test_damage_is_told_and_the_rest_is_dumped(kafka, tmp_path):
    folder = tmp_path / "journal"
    with ingest(tmp_path, kafka.bootstrap, workers=1) as front:
        load(front.port, 1, tmp_path / "first.json", None, "--seed", 1)
        kafka.pause()
        load(front.port, 50, tmp_path / "expect.json", None, "--seed", 2)
        front.kill()
    kafka.resume()
    shutil.copytree(folder, tmp_path / "copy")
    segment = max((tmp_path / "copy").glob("*.journal"), key=lambda path: path.stat().st_size)
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(data)
    whole = journal(folder, "--dump")[1].splitlines()
    assert len(set(whole) - set(journal(tmp_path / "copy", "--dump")[1].splitlines())) == 1
