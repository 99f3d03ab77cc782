"""The load generator against a server that keeps what it is sent: what it promises to expect is what it sent."""

import collections
import json
import os
import pathlib
import socketserver
import subprocess
import threading
import urllib.parse

import pytest

from broker import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PLAYREPORT_TEST_BUILD", ROOT / "build"))
OK = {"status": "ok", "message": "The event was reported", "permission_level": "anonymous", "cached": "0"}
XML = '<response status="ok" permission_level="anonymous" message="The event was reported" cached="0"/>'


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while report := self.read_report():
            with self.server.lock:
                self.server.reports.append(report)
                count = len(self.server.reports)
            reply = self.server.answer(report, count)
            if reply is None:
                return
            self.wfile.write(reply)

    def read_report(self):
        line = self.rfile.readline().decode()
        if not line:
            return None
        head = dict(field.rstrip().split(": ", 1) for field in self.head_lines())
        body = self.rfile.read(int(head.get("Content-Length", 0))).decode()
        method, target, _ = line.split(" ")
        if body.startswith("{"):
            return json.loads(body)
        text = urllib.parse.urlsplit(target).query if method == "GET" else body
        return dict(urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=True))

    def head_lines(self):
        while (line := self.rfile.readline().decode()) != "\r\n":
            yield line


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.reports, self.lock, self.answer = [], threading.Lock(), answer


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        server = Server(answer)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def body_for(report):
    if "callback" in report:
        return f"/**/{report['callback']}({json.dumps(OK)});"
    return json.dumps(OK) if report.get("format") == "json" else XML


def reply(body, status="200 OK"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def say_ok(report, count):
    return reply(body_for(report))


def run_load(*flags):
    command = [str(BUILD / "playreport-load"), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def load(tmp_path, server, *flags):
    """Runs the generator; gives its exit code, its expectations and the word for each report_id."""
    expect, acks = tmp_path / "expect.json", tmp_path / "acks.txt"
    target = f"127.0.0.1:{server.server_address[1]}"
    done = run_load("--target", target, "--expect", str(expect), "--acks", str(acks), *flags)
    words = dict(line.split() for line in acks.read_text().splitlines())
    return done, json.loads(expect.read_text()), words


def key_of(report):
    is_play = "timeStart" in report or "time_start" in report
    source = report.get("source", "(none)").strip()
    return int(report["photo_id"]), source, "play" if is_play else "event", "" if is_play else report["event"]


def counts_of(rows):
    return {(row["photo_id"], row["source"], row["kind"], row["event"]): row["count"] for row in rows}


@pytest.mark.parametrize("form", ["all", "flash", "html5", "jsonp", "beacon", "post", "json", "xml"])
def test_what_was_sent_is_what_is_expected(tmp_path, serve, form):
    server = serve(say_ok)
    done, expect, words = load(tmp_path, server, "--reports", "500", "--forms", form)
    assert (done.returncode, expect["acknowledged"], expect["refused"]) == (0, 500, 0)
    assert counts_of(expect["counts"]) == collections.Counter(map(key_of, server.reports))
    assert {report["report_id"]: "acked" for report in server.reports} == words
    assert len(words) == 500 and "l1-0" in words and "l1-499" in words


def test_a_seed_repeats_a_run_and_another_does_not(tmp_path, serve):
    def sent(seed):
        server = serve(say_ok)
        load(tmp_path, server, "--reports", "200", "--seed", seed, "--pipeline", "4")
        return sorted((json.dumps(report, sort_keys=True) for report in server.reports))

    assert sent("7") == sent("7")
    assert sent("7") != sent("8")


def test_replies_are_understood_however_they_are_framed(tmp_path, serve):
    def framed(report, count):
        body = body_for(report)
        chunks = f"5;x=y\r\n{body[:5]}\r\n{len(body) - 5:X}\r\n{body[5:]}\r\n0\r\nA: b\r\n\r\n"
        return [
            f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}".encode(),
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + reply(body),
            reply(body + "\r\n").replace(b"Content-Length: ", b"content-length:\t"),
        ][count % 3]

    done, expect, _ = load(tmp_path, serve(framed), "--reports", "300", "--pipeline", "8")
    assert (done.returncode, expect["acknowledged"]) == (0, 300)


def test_events_only_sends_no_plays(tmp_path, serve):
    server = serve(say_ok)
    load(tmp_path, server, "--reports", "200", "--events-only")
    assert {key_of(report)[2] for report in server.reports} == {"event"}


@pytest.mark.parametrize(
    "wrong",
    [
        reply('<response status="error" permission_level="anonymous"/>'),
        reply('{"status":"error"}'),
        reply('{"status":"ok"'),
        reply(XML, "503 Service Unavailable"),
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_any_other_reply_is_refused(tmp_path, serve, wrong):
    server = serve(lambda report, count: wrong if count == 50 else reply(body_for(report)))
    done, expect, words = load(tmp_path, server, "--reports", "100", "--connections", "1", "--reconnect")
    assert done.returncode == 1 and "first refused: report_id=l1-49 " in done.stderr
    assert (expect["acknowledged"], expect["refused"]) == (99, 1)
    assert words["l1-49"] == "refused"


def test_what_was_on_its_way_is_unknown_and_never_sent_again(tmp_path, serve):
    server = serve(lambda report, count: None if count % 20 == 0 else reply(body_for(report)))
    done, expect, words = load(tmp_path, server, "--reports", "200", "--connections", "4", "--reconnect")
    seen = collections.Counter(report["report_id"] for report in server.reports)
    assert done.returncode == 0 and set(seen.values()) == {1}
    assert (expect["acknowledged"], expect["unknown"]) == (190, 10)
    unknown = [report for report in server.reports if words[report["report_id"]] == "unknown"]
    assert counts_of(expect["unknown_counts"]) == collections.Counter(map(key_of, unknown))


def test_a_lost_connection_ends_the_run_unless_told_to_reconnect(tmp_path, serve):
    server = serve(lambda report, count: None if count == 20 else reply(body_for(report)))
    done, expect, _ = load(tmp_path, server, "--reports", "200", "--connections", "1")
    assert done.returncode == 1 and "closed the connection" in done.stderr
    assert (expect["reports"], expect["acknowledged"], expect["unknown"]) == (20, 19, 1)


def test_a_rate_is_kept_and_latency_printed(tmp_path, serve):
    server = serve(say_ok)
    done, _, _ = load(tmp_path, server, "--reports", "100", "--rate", "200", "--latency")
    assert float(done.stdout.split("seconds=")[1].split()[0]) >= 0.49
    assert done.stdout.startswith("latency_us p50=")


def test_finish_waits_for_what_is_on_its_way(tmp_path, serve):
    may_answer = threading.Event()

    def answer(report, _):
        assert may_answer.wait(30)
        return reply(body_for(report))

    server, acks = serve(answer), tmp_path / "acks.txt"
    target = f"127.0.0.1:{server.server_address[1]}"
    words = [str(BUILD / "playreport-load"), "--target", target, "--connections", "4", "--reports", "1000000"]
    run = subprocess.Popen([*words, "--acks", str(acks), "--finish"], stdout=subprocess.PIPE, text=True)
    wait_until("all four wait for a reply", lambda: len(server.reports) == 4)
    run.terminate()
    may_answer.set()
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 0 and " unknown=0 refused=0 " in said
    assert acks.read_text().count(" acked\n") == len(server.reports)


@pytest.mark.parametrize("flags", [["--rate", "x"], ["--forms", "html6"], ["--target", "host"], ["--bogus"], ["more"]])
def test_bad_usage_is_exit_2(flags):
    assert run_load(*flags).returncode == 2
