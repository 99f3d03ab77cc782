"""What an acknowledgement is worth at each level, and how the daemon ends, on the real Kafka."""
import http.client
import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import msgpack
import pytest

from broker import Kafka
from counts import acknowledged
from daemons import consumer, ingest, load, wait_until

REPORTS = int(os.environ.get("PLAYREPORT_TEST_REPORTS", "20000")) // 4
EVENT = "/api/analytics/report/event?event=load&photo_id="
LEVELS = ("journal", "disk", "broker")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    with Kafka.start(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def topic(request, kafka):
    """A topic of the test's own, there already, with one copy of each record."""
    name = re.sub(r"[^a-z]+", ".", request.node.name.lower()).strip(".")
    kafka.create_topic(name)
    return name


def events_of(kafka, topic):
    """{id: event}; repeats fall together."""
    events = (msgpack.unpackb(record.value) for record in kafka.read_all(topic, timeout_s=120))
    return {event["id"]: event for event in events}


def connect(daemon, timeout_s=30):
    return http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=timeout_s)


def get(conn, target):
    conn.request("GET", target)
    answer = conn.getresponse()
    return answer, answer.read().decode()


def drained(front):
    return wait_until("the journal is drained", lambda: front.ready()["journal"]["waiting"] == 0, 60)


@pytest.mark.parametrize("level", LEVELS)
def test_counts_equal_at_level(kafka, topic, tmp_path, level):
    with ingest(tmp_path, kafka.bootstrap, ack=level, topic=topic) as front, \
            consumer(tmp_path, kafka.bootstrap, topic=topic) as counter:
        expect = load(front.port, REPORTS, tmp_path / "expect.json", None, "--seed", 11, "--connections", 64)
        assert expect["acknowledged"] == REPORTS
        assert front.metric("playreport_acks_total") == REPORTS
        assert front.metric("playreport_replies_held") == 0
        assert f'playreport_ack_level{{level="{level}"}} 1\n' in front.admin("/metrics")[1]
        assert f"ack={level} " in get(connect(front), "/healthz")[1]
        assert (front.metric("playreport_journal_syncs_total") > 0) == (level == "disk")
        if level == "broker":
            assert front.metric("playreport_publisher_delivered_records_total") == REPORTS
        wait_until("all is counted", lambda: counter.totals()["reports"] >= REPORTS, 120)
        assert counter.totals()["reports"] == REPORTS
        assert len(events_of(kafka, topic)) == REPORTS


def test_health_says_what_the_brokers_word_is_worth(kafka, topic, tmp_path):
    with ingest(tmp_path, kafka.bootstrap, ack="broker", topic=topic) as front:
        health = wait_until("the topic is known", lambda: (
            lambda told: told["topic"]["replication"] and told)(json.loads(front.admin("/healthz")[1])))
        assert health["ack"] == "broker"
        assert health["topic"] == {"replication": 1, "min_insync_replicas": 1}
        assert "only with a topic of replication >= 3" in health["survives"]
        assert "only with a topic of replication >= 3" in get(connect(front), "/healthz")[1]


def test_a_broker_that_stands_still_makes_reports_unconfirmed_and_they_count_once(kafka, topic, tmp_path):
    with ingest(tmp_path, kafka.bootstrap, ack="broker", ack_timeout="1s", topic=topic) as front, \
            consumer(tmp_path, kafka.bootstrap, topic=topic) as counter:
        conn = connect(front)
        assert 'status="ok"' in get(conn, EVENT + "1")[1]
        kafka.pause()
        try:
            answer, body = get(conn, EVENT + "2&format=json")
            refused, _ = get(conn, "/api/analytics/report/event?photo_id=x")
            assert front.ready()["ready"], "Kafka away is not unready"
        finally:
            kafka.resume()
        assert (answer.status, refused.status) == (503, 200)
        assert answer.getheader("Retry-After") is None
        assert answer.getheader("Access-Control-Allow-Origin") == "*"
        told = json.loads(body)
        assert (told["status"], told["code"], told["kept"]) == ("error", "unconfirmed", "1")
        assert front.metric('playreport_acks_total') == 2
        assert 'playreport_acks_total{outcome="unconfirmed"} 1\n' in front.admin("/metrics")[1]
        assert 'status="ok"' in get(conn, EVENT + "3")[1]
        drained(front)
        events = events_of(kafka, topic)
        assert len(events) == 3
        assert events[told["id"]]["photo_id"] == 2
        wait_until("all is counted", lambda: counter.totals()["reports"] >= 3)
        assert counter.totals()["reports"] == 3


@pytest.mark.parametrize("level", ("disk", "broker"))
def test_kills_lose_nothing_at_level(kafka, topic, tmp_path, level):
    with ingest(tmp_path, kafka.bootstrap, ack=level, topic=topic) as front, \
            consumer(tmp_path, kafka.bootstrap, topic=topic) as counter:
        words = (front.port, REPORTS, tmp_path / "expect.json", tmp_path / "acks", "--seed", 12, "--reconnect",
                 "--connections", 32, "--rate", max(REPORTS // 6, 100))
        sender = threading.Thread(target=load, args=words)
        sender.start()
        kills = 0
        while sender.is_alive() and kills < 4:
            taken = front.metric("playreport_reports_taken_total")
            wait_until("reports flow", lambda: not sender.is_alive() or
                       front.metric("playreport_reports_taken_total") > taken + REPORTS // 20)
            front.kill()
            front.start()
            kills += 1
        sender.join()
        drained(front)
        fates = acknowledged(tmp_path / "acks")
        names = [event.get("report_id") for event in events_of(kafka, topic).values()]
        assert kills > 1 and fates["unknown"], "the kills hit nothing"
        assert not fates["acked"] - set(names), "acknowledged reports are lost"
        assert len(set(names)) == len(names), "reports are in the topic under two names"
        wait_until("all is counted", lambda: counter.totals()["reports"] >= len(names), 60)
        assert counter.totals()["reports"] == len(names)
        print(f"level={level} kills={kills} acknowledged={len(fates['acked'])} unknown={len(fates['unknown'])} "
              f"counted={len(names)}")


def test_sigterm_says_unready_first_and_serves_for_drain_delay(kafka, topic, tmp_path):
    with ingest(tmp_path, kafka.bootstrap, topic=topic, drain_delay="1h") as front:
        kept = connect(front)
        assert get(kept, EVENT + "1")[0].getheader("Connection") is None
        front.process.terminate()
        wait_until("it drains", lambda: front.ready()["reason"] == "draining")
        assert front.admin("/readyz")[0] == 503
        wait_until("the workers know", lambda: get(connect(front), "/readyz")[0].status == 503)
        fresh = connect(front)
        answer, body = get(fresh, EVENT + "2")
        assert 'status="ok"' in body
        assert answer.getheader("Connection") == "close"
        assert get(kept, EVENT + "3")[0].getheader("Connection") == "close"
        front.process.send_signal(signal.SIGINT)  # the second: at once, and in good order
        assert front.process.wait(30) == 0
        with pytest.raises(ConnectionRefusedError):
            get(connect(front), "/healthz")
        front.options["drain_delay"] = "0s"
        front.start()
        drained(front)
        assert {event["photo_id"] for event in events_of(kafka, topic).values()} == {1, 2, 3}
        assert front.stop() == 0


def test_a_drain_ends_as_soon_as_all_is_delivered(kafka, topic, tmp_path):
    with ingest(tmp_path, kafka.bootstrap, topic=topic, ack="broker", ack_timeout="5min", drain_delay="100ms",
                drain_timeout="1h") as front:
        answers = []
        assert 'status="ok"' in get(connect(front), EVENT + "9")[1]
        kafka.pause()

        def report(number):
            answers.append(get(connect(front), f"{EVENT}{number}"))

        senders = [threading.Thread(target=report, args=(n,)) for n in range(1, 9)]
        try:
            for sender in senders:
                sender.start()
            wait_until("replies are held", lambda: front.metric("playreport_replies_held") == 8)
            front.process.terminate()
            wait_until("it drains", lambda: front.ready()["reason"] == "draining")
        finally:
            kafka.resume()
        assert front.process.wait(60) == 0
        for sender in senders:
            sender.join()
        assert all('status="ok"' in body for _, body in answers) and len(answers) == 8
        assert len(events_of(kafka, topic)) == 9


def test_what_kafka_does_not_take_in_drain_timeout_stays_in_the_journal(kafka, topic, tmp_path):
    with ingest(tmp_path, kafka.bootstrap, topic=topic, ack="broker", ack_timeout="5min", drain_timeout="1s") as front:
        conn = connect(front)
        assert 'status="ok"' in get(conn, EVENT + "1")[1]
        kafka.pause()
        try:
            answers = []
            sender = threading.Thread(target=lambda: answers.append(get(conn, EVENT + "2")))
            sender.start()
            wait_until("the reply is held", lambda: front.metric("playreport_replies_held") == 1)
            assert front.stop() == 0
            sender.join()
        finally:
            kafka.resume()
        answer, body = answers[0]
        assert answer.status == 503 and 'code="unconfirmed"' in body and 'kept="1"' in body
        assert answer.getheader("Connection") == "close"
        front.start()
        drained(front)
        assert sorted(event["photo_id"] for event in events_of(kafka, topic).values()) == [1, 2]


def test_an_idle_daemon_sleeps(kafka, topic, tmp_path):
    with ingest(tmp_path, kafka.bootstrap, topic=topic, ack="broker", workers=1) as front:
        assert 'status="ok"' in get(connect(front), EVENT + "1")[1]
        tasks = Path(f"/proc/{front.process.pid}/task")
        worker = next(task for task in tasks.iterdir() if (task / "comm").read_text() == "worker\n")

        def wakes():
            return int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", (worker / "status").read_text())[1])

        before = wakes()
        time.sleep(2)  # it is the absence of wake-ups that is to be seen
        assert wakes() - before <= 3
