"""Which bucket a time belongs to: quarters and hours of UTC, days of the site's zone."""
import datetime
import functools
import zoneinfo

QUARTER_MS, HOUR_MS = 900_000, 3_600_000
GRAINS = ("quarter", "hour", "day")


@functools.lru_cache(maxsize=100_000)
def _day(quarter, zone):
    # Offsets of zones have been whole quarters of an hour since 1972, so all of a quarter is in one day.
    at = datetime.datetime.fromtimestamp(quarter * 900, zoneinfo.ZoneInfo(zone))
    return at.date().isoformat()


def day_of(ts, zone):
    return _day(ts // QUARTER_MS, zone)


def bucket_of(grain, ts, zone):
    """Start in ms for quarter and hour, ISO date for day."""
    if grain == "day":
        return day_of(ts, zone)
    width = QUARTER_MS if grain == "quarter" else HOUR_MS
    return ts // width * width


def day_start(day, zone):
    """ms since 1970 of the first moment of a day: after midnight where a change of the clocks skips that."""
    naive = datetime.datetime.combine(datetime.date.fromisoformat(day), datetime.time())
    first = naive.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=0)
    return int(first.timestamp()) * 1000


def hours_of_day(day, zone):
    """Starts of the hours of UTC within a local day: 23 or 25 where the clocks change."""
    after = (datetime.date.fromisoformat(day) + datetime.timedelta(days=1)).isoformat()
    return list(range(day_start(day, zone), day_start(after, zone), HOUR_MS))
