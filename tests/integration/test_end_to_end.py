"""A report over HTTP becomes a number per photo_id and source, on the real Kafka, whatever is killed."""
import gzip
import http.client
import json
import os
import threading
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as xml
import zlib

import msgpack
import pytest

from broker import Kafka
from counts import TOPIC, TopicView, acknowledged, counted_events, expected_events
from daemons import consumer, ingest, load, wait_until

REPORTS = int(os.environ.get("PLAYREPORT_TEST_REPORTS", "20000"))
AWAY_S = int(os.environ.get("PLAYREPORT_TEST_AWAY_S", "5"))


@pytest.fixture
def kafka(tmp_path):
    with Kafka.start(tmp_path) as broker:
        yield broker


def all_counted(daemon, reports, timeout_s=120):
    return wait_until(f"{reports} reports are counted",
                      lambda: daemon.totals()["reports"] >= reports, timeout_s)


def test_counts_equal_what_was_acknowledged_to_the_unit(kafka, tmp_path):
    with ingest(tmp_path, kafka.bootstrap) as front, consumer(tmp_path, kafka.bootstrap) as counter:
        expect = load(front.port, REPORTS, tmp_path / "expect.json", tmp_path / "acks", "--seed", 7)
        assert expect["acknowledged"] == REPORTS
        all_counted(counter, REPORTS)
        assert counter.totals()["reports"] == REPORTS
        assert counted_events(counter) == expected_events(expect)
        view = TopicView(kafka)
        assert len(view.events) == REPORTS
        assert set(view.report_ids) == acknowledged(tmp_path / "acks")["acked"]
        print(f"reports={REPORTS} acknowledged={expect['acknowledged']} in_topic={len(view.events)} "
              f"counted={counter.totals()['reports']}")


class Sender(threading.Thread):
    """The load generator beside the test. `done` is set when it is over."""

    def __init__(self, *words):
        super().__init__()
        self.words = words
        self.done = threading.Event()
        self.expect = {}

    def run(self):
        try:
            self.expect = load(*self.words)
        finally:
            self.done.set()


def probe_until(port, end):
    """Reports one by one until end is set: each must be answered. Returns how many."""
    probe = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    count = 0
    while not end.wait(0.05):
        assert 'status="ok"' in ask(probe, "GET", f"{EVENT}?photo_id=1&event=load&source=probe")[1]
        count += 1
    probe.close()
    return count


def test_a_broker_away_delays_no_reply_and_loses_nothing(kafka, tmp_path):
    with ingest(tmp_path, kafka.bootstrap) as front, consumer(tmp_path, kafka.bootstrap) as counter:
        rate = max(REPORTS // (AWAY_S + 10), 500)
        sender = Sender(front.port, REPORTS, tmp_path / "expect.json", tmp_path / "acks", "--seed", 2, "--rate", rate)
        sender.start()
        wait_until("reports flow", lambda: counter.totals()["reports"] > REPORTS // 20)
        kafka.pause()
        back = threading.Timer(AWAY_S, kafka.resume)
        back.start()
        probes = probe_until(front.port, back.finished)
        waited = front.ready()
        sender.join()
        back.join()
        assert waited["ready"]
        assert sender.expect["acknowledged"] == REPORTS
        all_counted(counter, REPORTS + probes)
        assert counter.totals()["reports"] == REPORTS + probes
        counted = counted_events(counter)
        assert counted.pop((1, "probe", "load")) == probes
        assert counted == expected_events(sender.expect)
        print(f"away_s={AWAY_S} reports={REPORTS} waited_in_the_journal={waited['journal']['waiting']} "
              f"probes_answered_meanwhile={probes} counted={REPORTS + probes}")
        assert waited["journal"]["waiting"] > 0, "Kafka was not away"


class Kills:
    """Kills a daemon and starts it again; adds up a metric of its over all its lives."""

    def __init__(self, daemon, metric):
        self.daemon = daemon
        self.metric = metric
        self.count = self.before = 0

    def once(self):
        self.before += self.daemon.metric(self.metric)
        self.daemon.kill()
        self.daemon.start()
        self.count += 1

    def sum(self):
        return int(self.before + self.daemon.metric(self.metric))


def test_what_is_killed_loses_nothing_and_counts_nothing_twice(kafka, tmp_path):
    with ingest(tmp_path, kafka.bootstrap) as front, consumer(tmp_path, kafka.bootstrap) as counter:
        fronts = Kills(front, "playreport_publisher_resent_records_total")
        counters = Kills(counter, "playreport_consumer_repeats_total")
        sender = Sender(front.port, REPORTS, tmp_path / "expect.json", tmp_path / "acks", "--seed", 3, "--reconnect",
                        "--rate", max(REPORTS // 20, 100))
        sender.start()
        while not sender.done.wait(1.0):
            (fronts if fronts.count <= counters.count else counters).once()
        sender.join()
        assert fronts.count >= 5 and counters.count >= 5
        fates = acknowledged(tmp_path / "acks")
        wait_until("the journal is drained", lambda: front.ready()["journal"]["waiting"] == 0, 60)
        view = TopicView(kafka)
        all_counted(counter, len(view.events))
        assert not fates["acked"] - set(view.report_ids), "acknowledged reports are lost"
        assert max(view.report_ids.values()) == 1, "reports are in the topic under two names"
        assert counter.totals()["reports"] == len(view.events)
        assert counted_events(counter) == view.counts()
        resent, dropped = fronts.sum(), counters.sum()
        print(f"ingest_kills={fronts.count} consumer_kills={counters.count} acknowledged={len(fates['acked'])} "
              f"unknown={len(fates['unknown'])} counted={len(view.events)} records={view.records} "
              f"repeats_in_topic={view.repeats} sent_again={resent} repeats_dropped={dropped}")
        assert view.repeats > 0 and resent > 0 and dropped > 0, "nothing was sent again: the kills proved nothing"


def test_sigterm_under_load_ends_cleanly_and_loses_nothing(kafka, tmp_path):
    with ingest(tmp_path, kafka.bootstrap) as front, consumer(tmp_path, kafka.bootstrap) as counter:
        sender = threading.Thread(target=load, args=(
            front.port, 5000, tmp_path / "expect.json", tmp_path / "acks", "--seed", 4, "--reconnect", "--rate", 2500))
        sender.start()
        wait_until("reports flow", lambda: front.metric("playreport_reports_taken_total") > 500)
        assert front.stop() == 0
        front.start()
        sender.join()
        wait_until("the journal is drained", lambda: front.ready()["journal"]["waiting"] == 0, 60)
        view = TopicView(kafka)
        assert not acknowledged(tmp_path / "acks")["acked"] - set(view.report_ids)
        all_counted(counter, len(view.events))
        assert counter.totals()["reports"] == len(view.events)
        assert counter.stop() == 0


def test_what_does_not_decode_is_set_aside_and_the_rest_is_counted(kafka, tmp_path):
    with ingest(tmp_path, kafka.bootstrap) as front, consumer(tmp_path, kafka.bootstrap) as counter:
        load(front.port, 100, tmp_path / "a.json", None, "--seed", 5)
        poison = [b"\xc1", b"", b"\x81\xa1v", b"\xdd\x01\x00\x00\x00"]
        offsets = [kafka.produce(TOPIC, value, 3) for value in poison]
        load(front.port, 100, tmp_path / "b.json", None, "--seed", 6)
        all_counted(counter, 200)
        assert counter.totals()["reports"] == 200
        wait_until("dead letters are counted",
                   lambda: counter.metric("playreport_consumer_dead_letters_total") == len(poison))
        letters = {int(dict(r.headers)["dlq.offset"]): r for r in kafka.read_all(TOPIC + ".dlq")}
        assert {at: letters[at].value or b"" for at in offsets} == dict(zip(offsets, poison))
        assert dict(letters[offsets[0]].headers)["dlq.topic"] == TOPIC.encode()


# ---- The wire ----

OK_XML = '<response status="ok" permission_level="anonymous" message="The event was reported" cached="0"/>'
EVENT = "/api/analytics/report/event"
PLAY = "/api/analytics/report/play"


@pytest.fixture(scope="module")
def front(shared_kafka, tmp_path_factory):
    with ingest(tmp_path_factory.mktemp("front"), shared_kafka.bootstrap, topic="wire.reports") as daemon:
        yield daemon


@pytest.fixture
def conn(front):
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    yield connection
    connection.close()


def ask(conn, method, target, body=None, **headers):
    conn.request(method, target, body, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = conn.getresponse()
    return answer, answer.read().decode()


def test_xml_is_the_default_form(conn):
    assert ask(conn, "GET", EVENT + "?photo_id=1&event=load")[1] == OK_XML
    assert 'message="The play was reported"' in ask(conn, "GET", PLAY + "?photo_id=1&timeStart=0")[1]
    assert ask(conn, "GET", PLAY + "?photo_id=1&event=load")[1] == OK_XML


def test_json_has_the_seeds_keys_in_order(conn):
    answer, body = ask(conn, "GET", PLAY + "?photo_id=1&time_start=0&format=json")
    assert answer.getheader("Content-Type") == "text/javascript; charset=utf-8"
    assert list(json.loads(body)) == ["status", "message", "permission_level", "cached", "report", "p", "size", "site",
                                      "endpoint"]
    assert json.loads(body)["endpoint"] == PLAY


@pytest.mark.parametrize("words, start, end", [
    ("callback=window.ignore", "/**/window.ignore({", "});"),
    ("format=json&varname=visual", "var visual = {", "}"),
    ("format=json&raw", "{", "}"),
    ("varname=visual", "<response", "/>"),
])
def test_the_other_forms(conn, words, start, end):
    body = ask(conn, "GET", EVENT + "?photo_id=1&event=load&" + words)[1]
    assert body.startswith(start) and body.endswith(end)


@pytest.mark.parametrize("media, body", [
    ("application/x-www-form-urlencoded", "photo_id=1&event=load&raw=1&format=json"),
    ("application/json;charset=utf-8", '{"photo_id":1,"event":"load","format":"json"}'),
    ("text/plain;charset=UTF-8", '{"photo_id":1,"event":"load","format":"json"}'),
    ("text/plain;charset=UTF-8", "photo_id=1&event=load&format=json"),
])
def test_bodies_of_each_media_type(conn, media, body):
    answer, text = ask(conn, "POST", EVENT + "?format=xml&photo_id=x", body, Content_Type=media)
    assert answer.status == 200 and json.loads(text)["status"] == "ok"


@pytest.mark.parametrize("coding, packed", [
    ("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress),
    ("deflate", lambda body: zlib.compress(body)[2:-4]), ("identity", bytes),
])
@pytest.mark.parametrize("media, body", [
    ("application/x-www-form-urlencoded", b"photo_id=1&event=load&format=json"),
    ("application/json", b'{"photo_id":1,"event":"load","format":"json"}'),
])
def test_coded_bodies(conn, coding, packed, media, body):
    answer, text = ask(conn, "POST", EVENT, packed(body), Content_Type=media, Content_Encoding=coding)
    assert answer.status == 200 and json.loads(text)["status"] == "ok"


@pytest.mark.parametrize("target, name", [
    (EVENT + "?event=load", "photo_id"), (EVENT + "?photo_id=1", "event"), (PLAY + "?photo_id=1", "time_start"),
    (EVENT + "?photo_id=-1&event=load", "photo_id"), (EVENT + "?photo_id=1&event=a%00b", "event"),
    (EVENT + "?photo_id=9223372036854775808&event=load", "photo_id"),
])
def test_bad_input_is_named_and_the_connection_stays(conn, target, name):
    answer, body = ask(conn, "GET", target + "&format=json")
    error = json.loads(body)
    assert answer.status == 200 and error["status"] == "error" and error["code"] == "invalid_input"
    assert name in error["message"]
    assert ask(conn, "GET", EVENT + "?photo_id=1&event=load")[1] == OK_XML


@pytest.mark.parametrize("method, target, headers, body, status", [
    ("PUT", EVENT, {}, None, 405), ("GET", "/nowhere", {}, None, 404), ("OPTIONS", EVENT, {}, None, 204),
    ("POST", EVENT, {"Content-Type": "image/png"}, "x", 415), ("GET", "/healthz", {}, None, 200),
    ("GET", "/readyz", {}, None, 200), ("GET", EVENT + "?x=" + "a" * 20000, {}, None, 414),
    ("GET", EVENT, {"X": "a" * 40000}, None, 431), ("POST", EVENT, {}, "a" * 2000000, 413),
    ("GET", EVENT, {"Expect": "200-ok"}, None, 417),
])
def test_other_statuses(conn, method, target, headers, body, status):
    conn.request(method, target, body, headers)
    assert conn.getresponse().status == status


def test_an_unknown_method_of_the_api_is_named(conn):
    assert 'code="no_such_method"' in ask(conn, "GET", "/api/nowhere")[1]


def test_head_answers_as_get_without_body_and_records_nothing(front, conn):
    taken = front.metric("playreport_reports_taken_total")
    answer, body = ask(conn, "HEAD", EVENT + "?photo_id=1&event=load")
    assert body == "" and answer.getheader("Content-Length") == str(len(OK_XML))
    assert ask(conn, "GET", EVENT + "?photo_id=1&event=load")[1] == OK_XML
    assert front.metric("playreport_reports_taken_total") == taken + 1


def test_servers_report_downloads_and_robots_and_own_people_are_marked(shared_kafka, tmp_path):
    topic = "networks.reports"
    with ingest(tmp_path, shared_kafka.bootstrap, topic=topic, download_from="10.0.0.0/8,127.0.0.1",
                internal="192.0.2.0/24", trusted_proxies="127.0.0.1") as daemon:
        conn_ = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
        download = "/api/analytics/report/download?photo_id=5&bytes_total=1000&session_id=s&skip=1"
        assert 'message="The download was reported"' in ask(conn_, "GET", download)[1]
        assert "reported" in ask(conn_, "GET", download, X_Forwarded_For="10.1.2.3")[1]
        assert 'code="permission_denied"' in ask(conn_, "GET", download, X_Forwarded_For="11.1.2.3")[1]
        for address in ("192.0.2.7", "192.0.3.7"):
            ask(conn_, "GET", f"{EVENT}?photo_id=6&event=load&uuid={address}", X_Forwarded_For=address)
        ask(conn_, "GET", f"{EVENT}?photo_id=6&event=load&uuid=bot", User_Agent="Googlebot/2.1 (+http://google.com/bot.html)")
        conn_.close()
        assert daemon.stop() == 0
    events = [msgpack.unpackb(record.value) for record in shared_kafka.read_all(topic)]
    downloads = [e for e in events if e["kind"] == "download"]
    assert [(e["photo_id"], e["bytes_total"], e["session_id"], e["skip"]) for e in downloads] == [(5, 1000, "s", True)] * 2
    marks = {e["uuid"]: (e.get("internal"), e.get("bot")) for e in events if e["kind"] == "event"}
    assert marks == {"192.0.2.7": (True, None), "192.0.3.7": (None, None), "bot": (None, True)}


def test_pixels_are_images_whatever_the_outcome(front, conn):
    taken = front.metric("playreport_reports_taken_total")
    for target, is_taken in ((EVENT + ".gif?photo_id=1&event=load", 1), (EVENT + ".gif?photo_id=x&event=load", 0),
                             (PLAY + ".gif?photo_id=1&time_start=0&callback=no(good)", 1), (PLAY + ".gif", 0)):
        conn.request("GET", target)
        answer = conn.getresponse()
        image = answer.read()
        assert answer.status == 200 and answer.getheader("Content-Type") == "image/gif"
        assert image[:10] == b"GIF89a\1\0\1\0" and image[-1:] == b";"
        taken += is_taken
        assert front.metric("playreport_reports_taken_total") == taken


def test_flash_policies_open_what_is_below_them(conn):
    answer, root = ask(conn, "GET", "/crossdomain.xml")
    assert answer.getheader("Content-Type") == "text/x-cross-domain-policy"
    assert 'permitted-cross-domain-policies="all"' in root and "allow-access-from" not in root
    for path in ("/api/crossdomain.xml", "/api/analytics/crossdomain.xml"):
        policy = xml.fromstring(ask(conn, "GET", path)[1])
        assert policy.find("allow-access-from").attrib == {"domain": "*", "secure": "false"}


@pytest.mark.parametrize("choice, kept", [("ignore", True), ("strip", False)])
def test_privacy_signals_are_heeded_when_they_shall_be(shared_kafka, tmp_path, choice, kept):
    topic = f"privacy.{choice}"
    with ingest(tmp_path, shared_kafka.bootstrap, topic=topic, privacy_signals=choice) as daemon:
        conn_ = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
        for header in ({"DNT": "1"}, {"Sec_GPC": "1"}, {"DNT": "0"}):
            ask(conn_, "GET", f"{EVENT}?photo_id=1&event=load&uuid=u&source=embed", User_Agent="A", **header)
        conn_.close()
        assert daemon.stop() == 0
    events = [msgpack.unpackb(record.value) for record in shared_kafka.read_all(topic)]
    assert len(events) == 3 and all(e["source"] == "embed" for e in events)
    assert sorted(("uuid" in e, "ip" in e, "ua" in e) for e in events) == sorted([(kept,) * 3] * 2 + [(True,) * 3])


def test_echo_mirrors_what_was_understood(conn):
    target = "/api/echo?format=json&a=%3Cx%3E&b=1+2&a=again&%C3%A6=%F0%9F%92%A5&bad=%ff&flag"
    answer = json.loads(ask(conn, "GET", target)[1])
    assert answer["status"] == "ok" and answer["endpoint"] == "/api/echo"
    assert answer["echo"] == {"format": "json", "a": "<x>", "b": "1 2", "æ": "💥", "bad": "\ufffd", "flag": ""}
    mirrored = xml.fromstring(ask(conn, "POST", "/api/echo", "a=%3Cx%3E&a=again")[1].encode())
    assert [(p.get("name"), p.get("value")) for p in mirrored] == [("a", "<x>"), ("a", "again")]


def test_the_site_tells_its_facts(conn):
    answer = json.loads(ask(conn, "GET", "/api/site/get?format=json")[1])
    assert {"site_id", "site_name", "product_key", "domain"} <= set(answer["site"])
    site = xml.fromstring(ask(conn, "GET", "/api/site/get")[1]).find("site")
    assert site.get("site_id") == answer["site"]["site_id"]
    assert ask(conn, "GET", "/api/site/get?callback=f")[1].startswith("/**/f({")


BATCH = "/api/analytics/report/batch"
MIXED = [{"reportType": "event", "photo_id": 41, "event": "load"},
         {"reportType": "event", "photo_id": "x", "event": "load"},
         {"reportType": "play", "photo_id": 42, "timeStart": 1.5, "uuid": "u"},
         {"reportType": "nothing", "photo_id": 43, "event": "load"},
         {"photo_id": 44, "event": "load", "data": [1]}, 7]


@pytest.mark.parametrize("send", [
    lambda text: ("GET", f"{BATCH}?format=json&data={urllib.parse.quote(text)}", None, {}),
    lambda text: ("POST", BATCH, f"format=json&data={urllib.parse.quote(text)}",
                  {"Content_Type": "application/x-www-form-urlencoded"}),
    lambda text: ("GET", f"{BATCH}?callback=window.ignore&data={urllib.parse.quote(text)}", None, {}),
])
def test_a_batch_is_judged_report_by_report(shared_kafka, tmp_path, send):
    with ingest(tmp_path, shared_kafka.bootstrap, topic=f"batch.{tmp_path.name}") as daemon:
        conn_ = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
        method, target, body, headers = send(json.dumps(MIXED))
        text = ask(conn_, method, target, body, **headers)[1]
        if text.startswith("/**/"):
            text = text.removeprefix("/**/window.ignore(").removesuffix(");")
        answer = json.loads(text)
        assert (answer["status"], answer["accepted"], answer["rejected"]) == ("ok", "3", "3")
        assert answer["rejections"] == [{"index": i, "code": "invalid_input"} for i in ("1", "3", "5")]
        conn_.close()
        assert daemon.stop() == 0
        events = [msgpack.unpackb(r.value) for r in shared_kafka.read_all(f"batch.{tmp_path.name}")]
        assert sorted((e["kind"], e["photo_id"]) for e in events) == [("event", 41), ("event", 44), ("play", 42)]


def test_an_array_is_a_batch_on_the_path_of_one_report(front, conn):
    taken = front.metric("playreport_reports_taken_total")
    body = json.dumps([{"photo_id": 1, "event": "load"}, {"photo_id": 2, "event": "load"}])
    answer, text = ask(conn, "POST", EVENT, body, Content_Type="application/json")
    assert 'accepted="2" rejected="0"' in text
    assert front.metric("playreport_reports_taken_total") == taken + 2
    assert 'code="invalid_input"' in ask(conn, "POST", EVENT, "[{}]", Content_Type="application/json")[1]
    assert "JSON array" in ask(conn, "POST", EVENT, "[]", Content_Type="application/json")[1]
    assert "JSON array" in ask(conn, "GET", BATCH + "?data=%7B%7D")[1]
    assert "data is missing" in ask(conn, "GET", BATCH)[1]
    many = json.dumps([{"photo_id": 1, "event": "load"}] * 1001)
    assert ask(conn, "POST", EVENT, many, Content_Type="application/json")[0].status == 413
    assert front.metric("playreport_reports_taken_total") == taken + 2
    assert ask(conn, "HEAD", EVENT, None)[0].status == 200


# ---- The read side ----


def test_the_report_api_answers_csv_and_names_what_is_wrong(kafka, tmp_path):
    with ingest(tmp_path, kafka.bootstrap) as front_, consumer(tmp_path, kafka.bootstrap) as counter:
        conn_ = http.client.HTTPConnection("127.0.0.1", front_.port, timeout=10)
        for photo, source in ((1, "embed"), (1, "embed"), (2, "site"), (2, "%3DHYPERLINK(1)")):
            ask(conn_, "GET", f"{EVENT}?photo_id={photo}&event=load&source={source}")
        conn_.close()
        all_counted(counter, 4)
        base = f"http://127.0.0.1:{counter.port}/v1/report?"
        query = "dimensions=photo_id,source&metrics=events,loads&sort=-events"
        text = urllib.request.urlopen(base + query + "&format=csv").read().decode()
        assert text.splitlines()[:2] == ["photo_id,source,events,loads", "1,embed,2,2"]
        assert "'=HYPERLINK(1)" in text
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(base + "dimension=photo_id")
        assert refused.value.code == 400
        assert json.loads(refused.value.read())["error"]["parameter"] == "dimension"
