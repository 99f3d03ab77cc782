"""The brokers that other tests rely on do what their names say."""
import time
from pathlib import Path

import pytest
from broker import Kafka, TryBroker
from confluent_kafka import KafkaException

TOPIC = "video.player.reports.v1"


def runs(pid):
    """Whether the process is there, and more than a zombie that nobody has waited for."""
    command = Path(f"/proc/{pid}/cmdline")
    return command.exists() and command.read_bytes() != b""


@pytest.fixture(scope="module", name="kafka")
def one_node(tmp_path_factory):
    with Kafka.start(tmp_path_factory.mktemp("one")) as kafka:
        yield kafka


def test_records_are_read_back_and_survive_kill_and_restart(kafka):
    kafka.create_topic(TOPIC, 3, {"retention.ms": "604800000"})
    now_ms = int(time.time() * 1000)
    offset = kafka.produce(TOPIC, b"one", 2, b"7", [("content-type", b"application/msgpack")], now_ms)
    kafka.produce(TOPIC, b"two", 0)
    before = kafka.read_all(TOPIC)
    first_pid = kafka.pid()

    kafka.kill()
    assert not runs(first_pid)
    kafka.restart()

    assert before == kafka.read_all(TOPIC)
    assert [(r.partition, r.value) for r in before] == [(0, b"two"), (2, b"one")]
    assert before[1] == (2, offset, b"7", b"one", [("content-type", b"application/msgpack")], now_ms)
    assert kafka.end_offsets(TOPIC) == {0: 1, 1: 0, 2: 1}
    assert kafka.produce(TOPIC, b"three", 2) == offset + 1


def test_a_paused_broker_takes_nothing_until_resumed(kafka):
    kafka.create_topic("paused", 1)
    kafka.produce("paused", b"before")
    kafka.pause()
    with pytest.raises(TimeoutError):
        kafka.produce("paused", b"during", timeout_s=0.5)
    kafka.resume()
    kafka.produce("paused", b"after")
    assert [r.value for r in kafka.read_all("paused")] == [b"before", b"during", b"after"]


def test_a_stopped_broker_leaves_no_process(kafka):
    pid = kafka.pid()
    kafka.stop()
    assert not runs(pid)


def test_three_nodes_name_each_other_and_serve_without_one(tmp_path):
    with Kafka.start(tmp_path, nodes=3) as kafka:
        assert kafka.nodes() == [1, 2, 3]
        kafka.create_topic(TOPIC, 3)
        kafka.kill(2)
        for partition in range(3):
            kafka.produce(TOPIC, b"%d" % partition, partition)
        kafka.restart(2)
        assert kafka.nodes() == [1, 2, 3]
        assert [r.value for r in kafka.read_all(TOPIC)] == [b"0", b"1", b"2"]


def test_the_try_out_broker_has_the_topics_and_fails_on_order():
    with TryBroker() as broker:
        assert broker.partitions(TOPIC) == list(range(12))
        assert broker.partitions(TOPIC + ".dlq") == list(range(12))
        broker.produce(TOPIC, b"kept", 3)
        assert broker.command("error 0 10") == "ok"
        with pytest.raises(KafkaException, match="too large"):
            broker.produce(TOPIC, b"refused", 3)
        assert [r.value for r in broker.read_all(TOPIC)] == [b"kept"]


def test_the_try_out_broker_is_slow_and_down_on_order():
    with TryBroker("--topic", "t:1") as broker:
        broker.produce("t", b"one")
        broker.command("rtt 1 300")
        begin = time.monotonic()
        broker.produce("t", b"two")
        assert time.monotonic() - begin >= 0.3
        broker.command("rtt 1 0")
        broker.command("down 1")
        with pytest.raises(TimeoutError):
            broker.produce("t", b"three", timeout_s=0.5)
        broker.command("up 1")
        assert broker.produce("t", b"four") == 3


def test_the_try_out_broker_says_why_it_refuses_an_order():
    with TryBroker() as broker:
        with pytest.raises(ValueError, match="code must be from -199 to 200, not 'x'"):
            broker.command("error 0 x")
        with pytest.raises(ValueError, match="unknown command"):
            broker.command("explode")


def test_the_try_out_broker_refuses_a_port_that_is_taken():
    with TryBroker() as broker:
        with pytest.raises(RuntimeError, match="did not start"):
            TryBroker("--port", broker.bootstrap.split(":")[1])
