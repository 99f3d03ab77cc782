"""One real broker for all tests of a run; each test has daemons, a folder and topics of its own."""
import pytest

from broker import Kafka

pytest.register_assert_rewrite("http_case")  # a helper that asserts: say what it saw


@pytest.fixture(scope="session")
def shared_kafka(tmp_path_factory):
    with Kafka.start(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka
