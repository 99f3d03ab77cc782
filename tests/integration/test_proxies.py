"""Framing behind proxies: whatever a client sends, either the proxy refuses it, or the proxy and ingest see the same
requests. What the proxy answered is held against what reached the topic, and against what ingest counted."""
import json
import re
from collections import Counter

import msgpack
import pytest

import http_case
from daemons import ingest, wait_until
from proxies import Haproxy, Nginx
from wire import Wire

TOPIC = "proxies.reports"
FRONTS = {
    "nginx": lambda folder, port: Nginx(folder, port, "on"),
    "nginx, unbuffered": lambda folder, port: Nginx(folder, port, "off"),
    "haproxy": Haproxy,
    "haproxy, lax": lambda folder, port: Haproxy(folder, port, "option accept-invalid-http-request"),
}
# Its answer is called by its number: an answer that went to another would be seen.
NAMED = http_case.Case({
    "id": "", "what": "a request whose answer has its name", "status": 200, "after": "kept", "event": {},
    "send": "GET <event>?photo_id=<photo>&event=load&callback=c<photo> HTTP/1.1\r\nHost: h.example\r\n\r\n"})
SILENCE_S = 2  # the proxies wait for half a request no longer than half a second


@pytest.fixture(scope="module")
def daemon(shared_kafka, tmp_path_factory):
    with ingest(tmp_path_factory.mktemp("proxies"), shared_kafka.bootstrap, topic=TOPIC) as daemon:
        yield daemon


def name_of(delivery):
    return f"/**/c{delivery.photo}(".encode()


def hear(wire, until):
    """All that comes, up to the answer of that name, the end, or a long silence."""
    heard = b""
    wire.socket.settimeout(SILENCE_S)
    try:
        while not (until in heard and heard.endswith(b");")):
            piece = wire.socket.recv(65536)
            if not piece:
                break
            heard += piece
    except OSError:
        pass
    return heard


def attack(proxy, case):
    """Sends the case and a request after it on one connection; what came back, and how many of the case were taken."""
    delivery, after = case.delivery(), NAMED.delivery()
    with Wire(proxy.port) as wire:
        try:
            wire.send(delivery.data + after.data)
        except OSError:
            pass
        heard = hear(wire, name_of(after))
    taken = heard.count(b'status="ok"') + heard.count(b'"status":"ok"')
    return {delivery.photo: taken - heard.count(name_of(after)), after.photo: heard.count(name_of(after))}


def visit(proxy):
    """Another client, whose request may share the proxy's connection to ingest: the answer is its own, and alone."""
    delivery = NAMED.delivery()
    with Wire(proxy.port) as wire:
        wire.send(delivery.data)
        heard = hear(wire, name_of(delivery))
    assert heard.count(b"HTTP/1.1 ") == 1 and name_of(delivery) in heard, heard
    return {delivery.photo: 1}


def requests_of(daemon):
    """How many requests came to the players' port, well formed or not."""
    counters = r'^playreport_http_(?:requests|rejected)_total\{server="report".*\} (\d+)$'
    return sum(map(int, re.findall(counters, daemon.admin("/metrics")[1], re.M)))


def events_of(daemon, kafka):
    wait_until("the journal is drained", lambda: daemon.ready()["journal"]["waiting"] == 0)
    return Counter(msgpack.unpackb(record.value)["photo_id"] for record in kafka.read_all(TOPIC))


@pytest.mark.parametrize("front", FRONTS)
def test_no_request_is_smuggled(front, daemon, shared_kafka, tmp_path, record_property):
    cases = http_case.load("framing.json")
    photo_before = next(http_case.photos)
    answered, cases_of = {}, {}
    with FRONTS[front](tmp_path / "proxy", daemon.port) as proxy:
        wait_until("its log tells of the first request", proxy.forwarded)
        before = requests_of(daemon) - proxy.forwarded()
        for case in cases:
            seen = attack(proxy, case)
            cases_of.update(dict.fromkeys(seen, case))
            answered.update(seen)
            answered.update(visit(proxy))
    found = {photo: count for photo, count in events_of(daemon, shared_kafka).items() if photo > photo_before}
    told = {photo: count for photo, count in answered.items() if count}
    assert {photo: (cases_of[photo].name, told.get(photo, 0), found.get(photo, 0))
            for photo in told.keys() | found.keys() if told.get(photo) != found.get(photo)} == {}
    counted, forwarded = requests_of(daemon) - before, proxy.forwarded()
    assert counted <= forwarded, "ingest saw requests that the proxy did not send"
    record_property("cases", len(cases))
    record_property("front", front)
    record_property("differences", json.dumps(differences(cases_of, found)))
    print(f"{front}: requests passed on={forwarded} seen by ingest={counted}")


def differences(cases_of, found):
    """Where a case fares otherwise than without the proxy: what the proxy mends, and what it refuses itself."""
    named = {"mends": [], "refuses": []}
    first = {}
    for photo, case in cases_of.items():
        if case not in first.values():
            first[photo] = case
    for photo, case in first.items():
        count = found.get(photo, 0)
        if count != len(case.events):
            named["mends" if count > len(case.events) else "refuses"].append(case.name)
    return named
