#!/usr/bin/env python3
"""Counts events plainly and slowly: what playreport-consumer's numbers are held against.

Written from the counting rules alone. Input: JSON lines in the order of each partition's offsets, either bare events of
the topic contract or {"partition": 3, "read_ms": ..., "id": ..., "event": {...}}. Output: every number as JSON rows.
Where the rules leave a choice, a comment that begins with "Choice" says what was taken.
"""
import argparse
import json
import sys
from collections import Counter, defaultdict, deque

import buckets
from caps import NONE, OTHER, Caps
from viewings import Viewing, range_of

HOUR_MS = 3_600_000
DEFAULTS = {
    "viewing_gap_ms": 6 * HOUR_MS,
    "viewing_keep_ms": 48 * HOUR_MS,
    "finish_at": 95,  # percent
    "catalogue": False,  # with one, photo_ids are not limited
    "sources": [],  # the configured ones
    "limits": {},  # see caps.py
    "sites": {},  # {"key": {"timezone": "Europe/Copenhagen"}}
}
FUTURE_MS = 5 * 60_000
REPORT_ID_MS, REPORT_IDS = 24 * HOUR_MS, 64
BOT, INTERNAL = 1, 2
SPACE = " \t\n\v\f\r"


def trimmed(text):
    """Choice: white space of ASCII only. Empty is as good as absent."""
    return (text or "").strip(SPACE) or NONE


def viewer_of(event):
    """Choice: an empty uuid is none. A uuid and a derived viewer that look alike are two."""
    if event.get("uuid"):
        return ("uuid", event["uuid"])
    if event.get("viewer"):
        return ("derived", event["viewer"])
    return None


def page_of(referer):
    """(domain, url) of an embedding page, ((none), (none)) when it cannot be told.

    Choice: http and https only; host in lower case (letters of ASCII, as RFC 3986 has no others), without port or final dot; the URL loses user info and fragment,
    keeps port, path and query.
    """
    scheme, found, rest = (referer or "").strip(SPACE).partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return NONE, NONE
    rest = rest.split("#")[0]
    cut = min((rest.find(c) for c in "/?" if c in rest), default=len(rest))
    authority = rest[:cut].rpartition("@")[2].encode().lower().decode()
    path = rest[cut:] if rest[cut:].startswith("/") else "/" + rest[cut:]
    host, colon, port = authority.rpartition(":")
    if not colon or not (port.isascii() and (port.isdigit() or port == "")):
        host = authority
    host = host.rstrip(".")
    return (host, f"{scheme.lower()}://{authority}{path}") if host else (NONE, NONE)


class Fixed:
    """Where a report's numbers go. For a viewing its first report fixes it, for all others each report its own.

    Choice: so for limits too: a source that had a place on the home day keeps it for the viewing's later seconds.
    """

    def __init__(self, counts, event, day):
        caps, site = counts.caps, event["site"]
        self.site = site
        self.marks = (BOT if event.get("bot") else 0) | (INTERNAL if event.get("internal") else 0)
        photo = event["photo_id"]
        self.photo = photo if counts.rules["catalogue"] else caps.admit("photo_id", site, day, photo)
        self.source = caps.admit("source", site, day, trimmed(event.get("source")))
        # Choice: an embedding page is the referer of what came with source=embed; other sources have none.
        self.page = None
        if self.source == "embed":
            domain, url = page_of(event.get("referer"))
            domain = NONE if domain == NONE else caps.admit("domain", site, day, domain)
            if domain not in (NONE, OTHER):
                url = caps.admit("url", site, day, url)
            self.page = (domain, url if domain != OTHER else OTHER)


class Counts:
    """Takes events one by one; finish() gives the numbers."""

    def __init__(self, config=None):
        self.rules = {**DEFAULTS, **(config or {})}
        self.caps = Caps(self.rules["limits"], self.rules["sources"])
        self.marks = {}  # (partition, lane) -> highest sequence
        self.clocks = defaultdict(int)  # partition -> largest ts read
        self.seen = defaultdict(lambda: deque(maxlen=REPORT_IDS))  # (report_id, ts) of a viewer, oldest first
        self.open = {}  # (site, photo_id, viewer) -> Viewing
        self.closed = []
        self.rollups = defaultdict(Counter)  # (grain, bucket, site, photo, source, marks) -> measures
        self.events = Counter()  # (grain, bucket, site, photo, source, marks, event)
        self.embeds = defaultdict(Counter)  # (day, site, photo, domain, url, marks) -> measures, events.NAME
        self.playthrough = defaultdict(lambda: [0] * 101)  # (site, photo, source, day, marks)
        self.viewers = defaultdict(set)  # (site, photo or None, source or None, day, marks)
        self.metrics = Counter()

    def zone(self, site):
        return self.rules["sites"].get(site, {}).get("timezone", "UTC")

    def take(self, event, partition=0, read_ms=None, name=None):
        if self.is_repeat(partition, name or event["id"]):
            self.metrics["repeats"] += 1
            return
        clock = self.tick(partition, event["ts"], read_ms)
        if self.was_seen(event):
            self.metrics["seen_report_ids"] += 1
        elif event["kind"] == "play":
            self.take_play(event, clock)
        else:
            self.take_other(event)

    def is_repeat(self, partition, name):
        lane, sequence = name.split("-")
        if int(sequence, 16) <= self.marks.get((partition, lane), 0):
            return True
        self.marks[partition, lane] = int(sequence, 16)
        return False

    def tick(self, partition, ts, read_ms):
        """The partition's clock.

        Choice: a ts that is flagged as ahead of the consumer's clock does not move it, so a host with a wrong clock
        cannot make all viewings look old.
        """
        if read_ms is not None and ts - read_ms > FUTURE_MS:
            self.metrics["future_events"] += 1
        else:
            self.clocks[partition] = max(self.clocks[partition], ts)
        return self.clocks[partition]

    def was_seen(self, event):
        """Choice: 64 for each (site, photo_id, uuid or none), and less than 24 h between the two, whichever came first;
        a repeat renews no entry; an empty id is none."""
        report_id = event.get("report_id")
        if not report_id:
            return False
        ids = self.seen[event["site"], event["photo_id"], event.get("uuid") or None]
        if any(name == report_id and abs(event["ts"] - ts) < REPORT_ID_MS for name, ts in ids):
            return True
        ids.append((report_id, event["ts"]))
        return False

    def add(self, fixed, ts, measures):
        """Adds to the three grains and to the embedding page."""
        zone = self.zone(fixed.site)
        for grain in buckets.GRAINS:
            row = (grain, buckets.bucket_of(grain, ts, zone), fixed.site, fixed.photo, fixed.source, fixed.marks)
            self.rollups[row].update(measures)
        if fixed.page:
            self.embeds[(buckets.day_of(ts, zone), fixed.site, fixed.photo, *fixed.page, fixed.marks)].update(measures)

    def take_other(self, event):
        ts, day = event["ts"], buckets.day_of(event["ts"], self.zone(event["site"]))
        fixed = Fixed(self, event, day)
        if event["kind"] == "download":
            # skip absent means a first part.
            self.add(fixed, ts, {"downloads": 0 if event.get("skip") else 1,
                                 "downloaded_bytes": event.get("bytes_total", 0)})  # fmt: skip
            return
        name = self.caps.admit("event", event["site"], day, event["event"])
        self.add(fixed, ts, {"loads": 1} if name == "load" else {})
        for grain in buckets.GRAINS:
            bucket = buckets.bucket_of(grain, ts, self.zone(fixed.site))
            self.events[grain, bucket, fixed.site, fixed.photo, fixed.source, fixed.marks, name] += 1
        if fixed.page:
            self.embeds[day, fixed.site, fixed.photo, *fixed.page, fixed.marks]["events." + name] += 1

    def take_play(self, event, clock):
        ts, day = event["ts"], buckets.day_of(event["ts"], self.zone(event["site"]))
        viewer = viewer_of(event)
        if viewer is None:
            self.take_nameless(event, day)
            return
        key = (event["site"], event["photo_id"], viewer)
        viewing = self.open.get(key)
        if viewing is None or not viewing.holds(event, clock, self.rules):
            if viewing is not None:
                self.closed.append(viewing)
            viewing = self.open[key] = Viewing(Fixed(self, event, day), ts)
            self.add(viewing.fixed, ts, {"plays": 1, "plays_derived": int(viewer[0] == "derived")})
        self.add(viewing.fixed, ts, {"engagement_ms": viewing.take(event, clock)})
        self.add_viewer(viewing.fixed, day, viewer)

    def add_viewer(self, fixed, day, viewer):
        """Choice: viewers are those who have a viewing, on each day on which they sent a play report for it."""
        self.viewers[fixed.site, fixed.photo, fixed.source, day, fixed.marks].add(viewer)
        self.viewers[fixed.site, fixed.photo, None, day, fixed.marks].add(viewer)
        self.viewers[fixed.site, None, None, day, fixed.marks].add(viewer)

    def take_nameless(self, event, day):
        """Choice: a report that makes a play is counted, so only the others stand in uncounted_reports."""
        span = None if "play_timestamp" in event else range_of(event)
        is_start = span is not None and span[0] < 1000 and span[0] == span[1]
        self.add(Fixed(self, event, day), event["ts"], {"plays" if is_start else "uncounted_reports": 1})

    def finish(self):
        """What is said of whole viewings, by home: taken from their final state, so order cannot matter."""
        for viewing in self.closed + list(self.open.values()):
            self.metrics["joined_intervals"] += viewing.line.joined + viewing.live_line.joined
            if viewing.total_ms is None:
                continue
            fixed = viewing.fixed
            self.add(fixed, viewing.home_ts, {
                "known": 1, "share_ppm": viewing.share_ppm(),
                "finishes": int(viewing.is_finished(self.rules["finish_at"])),
            })  # fmt: skip
            day = buckets.day_of(viewing.home_ts, self.zone(fixed.site))
            points = self.playthrough[fixed.site, fixed.photo, fixed.source, day, fixed.marks]
            for i in range(101):
                points[i] += viewing.covers_percent(i)
        return self


def is_wanted(marks, include):
    """Totals leave bots and internal ones out unless asked; what is both needs both."""
    return not (marks & BOT and "bots" not in include) and not (marks & INTERNAL and "internal" not in include)


FIELDS = ("grain", "bucket", "site", "photo_id", "source", "marks")


def matches(row, where, include):
    return is_wanted(row["marks"], include) and all(row.get(name) == value for name, value in where.items())


def totals(counts, include=(), **where):
    """Measures of all rows that match; grain is day unless asked. playEngagement is in whole seconds, halves up."""
    where = {"grain": "day", **where}
    total = Counter()
    for key, measures in counts.rollups.items():
        if matches(dict(zip(FIELDS, key)), where, include):
            total.update(measures)
    names = Counter()
    for key, count in counts.events.items():
        if matches(dict(zip((*FIELDS, "event"), key)), where, include):
            names[key[-1]] += count
    return presented(total, names)


def presented(total, names):
    known = total["known"]
    return {
        "plays": total["plays"], "plays_derived": total["plays_derived"], "loads": total["loads"],
        "engagement_ms": total["engagement_ms"], "playEngagement": (total["engagement_ms"] + 500) // 1000,
        "finishes": total["finishes"], "known": known,
        "playthroughAverage": (2 * total["share_ppm"] + known) // (2 * known) if known else None,
        "downloads": total["downloads"], "downloadedBytes": total["downloaded_bytes"],
        "uncounted_reports": total["uncounted_reports"], "events": dict(sorted(names.items())),
    }  # fmt: skip


def playthrough_counts(counts, include=(), **where):
    """[viewings that cover point i]; the first is all of known length."""
    sums = [0] * 101
    for key, points in counts.playthrough.items():
        row = dict(zip(("site", "photo_id", "source", "day", "marks"), key))
        if matches(row, where, include):
            sums = [a + b for a, b in zip(sums, points)]
    return sums


def playthrough_percent(counts, include=(), **where):
    """Percent in hundredths, halves up; None throughout where no viewing has a known length."""
    points = playthrough_counts(counts, include, **where)
    return [(20_000 * count + points[0]) // (2 * points[0]) / 100 if points[0] else None for count in points]


def viewers(counts, include=(), days=None, site=None, photo_id=None, source=None):
    """How many different viewers: the union over what matches, never a sum. None for site or photo_id means all."""
    found = set()
    for key, names in counts.viewers.items():
        row_site, row_photo, row_source, day, marks = key
        if (row_photo, row_source) != (photo_id, source) or not is_wanted(marks, include):
            continue
        if (site is None or row_site == site) and (days is None or day in days):
            found |= names
    return len(found)


def plain(value):
    """Sets as their size, measures without those that are 0."""
    if isinstance(value, set):
        return len(value)
    return {name: n for name, n in value.items() if n} if isinstance(value, Counter) else value


def as_rows(counts):
    """Everything as JSON can hold it."""
    keys = {
        "rollups": (counts.rollups, FIELDS),
        "events": (counts.events, (*FIELDS, "event")),
        "embeds": (counts.embeds, ("day", "site", "photo_id", "domain", "url", "marks")),
        "playthrough": (counts.playthrough, ("site", "photo_id", "source", "day", "marks")),
        "viewers": (counts.viewers, ("site", "photo_id", "source", "day", "marks")),
    }
    rows = {"metrics": dict(counts.metrics)}
    for name, (table, fields) in keys.items():
        held = ((key, plain(value)) for key, value in sorted(table.items(), key=lambda item: repr(item[0])))
        rows[name] = [{**dict(zip(fields, key)), "value": value} for key, value in held if value]
    return rows


def read(lines, counts):
    for line in lines:
        item = json.loads(line)
        if "event" in item and isinstance(item["event"], dict):
            counts.take(item["event"], item.get("partition", 0), item.get("read_ms"), item.get("id"))
        else:
            counts.take(item)
    return counts.finish()


def main():
    parser = argparse.ArgumentParser(description="Counts events of the topic plainly and slowly.")
    parser.add_argument("--config", metavar="FILE", help="JSON: sites and limits, see DEFAULTS")
    parser.add_argument("events", nargs="?", type=argparse.FileType("r"), default=sys.stdin)
    options = parser.parse_args()
    config = None
    if options.config:
        with open(options.config, encoding="utf-8") as file:
            config = json.load(file)
    json.dump(as_rows(read(options.events, Counts(config))), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
