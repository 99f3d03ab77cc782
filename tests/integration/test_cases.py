"""Cases of the counting rules that are about reading: what the reference's fixtures leave, asked for by report."""
import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from daemons import PROGRAMS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))

import fixture  # noqa: E402
from c_counting import Driver  # noqa: E402


@pytest.fixture(name="ask")
def ask_of_fixture(tmp_path):
    """ask(fixture, **flags): the answer as JSON; text(): as it was printed."""
    driver = Driver(tmp_path)

    class Ask:
        def __init__(self):
            self.store = None

        def count(self, name):
            case = fixture.load(name)
            self.store = driver.count(fixture.items(case), case.get("config") or {}, [])
            return self

        def text(self, **flags):
            words = [f"--{name}={value}" for name, value in {"from": "all", "to": "all", **flags}.items()]
            done = subprocess.run([str(PROGRAMS / "playreport-consumer"), "report", f"--store=sqlite:{self.store}",
                                   f"--sites={tmp_path / 'sites.json'}", *words],
                                  capture_output=True, text=True, check=False)  # fmt: skip
            assert (done.returncode, done.stderr) == (0, "")
            return done.stdout

        def json(self, **flags):
            return json.loads(self.text(format="json", **flags))

    yield Ask()
    driver.close()


def test_a_thousand_videos_with_equal_counts_in_pages_of_50_are_a_thousand(ask):
    ask.count("thousand_videos")
    found, cursor = [], ""
    for _ in range(20):
        page = ask.json(dimensions="photo_id", metrics="loads", sort="-loads", limit=50, cursor=cursor)
        assert len(page["rows"]) == 50 and all(row["loads"] == 1 for row in page["rows"])
        found += [row["photo_id"] for row in page["rows"]]
        cursor = page["meta"]["cursor"]
    assert sorted(found) == list(range(1000))
    rest = ask.json(dimensions="photo_id", metrics="loads", sort="-loads", limit=50, cursor=cursor)
    assert rest["rows"] == []


def test_viewers_of_two_days_are_four(ask):
    ask.count("viewers")
    assert ask.json(dimensions="", metrics="viewers")["rows"][0]["viewers"] == 4
    by_day = ask.json(dimensions="day", metrics="viewers", **{"from": "2024-03-04", "to": "2024-03-06"})["rows"]
    assert [row["viewers"] for row in by_day] == [3, 3]


def test_a_formula_is_text_in_csv_and_numbers_are_untouched(ask):
    text = ask.count("formula").text(dimensions="source", metrics="loads", format="csv")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row == {"source": "'=HYPERLINK(\"x\")", "loads": "2"}


@pytest.mark.parametrize("name, day, after, hours", (
    ("fall_day", "2022-11-06", "2022-11-07", 25), ("spring_day", "2022-03-13", "2022-03-14", 23)))  # fmt: skip
def test_a_day_in_chicago_is_one_row_of_as_many_hours_as_it_has(ask, name, day, after, hours):
    ask.count(name)
    (row,) = ask.json(dimensions="day", metrics="loads", **{"from": day, "to": after})["rows"]
    assert row["loads"] == hours * 60 and row["day"] == day


def test_a_second_parts_two_days_in_kolkata(ask):
    ask.count("kolkata")
    rows = ask.json(dimensions="day", metrics="loads", **{"from": "2024-03-04", "to": "2024-03-06"})["rows"]
    assert [(row["day"], row["loads"]) for row in rows] == [("2024-03-04", 1), ("2024-03-05", 1)]


def test_sources_past_the_limit_are_read_as_other_and_totals_are_whole(ask):
    ask.count("largest_of_the_day_before")
    rows = ask.json(dimensions="source", metrics="loads", limit=2000)["rows"]
    assert {row["source"]: row["loads"] for row in rows}["(other)"] == 11
    assert sum(row["loads"] for row in rows) == ask.json(dimensions="", metrics="loads")["rows"][0]["loads"] == 31
