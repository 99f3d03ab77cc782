"""cors_origins: whose pages may read the answers, whichever part of the daemon they come from."""
import json
import signal
import subprocess

import pytest

from daemons import PROGRAMS, ingest, wait_until
from wire import EVENT, Wire

LISTED, OTHER = "https://a.example", "https://b.example"
LONG = "x" * 40000
BODY = "photo_id=1&event=load"

# What is asked, lines before and after that of Origin, and the status.
ASKS = [
    (f"GET {EVENT}?{BODY}", "", "", 200),
    (f"GET {EVENT}?photo_id=x", "", "", 200),
    (f"GET {EVENT}?{BODY}&callback=f", "", "", 200),
    (f"GET {EVENT}.gif?{BODY}", "", "", 200),
    (f"HEAD {EVENT}?{BODY}", "", "", 200),
    (f"POST {EVENT}", "", f"Content-Length: {len(BODY)}\r\n\r\n{BODY}", 200),
    ("POST /api/analytics/report/batch", "", "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]", 200),
    ("GET /api/site/get", "", "", 200),
    ("GET /api/echo", "", "", 200),
    ("GET /api/nothing", "", "", 200),
    ("GET /crossdomain.xml", "", "", 200),
    ("GET /api/analytics/crossdomain.xml", "", "", 200),
    ("GET /healthz", "", "", 200),
    ("GET /readyz", "", "", 200),
    (f"OPTIONS {EVENT}", "", "Access-Control-Request-Method: POST\r\n", 204),
    ("GET /nothing", "", "", 404),
    (f"PUT {EVENT}", "", "", 405),
    (f"POST {EVENT}", "", "Content-Length: 20000000\r\n", 413),
    (f"POST {EVENT}", "", "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", 413),
    (f"POST {EVENT}", "", "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
    (f"POST {EVENT}", "", "Content-Type: image/png\r\nContent-Length: 1\r\n\r\nx", 415),
    (f"GET {EVENT}", "", "Expect: more\r\n", 417),
    (f"GET {EVENT}", "", f"Cookie: {LONG}\r\n", 431),
    (f"GET {EVENT}", "", f"Cookie : {LONG}\r\n", 400),
]
# What is refused before its Origin has come: no page may read it when there is a list.
UNHEARD = [
    (f"GET {EVENT}?x={LONG}", "", "", 414),
    (f"GET {EVENT}", f"Cookie: {LONG}\r\n", "", 431),
]


def ask(daemon, what, origin):
    line, before, after, status = what
    named = f"Origin: {origin}\r\n" if origin else ""
    with Wire(daemon.port) as wire:
        end = "" if "\r\n\r\n" in after else "\r\n"
        wire.send(f"{line} HTTP/1.1\r\nHost: h.example\r\n{before}{named}{after}{end}".encode())
        answer = wire.answer(not line.startswith("HEAD "))
    assert answer[0] == status, what
    assert "access-control-allow-credentials" not in answer[1]
    return answer[1]


@pytest.fixture
def front(shared_kafka, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"cors_origins": ["HTTPS://A.Example:443", "https://c.example"]}))
    with ingest(tmp_path, shared_kafka.bootstrap, topic="cors.reports", workers=1,
                config=tmp_path / "config.json") as daemon:
        yield daemon


def test_a_listed_origin_reads_all_answers_and_all_vary(front):
    for what in ASKS + UNHEARD:
        for origin in (LISTED, OTHER, LISTED + ":8443", "null", None):
            headers = ask(front, what, origin)
            assert headers["vary"] == "Origin", what
            wanted = LISTED if origin == LISTED and what not in UNHEARD else None
            assert headers.get("access-control-allow-origin") == wanted, (what, origin)
            is_granted = "access-control-allow-methods" in headers
            assert is_granted == (wanted is not None and what[0].startswith("OPTIONS")), (what, origin)


def test_by_default_every_page_reads_all_answers_and_none_varies(shared_kafka, tmp_path):
    with ingest(tmp_path, shared_kafka.bootstrap, topic="cors.reports") as front:
        for what in ASKS + UNHEARD:
            for origin in (LISTED, "null", None):
                headers = ask(front, what, origin)
                assert headers["access-control-allow-origin"] == "*", what
                assert "vary" not in headers, what


def test_a_list_is_read_again_while_it_serves(front, tmp_path):
    healthz = ("GET /healthz", "", "", 200)
    assert ask(front, healthz, LISTED).get("access-control-allow-origin") == LISTED
    (tmp_path / "config.json").write_text(json.dumps({"cors_origins": OTHER}))
    front.process.send_signal(signal.SIGHUP)
    wait_until("the worker has taken the list",
               lambda: "access-control-allow-origin" not in ask(front, healthz, LISTED))
    assert ask(front, healthz, OTHER).get("access-control-allow-origin") == OTHER
    assert " cors_origins=1\n" in front.log.read_text()
    (tmp_path / "config.json").write_text(json.dumps({"cors_origins": "b.example"}))
    front.process.send_signal(signal.SIGHUP)
    wait_until("it is refused", lambda: "event=reload_failed" in front.log.read_text())
    assert "cors_origins: 'b.example' is no origin" in front.log.read_text()
    assert ask(front, healthz, OTHER).get("access-control-allow-origin") == OTHER


@pytest.mark.parametrize("value", ("https://a.example/", "a.example", "https://*.example", "null", "*,https://a.example"))
def test_what_is_no_origin_is_refused_at_start_with_what_is_right(value):
    words = [PROGRAMS / "playreport-ingest", "--kafka.bootstrap.servers=127.0.0.1:1", f"--cors_origins={value}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    told = next(line for line in done.stderr.splitlines() if "cors_origins" in line)
    assert f"'{value.split(',')[0]}'" in told and "such as https://www.example.org" in told
