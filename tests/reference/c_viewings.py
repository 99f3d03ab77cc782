"""What the C makes of play reports, added up so that it can be held against the reference."""
import json
import math
import os
import pathlib
import subprocess
from collections import Counter, defaultdict

import buckets
import count

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("PLAYREPORT_TEST_DAEMONS", ROOT / "build"))
AT_ONCE = 50  # lines in a pipe, so that neither side waits for the other for ever


class Driver:
    """viewing_lines.c, one process for all streams."""

    def __init__(self):
        self.process = subprocess.Popen([PROGRAMS / "viewing_lines"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)  # fmt: skip

    def changes(self, lines):
        """What each report changed. The stream begins with nothing known."""
        answers = []
        self.process.stdin.write("{}\n")
        for i in range(0, len(lines), AT_ONCE):
            part = lines[i : i + AT_ONCE]
            self.process.stdin.write("".join(json.dumps(line) + "\n" for line in part))
            self.process.stdin.flush()
            answers += [json.loads(self.process.stdout.readline()) for _ in part]
        return answers

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(timeout=10) == 0


def as_json(seconds):
    if math.isfinite(seconds):
        return seconds
    return "nan" if math.isnan(seconds) else "inf" if seconds > 0 else "-inf"


def line_of(event, clock, zone, source):
    """An event as the driver takes it."""
    day = buckets.day_start(buckets.day_of(event["ts"], zone), "UTC") // 86_400_000
    key = f"{event['site']}/{event['photo_id']}/{'/'.join(count.viewer_of(event))}"
    line = {"key": key, "ts": event["ts"], "clock": clock, "day": day, "source": source}
    for name, short in (("time_start", "start"), ("time_end", "end"), ("time_total", "total")):
        if name in event:
            line[short] = as_json(event[name])
    if "play_timestamp" in event:
        line["play_timestamp"] = event["play_timestamp"]
    return line


class Sums:
    """The numbers: rollups by (grain, bucket, site, photo_id, source), playthrough by (..., day, point), viewers."""

    def __init__(self):
        self.rollups = Counter()
        self.playthrough = Counter()
        self.viewers = defaultdict(set)
        self.joined = 0

    def add(self, event, change, zone, source):
        """source: the name of the viewing's."""
        where = (event["site"], event["photo_id"], source)
        for grain in buckets.GRAINS:
            home = (grain, buckets.bucket_of(grain, change["home"], zone), *where)
            now = (grain, buckets.bucket_of(grain, event["ts"], zone), *where)
            self.rollups[now, "engagement_ms"] += change["engagement_ms"]
            self.rollups[home, "plays"] += change["begins"]
            for measure in ("known", "finishes", "share_ppm"):
                self.rollups[home, measure] += change[measure]
        day = buckets.day_of(change["home"], zone)
        self.playthrough.update((*where, day, i) for i in change["gained"])
        self.playthrough.subtract((*where, day, i) for i in change["lost"])
        if change["new_day"]:
            self.viewers[(*where, buckets.day_of(event["ts"], zone))].add(count.viewer_of(event))
        self.joined += change["joined"]


def sums_of_c(driver, items, counts):
    """counts: of the reference, before anything was taken; it takes all items on the way."""
    names = sorted({count.trimmed(item["event"].get("source")) for item in items})
    lines = []
    for item in items:
        counts.take(**item)
        event = item["event"]
        clock = counts.clocks[item["partition"]]
        source = names.index(count.trimmed(event.get("source")))
        lines.append(line_of(event, clock, counts.zone(event["site"]), source))
    sums = Sums()
    for item, change in zip(items, driver.changes(lines)):
        sums.add(item["event"], change, counts.zone(item["event"]["site"]), names[change["source"]])
    return sums


def without_zeros(counter):
    return {key: value for key, value in counter.items() if value}


def sums_of_reference(counts):
    sums = Sums()
    for (*where, _), measures in counts.rollups.items():
        for measure, value in measures.items():
            if measure != "plays_derived":
                sums.rollups[tuple(where), measure] += value
    for (site, photo, source, day, _), points in counts.playthrough.items():
        for i, value in enumerate(points):
            sums.playthrough[site, photo, source, day, i] += value
    for (site, photo, source, day, _), names in counts.viewers.items():
        if source is not None:
            sums.viewers[site, photo, source, day] |= names
    sums.joined = counts.metrics["joined_intervals"]
    return sums


def check_equal(driver, items, config):
    """Returns the sums, which are the same in both."""
    counts = count.Counts(config)
    sums = sums_of_c(driver, items, counts)
    wanted = sums_of_reference(counts.finish())
    assert without_zeros(sums.rollups) == without_zeros(wanted.rollups)
    assert without_zeros(sums.playthrough) == without_zeros(wanted.playthrough)
    assert sums.viewers == wanted.viewers
    assert sums.joined == wanted.joined
    return sums
