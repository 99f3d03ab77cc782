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


@pytest.fixture(name="driver", scope="module")
def driver_of_module(tmp_path_factory):
    driver = Driver(tmp_path_factory.mktemp("store"))
    yield driver
    driver.close()


# A million records: counted in stretches that a store of many flushes would be too slow for.
LONG = {"million_sources": [(200_000, "flush"), (300_000, "refuse"), (700_000, "restart")]}


@pytest.mark.parametrize("name", fixture.names())
def test_cases_come_out_the_same(driver, name):
    case = fixture.load(name)
    check_equal(driver, fixture.items(case), case.get("config") or {}, 
                LONG.get(name) or [(2, step) for step in STEPS])


PLANS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(STEPS)), max_size=12)


@seed(SEED)
@given(stream=streams.MIXED, zone=streams.ZONES, plan=PLANS)
def test_any_stream_comes_out_the_same_whatever_goes_wrong(driver, stream, zone, plan):
    items = streams.items_of(stream)
    check_equal(driver, items, {"sites": {"main": {"timezone": zone}}}, plan)
