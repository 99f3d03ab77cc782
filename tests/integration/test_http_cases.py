"""Hostile and odd HTTP, case by case: whole, byte by byte, and pipelined behind a good request. Each gets its answer,
the connection goes on in step or is closed, and the topic holds the expected events and nothing else."""
import json
import socket
import time
from collections import Counter
from urllib.parse import quote
from xml.etree.ElementTree import ParseError

import msgpack
import pytest

import http_case
from daemons import ingest, wait_until
from wire import EVENT, Wire, outcome_of

TOPIC = "http.cases.reports"
FILES = ("framing.json", "query.json", "input.json", "concatenate.json")
GROUP = 40  # connections that are fed in turns
SINGLE = 512  # bytes that are sent one by one; what follows them, of the few long ones, in STEPS
STEPS = 2000
GOOD = http_case.Case({"id": "", "what": "a good request between", "status": 200, "after": "kept", "event": {},
                       "send": "GET <event>?photo_id=<photo>&event=load HTTP/1.1\r\nHost: h.example\r\n\r\n"})


class Front:
    """The daemon, and all the events that its topic must hold."""

    def __init__(self, daemon, kafka):
        self.daemon, self.kafka = daemon, kafka
        self.expected = Counter()
        self.faults = []  # of this test

    def wire(self, timeout_s=10):
        return Wire(self.daemon.port, timeout_s)

    def expect(self, delivery):
        for event in delivery.expected():
            self.expected[json.dumps(event, sort_keys=True)] += 1

    def finish(self):
        """At the end of a test: each of its cases was right, and the topic holds all events so far and no other."""
        faults, self.faults = self.faults, []
        assert not faults, "\n".join(faults)
        wait_until("the journal is drained", lambda: self.daemon.ready()["journal"]["waiting"] == 0)
        found = Counter(json.dumps(http_case.normal(msgpack.unpackb(record.value)), sort_keys=True)
                        for record in self.kafka.read_all(TOPIC))
        differences = [f"missing: {event}" for event in (self.expected - found).elements()]
        differences += [f"too many: {event}" for event in (found - self.expected).elements()]
        self.expected = found  # so that the next test tells of its own
        assert not differences, "\n".join(differences)


@pytest.fixture(scope="module")
def front(shared_kafka, tmp_path_factory):
    options = {"topic": TOPIC, "trusted_proxies": "127.0.0.1", "client_ip": "full"}
    with ingest(tmp_path_factory.mktemp("http_cases"), shared_kafka.bootstrap, **options) as daemon:
        yield Front(daemon, shared_kafka)


@pytest.fixture(params=FILES)
def cases(request):
    return http_case.load(request.param)


def read(wire, case):
    """The answers to a case; interim ones are not counted."""
    answers = []
    while len(answers) < len(case.statuses):
        answer = wire.answer(case.has_body)
        if answer[0] != 100:
            answers.append(answer)
        if answer[0] == 0:
            break
    return answers


def is_over(wire, case):
    """Nothing follows. Only who said close itself, and sent on, may meet a reset: whom we close, we hear out."""
    try:
        return wire.answer()[0] == 0
    except ConnectionResetError:
        return case.statuses[-1] == 200


def judge(front, wire, delivery):
    """The case's answers, and what its connection does afterwards."""
    case = delivery.case
    front.expect(delivery)
    try:
        case.judge(read(wire, case))
        if not case.is_kept:
            assert is_over(wire, case), "what follows is served"
    except (AssertionError, OSError, ValueError, ParseError) as error:
        front.faults.append(f"{case.name} (photo {delivery.photo}): {type(error).__name__} {str(error)[:300]}")


def say(wire, data):
    """Sends; false once the server has closed."""
    try:
        wire.send(data)
        return True
    except OSError:
        return False


def test_sent_whole(front, cases, record_property):
    for case in cases:
        with front.wire() as wire:
            delivery, good = case.delivery(), GOOD.delivery()
            say(wire, delivery.data)
            if case.is_kept:
                judge(front, wire, delivery)
                wire.send(good.data)
                judge(front, wire, good)
            else:
                say(wire, good.data)  # never served: its event would be one too many
                judge(front, wire, delivery)
    front.finish()
    record_property("cases", len(cases))


def test_pipelined_behind_a_good_request(front, cases, record_property):
    for case in cases:
        with front.wire() as wire:
            before, delivery, after = GOOD.delivery(), case.delivery(), GOOD.delivery()
            say(wire, before.data + delivery.data + after.data)
            judge(front, wire, before)
            judge(front, wire, delivery)
            if case.is_kept:
                judge(front, wire, after)
    front.finish()
    record_property("cases", len(cases))


def pieces(data):
    """The bytes of the data one by one; of a long one the rest in equal steps."""
    step = max(1, (len(data) - SINGLE) // STEPS)
    yield from (data[at:at + 1] for at in range(min(SINGLE, len(data))))
    yield from (data[at:at + step] for at in range(SINGLE, len(data), step))


def feed(pairs):
    """A byte to each connection in turn, so that the server sees them one by one."""
    open_ones = [(wire, pieces(data)) for wire, data in pairs]
    while open_ones:
        open_ones = [(wire, rest) for wire, rest in open_ones if say(wire, next(rest, b"")) and rest.gi_frame]


def test_sent_byte_by_byte(front, cases, record_property):
    deliveries = sorted((case.delivery() for case in cases), key=lambda delivery: len(delivery.data))
    for start in range(0, len(deliveries), GROUP):
        group = [(front.wire(), delivery) for delivery in deliveries[start:start + GROUP]]
        feed([(wire, delivery.data) for wire, delivery in group])
        for wire, delivery in group:
            with wire:
                good = GOOD.delivery()
                say(wire, good.data)
                judge(front, wire, delivery)
                if delivery.case.is_kept:
                    judge(front, wire, good)
    front.finish()
    record_property("cases", len(cases))


# ---- Texts that are to come through as they are, whichever way they are sent. ----


def get(photo, text):
    target = f"{EVENT}?photo_id={photo}&event=load&source={quote(text, safe='')}"
    return f"GET {target} HTTP/1.1\r\nHost: h.example\r\n\r\n".encode()


def post(media, body):
    body = body.encode()
    head = f"POST {EVENT} HTTP/1.1\r\nHost: h.example\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def form(photo, text):
    return post("application/x-www-form-urlencoded", f"photo_id={photo}&event=load&source={quote(text, safe='')}")


def as_json(photo, text):
    return json.dumps({"photo_id": photo, "event": "load", "source": text}, ensure_ascii=False)


def multipart(photo, text):
    fields = {"photo_id": photo, "event": "load", "source": text}
    head = "--b\r\nContent-Disposition: form-data; name="
    parts = (f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    return post("multipart/form-data; boundary=b", "".join(parts) + "--b--\r\n")


WAYS = {
    "GET": get,
    "form": form,
    "JSON": lambda photo, text: post("application/json", as_json(photo, text)),
    "beacon": lambda photo, text: post("text/plain;charset=UTF-8", as_json(photo, text)),
    "FormData": multipart,
}


def test_texts_come_through_alike_in_every_way(front, record_property):
    texts = json.loads((http_case.FOLDER / "texts.json").read_text(encoding="utf-8"))["texts"]
    with front.wire() as wire:
        for text in texts:
            for way, request in WAYS.items():
                delivery = GOOD.delivery()
                wire.send(request(delivery.photo, text))
                status, _, body = wire.answer()
                is_taken = "\0" not in text
                assert (status, outcome_of(body)["status"]) == (200, "ok" if is_taken else "error"), (way, text)
                if is_taken:
                    event = {**delivery.expected()[0], **({"source": text} if text else {})}
                    front.expected[json.dumps(event, sort_keys=True)] += 1
    front.finish()
    record_property("cases", len(texts) * len(WAYS))


# ---- Who waits before the body. ----
WAITING = [
    ("a form", EVENT, "Content-Type: application/x-www-form-urlencoded", "Content-Length: 29", [100, 200]),
    ("chunks", EVENT, "Content-Type: text/plain", "Transfer-Encoding: chunked", [100, 200]),
    ("no body", EVENT, "Content-Type: text/plain", "Content-Length: 0", [200]),
    ("an unknown media type", EVENT, "Content-Type: image/png", "Content-Length: 29", [415]),
    ("FormData without a boundary", EVENT, "Content-Type: multipart/form-data", "Content-Length: 29", [415]),
    ("an unknown coding", EVENT, "Content-Encoding: br", "Content-Length: 29", [415]),
    ("an unknown coding, in chunks", EVENT, "Content-Encoding: br", "Transfer-Encoding: chunked", [415]),
    ("a path that is not there", "/nowhere", "X: y", "Content-Length: 29", [404]),
    ("a body past the limit", EVENT, "X: y", "Content-Length: 1048577", [413]),
    ("a length that is none", EVENT, "X: y", "Content-Length: +29", [400]),
    ("another expectation too", EVENT, "Expect: 200-ok", "Content-Length: 29", [417]),
]


def test_who_waits_is_asked_on_or_refused_at_once(front, record_property):
    for what, path, header, length, statuses in WAITING:
        with front.wire() as wire:
            good, after = GOOD.delivery(), GOOD.delivery()
            lines = [f"POST {path} HTTP/1.1", "Host: h.example", "Expect: 100-continue", header, length, "", ""]
            wire.send("\r\n".join(lines).encode())
            assert (what, wire.answer()[0]) == (what, statuses[0])
            if statuses[0] == 100:
                body = f"photo_id={good.photo}&event=load".encode()
                wire.send(b"1d\r\n" + body + b"\r\n0\r\n\r\n" if "chunked" in length else body)
                assert (what, wire.answer()[0]) == (what, statuses[1])
                front.expect(good)
            if statuses[-1] == 200:
                wire.send(after.data)
                judge(front, wire, after)
            else:
                assert (what, wire.answer()[0]) == (what, 0)
    front.finish()
    record_property("cases", len(WAITING))


def test_a_413_reaches_a_client_that_sends_all_of_20_mb_before_it_reads(front, record_property):
    with front.wire(30) as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.send(f"POST {EVENT} HTTP/1.1\r\nHost: h.example\r\nContent-Length: 20000000\r\n\r\n".encode())
        for _ in range(20):
            wire.send(bytes(1000000))
        assert wire.answer()[0] == 413
        assert wire.answer()[0] == 0
    front.finish()
    record_property("cases", 1)


def test_who_closes_its_half_gets_all_its_answers(front, record_property):
    deliveries = [GOOD.delivery() for _ in range(50)]
    with front.wire() as wire:
        wire.send(b"".join(delivery.data for delivery in deliveries))
        wire.socket.shutdown(socket.SHUT_WR)
        for delivery in deliveries:
            judge(front, wire, delivery)
        assert wire.answer()[0] == 0
    with front.wire() as wire:
        wire.send(deliveries[0].data[:-2])
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.answer()[0] == 0, "half a request is none"
    front.finish()
    record_property("cases", 2)


def test_a_slow_head_ends_at_its_deadline_however_often_it_moves(front, record_property):
    began = time.monotonic()
    with front.wire(30) as wire:
        wire.send(f"GET {EVENT}?photo_id=1&event=load HTTP/1.1\r\n".encode())
        while say(wire, b"X: y\r\n") and time.monotonic() - began < 20:
            wire.socket.settimeout(0.5)
            try:
                if wire.socket.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                pass
        wire.socket.settimeout(10)
        assert wire.answer()[0] == 408
        assert wire.answer()[0] == 0
    record_property("cases", 1)
