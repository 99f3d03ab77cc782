"""SIGHUP: what the daemon goes by changes while it serves, and no reply is lost or failed for it."""
import http.client
import json
import os
import re
import signal
import threading
from datetime import datetime, timezone
from itertools import count
from zoneinfo import ZoneInfo

import msgpack
import pytest
from oauthlib import oauth1

from daemons import consumer, ingest, load, wait_until

REPORTS = int(os.environ.get("PLAYREPORT_TEST_REPORTS", "20000"))
EVENT = "/api/analytics/report/event?event=load&photo_id="
SITE = "/api/site/get?format=json"
NAMES = count(1)


def site(site_id):
    return {"key": f"site{site_id}", "site_id": str(site_id), "site_name": "A site", "product_key": "p",
            "domain": "a.example"}


class Files:
    """A daemon's configuration and the files that it names, put in place by renaming as an operator should."""

    def __init__(self, folder):
        self.folder = folder
        self.write("sites.json", json.dumps([site(1)]))
        self.write("bots.txt", "firstbot\n")
        self.write("photos.txt", "1\n")
        self.settings = {name: str(folder / file) for name, file in
                         (("sites", "sites.json"), ("bots", "bots.txt"), ("catalogue", "photos.txt"))}
        self.configure()

    def write(self, name, text):
        fresh = self.folder / (name + ".new")
        fresh.write_text(text)
        fresh.rename(self.folder / name)

    def configure(self, **more):
        self.settings.update(more)
        self.write("config.json", json.dumps(self.settings))


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture
def topic(shared_kafka):
    name = f"reload{next(NAMES)}.reports"
    shared_kafka.create_topic(name, 3)
    return name


@pytest.fixture
def front(shared_kafka, topic, files, tmp_path):
    """One worker: after the first answer by the new rules there is none by the old."""
    with ingest(tmp_path, shared_kafka.bootstrap, topic=topic, workers=1, config=tmp_path / "config.json") as daemon:
        yield daemon


def lines(daemon, event):
    return [line for line in daemon.log.read_text().splitlines() if f" event={event} " in line]


def hang_up(daemon, event="reloaded"):
    """Returns the line that the daemon logs for it, the only one."""
    before = len(lines(daemon, event))
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(f"it says {event}", lambda: len(lines(daemon, event)) > before)
    assert len(lines(daemon, event)) == before + 1
    return lines(daemon, event)[-1]


def get(daemon, target, agent="a player"):
    conn = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    conn.request("GET", target, headers={"User-Agent": agent})
    answer = conn.getresponse()
    body = answer.read().decode()
    conn.close()
    return answer.status, body


def events(kafka, topic):
    return [msgpack.unpackb(record.value) for record in kafka.read_all(topic, timeout_s=120)]


def await_site(daemon, site_id):
    wait_until("the worker has taken the rules", lambda: f'"site_id":"{site_id}"' in get(daemon, SITE)[1])


def test_files_are_read_again(front, files, shared_kafka, topic):
    assert "no_such_photo" in get(front, EVENT + "2")[1]
    assert 'status="ok"' in get(front, EVENT + "1", "secondbot")[1]
    files.write("sites.json", json.dumps([site(7), site(8)]))
    files.write("bots.txt", "secondbot\nthirdbot\nfourthbot\n")
    files.write("photos.txt", "2\n3\n4\n5\n")
    told = hang_up(front)
    assert told.endswith(" sites=2 trusted_proxies=0 download_from=0 internal=0 bots=3 catalogue=4 cors_origins=*")
    await_site(front, 7)
    assert "no_such_photo" in get(front, EVENT + "1")[1]
    assert 'status="ok"' in get(front, EVENT + "2", "secondbot")[1]
    assert 'status="ok"' in get(front, EVENT + "3", "firstbot")[1]
    wait_until("all is on Kafka", lambda: front.ready()["journal"]["waiting"] == 0)
    found = {(e["photo_id"], e["site"], e.get("bot", False)) for e in events(shared_kafka, topic)}
    assert found == {(1, "site1", False), (2, "site7", True), (3, "site7", False)}


def test_options_of_the_file_are_read_again_and_the_others_named(front, files, shared_kafka, topic):
    assert "permission_denied" in get(front, "/api/analytics/report/download?photo_id=1")[1]
    files.write("sites.json", json.dumps([site(2)]))
    files.configure(download_from="127.0.0.0/8", internal=["127.0.0.1", "10.0.0.0/8"], client_ip="none",
                    user_agent="none", log_level="debug", linger_ms=7, ack_timeout="11s", kafka={"client.id": "x"})
    told = hang_up(front)
    assert " download_from=1 internal=2 " in told
    restart = wait_until("the rest is named", lambda: lines(front, "reload_needs_restart"))
    assert [line.split(" options=")[1] for line in restart] == ["ack_timeout,linger_ms,kafka.client.id"]
    await_site(front, 2)
    assert "permission_denied" not in get(front, "/api/analytics/report/download?photo_id=1")[1]
    assert 'status="ok"' in get(front, EVENT + "1")[1]
    wait_until("all is on Kafka", lambda: front.ready()["journal"]["waiting"] == 0)
    last = [e for e in events(shared_kafka, topic) if e["kind"] == "event"][-1]
    assert last["internal"] is True and "ip" not in last and "ua" not in last and "viewer" not in last


def test_the_log_level_follows(front, files):
    files.configure(log_level="warn", linger_ms=7)
    hang_up(front, "reload_needs_restart")
    assert not lines(front, "reloaded"), "it comes before the warning, and is not said at this level"
    files.configure(log_level="info")
    hang_up(front)


@pytest.mark.parametrize("name, text, told", (
    ("config.json", "{", r"config\.json: line 1"),
    ("config.json", '{"client_ip": "some"}', r'config\.json: client_ip: \\"some\\" must be'),
    ("config.json", '{"internal": "there"}', r"internal: 'there'"),
    ("sites.json", "[{}]", r"sites: \S*sites\.json"),
    ("bots.txt", "fine\nab\n", r"bots: \S*bots\.txt: line 2"),
    ("photos.txt", "1\nx\n", r"catalogue: \S*photos\.txt: line 2"),
))
def test_a_fault_leaves_everything_as_it_was(front, files, name, text, told):
    files.write("sites.json", json.dumps([site(9)]))
    files.configure(internal="127.0.0.1")
    files.write(name, text)
    line = hang_up(front, "reload_failed")
    assert re.search(rf' level=error .* err=.*{told}', line), line
    assert not lines(front, "reloaded")
    for _ in range(20):
        assert '"site_id":"1"' in get(front, SITE)[1]
    assert 'status="ok"' in get(front, EVENT + "1")[1]
    Files(files.folder).write("sites.json", json.dumps([site(3)]))  # all is put right, and taken
    hang_up(front)
    await_site(front, 3)


def test_a_file_that_is_gone_leaves_everything_as_it_was(front, files):
    (files.folder / "photos.txt").unlink()
    assert re.search(r"catalogue: \S*photos\.txt: No such file", hang_up(front, "reload_failed"))
    assert 'status="ok"' in get(front, EVENT + "1")[1]
    assert "no_such_photo" in get(front, EVENT + "2")[1]


@pytest.mark.parametrize("level", ("journal", "disk", "broker"))
def test_reloads_under_load_lose_and_fail_no_reply(shared_kafka, topic, files, tmp_path, level):
    files.write("photos.txt", "".join(f"{n}\n" for n in range(1, 1001)))
    with ingest(tmp_path, shared_kafka.bootstrap, topic=topic, ack=level, config=tmp_path / "config.json") as front:
        told = {}

        def send():
            told.update(load(front.port, REPORTS, tmp_path / "expect.json", None, "--seed", 5, "--connections", 32,
                             "--pipeline", 4, "--rate", REPORTS // 3))

        sender = threading.Thread(target=send)
        sender.start()
        reloads = 0
        while sender.is_alive():
            files.write("sites.json", json.dumps([site(1 + reloads % 2)]))
            files.write("bots.txt", f"bot{reloads}\n")
            hang_up(front)
            reloads += 1
        sender.join()
        assert told.get("acknowledged") == REPORTS, "a reply was lost or failed"
        assert reloads >= 5
        assert front.metric("playreport_acks_total") == REPORTS
        wait_until("all is on Kafka", lambda: front.ready()["journal"]["waiting"] == 0, 60)
        found = events(shared_kafka, topic)
        assert len({event["id"] for event in found}) == REPORTS
        assert {event["site"] for event in found} == {"site1", "site2"}
        assert front.stop() == 0
        print(f"level={level} reloads={reloads} acknowledged={told['acknowledged']}")


def may_read(daemon, token):
    conn = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    conn.request("GET", "/v1/report", headers={"Authorization": f"Bearer {token}"})
    status = conn.getresponse().status
    conn.close()
    assert status in (200, 401)
    return status == 200


def test_the_consumer_takes_tokens_and_log_level(shared_kafka, topic, files, tmp_path):
    files.write("consumer.json", json.dumps({"read_tokens": ["old"]}))
    with consumer(tmp_path, shared_kafka.bootstrap, topic=topic, config=tmp_path / "consumer.json") as counter:
        assert may_read(counter, "old") and not may_read(counter, "new")
        files.write("consumer.json", json.dumps({"read_tokens": ["new", "other"], "flush_ms": 300}))
        assert hang_up(counter).endswith(" read_tokens=2")
        wait_until("the rest is named", lambda: lines(counter, "reload_needs_restart"))
        assert lines(counter, "reload_needs_restart")[0].endswith(" options=flush_ms")
        assert may_read(counter, "new") and may_read(counter, "other") and not may_read(counter, "old")
        files.write("consumer.json", json.dumps({"read_tokens": 'x', "flush_ms": 0}))
        assert "consumer.json: flush_ms: " in hang_up(counter, "reload_failed")
        assert may_read(counter, "new") and not may_read(counter, "x")
        files.write("consumer.json", json.dumps({"read_tokens": 'x', "flush_ms": 300, "log_level": "warn"}))
        hang_up(counter, "reload_needs_restart")
        assert len(lines(counter, "reloaded")) == 1, "it is not said at this level"
        assert may_read(counter, "x")
        assert counter.stop() == 0


def sign(daemon, key, secret):
    """Headers of a GET of /v1/report, signed."""
    return oauth1.Client(key, secret).sign(f"http://127.0.0.1:{daemon.port}/v1/report")[1]


def may_read_signed(daemon, headers):
    conn = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    conn.request("GET", "/v1/report", headers=headers)
    status = conn.getresponse().status
    conn.close()
    assert status in (200, 401)
    return status == 200


def test_the_consumer_takes_keys_and_forgets_no_signature(shared_kafka, topic, files, tmp_path):
    files.write("consumer.json", json.dumps({"oauth_keys": "key:secret"}))
    with consumer(tmp_path, shared_kafka.bootstrap, topic=topic, config=tmp_path / "consumer.json") as counter:
        used = sign(counter, "key", "secret")
        assert may_read_signed(counter, used) and not may_read_signed(counter, sign(counter, "key", "other"))
        files.write("consumer.json", json.dumps({"oauth_keys": "key:secret,new:s2", "read_tokens": "token"}))
        hang_up(counter)
        assert may_read_signed(counter, sign(counter, "new", "s2")) and may_read_signed(counter, sign(counter, "key", "secret"))
        assert may_read(counter, "token") and not may_read_signed(counter, used), "sent again"
        files.write("consumer.json", json.dumps({"oauth_keys": "half", "read_tokens": "token"}))
        assert "oauth_keys: entry 1 is not" in hang_up(counter, "reload_failed")
        assert may_read_signed(counter, sign(counter, "new", "s2"))
        files.write("consumer.json", json.dumps({"oauth_keys": "new:s3", "read_tokens": "token"}))
        hang_up(counter)
        assert may_read_signed(counter, sign(counter, "new", "s3"))
        assert not any(may_read_signed(counter, sign(counter, *pair)) for pair in (("key", "secret"), ("new", "s2")))
        assert counter.stop() == 0


def test_the_consumer_keeps_its_tokens_while_others_may_reach_it(shared_kafka, topic, files, tmp_path):
    words = tmp_path / "consumer.json"
    files.write(words.name, json.dumps({"read_tokens": "only"}))
    daemon = consumer(tmp_path, shared_kafka.bootstrap, topic=topic, config=words)
    daemon.host = "0.0.0.0"
    with daemon:
        files.write(words.name, "{}")
        assert "read_tokens" in hang_up(daemon, "reload_failed")
        assert may_read(daemon, "only") and not may_read(daemon, "")


# ---- The sites of the consumer: their time zones. ----
KOLKATA = "Asia/Kolkata"


def zoned(site_id, zone):
    return {**site(site_id), "time_zone": zone, "hosts": [f"site{site_id}.example"]}


def report_to(front, site_id, photo):
    conn = http.client.HTTPConnection("127.0.0.1", front.port, timeout=30)
    conn.request("GET", EVENT + str(photo), headers={"Host": f"site{site_id}.example"})
    assert 'status="ok"' in conn.getresponse().read().decode()
    conn.close()


def days_of(counter, **query):
    """{site: its days with reports}."""
    rows = counter.report(dimensions="site,day", metrics="reports", limit=1000, **query)["rows"]
    days = {}
    for row in rows:
        if row["reports"]:
            days.setdefault(row["site"], set()).add(row["day"])
    return days


def days_by(kafka, topic, zones):
    """{site: the days of its events in the zone given for it}, by their receive time in the topic."""
    days = {}
    for event in events(kafka, topic):
        local = datetime.fromtimestamp(event["ts"] / 1000, ZoneInfo(zones[event["site"]]))
        days.setdefault(event["site"], set()).add(local.date().isoformat())
    return days


@pytest.fixture
def zones():
    """UTC, and a zone that has another day now."""
    return "UTC", "Pacific/Kiritimati" if datetime.now(timezone.utc).hour >= 10 else "Pacific/Pago_Pago"


@pytest.fixture
def sited(shared_kafka, topic, files, tmp_path):
    """Ingest, for sites of any name, and a consumer that begins with two sites, both UTC."""
    names = tmp_path / "ingest_sites.json"
    names.write_text(json.dumps([zoned(n, "UTC") for n in (1, 2, 3)]))
    files.write("sites.json", json.dumps([zoned(1, "UTC"), zoned(2, "UTC")]))
    with ingest(tmp_path, shared_kafka.bootstrap, topic=topic, sites=names) as front, \
            consumer(tmp_path, shared_kafka.bootstrap, topic=topic, sites=tmp_path / "sites.json") as counter:
        yield front, counter


def counted(counter, reports):
    wait_until("all is counted", lambda: counter.totals()["reports"] >= reports)


def refused(counter):
    return json.loads(counter.admin("/healthz")[1])["time_zones_refused"]


def test_the_consumer_takes_new_sites(sited, files, zones, shared_kafka, topic):
    front, counter = sited
    here, there = zones
    files.write("sites.json", json.dumps([zoned(1, here), zoned(2, here), zoned(3, there)]))
    assert hang_up(counter).endswith(" sites=3 read_tokens=0")
    for n in (1, 2, 3):
        report_to(front, n, n)
    counted(counter, 3)
    days = days_by(shared_kafka, topic, {"site1": here, "site2": here, "site3": there})
    assert days_of(counter) == days
    assert days_of(counter, **{"from": "-1h"}) == days, "when an hour ago was is a matter of the site's zone"
    assert refused(counter) == [] and not lines(counter, "time_zone_refused")


def test_a_known_site_keeps_its_time_zone(sited, files, zones, shared_kafka, topic):
    front, counter = sited
    here, there = zones
    files.write("sites.json", json.dumps([zoned(1, there), zoned(3, there)]))
    hang_up(counter)
    told = wait_until("the change is refused", lambda: lines(counter, "time_zone_refused"))
    assert len(told) == 1 and " level=warn " in told[0]
    assert f" site=site1 kept={here} refused={there} " in told[0] and "needs a rebuild" in told[0]
    assert refused(counter) == ["site1"]
    for n in (1, 2, 3):
        report_to(front, n, n)
    counted(counter, 3)
    kept = {"site1": here, "site2": here, "site3": there}
    assert days_of(counter) == days_by(shared_kafka, topic, kept)
    # Site 2 was away meanwhile, and is known all the same; site 1 is as it was again.
    files.write("sites.json", json.dumps([zoned(1, here), zoned(2, there)]))
    hang_up(counter)
    wait_until("the next is refused", lambda: len(lines(counter, "time_zone_refused")) == 2)
    assert refused(counter) == ["site2"]
    report_to(front, 2, 4)
    counted(counter, 4)
    assert days_of(counter) == days_by(shared_kafka, topic, kept)


@pytest.mark.parametrize("text, told", (
    ("{", r"sites: \S*sites\.json"),
    (json.dumps([zoned(1, "UTC"), zoned(3, "Mars/Olympus")]), r"site3: time_zone: there is no zone named Mars/Olympus"),
    (None, r"sites: \S*sites\.json: cannot be opened: No such file"),
))
def test_a_fault_in_the_sites_leaves_the_consumer_as_it_was(sited, files, shared_kafka, topic, text, told):
    front, counter = sited
    if text is None:
        (files.folder / "sites.json").unlink()
    else:
        files.write("sites.json", text)
    assert re.search(rf" level=error .* err=.*{told}", hang_up(counter, "reload_failed"))
    assert not lines(counter, "reloaded")
    report_to(front, 3, 1)
    counted(counter, 1)
    assert days_of(counter) == days_by(shared_kafka, topic, {"site3": "UTC"})


def test_the_consumer_follows_its_sites_while_it_counts(shared_kafka, topic, files, tmp_path):
    sites = tmp_path / "sites.json"
    with ingest(tmp_path, shared_kafka.bootstrap, topic=topic, sites=sites) as front, \
            consumer(tmp_path, shared_kafka.bootstrap, topic=topic, sites=sites) as counter:
        words = (front.port, REPORTS, tmp_path / "expect.json", None, "--seed", 6, "--rate", REPORTS // 3)
        sender = threading.Thread(target=load, args=words)
        sender.start()
        reloads = 0
        while sender.is_alive():
            reloads += 1
            files.write("sites.json", json.dumps([zoned(1, "UTC"), *(zoned(n, KOLKATA) for n in range(2, 2 + reloads))]))
            assert hang_up(counter).endswith(f" sites={1 + reloads} read_tokens=0")
            assert counter.totals()["reports"] >= 0
        sender.join()
        counted(counter, REPORTS)
        assert counter.totals()["reports"] == REPORTS and reloads >= 5
        assert counter.stop() == 0
        print(f"reloads={reloads} counted={REPORTS}")
