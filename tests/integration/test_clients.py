"""Clients that are no browsers against ingest: what each was answered, in its own words, and what is in the topic."""
import gzip
import http.client
import json
import subprocess
import xml.etree.ElementTree as xml
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from clients.inbox import Inbox, photos
from daemons import ingest
from wire import EVENT

TOPIC = "clients.reports"
CLIENTS = Path(__file__).parent / "clients"
OK = {"status": "ok", "message": "The event was reported", "permission_level": "anonymous", "cached": "0"}
PLAY_OK = {**OK, "message": "The play was reported"}
PLAY, BATCH = EVENT.replace("event", "play"), EVENT.replace("event", "batch")
BODY_MAX = 1 << 20


@pytest.fixture(scope="module")
def daemon(shared_kafka, tmp_path_factory):
    options = {"topic": TOPIC, "topic_partitions": 3, "workers": 1}  # one lane: the topic has the order of the requests
    with ingest(tmp_path_factory.mktemp("clients"), shared_kafka.bootstrap, **options) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def origin(daemon):
    return f"http://127.0.0.1:{daemon.port}"


@pytest.fixture(scope="module")
def inbox(daemon, shared_kafka):
    return Inbox(daemon, shared_kafka, TOPIC)


@pytest.fixture
def photo(inbox, record_property):
    photo = next(photos)
    yield photo
    record_property("events", len(inbox.events(photo, 0)))


def run(*words, data=None):
    done = subprocess.run([str(word) for word in words], input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def said(reply):
    """Of a reply as JSON or as attributes, what there always is when it is ok."""
    return {name: reply.get(name) for name in OK}


def told(events, *names):
    return [tuple(event.get(name) for name in names) for event in events]


def test_node_with_an_oauth_signature_of_nothing(origin, inbox, photo):
    *good, refused = json.loads(run("node", CLIENTS / "player.js", origin, photo))
    assert [answer["status"] for answer in good] == [200] * 6
    assert [said(answer["reply"]) for answer in good] == [OK] * 6
    assert {answer["type"] for answer in good} == {"text/javascript; charset=utf-8"}
    assert [answer["reused"] for answer in good[:4]] == [False, True, True, True]
    assert refused["status"] == 200
    assert xml.fromstring(refused["reply"]).get("code") == "invalid_input"
    sources = ["urlencoded", "in chunks", "gzip", "query", "fetch", "multipart"]
    assert told(inbox.events(photo, 6), "event", "source") == [("load", source) for source in sources]


def test_java_reads_attributes_by_name(origin, inbox, photo):
    replies = run("java", CLIENTS / "ReadReplies.java", origin, photo).rstrip().split("\n\n")
    first, second, play, refused, batch = [reply.split("\n") for reply in replies]
    ok = ["status=ok", "permission_level=anonymous", "message=The event was reported", "cached=0"]
    assert first == second == ok
    assert play == [*ok[:2], "message=The play was reported", "cached=0"]
    assert refused[0] == "status=error" and refused[3] == "code=invalid_input" and "event" in refused[2]
    assert batch[0] == "status=ok" and batch[3:] == ["accepted=1", "rejected=1", "rejected index=1 code=invalid_input"]
    assert told(inbox.events(photo, 4), "kind", "event", "source", "time_start") == [
        ("event", "load", "get", None), ("event", "load", "blåbær & \"smør\" <視聴>", None), ("play", None, None, 1.5),
        ("event", "load", "batch", None)]


# ---- curl. ----

def curl(url, *words, data=None):
    """Status, how many bytes of the body it sent, and what it was answered."""
    form = "\n%{http_code} %{size_upload}"
    out = run("curl", "-sS", "--max-time", 30, "-w", form, *words, url, data=data)
    body, _, figures = out.rpartition("\n")
    status, sent = map(int, figures.split())
    return status, sent, body


def batch_of(photo, size):
    """A batch of exactly that many bytes, and the number of its reports."""
    one = {"photo_id": photo, "reportType": "event", "event": "load", "source": "a batch"}
    count = 900
    padding = size - len(json.dumps([{**one, "pad": ""}] * count).encode())
    each, rest = divmod(padding, count)
    reports = [{**one, "pad": "x" * (each + (number < rest))} for number in range(count)]
    data = json.dumps(reports).encode()
    assert len(data) == size
    return data, count


SENDINGS = {
    "asking first": ["-H", "Expect: 100-continue"],
    "at once": ["-H", "Expect:"],
    "in chunks": ["-H", "Transfer-Encoding: chunked", "-H", "Expect:"],
    "in chunks, asking first": ["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"],
}


@pytest.mark.parametrize("how", SENDINGS)
def test_curl_brings_a_body_of_the_largest_size(how, origin, inbox, photo):
    data, count = batch_of(photo, BODY_MAX)
    words = ["-H", "Content-Type: application/json", *SENDINGS[how], "--data-binary", "@-"]
    status, sent, body = curl(origin + BATCH, *words, data=data)
    assert status == 200 and sent >= BODY_MAX
    assert xml.fromstring(body).get("accepted") == str(count)
    assert told(inbox.events(photo, count), "event", "source") == [("load", "a batch")] * count


@pytest.mark.parametrize("size", [BODY_MAX + 1, 8 * BODY_MAX], ids=["by a byte", "by 7 MiB"])
@pytest.mark.parametrize("how", SENDINGS)
def test_curl_is_told_that_a_body_is_too_large(how, size, origin, inbox, photo):
    data, _ = batch_of(photo, size)
    words = ["-H", "Content-Type: application/json", *SENDINGS[how], "--data-binary", "@-"]
    status, sent, body = curl(origin + BATCH, *words, data=data)
    assert status == 413 and body
    if how == "asking first":
        assert sent == 0
    assert inbox.events(photo, 0) == []


def test_curl_as_from_a_shell(origin, inbox, photo):
    url = origin + EVENT
    answers = [
        curl(f"{url}?photo_id={photo}&event=load&source=get"),
        curl(url, "-G", "-d", f"photo_id={photo}", "-d", "event=load", "--data-urlencode", "source=made & encoded"),
        curl(url, "-d", f"photo_id={photo}&event=load&source=form"),
        curl(url, "-F", f"photo_id={photo}", "-F", "event=load", "-F", "source=multipart"),
        curl(url, "--json", json.dumps({"photo_id": photo, "event": "load", "source": "json"})),
        curl(url, "-0", "-d", f"photo_id={photo}&event=load&source=HTTP/1.0"),
        curl(url, "--http2", "-d", f"photo_id={photo}&event=load&source=offers HTTP/2"),
        curl(url, "--compressed", "-H", "Content-Encoding: gzip", "--data-binary", "@-",
             data=gzip.compress(f"photo_id={photo}&event=load&source=gzip".encode())),
    ]
    assert [status for status, _, _ in answers] == [200] * 8
    assert [said(json.loads(body) if body.startswith("{") else xml.fromstring(body).attrib)
            for _, _, body in answers] == [OK] * 8
    sources = ["get", "made & encoded", "form", "multipart", "json", "HTTP/1.0", "offers HTTP/2", "gzip"]
    assert told(inbox.events(photo, 8), "source") == [(source,) for source in sources]
    status, _, body = curl(url, "-I", "-G", "-d", f"photo_id={photo}", "-d", "event=load")
    assert status == 200 and "Content-Type: text/xml" in body
    assert len(inbox.events(photo, 8)) == 8


# ---- Python. ----

def test_requests_of_python(origin, inbox, photo):
    fields = {"photo_id": str(photo), "event": "load", "format": "json"}
    url = origin + EVENT
    with requests.Session() as session:
        answers = [
            session.get(url, params={**fields, "source": "blåbær 視聴"}),
            session.post(url, data={**fields, "source": "form"}),
            session.post(url, json={**fields, "photo_id": photo, "source": "json"}),
            session.post(url, files={name: (None, value) for name, value in {**fields, "source": "multipart"}.items()}),
            session.post(url, data=iter([urlencode({**fields, "source": "generator"}).encode()]),
                         headers={"Content-Type": "application/x-www-form-urlencoded"}),
            session.post(url, data={**fields, "source": "signed"}, auth=("anyone", "anything")),
        ]
        refused = session.post(url, files={"photo_id": ("a.txt", b"1"), "event": (None, "load")})
        asking = {"Origin": "https://player.example", "Access-Control-Request-Method": "POST"}
        preflight = session.options(url, headers=asking)
    assert [answer.status_code for answer in answers] == [200] * 6
    assert [said(answer.json()) for answer in answers] == [OK] * 6
    assert answers[0].json()["endpoint"] == EVENT and answers[0].json()["report"] == {}
    assert refused.status_code == 415
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (204, "*")
    sources = ["blåbær 視聴", "form", "json", "multipart", "generator", "signed"]
    assert told(inbox.events(photo, 6), "event", "source") == [("load", source) for source in sources]


# ---- Flash, whose player is gone: its requests as the old players made them. ----

FLASH_HEAD = {"Accept": "*/*", "Accept-Language": "da-DK", "x-flash-version": "11,4,402,287",
              "Referer": "http://www.example.org/5.swf?token=1b2c&photo_id=1",
              "User-Agent": "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)"}
FLASH = {"uuid": "0F3A9B1C-77D2-0A4E-B1C0-93D2E6A85F17", "source": "embed", "user_player_type": "flash",
         "user_player_version": "WIN 11,4,402,287", "user_player_resolution": "1920x1080", "raw": "t", "format": "json"}
TIMES = {
    "camel case": {"timeStart": "0", "timeEnd": "12.345", "timeTotal": "60.2"},
    "snake case": {"time_start": "0", "time_end": "12.345", "time_total": "60.2"},
    "both": {"timeStart": "0", "time_start": "9", "timeEnd": "12.345", "time_end": "", "timeTotal": "",
             "time_total": "60.2"},
}


class FlashPlayer:
    def __init__(self, port):
        self.conn = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(self, method, target, body=None):
        head = {**FLASH_HEAD, **({"Content-Type": "application/x-www-form-urlencoded"} if body else {})}
        self.conn.request(method, target, body, head)
        answer = self.conn.getresponse()
        assert answer.status == 200
        return answer.getheader("Content-Type"), answer.read().decode()

    def policy(self, path):
        """What it lets an application of another domain do, element by element."""
        kind, body = self.ask("GET", path)
        assert kind == "text/x-cross-domain-policy"
        return [(element.tag, element.attrib) for element in xml.fromstring(body)]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("case", TIMES)
def test_flash_reports(case, method, daemon, inbox, photo):
    player = FlashPlayer(daemon.port)

    def report(path, **fields):
        words = urlencode({"photo_id": photo, **FLASH, **fields})
        kind, body = player.ask(method, f"{path}?{words}" if method == "GET" else path,
                                words if method == "POST" else None)
        assert kind == "text/javascript; charset=utf-8"
        return said(json.loads(body))

    assert report(EVENT, event="load") == OK
    assert report(PLAY, **TIMES[case]) == PLAY_OK
    assert report(PLAY, event="preRollClick") == OK
    assert told(inbox.events(photo, 3), "kind", "event", "time_start", "time_end", "time_total") == [
        ("event", "load", None, None, None), ("play", None, 0, 12.345, 60.2),
        ("event", "preRollClick", None, None, None)]
    assert set(told(inbox.events(photo, 3), "uuid", "source", "user_player_type", "user_player_version")) == {
        (FLASH["uuid"], "embed", "flash", "WIN 11,4,402,287")}


def test_flash_is_let_in_by_the_policies_it_asks_for(daemon):
    player = FlashPlayer(daemon.port)
    assert player.policy("/crossdomain.xml") == [("site-control", {"permitted-cross-domain-policies": "all"})]
    assert player.policy("/api/crossdomain.xml")[0] == ("allow-access-from", {"domain": "*", "secure": "false"})
