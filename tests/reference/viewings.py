"""Viewings: which reports are one, what they cover, what is said of them at the end."""
import math

JOINED_INTERVALS = 64
LIVE_WITHIN_MS = 60_000
# Choice: a time past 10^10 s is no number (players of live streams do send seconds since 1970), nor is a
# range or a length of more than 31 days. So no report can add more than that to a sum.
FARTHEST_MS = 10**10 * 1000
LONGEST_MS = 31 * 86_400 * 1000


def to_ms(seconds):
    """Whole ms, halves up; None for what is absent or no number."""
    if seconds is None or not math.isfinite(seconds) or abs(seconds) * 1000 > FARTHEST_MS:
        return None
    return math.floor(seconds * 1000 + 0.5)


def total_of(event):
    """time_total in ms, None when it is not known."""
    total = to_ms(event.get("time_total"))
    return total if total is not None and 0 < total <= LONGEST_MS else None


def range_of(event):
    """The range a play report names, cut to what there is, or None when it does not count."""
    start = to_ms(event.get("time_start"))
    # Choice: a start alone is a range without length. It covers nothing, yet it says where playing stands.
    end = start if event.get("time_end") is None else to_ms(event["time_end"])
    if start is None or end is None or end < start:
        return None
    start, end = max(start, 0), max(end, 0)
    # Choice: cut by the time_total of this report alone. By the largest seen so far the seconds would depend on order.
    total = total_of(event)
    if total is not None:
        end = min(end, total)
    return (start, end) if 0 <= end - start <= LONGEST_MS else None


def live_point_of(event):
    """The point a live report names, in ms since 1970, or None."""
    return to_ms(event["play_timestamp"])


class Line:
    """A union of intervals. Closed: [0, 20] and [20, 40] are one."""

    def __init__(self, within_ms):
        self.within_ms = within_ms
        self.intervals = []
        self.joined = 0

    def length(self):
        return sum(end - start for start, end in self.intervals)

    def add(self, start, end):
        """Returns the ms newly covered; a hole of up to within_ms beside the new interval is covered with it."""
        before = self.length()
        apart = []
        for interval in self.intervals:
            if interval[0] - end > self.within_ms or start - interval[1] > self.within_ms:
                apart.append(interval)
            else:
                start, end = min(start, interval[0]), max(end, interval[1])
        self.intervals = sorted(apart + [(start, end)])
        new = self.length() - before
        if len(self.intervals) > JOINED_INTERVALS:
            self.join_nearest()
        return new

    def join_nearest(self):
        """Choice: of equal holes the first goes. The hole counts as covered from here on, and adds no seconds ever."""
        holes = [b[0] - a[1] for a, b in zip(self.intervals, self.intervals[1:])]
        i = holes.index(min(holes))
        self.intervals[i : i + 2] = [(self.intervals[i][0], self.intervals[i + 1][1])]
        self.joined += 1


class Viewing:
    """One viewer watching one photo_id. What the first report fixes comes in `fixed` and is never touched here."""

    def __init__(self, fixed, home_ts):
        self.fixed = fixed
        self.home_ts = home_ts
        self.last_ts = home_ts
        self.clock = 0
        self.last_range = None
        self.total_ms = None
        self.line = Line(0)
        self.live_line = Line(LIVE_WITHIN_MS)

    def holds(self, event, clock, rules):
        """Whether the report belongs to this viewing.

        Choice: the gap is measured forward from the largest ts, so what arrives late never begins a viewing.
        Choice: the 48 h are those of the partition's clock (the largest ts read so far, see count.py), not of a wall
        clock, so that a rebuild forgets at the same places.
        """
        if clock - self.clock > rules["viewing_keep_ms"]:
            return False
        return event["ts"] - self.last_ts <= rules["viewing_gap_ms"] or self.is_gone_on_with(event)

    def is_gone_on_with(self, event):
        """Past the gap: a pause over night.

        Choice: "the last range" is that of the last report, in order, that had one. A report without length begins a
        viewing even at the same place: (0,0) is how players say that they start, and yesterday's may be all there was.
        """
        if "play_timestamp" in event or self.last_range is None:
            return False
        span = range_of(event)
        if span is None or span[0] == span[1]:
            return False
        return span[0] == self.last_range[0] and span[1] >= self.last_range[1]

    def take(self, event, clock):
        """Adds a report; returns the ms it is the first to cover."""
        self.last_ts = max(self.last_ts, event["ts"])
        self.clock = clock
        # Choice: play_timestamp outranks the times of the same report; its time_total says nothing.
        if "play_timestamp" in event:
            point = live_point_of(event)
            return 0 if point is None else self.live_line.add(point, point)
        self.total_ms = max(self.total_ms or 0, total_of(event) or 0) or None
        span = range_of(event)
        if span is None:
            return 0
        self.last_range = span
        return 0 if span[0] == span[1] else self.line.add(*span)

    def covers_percent(self, i):
        """Intervals are closed: (300,360) of 600 covers the points 50 and 60."""
        if i == 0:
            return True
        return any(start * 100 <= i * self.total_ms <= end * 100 for start, end in self.line.intervals)

    def share_ppm(self):
        """Covered share in parts per million, halves up; what lies past time_total is left out."""
        total = self.total_ms
        covered = sum(max(min(end, total) - start, 0) for start, end in self.line.intervals)
        return (2 * covered * 10**6 + total) // (2 * total)

    def is_finished(self, finish_at):
        return any(end * 100 >= finish_at * self.total_ms for _, end in self.line.intervals)
