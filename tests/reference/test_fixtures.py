"""The reference held against numbers that were worked out by hand."""
import pathlib
import random
import re

import pytest

import buckets
import count
import fixture

ORDERS = 20


def counted(items, config):
    counts = count.Counts(config)
    for item in items:
        counts.take(**item)
    return counts.finish()


def where_of(expected):
    """Buckets of quarters and hours are written as times."""
    where = dict(expected.get("where", {}))
    if where.get("grain") in ("quarter", "hour"):
        where["bucket"] = fixture.to_ms(where["bucket"])
    return where


def embed_rows(counts, where):
    rows = [[*key[:-1], count.plain(value)] for key, value in sorted(counts.embeds.items())]
    return [row for row in rows if row[-1]]


def found(kind, expected, counts, include, where):
    """What the reference says to one expectation, in the fixture's own form."""
    wanted = expected[kind]
    if kind == "totals":
        return {name: value for name, value in count.totals(counts, include, **where).items() if name in wanted}
    if kind == "playthrough":
        points = count.playthrough_percent(counts, include, **where)
        return {i: points[int(i)] for i in wanted}
    if kind == "viewers":
        return count.viewers(counts, include, **{k: v for k, v in expected.items() if k not in ("viewers", "include")})
    if kind == "metrics":
        return {name: counts.metrics[name] for name in wanted}
    if kind == "embeds":
        return embed_rows(counts, where)
    if kind == "distinct":
        fields = dict(zip(count.FIELDS, zip(*counts.rollups)))
        return {name: len(set(fields[name])) for name in wanted}
    if kind == "count":
        return count.totals(counts, include, **where)["events"].get(expected["event"], 0)
    if kind == "loads":
        hours = buckets.hours_of_day(expected["hours_of_day"], counts.zone(expected["site"]))
        return [count.totals(counts, grain="hour", bucket=hour)["loads"] for hour in hours]
    raise AssertionError(f"{kind} is no expectation")


KINDS = ("totals", "playthrough", "viewers", "metrics", "embeds", "distinct", "count", "loads")


def check(counts, expectations):
    for expected in expectations:
        kinds = [kind for kind in KINDS if kind in expected]
        assert kinds, f"nothing is expected: {expected}"
        for kind in kinds:
            got = found(kind, expected, counts, expected.get("include", ()), where_of(expected))
            assert got == expected[kind], f"{expected}: {got}"


@pytest.mark.parametrize("name", fixture.names())
def test_comes_out_right(name):
    case = fixture.load(name)
    check(counted(fixture.items(case), case.get("config")), case["expect"])


@pytest.mark.parametrize("name", [name for name in fixture.names() if fixture.load(name).get("any_order")])
def test_comes_out_right_in_any_order(name):
    case = fixture.load(name)
    dice = random.Random(name)
    for _ in range(ORDERS):
        events = [item for item in fixture.items(case) if "id" in item["event"]]
        once = [{**item, "event": {k: v for k, v in item["event"].items() if k != "id"}} for item in events]
        again = [] if has_nameless(once) else [dict(item) for item in dice.choices(once, k=dice.randint(0, len(once)))]
        mixed = [{**item, "event": dict(item["event"])} for item in once + again]
        dice.shuffle(mixed)
        check(counted(fixture.named(mixed), case.get("config")), case["expect"])


def has_nameless(items):
    """Who has no name has no viewing, so a repeated report is one more."""
    return any(count.viewer_of(item["event"]) is None for item in items)


TESTS = pathlib.Path(__file__).resolve().parents[1]


def test_every_test_that_the_table_of_cases_names_is_there():
    text = (TESTS / "reference" / "README.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ") and line.count(" | ") == 2][1:]
    code = "".join(path.read_text(encoding="utf-8") for folder in ("unit", "integration", "reference")
                   for path in (TESTS / folder).glob("test_*.[cp]*"))  # fmt: skip
    assert len(rows) == 20
    for case, _, named in rows:
        names = re.findall(r"`(\w+)`", named)
        assert names, case
        for name in names:
            assert name in fixture.names() or re.search(rf"(def|static void) {name}\(", code), name
