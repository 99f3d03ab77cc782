"""Random streams of play reports: what players do, and what they should not do."""
import math

from hypothesis import strategies as st

import fixture

SECOND, HOUR = 1000, 3_600_000
START_MS = 1_710_054_000_000  # 10 March 2024, 07:00Z: in Chicago an hour before the clocks change
ZONES = st.sampled_from(("UTC", "America/Chicago", "Asia/Kolkata"))

STEPS_MS = (6 * HOUR - 1, 6 * HOUR, 6 * HOUR + 1, 48 * HOUR, 48 * HOUR + 1, -10 * SECOND, -8 * HOUR, 10 * HOUR)
ODD = (math.nan, math.inf, -math.inf, -1, -0.0004, 0.0005, 1.7e9, 2_678_400, 2_678_401, 1e10, 1e300)
TOTALS = (None, 100, 100, 200, 33.333, 0, -3, *ODD)
LIVE_ODD = (0, 10**10, 10**10 + 1)
WORD = 12  # bytes drawn for a report: Hypothesis takes long for many small draws


class Dice:
    """Small numbers out of a drawn word; 0 is the simplest, so what is shrunk gets simple."""

    def __init__(self, word):
        self.word = word

    def below(self, n):
        self.word, rest = divmod(self.word, n)
        return rest

    def of(self, choices):
        return choices[self.below(len(choices))]


def times(start, end, total):
    given = {"time_start": start, "time_end": end, "time_total": total}
    return {name: value for name, value in given.items() if value is not None}


def odd_time(dice):
    """A multiple of 5 s, any ms, something odd, or nothing."""
    kind = dice.below(8)
    if kind < 4:
        return dice.below(40) * 5
    return dice.below(200_000) / 1000 if kind < 6 else dice.of(ODD) if kind == 6 else None


def cumulative(dice):
    start = dice.of((0, 0, 0, 60, 120))
    return times(start, start + dice.below(13) * 10, dice.of((100, 200, None)))


def anyhow(dice):
    kind = dice.below(8)
    if kind < 4:
        return cumulative(dice)
    if kind < 6:
        return times(odd_time(dice), odd_time(dice), dice.of(TOTALS))
    odd = dice.below(10) == 9
    return {"play_timestamp": dice.of(LIVE_ODD) if odd else START_MS // SECOND + dice.below(60) * 20}


def scattered(dice):
    start = dice.below(300) * 3
    return times(start, start + dice.of((1, 2, 4)), 1000)


def mixed(dice):
    """Play reports, most of them, and all else that there is; some of nobody, of robots, or named by their sender."""
    kind = dice.below(8)
    if kind == 6:
        what = {"kind": "event", "event": dice.of(("load", "share", "fullscreen"))}
    elif kind == 7:
        what = {"kind": "download", **dice.of(({}, {"skip": True}, {"skip": False, "bytes_total": 1000}))}
    else:
        what = anyhow(dice)
    what |= dice.of(({}, {}, {}, {}, {"bot": True}, {"internal": True}, {"uuid": ""}, {"uuid": "", "viewer": "a"}))
    return what | dice.of(({}, {}, {}, {"report_id": "1"}, {"report_id": "2"}, {"source": "  "}))


def any_step(dice):
    kind = dice.below(16)
    return dice.below(120 * SECOND) if kind < 12 else dice.of(STEPS_MS) if kind < 15 else dice.below(50 * HOUR)


def near_step(dice):
    return dice.below(300 * SECOND)


def report_of(word, step, what, viewers):
    """(ms since the report before, fields of the event)"""
    dice = Dice(word)
    names = {"uuid": dice.of(viewers), "photo_id": dice.of((7, 8)), "source": dice.of("12")}
    return step(dice), {**names, **what(dice)}


def streams(step, what, most, viewers="ab"):
    """Their length is drawn first, or nearly all would be short."""

    def decode(data):
        words = (int.from_bytes(data[i : i + WORD], "big") for i in range(0, len(data), WORD))
        return [report_of(word, step, what, viewers) for word in words]

    return st.integers(1, most).flatmap(lambda n: st.binary(min_size=n * WORD, max_size=n * WORD)).map(decode)


ANY = streams(any_step, anyhow, 70)
MIXED = streams(any_step, mixed, 70)
WITHIN_A_GAP = streams(near_step, anyhow, 60)
MANY_INTERVALS = streams(near_step, scattered, 300, viewers="a")


def items_of(stream):
    ts, made = START_MS, []
    for step, fields in stream:
        ts = max(ts + step, 0)
        event = {"v": 1, "ts": ts, "kind": "play", "site": "main", **fields}
        made.append({"partition": fields["photo_id"] % 2, "event": event})
    return fixture.named(made)


def named_anew(items):
    """Copies without ids, named in the order they now have."""
    bare = [{**item, "event": {k: v for k, v in item["event"].items() if k != "id"}} for item in items]
    return fixture.named(bare)
