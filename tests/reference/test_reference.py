"""The reference's own parts, held against something plainer still."""
import json
import pathlib
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

import buckets
import count
import viewings

HERE = pathlib.Path(__file__).resolve().parent
settings.register_profile("reference", deadline=None, derandomize=True, database=None)
settings.load_profile("reference")

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=30)


@given(SPANS)
def test_a_line_is_the_set_of_its_units(spans):
    """Every unit of time as an element of a set: a union that cannot be wrong."""
    line, units, credited = viewings.Line(0), set(), 0
    for start, length in spans:
        new = set(range(start, start + length)) - units
        units |= new
        if length:
            assert line.add(start, start + length) == len(new)
        credited += len(new)
    assert line.length() == credited == len(units)


@given(st.lists(st.integers(0, 400), max_size=40), st.integers(1, 20))
def test_a_live_line_joins_neighbours_and_nothing_else(points, within):
    line = viewings.Line(within)
    new = sum(line.add(point, point) for point in points)
    row = sorted(set(points))
    assert new == sum(b - a for a, b in zip(row, row[1:]) if b - a <= within)


@given(SPANS)
def test_never_more_than_64_intervals_and_never_more_seconds_than_were_watched(spans):
    line = viewings.Line(0)
    credited = sum(line.add(1000 * i + start, 1000 * i + start + length + 1)
                   for i, (start, length) in enumerate(spans * 5))  # fmt: skip
    assert len(line.intervals) <= viewings.JOINED_INTERVALS
    assert all(a[1] < b[0] for a, b in zip(line.intervals, line.intervals[1:]))
    assert credited == sum(length + 1 for _, length in spans * 5)


def test_the_first_of_equal_holes_is_joined():
    line = viewings.Line(0)
    for i in range(65):
        line.add(10 * i, 10 * i + 1)
    assert line.intervals[0] == (0, 11) and line.joined == 1


def test_a_day_begins_after_a_midnight_that_is_skipped():
    # Beirut, 31 March 2024: 00:00 did not exist, 01:00 came at 22:00Z.
    start = buckets.day_start("2024-03-31", "Asia/Beirut")
    assert start == 1711836000000
    assert buckets.day_of(start, "Asia/Beirut") == "2024-03-31"
    assert buckets.day_of(start - 1, "Asia/Beirut") == "2024-03-30"


def test_pages_are_told_from_referers():
    assert count.page_of("HTTPS://A.Example.:8080?x=1#y") == ("a.example", "https://a.example.:8080/?x=1")
    assert count.page_of("http://[2001:db8::1]:80/v") == ("[2001:db8::1]", "http://[2001:db8::1]:80/v")
    assert count.page_of("http://[2001:db8::1]/v") == ("[2001:db8::1]", "http://[2001:db8::1]/v")
    for referer in (None, "", "https://", "ftp://a.example/", "https:///path", "a.example/b", "http://:80/"):
        assert count.page_of(referer) == ("(none)", "(none)")


def test_the_command_prints_every_row(tmp_path):
    event = {"v": 1, "id": f"{1:016x}-{1:016x}", "ts": 1709546400000, "kind": "play", "site": "main", "photo_id": 7,
             "time_start": 0, "time_end": 20, "time_total": 40, "uuid": "a"}  # fmt: skip
    later = {**event, "id": f"{1:016x}-{2:016x}", "kind": "event", "event": "load", "source": "embed"}
    lines = "\n".join((json.dumps(event), json.dumps({"partition": 0, "event": later})))
    (tmp_path / "config.json").write_text('{"sites": {"main": {"timezone": "Asia/Tokyo"}}}')
    done = subprocess.run([sys.executable, HERE / "count.py", "--config", tmp_path / "config.json"], input=lines,
                          capture_output=True, text=True, check=True)  # fmt: skip
    rows = json.loads(done.stdout)
    day = [row for row in rows["rollups"] if row["grain"] == "day"]
    assert day[0]["value"] == {"plays": 1, "engagement_ms": 20000, "known": 1, "share_ppm": 500000}
    assert [row["event"] for row in rows["events"]] == ["load"] * 3
    assert [row["value"] for row in rows["viewers"]] == [1, 1, 1]
    assert rows["embeds"][0]["url"] == "(none)"
    assert rows["playthrough"][0]["value"] == [1] * 51 + [0] * 50
