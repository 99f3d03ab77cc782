"""The whole of counting in C, from records to the rows of the store, held against the reference."""
import os

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import fixture
import streams
from c_counting import STEPS, Driver, check_equal

STREAMS = int(os.environ.get("PLAYREPORT_TEST_STREAMS", "200"))
SEED = int(os.environ.get("PLAYREPORT_TEST_SEED", "1"))
settings.register_profile("counting", max_examples=STREAMS, deadline=None, database=None,
                          suppress_health_check=list(HealthCheck))  # fmt: skip
settings.load_profile("counting")
# Those of limits by name, which the C does not have yet.
LIMITED = {"configured_sources", "embed_limits", "event_names", "largest_of_the_day_before", "million_sources",
           "photo_ids"}  # fmt: skip


@pytest.fixture(name="driver", scope="module")
def driver_of_module(tmp_path_factory):
    driver = Driver(tmp_path_factory.mktemp("store"))
    yield driver
    driver.close()


NAMES = [name for name in fixture.names() if name not in LIMITED]


@pytest.mark.parametrize("name", NAMES)
def test_cases_come_out_the_same(driver, name):
    case = fixture.load(name)
    check_equal(driver, fixture.items(case), case.get("config") or {}, [(2, step) for step in STEPS])


PLANS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(STEPS)), max_size=12)


@seed(SEED)
@given(stream=streams.MIXED, zone=streams.ZONES, plan=PLANS)
def test_any_stream_comes_out_the_same_whatever_goes_wrong(driver, stream, zone, plan):
    items = streams.items_of(stream)
    check_equal(driver, items, {"sites": {"main": {"timezone": zone}}}, plan)
