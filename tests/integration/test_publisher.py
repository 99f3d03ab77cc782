"""The way from the journal to Kafka, on the real Kafka: away, missing, changed, refusing; nothing is lost or out of order."""
import http.client
import random
import re
import string
import time
from pathlib import Path

import msgpack
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions

from broker import Kafka
from daemons import ingest, wait_until
from ports import free_ports

EVENT = "/api/analytics/report/event?event=load&photo_id="
LIMIT = 1000  # bytes of a batch: some small reports together, but no big one
BIG = 1900  # bytes of text; a longer referer is cut


@pytest.fixture(scope="module")
def one_broker(tmp_path_factory):
    with Kafka.start(tmp_path_factory.mktemp("one")) as broker:
        yield broker


@pytest.fixture
def kafka(one_broker):
    """The broker, and it runs, whatever the test before has done to it."""
    if not (one_broker.folder / "node1" / "pid").exists():
        one_broker.restart()
    one_broker.resume()
    return one_broker


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Kafka.start(tmp_path_factory.mktemp("three"), nodes=3) as brokers:
        yield brokers


@pytest.fixture
def topic(request):
    return re.sub(r"[^a-z0-9]+", ".", request.node.name.lower()).strip(".")


class Sender:
    """Sends reports, each with a report_id of its own, and keeps those that were acknowledged."""

    def __init__(self, front):
        self.front = front
        self.acknowledged = []

    def send(self, count, size=0):
        """size: bytes of a referer that no compression makes smaller."""
        conn = http.client.HTTPConnection("127.0.0.1", self.front.port, timeout=10)
        for _ in range(count):
            name = f"r{len(self.acknowledged)}"
            text = "".join(random.choices(string.ascii_letters + string.digits, k=size))
            conn.request("GET", f"{EVENT}{1 + len(self.acknowledged) % 40}&report_id={name}&referer={text}")
            answer = conn.getresponse()
            assert b'status="ok"' in answer.read() and answer.status == 200
            self.acknowledged.append(name)
        conn.close()
        return self.acknowledged[-count:]


def by_marks(kafka, topic):
    """The events of the topic as a reader sees them that drops repeats by marks, and how many repeats there were."""
    marks, events, repeats = {}, [], 0
    for record in kafka.read_all(topic, timeout_s=60):
        event = msgpack.unpackb(record.value)
        lane, sequence = event["id"].split("-")
        if int(sequence, 16) <= marks.get((record.partition, lane), 0):
            repeats += 1
            continue
        marks[record.partition, lane] = int(sequence, 16)
        events.append((record.partition, event))
    return events, repeats


def names(events):
    return sorted(event["report_id"] for _, event in events)


def drained(front, timeout_s=60):
    wait_until("the journal is drained", lambda: front.ready()["journal"]["waiting"] == 0, timeout_s)


def reason(front, words, timeout_s=30):
    return wait_until(f"the reason names: {words}", lambda: words in front.ready()["kafka"]["reason"], timeout_s)


def log_lines(front):
    return front.log.read_text().splitlines()


def set_limit(kafka, topic, size):
    change = ConfigResource(ConfigResource.Type.TOPIC, topic, {"max.message.bytes": str(size)})
    admin = AdminClient(kafka.conf())  # kept by name: without it the answer would be dropped
    admin.alter_configs([change])[change].result()


# ---- Away ----


@pytest.mark.parametrize("queue", ["20000", "10"])
def test_a_broker_away_at_the_start_gets_all_that_was_acknowledged(kafka, tmp_path, topic, queue):
    kafka.kill()
    options = {"topic": topic, "kafka.queue.buffering.max.messages": queue}
    with ingest(tmp_path, kafka.bootstrap, **options) as front:
        sender = Sender(front)
        sender.send(1000)
        assert front.ready()["ready"] and front.ready()["kafka"]["reason"]
        kafka.restart()
        drained(front)
        assert names(by_marks(kafka, topic)[0]) == sorted(sender.acknowledged)
        assert front.metric("playreport_publisher_resent_records_total") == 0


def anonymous_kib(process):
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])


def test_memory_and_log_stay_small_while_the_broker_is_away(kafka, tmp_path, topic):
    with ingest(tmp_path, kafka.bootstrap, topic=topic, workers=1) as front:
        sender = Sender(front)
        sender.send(100)
        drained(front)
        kafka.kill()
        lines, begin = len(log_lines(front)), time.monotonic()
        sender.send(6000, size=1500)  # more than the window and librdkafka's queue hold
        first = anonymous_kib(front.process)
        sender.send(12000, size=1500)
        second = anonymous_kib(front.process)
        assert front.ready()["journal"]["waiting"] >= 18000
        assert second - first < 4096, f"{first} KiB, then {second} KiB"
        # One line a second of each of the client's kinds of line (three of them come), and some of our own.
        assert len(log_lines(front)) - lines < 30 + 4 * (time.monotonic() - begin)
        kafka.restart()
        drained(front)
        assert names(by_marks(kafka, topic)[0]) == sorted(sender.acknowledged)


def test_a_lone_report_is_delivered_though_nothing_else_comes(kafka, tmp_path, topic):
    with ingest(tmp_path, kafka.bootstrap, topic=topic, linger_ms=20) as front:
        wait_until("connected", lambda: front.ready()["kafka"]["connected"])
        Sender(front).send(1)
        drained(front)
        assert len(kafka.read_all(topic)) == 1


def test_a_lone_report_waits_for_its_linger_only_and_not_for_that_at_the_end(kafka, tmp_path, topic):
    with ingest(tmp_path, kafka.bootstrap, topic=topic, linger_ms=60000) as front:
        wait_until("connected", lambda: front.ready()["kafka"]["connected"])
        Sender(front).send(1)
        wait_until("it is with the client", lambda: front.metric("playreport_publisher_in_flight_records") == 1)
        assert front.stop() == 0
        assert len(kafka.read_all(topic)) == 1


# ---- The topic ----


def test_a_missing_topic_is_waited_for_and_gets_all_once_it_is_made(kafka, tmp_path, topic):
    with ingest(tmp_path, kafka.bootstrap, topic=topic, topic_create="off") as front:
        sender = Sender(front)
        sender.send(300)
        reason(front, f"topic {topic} does not exist, and topic_create is off")
        assert front.ready()["ready"]
        kafka.create_topic(topic)
        drained(front)
        assert names(by_marks(kafka, topic)[0]) == sorted(sender.acknowledged)


def partitions_of_keys(events):
    """{photo_id: partitions it went to}"""
    found = {}
    for partition, event in events:
        found.setdefault(event["photo_id"], set()).add(partition)
    return found


def test_records_that_wait_keep_their_partitions_when_the_topic_gets_more(kafka, tmp_path, topic):
    kafka.create_topic(topic, 3)
    with ingest(tmp_path, kafka.bootstrap, topic=topic, workers=1) as front:
        sender = Sender(front)
        sender.send(200)
        drained(front)
        kafka.pause()
        sender.send(400)  # some of them are on their way, nobody knows where
        wait_until("records are in flight", lambda: front.metric("playreport_publisher_in_flight_records") > 0)
        front.kill()
        kafka.resume()
        admin = AdminClient(kafka.conf())
        admin.create_partitions([NewPartitions(topic, 7)])[topic].result()
        wait_until("seven partitions serve", lambda: len(kafka.watermarks(topic)) == 7)
        front.start()
        sender.send(400)
        drained(front)
        assert front.metric("playreport_publisher_resent_records_total") > 0
        events, _ = by_marks(kafka, topic)
        assert names(events) == sorted(sender.acknowledged)
        old_lane = next(event["id"][:16] for _, event in events if event["report_id"] == "r0")
        old = partitions_of_keys(e for e in events if e[1]["id"].startswith(old_lane))
        new = partitions_of_keys(e for e in events if not e[1]["id"].startswith(old_lane))
        assert all(len(found) == 1 for found in [*old.values(), *new.values()])
        assert set().union(*old.values()) == {0, 1, 2}
        assert max(set().union(*new.values())) > 2


# ---- Refused ----


def letters_of(kafka, topic):
    """{report_id: headers} of the dead letters, and how many there are."""
    records = kafka.read_all(topic + ".dlq", timeout_s=60)
    return {msgpack.unpackb(r.value)["report_id"]: dict(r.headers) for r in records}, len(records)


def send_big_among_small(sender):
    big = []
    for _ in range(5):
        sender.send(60)
        big += sender.send(1, size=BIG)
        sender.send(60)
    return big


def check_set_aside(kafka, topic, sender, big):
    events, _ = by_marks(kafka, topic)
    letters, count = letters_of(kafka, topic)
    assert sorted(letters) == sorted(big)
    assert names(events) == sorted(set(sender.acknowledged) - set(big))
    for headers in letters.values():
        assert b"too large" in headers["dlq.reason"]
        assert headers["dlq.topic"] == topic.encode() and headers["dlq.offset"] == b"-1"
        assert 0 <= int(headers["dlq.partition"]) < 12 and int(headers["dlq.timestamp"]) > 1.7e12
    return count


def test_a_limit_lowered_while_it_runs_sets_only_the_large_records_aside(kafka, tmp_path, topic):
    with ingest(tmp_path, kafka.bootstrap, topic=topic) as front:
        sender = Sender(front)
        sender.send(200)
        sender.send(2, size=BIG)
        drained(front)
        set_limit(kafka, topic, LIMIT)
        big = send_big_among_small(sender)
        drained(front)
        assert check_set_aside(kafka, topic, sender, big) == len(big)
        assert front.metric("playreport_publisher_dead_letters_total") == len(big)
        sender.send(100)
        drained(front)
        wait_until("all is well", lambda: front.ready()["kafka"]["connected"])
        assert names(by_marks(kafka, topic)[0]) == sorted(set(sender.acknowledged) - set(big))


def test_kills_while_records_are_set_aside_lose_none_and_repeat_none(kafka, tmp_path, topic):
    kafka.create_topic(topic, 12, {"max.message.bytes": str(LIMIT)})
    with ingest(tmp_path, kafka.bootstrap, topic=topic, workers=1) as front:
        sender = Sender(front)
        wait_until("connected", lambda: front.ready()["kafka"]["connected"])
        kafka.pause()
        big = sender.send(1, size=BIG) + send_big_among_small(sender)
        for _ in range(4):
            front.kill()
            front.start()
            kafka.resume()
            sender.send(20)
            before = front.metric("playreport_publisher_dead_letters_total")
            wait_until("one more is set aside, or all is done",
                       lambda: front.metric("playreport_publisher_dead_letters_total") > before
                       or front.ready()["journal"]["waiting"] == 0)
        drained(front)
        assert check_set_aside(kafka, topic, sender, big) >= len(big)


def test_a_letter_that_finds_no_topic_waits_and_the_reason_says_so(kafka, tmp_path, topic):
    kafka.create_topic(topic, 2, {"max.message.bytes": str(LIMIT)})
    with ingest(tmp_path, kafka.bootstrap, topic=topic, topic_create="off") as front:
        sender = Sender(front)
        big = sender.send(1, size=BIG)
        reason(front, f"cannot be delivered: topic {topic}.dlq does not exist, and topic_create is off")
        assert front.ready()["ready"] and front.ready()["journal"]["waiting"] == 1
        kafka.create_topic(topic + ".dlq", 2)
        drained(front)
        assert check_set_aside(kafka, topic, sender, big) == 1


# ---- Credentials ----


def demand_password(kafka, port, password):
    """From the broker's next start on its second listener wants the user `reports` to have this password."""
    path = kafka.folder / "node1" / "server.properties"
    lines = [line for line in path.read_text().splitlines() if "sasl" not in line.lower()]
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    for name, more in (("listeners=", f",SASL_PLAINTEXT://127.0.0.1:{port}"),
                       ("advertised.listeners=", f",SASL_PLAINTEXT://127.0.0.1:{port}"),
                       ("listener.security.protocol.map=", ",SASL_PLAINTEXT:SASL_PLAINTEXT")):
        at = next(i for i, line in enumerate(lines) if line.startswith(name))
        lines[at] += "" if "SASL_PLAINTEXT" in lines[at] else more
    lines += ["sasl.enabled.mechanisms=PLAIN",
              f'listener.name.sasl_plaintext.plain.sasl.jaas.config={plain} user_reports="{password}";']
    path.write_text("\n".join(lines) + "\n")


def test_a_wrong_password_shows_and_all_drains_once_it_is_right(tmp_path, topic):
    with Kafka.start(tmp_path) as kafka:
        before = (kafka.folder / "node1" / "server.properties").read_text()
        port, = free_ports(1)
        demand_password(kafka, port, "another")
        kafka.restart()
        options = {"topic": topic, "kafka.security.protocol": "sasl_plaintext", "kafka.sasl.mechanism": "PLAIN",
                   "kafka.sasl.username": "reports", "kafka.sasl.password": "our-secret"}
        with ingest(tmp_path, f"127.0.0.1:{port}", **options) as front:
            sender = Sender(front)
            sender.send(200)
            reason(front, "uthentication")
            assert front.ready()["ready"]
            sender.send(200)
            assert front.ready()["journal"]["waiting"] == 400
            assert "our-secret" not in front.log.read_text()
            (kafka.folder / "node1" / "server.properties").write_text(before)
            demand_password(kafka, port, "our-secret")
            kafka.restart()
            drained(front)
            wait_until("all is well", lambda: front.ready()["kafka"]["connected"])
            assert names(by_marks(kafka, topic)[0]) == sorted(sender.acknowledged)


# ---- Leaders and restarts ----


def test_leaders_change_and_brokers_restart_in_a_loop(cluster, tmp_path, topic):
    with ingest(tmp_path, cluster.bootstrap, topic=topic) as front:
        sender = Sender(front)
        sender.send(200)
        drained(front)
        for node in (1, 2, 3, 1):
            cluster.kill(node)
            sender.send(300)
            wait_until("other leaders took over", lambda: front.ready()["journal"]["waiting"] == 0, 60)
            sender.send(300)
            cluster.restart(node)
        drained(front)
        assert names(by_marks(cluster, topic)[0]) == sorted(sender.acknowledged)
