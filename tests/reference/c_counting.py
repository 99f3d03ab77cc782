"""What the C counts into its store, in the reference's own form, so that the two can be compared."""
import datetime
import json
import os
import pathlib
import sqlite3
import subprocess
import zlib
from collections import Counter, defaultdict

import msgpack

import buckets
import caps
import count

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("PLAYREPORT_TEST_DAEMONS", ROOT / "build"))
FLOATS = ("time_start", "time_end", "time_total")
MEASURES = ("loads", "plays", "plays_derived", "engagement_ms", "finishes", "known", "share_ppm", "downloads",
            "downloaded_bytes", "uncounted_reports")  # fmt: skip
GRAIN_MS = {"quarter": buckets.QUARTER_MS, "hour": buckets.HOUR_MS}
STEPS = ("flush", "flush", "refuse", "lose", "move", "restart")


class Driver:
    """count_stream.c, one process for all streams; each gets a store of its own, in place of the one before."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen([PROGRAMS / "count_stream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)  # fmt: skip

    def count(self, items, config, steps):
        """steps: (records to take, what to do then). Returns the store's path."""
        store, sites = self.folder / "store.db", self.folder / "sites.json"
        for path in self.folder.glob("store.db*"):
            path.unlink()
        zones = {site: rules["timezone"] for site, rules in config.get("sites", {}).items()}
        keys = sorted({item["event"]["site"] for item in items} | set(zones)) or ["main"]
        sites.write_text(json.dumps([site_of(key, zones.get(key, "UTC")) for key in keys]))
        lines = [f"open {store} {sites} {names_of(config)}"] + [line_of(item) for item in items]
        for taken, step in steps:
            lines += [f"take {taken}", step]
        self.process.stdin.write("\n".join([*lines, "end"]) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"
        return store

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=60)


def names_of(config):
    """What count_stream is told of the limits of names."""
    limits = {**caps.LIMITS, **config.get("limits", {})}
    limits["photo_id"] = 0 if config.get("catalogue") else limits["photo_id"]
    numbers = ",".join(str(limits[kind]) for kind in ("source", "event", "photo_id", "domain", "url"))
    return f"{numbers} {','.join(config.get('sources', [])) or '-'}"


def site_of(key, zone):
    return {"key": key, "site_id": str(zlib.crc32(key.encode())), "site_name": key, "domain": f"{key}.example",
            "product_key": "p", "time_zone": zone}  # fmt: skip


def line_of(item):
    given = {name: value for name, value in item["event"].items() if value is not None}
    event = {name: float(value) if name in FLOATS else value for name, value in given.items()}
    event["id"] = item.get("id") or item.get("name") or event["id"]
    return f"item {item['partition']} {item.get('read_ms') or 0} {msgpack.packb(event).hex()}"


def as_day(number):
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=number)).isoformat()


def bucket_of(grain, number):
    return as_day(number) if grain == "day" else number * GRAIN_MS[grain]


def viewers_of(sketch):
    assert sketch[:2] == b"\x01\x00", "exact as long as there are few"
    return (len(sketch) - 2) // 8


class Stored:
    """The numbers of a store."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.text = dict(self.db.execute("SELECT id, text FROM strings"))
        self.rollups, self.events = {}, {}
        for grain in buckets.GRAINS:
            self.read_grain(grain)
        self.embeds = self.read_embeds()
        self.playthrough = self.read_playthrough()
        self.viewers = self.read_viewers()
        self.db.close()

    def where(self, site, photo, source, traffic):
        photo = count.OTHER if photo == -2 else photo
        return (self.text[site], photo, self.text[source], traffic)

    def read_grain(self, grain):
        columns = ", ".join(MEASURES)
        for bucket, *where, values in rows_of(self.db.execute(
                f"SELECT bucket, site, photo_id, source, traffic, {columns} FROM totals_{grain}"), 5):  # fmt: skip
            key = (grain, bucket_of(grain, bucket), *self.where(*where))
            self.rollups[key] = {name: value for name, value in zip(MEASURES, values) if value}
        for bucket, *where, event, value in self.db.execute(
                f"SELECT bucket, site, photo_id, source, traffic, event, count FROM events_{grain}"):  # fmt: skip
            self.events[(grain, bucket_of(grain, bucket), *self.where(*where), self.text[event])] = value

    def read_embeds(self):
        columns, found = ", ".join(MEASURES), defaultdict(Counter)
        for (day, site, photo, domain, url, traffic), values in keyed(self.db.execute(
                f"SELECT day, site, photo_id, domain, url, traffic, {columns} FROM embeds"), 6):  # fmt: skip
            key = (as_day(day), *self.page(site, photo, domain, url), traffic)
            found[key].update({name: value for name, value in zip(MEASURES, values) if value})
        for (day, site, photo, domain, url, traffic, event), values in keyed(self.db.execute(
                "SELECT day, site, photo_id, domain, url, traffic, event, count FROM embed_events"), 7):  # fmt: skip
            key = (as_day(day), *self.page(site, photo, domain, url), traffic)
            found[key]["events." + self.text[event]] += values[0]
        return {key: dict(measures) for key, measures in found.items()}

    def page(self, site, photo, domain, url):
        return (self.text[site], count.OTHER if photo == -2 else photo, self.text[domain], self.text[url])

    def read_playthrough(self):
        changes = defaultdict(Counter)
        for day, site, photo, source, traffic, point, change in self.db.execute(
                "SELECT day, site, photo_id, source, traffic, point, change FROM playthrough"):  # fmt: skip
            site, photo, source, traffic = self.where(site, photo, source, traffic)
            changes[site, photo, source, as_day(day), traffic][point] += change
        found = {}
        for key, change in changes.items():
            points = [sum(change[k] for k in range(i + 1)) for i in range(102)]
            assert points[101] == 0 and min(points) >= 0
            found[key] = points[:101]
        return found

    def read_viewers(self):
        found = {}
        for day, site, photo, source, traffic, sketch in self.db.execute(
                "SELECT day, site, photo_id, source, traffic, sketch FROM viewers"):  # fmt: skip
            photo = None if photo == -1 else count.OTHER if photo == -2 else photo
            key = (self.text[site], photo, self.text.get(source), as_day(day), traffic)
            found[key] = viewers_of(sketch)
        return found


def rows_of(cursor, keys):
    for row in cursor:
        yield (*row[:keys], row[keys:])


def keyed(cursor, keys):
    for row in cursor:
        yield row[:keys], row[keys:]


def without_zeros(table):
    return {key: value for key, value in table.items() if (any(value) if isinstance(value, list) else value)}


def check_equal(driver, items, config, steps):
    """Counts the items both ways. Returns what both say."""
    counts = count.Counts(config)
    for item in items:
        counts.take(**item)
    counts.finish()
    stored = Stored(driver.count(items, config, steps))
    wanted = {key: count.plain(measures) for key, measures in counts.rollups.items()}
    assert without_zeros(stored.rollups) == without_zeros(wanted)
    assert stored.events == dict(counts.events)
    pages = {key: count.plain(measures) for key, measures in counts.embeds.items()}
    assert without_zeros(stored.embeds) == without_zeros(pages)
    assert without_zeros(stored.playthrough) == without_zeros(counts.playthrough)
    assert stored.viewers == {key: len(names) for key, names in counts.viewers.items()}
    return stored
