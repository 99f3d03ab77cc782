"""As many requests in work as may be: who comes then is told at once, and counted not at all; who waits is answered
rightly."""
import json
import threading

import msgpack
import pytest

from broker import Kafka
from daemons import consumer, ingest, wait_until
from wire import EVENT, Wire, outcome_of

TOPIC = "overload.reports"
MAX = 8
BATCH = '[{"photo_id":900,"event":"load"},{"photo_id":901,"event":"load"}]'
FORM = "photo_id=900&event=load&format=json"

# Requests that bring a report, and what the answer's body starts with.
REFUSED = [
    (f"GET {EVENT}?photo_id=900&event=load HTTP/1.1\r\n\r\n", b"<response "),
    (f"GET {EVENT}?photo_id=900&event=load&format=json HTTP/1.1\r\n\r\n", b'{"status":"error"'),
    (f"GET {EVENT}?photo_id=900&event=load&callback=window.ignore HTTP/1.1\r\n\r\n", b'/**/window.ignore({"status":'),
    (f"GET {EVENT}?photo_id=900&event=load&format=json&varname=x HTTP/1.1\r\n\r\n", b'var x = {"status":"error"'),
    (f"GET {EVENT}.gif?photo_id=900&event=load HTTP/1.1\r\n\r\n", b"GIF89a"),
    (f"POST {EVENT} HTTP/1.1\r\nContent-Length: {len(FORM)}\r\n\r\n{FORM}", b'{"status":"error"'),
    (f"POST /api/analytics/report/batch HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(BATCH)}\r\n"
     f"\r\n{BATCH}", b"<response "),
]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    with Kafka.start(tmp_path_factory.mktemp("kafka")) as broker:
        broker.create_topic(TOPIC)
        yield broker


def named(request):
    """With Host and Origin behind the request line."""
    return request.replace("\r\n", "\r\nHost: h.example\r\nOrigin: https://a.example\r\n", 1).encode()


def report(photo):
    return named(f"GET {EVENT}?photo_id={photo}&event=load HTTP/1.1\r\n\r\n")


def refuse_all(front):
    with Wire(front.port) as wire:
        for request, start in REFUSED:
            wire.send(named(request))
            status, headers, body = wire.answer()
            assert (status, headers["retry-after"]) == (503, "5"), request
            assert headers["access-control-allow-origin"] == "https://a.example" and headers["vary"] == "Origin"
            assert body.startswith(start), body
            assert start == b"GIF89a" or b"overloaded" in body, body
        wire.send(named("GET /api/site/get HTTP/1.1\r\n\r\n"))
        assert outcome_of(wire.answer()[2])["status"] == "ok", "what waits for nothing is served"


def test_past_the_bound_all_are_refused_and_those_in_work_count_once(kafka, tmp_path):
    with ingest(tmp_path, kafka.bootstrap, topic=TOPIC, ack="broker", ack_timeout="5min", requests_max=MAX,
                cors_origins="https://a.example") as front, \
            consumer(tmp_path, kafka.bootstrap, topic=TOPIC) as counter:
        with Wire(front.port) as wire:
            wire.send(report(1))
            assert outcome_of(wire.answer()[2])["status"] == "ok"
        kafka.pause()
        try:
            waiting = [Wire(front.port, 60) for _ in range(MAX)]
            for number, wire in enumerate(waiting):
                assert front.ready()["ready"]
                wire.send(report(100 + number))
                wait_until("it is in work", lambda n=number: front.metric("playreport_replies_held") == n + 1)
            refuse_all(front)
            told = front.ready()
            assert (told["reason"], told["requests"]) == ("overloaded", {"waiting": MAX, "max": MAX})
            assert front.admin("/readyz")[0] == 503
            assert front.metric("playreport_replies_held") == front.metric("playreport_replies_held_max") == MAX
            assert f'playreport_reports_refused_total{{reason="overloaded"}} {len(REFUSED)}\n' in front.admin("/metrics")[1]
        finally:
            kafka.resume()
        for wire in waiting:
            assert outcome_of(wire.answer()[2])["status"] == "ok"
            wire.send(report(200))
        assert all(outcome_of(wire.answer()[2])["status"] == "ok" for wire in waiting)
        assert front.ready()["ready"] and front.ready()["requests"]["waiting"] == 0
        wait_until("all is counted", lambda: counter.totals()["reports"] >= 1 + 2 * MAX)
        events = [msgpack.unpackb(record.value) for record in kafka.read_all(TOPIC, timeout_s=60)]
        photos = sorted(event["photo_id"] for event in events)
        assert photos == [1, *range(100, 100 + MAX), *[200] * MAX]
        assert counter.totals()["reports"] == len(photos)
        assert front.stop() == 0


def flood(front, fates, lock):
    """Sends reports one after another, and notes what becomes of each."""
    with Wire(front.port, 60) as wire:
        for _ in range(20):
            wire.send(report(7))
            status, headers, body = wire.answer()
            with lock:
                fates.append((status, outcome_of(body).get("code"), headers.get("retry-after")))


@pytest.mark.parametrize("level", ("disk", "broker"))
def test_under_a_flood_what_is_acknowledged_counts_and_nothing_else(kafka, tmp_path, level):
    topic = f"{TOPIC}.{level}"
    kafka.create_topic(topic)
    fates, lock = [], threading.Lock()
    with ingest(tmp_path, kafka.bootstrap, topic=topic, ack=level, requests_max=2, cors_origins="https://a.example") as front:
        senders = [threading.Thread(target=flood, args=(front, fates, lock)) for _ in range(32)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        wait_until("the journal is drained", lambda: front.ready()["journal"]["waiting"] == 0)
        assert front.ready()["requests"] == {"waiting": 0, "max": 2}
    taken = fates.count((200, None, None))
    assert taken + fates.count((503, "overloaded", "5")) == len(fates) == 32 * 20
    assert 0 < taken < len(fates)
    assert len(list(kafka.read_all(topic, timeout_s=60))) == taken
    print(json.dumps({"level": level, "taken": taken, "refused": len(fates) - taken}))
