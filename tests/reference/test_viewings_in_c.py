"""The C's viewings held against the reference, on the fixtures and on random streams of play reports."""
import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import count
import fixture
import streams
from c_viewings import Driver, check_equal, without_zeros

STREAMS = int(os.environ.get("PLAYREPORT_TEST_STREAMS", "200"))
SEED = int(os.environ.get("PLAYREPORT_TEST_SEED", "1"))
settings.register_profile("streams", max_examples=STREAMS, deadline=None, database=None,
                          suppress_health_check=list(HealthCheck))  # fmt: skip
settings.load_profile("streams")


@pytest.fixture(name="driver", scope="module")
def driver_of_module():
    driver = Driver()
    yield driver
    driver.close()


def is_of_viewings(case):
    """Whether viewings alone say it all: no limits, no marks, everybody has a name."""
    events = [{**case["base"], **event} for event in case["events"]]
    return "limits" not in case.get("config", {}) and all(
        event["kind"] == "play" and count.viewer_of(event) and not event.get("bot") for event in events)  # fmt: skip


@pytest.mark.parametrize("name", [name for name in fixture.names() if is_of_viewings(fixture.load(name))])
def test_fixtures_come_out_the_same(driver, name):
    case = fixture.load(name)
    check_equal(driver, fixture.items(case), case.get("config"))


def config_of(zone):
    return {"sites": {"main": {"timezone": zone}}}


@seed(SEED)
@given(stream=streams.ANY, zone=streams.ZONES)
def test_any_stream_comes_out_the_same(driver, stream, zone):
    check_equal(driver, streams.items_of(stream), config_of(zone))


@seed(SEED)
@given(stream=streams.MANY_INTERVALS, zone=streams.ZONES)
def test_more_than_64_intervals_come_out_the_same(driver, stream, zone):
    check_equal(driver, streams.items_of(stream), config_of(zone))


def over_buckets(sums):
    """What must hold in any order: of each photo_id, whatever the bucket and the source."""
    rollups, playthrough = Counter(), Counter()
    for ((grain, _, _, photo, _), measure), value in sums.rollups.items():
        rollups[grain, photo, measure] += value
    for (_, photo, _, _, point), value in sums.playthrough.items():
        playthrough[photo, point] += value
    return without_zeros(rollups), without_zeros(playthrough)


@seed(SEED)
@given(stream=streams.WITHIN_A_GAP, zone=streams.ZONES, data=st.data())
def test_order_and_repetition_within_a_gap_change_nothing(driver, stream, zone, data):
    items = streams.items_of(stream)
    once = over_buckets(check_equal(driver, items, config_of(zone)))
    again = data.draw(st.lists(st.sampled_from(items), max_size=20))
    mixed = streams.named_anew(data.draw(st.permutations(items + again)))
    assert over_buckets(check_equal(driver, mixed, config_of(zone))) == once
