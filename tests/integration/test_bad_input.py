"""Each error row of the HTTP contract: its named answer, nothing in Kafka, and the connection in step or closed."""
import gzip
import json

import pytest

from daemons import ingest, wait_until
from wire import EVENT, Wire, outcome_of

PLAY = "/api/analytics/report/play"
TOPIC = "bad.input.reports"


def get(target, *headers):
    return request("GET", target, b"", *headers)


def post(media, body, *headers):
    body = body if isinstance(body, bytes) else body.encode()
    return request("POST", EVENT, body, f"Content-Type: {media}", f"Content-Length: {len(body)}", *headers)


def request(method, target, body, *headers):
    lines = [f"{method} {target} HTTP/1.1", "Host: h.example", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def raw(text):
    return text.replace("\n", "\r\n").encode()


# ---- Named by the API: HTTP 200 (or the status given), a code, and the connection goes on. ----
FORM = "application/x-www-form-urlencoded"
NAMED = [
    ("photo_id missing", get(EVENT + "?event=load"), 200, "invalid_input", "photo_id"),
    ("photo_id empty", get(EVENT + "?photo_id=&event=load"), 200, "invalid_input", "photo_id"),
    *[(f"photo_id={value}", get(f"{EVENT}?photo_id={value}&event=load"), 200, "invalid_input", "photo_id")
      for value in ("-1", "-0", "%2B5", "%205", "5%20", "0x1F", "1_000", "''", "NaN", "%D9%A1", "1.0", "1e3",
                    "9223372036854775808", "99999999999999999999", "1%00")],
    ("event missing", get(EVENT + "?photo_id=1"), 200, "invalid_input", "event"),
    ("event empty", get(EVENT + "?photo_id=1&event="), 200, "invalid_input", "event"),
    ("event of spaces", get(EVENT + "?photo_id=1&event=+++"), 200, "invalid_input", "event"),
    ("event too long", get(EVENT + "?photo_id=1&event=" + "e" * 65), 200, "invalid_input", "event"),
    ("event of other characters", get(EVENT + "?photo_id=1&event=a%2Fb"), 200, "invalid_input", "event"),
    ("NUL in source", get(EVENT + "?photo_id=1&event=load&source=a%00b"), 200, "invalid_input", "source"),
    ("play without a time", get(PLAY + "?photo_id=1"), 200, "invalid_input", "time_start"),
    ("time_start no number", get(PLAY + "?photo_id=1&time_start=abc"), 200, "invalid_input", "time_start"),
    ("callback no identifier", get(EVENT + "?photo_id=1&event=load&callback=alert(1);cb"), 200, "invalid_input", "callback"),
    ("callback splits the head", get(EVENT + "?photo_id=1&event=load&callback=cb%0d%0aX-Y:1"), 200, "invalid_input", "callback"),
    ("callback too long", get(EVENT + "?photo_id=1&event=load&callback=CWS" + "n" * 400), 200, "invalid_input", "callback"),
    ("varname no identifier", get(EVENT + "?photo_id=1&event=load&format=json&varname=a-b"), 200, "invalid_input", "varname"),
    ("POST: the query does not count", request("POST", EVENT + "?photo_id=1&event=load", b"", "Content-Length: 0",
                                               f"Content-Type: {FORM}"), 200, "invalid_input", "photo_id"),
    ("form photo_id", post(FORM, "photo_id=x&event=load"), 200, "invalid_input", "photo_id"),
    ("JSON cut short", post("application/json", '{"photo_id":1'), 200, "invalid_input", "JSON"),
    ("JSON photo_id 1.5", post("application/json", '{"photo_id":1.5,"event":"load"}'), 200, "invalid_input", "photo_id"),
    ("JSON photo_id 1.0", post("application/json", '{"photo_id":1.0,"event":"load"}'), 200, "invalid_input", "photo_id"),
    ("JSON event null", post("application/json", '{"photo_id":1,"event":null}'), 200, "invalid_input", "event"),
    ("JSON event number", post("application/json", '{"photo_id":1,"event":7}'), 200, "invalid_input", "event"),
    ("JSON event array", post("application/json", '{"photo_id":1,"event":[]}'), 200, "invalid_input", "event"),
    ("JSON NUL", post("application/json", r'{"photo_id":1,"event":"load","source":"a\u0000b"}'), 200, "invalid_input", "source"),
    ("JSON NaN", post("application/json", '{"photo_id":NaN,"event":"load"}'), 200, "invalid_input", "JSON"),
    ("beacon JSON", post("text/plain;charset=UTF-8", '{"photo_id":1,"event":""}'), 200, "invalid_input", "event"),
    ("download of anybody", get("/api/analytics/report/download?photo_id=1&bytes_total=5"), 200, "permission_denied", ""),
    ("unknown method of the API", get("/api/analytics/report/nothing"), 200, "no_such_method", ""),
    ("unknown path under /api", get("/api/"), 200, "no_such_method", ""),
]

# ---- Plain HTTP answers that leave the connection in step. ----
PLAIN = [
    ("path outside /api", get("/nowhere"), 404),
    ("path with two slashes", get(f"/{EVENT}?photo_id=1&event=load"), 404),
    ("PUT", request("PUT", EVENT, b"", "Content-Length: 0"), 405),
    ("DELETE", request("DELETE", EVENT, b""), 405),
    ("media type of an image", post("image/png", "x"), 415),
    ("gzip that is none", post(FORM, "photo_id=1&event=load", "Content-Encoding: gzip"), 400),
    ("gzip cut short", post(FORM, gzip.compress(b"photo_id=1&event=load")[:-3], "Content-Encoding: gzip"), 400),
    ("gzip bomb, 128 MiB", post(FORM, gzip.compress(bytes(128 << 20)), "Content-Encoding: gzip"), 413),
    ("two content codings", post(FORM, "photo_id=1&event=load", "Content-Encoding: gzip, gzip"), 415),
    ("unknown content coding", post(FORM, "photo_id=1&event=load", "Content-Encoding: br"), 415),
]

# ---- Broken HTTP: answered, then closed. ----
GOOD = f"GET {EVENT}?photo_id=1&event=load HTTP/1.1\nHost: h.example\n\n"
POSTED = f"POST {EVENT} HTTP/1.1\nHost: h.example\n"
BROKEN = [
    ("no Host", raw(f"GET {EVENT}?photo_id=1&event=load HTTP/1.1\n\n"), 400),
    ("two Hosts", raw(GOOD.replace("Host", "Host: a\nHost")), 400),
    ("space in the target", raw(GOOD.replace("load ", "lo ad ")), 400),
    ("NUL in the request line", raw(GOOD.replace("load ", "lo\0ad ")), 400),
    ("header continued", raw(GOOD.replace("h.example", "h.example\nX: a\n b")), 400),
    ("space before the colon", raw(GOOD.replace("Host:", "Host :")), 400),
    ("HTTP/2.0", raw(GOOD.replace("HTTP/1.1", "HTTP/2.0")), 505),
    ("garbage", raw("garbage\n\n"), 400),
    *[(f"Content-Length: {value}", raw(POSTED + f"Content-Length: {value}\n\nabc"), 400)
      for value in ("-1", "+3", "0x3", "3abc", "", "3, 3", "99999999999999999999")],
    ("two Content-Lengths", raw(POSTED + "Content-Length: 3\nContent-Length: 10\n\nabc"), 400),
    ("length and chunks", raw(POSTED + "Content-Length: 3\nTransfer-Encoding: chunked\n\n0\n\n"), 400),
    *[(f"Transfer-Encoding: {value}", raw(POSTED + f"Transfer-Encoding: {value}\n\n0\n\n"), 400)
      for value in ("xchunked", "gzip, chunked", "chunked, chunked", "identity")],
    *[(f"chunk size {size!r}", raw(POSTED + f"Transfer-Encoding: chunked\n\n{size}\nabc\n0\n\n"), 400)
      for size in ("0x3", "+3", "-3", "", "zz")],
    ("chunk past all limits", raw(POSTED + "Transfer-Encoding: chunked\n\nffffffffffffffff\nabc\n0\n\n"), 413),
    ("chunk end", raw(POSTED + "Transfer-Encoding: chunked\n\n3\nabcXX0\n\n"), 400),
    ("Expect: 200-ok", raw(GOOD.replace("h.example", "h.example\nExpect: 200-ok")), 417),
    ("target of 20,000 bytes", get(EVENT + "?x=" + "a" * 20000), 414),
    ("header of 40,000 bytes", get(EVENT, "X: " + "a" * 40000), 431),
    ("101 headers", get(EVENT, *[f"X-{i}: 1" for i in range(101)]), 431),
    ("body of 2 MB", post(FORM, b"a" * 2000000), 413),
]


@pytest.fixture(scope="module")
def front(shared_kafka, tmp_path_factory):
    with ingest(tmp_path_factory.mktemp("bad_input"), shared_kafka.bootstrap, topic=TOPIC) as daemon:
        yield daemon


def in_step(wire, photo_id):
    """A good report on the same connection is answered with ok: the one before ended where it should."""
    wire.send(get(f"{EVENT}?photo_id={photo_id}&event=load&format=json"))
    status, _, body = wire.answer()
    assert status == 200 and json.loads(body)["status"] == "ok"
    return photo_id


def test_bad_input_gets_its_named_answer_and_leaves_nothing_behind(front, shared_kafka):
    good = []
    for number, (what, data, status, code, name) in enumerate(NAMED, 1):
        with Wire(front.port) as wire:
            wire.send(data)
            got, headers, body = wire.answer()
            text = outcome_of(body)
            assert (what, got, text["status"], text["code"]) == (what, status, "error", code)
            assert name in text["message"], what
            assert headers["access-control-allow-origin"] == "*", what
            good.append(in_step(wire, number))
    for number, (what, data, status) in enumerate(PLAIN, 1001):
        with Wire(front.port) as wire:
            wire.send(data)
            got, headers, _ = wire.answer()
            assert (what, got) == (what, status)
            if "close" in headers.get("connection", ""):
                assert wire.answer()[0] == 0, what
            else:
                good.append(in_step(wire, number))
    for number, (what, data, status) in enumerate(BROKEN, 2001):
        with Wire(front.port) as wire:
            good.append(in_step(wire, number))
            wire.send(data + get(f"{EVENT}?photo_id=9999&event=load"))
            assert (what, wire.answer()[0]) == (what, status)
            assert (what, wire.answer()[0]) == (what, 0), "what follows broken HTTP is not read"
    wait_until("the journal is drained", lambda: front.ready()["journal"]["waiting"] == 0)
    keys = [int(record.key) for record in shared_kafka.read_all(TOPIC)]
    assert sorted(keys) == sorted(good)
    print(f"bad requests={len(NAMED) + len(PLAIN) + len(BROKEN)} records of theirs=0 good ones between={len(good)}")


def test_error_status_400_is_the_configured_choice(shared_kafka, tmp_path):
    with ingest(tmp_path, shared_kafka.bootstrap, topic=TOPIC, error_status=400) as daemon, Wire(daemon.port) as wire:
        wire.send(get(EVENT + "?event=load"))
        assert wire.answer()[0] == 400
        in_step(wire, 1)


def test_an_address_past_its_rate_gets_429_and_others_do_not(shared_kafka, tmp_path):
    options = {"rate_limit": 1, "rate_burst": 3, "trusted_proxies": "127.0.0.1"}
    with ingest(tmp_path, shared_kafka.bootstrap, topic=TOPIC, **options) as daemon, Wire(daemon.port) as wire:
        answers = []
        for _ in range(20):
            wire.send(get(EVENT + "?photo_id=1&event=load&format=json", "X-Forwarded-For: 192.0.2.1"))
            answers.append(wire.answer())
        assert [status for status, _, _ in answers[:3]] == [200] * 3
        status, headers, body = answers[-1]
        assert status == 429 and json.loads(body)["code"] == "rate_limited"
        assert "retry-after" in headers and headers["access-control-allow-origin"] == "*"
        wire.send(get(EVENT + "?photo_id=1&event=load", "X-Forwarded-For: 192.0.2.2"))
        assert wire.answer()[0] == 200


def test_a_photo_outside_the_catalogue_is_named(shared_kafka, tmp_path):
    (tmp_path / "photos").write_text("7\n9223372036854775807\n")
    with ingest(tmp_path, shared_kafka.bootstrap, topic=TOPIC, catalogue=tmp_path / "photos") as daemon:
        with Wire(daemon.port) as wire:
            for photo, code in (("7", None), ("8", "no_such_photo"), ("9223372036854775807", None)):
                wire.send(get(f"{EVENT}?photo_id={photo}&event=load&format=json"))
                assert json.loads(wire.answer()[2]).get("code") == code
