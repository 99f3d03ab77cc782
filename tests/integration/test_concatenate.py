"""Several methods in one request, as a player's library sends them: each report counts once, at every level of ack."""
import http.client
import json
import random
import threading
from collections import Counter
from urllib.parse import urlencode

import msgpack
import pytest

from broker import Kafka
from counts import counted_events
from daemons import consumer, ingest, wait_until

EVENT, PLAY = "/api/analytics/report/event", "/api/analytics/report/play"
BATCH = "/api/analytics/report/batch"
SOURCES = ("site", "embed", "share & more", "é+%25")
NAMES = ("load", "fullscreen", "embedEngaged")
REQUESTS = 400
LEVELS = ("journal", "disk", "broker")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    with Kafka.start(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


class Player:
    """Puts methods together, and keeps account of what was acknowledged: {(photo_id, source, event): count}."""

    def __init__(self, port, seed):
        self.seed, self.random = seed, random.Random(seed)
        self.conn = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.acknowledged = Counter()
        self.plays = self.sent = 0

    def report(self):
        self.sent += 1
        fields = {"photo_id": self.random.randint(1, 20), "source": self.random.choice(SOURCES),
                  "report_id": f"{self.seed}.{self.sent}", "uuid": f"u{self.random.randint(1, 9)}"}
        if self.random.random() < 0.3:
            return {**fields, "reportType": "play", "timeStart": self.random.randint(0, 99)}
        return {**fields, "reportType": "event", "event": self.random.choice(NAMES)}

    def method(self):
        """A target, and the reports in it."""
        choice = self.random.random()
        if choice < 0.1:
            return f"/api/echo?{urlencode({'a': 'b&c=d'})}", []
        if choice < 0.2:
            return f"{EVENT}?photo_id=x&event=load", []
        reports = [self.report() for _ in range(self.random.randint(1, 5) if choice < 0.4 else 1)]
        if len(reports) > 1:
            return f"{BATCH}?{urlencode({'data': json.dumps(reports)})}", reports
        path = EVENT if reports[0]["reportType"] == "event" else PLAY
        return f"{path}?{urlencode(reports[0])}", reports

    def request(self):
        """The parameters of one, and the reports by name."""
        methods = {f"method_{i}": self.method() for i in range(self.random.randint(1, 8))}
        parameters = {"format": "json", "callback": "concat_0", **{name: target for name, (target, _) in methods.items()}}
        return urlencode(parameters), {name: reports for name, (_, reports) in methods.items()}

    def send(self, encoded):
        """By GET where it fits the request line. Returns the status and the members."""
        if len(encoded) < 15000:
            self.conn.request("GET", f"/api/concatenate?{encoded}")
        else:
            self.conn.request("POST", "/api/concatenate", encoded, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self.conn.getresponse()
        text = answer.read().decode()
        assert text.startswith("/**/concat_0({") and text.endswith("});")
        return answer.status, json.loads(text.removeprefix("/**/concat_0(").removesuffix(");"))

    def account(self, reports):
        for report in reports:
            if report["reportType"] == "play":
                self.plays += 1
            else:
                self.acknowledged[report["photo_id"], report["source"], report["event"]] += 1

    def play(self, requests):
        for _ in range(requests):
            encoded, by_name = self.request()
            status, members = self.send(encoded)
            assert list(members) == list(by_name)
            for name, reports in by_name.items():
                assert members[name]["status"] == ("ok" if reports or "echo" in members[name] else "error")
                assert int(members[name].get("accepted", len(reports))) == len(reports)
                self.account(reports)
            assert status == 200
        self.conn.close()


@pytest.mark.parametrize("level", LEVELS)
def test_counts_equal_what_was_acknowledged(kafka, tmp_path, level):
    topic = f"concatenate.{level}"
    kafka.create_topic(topic)
    with ingest(tmp_path, kafka.bootstrap, ack=level, topic=topic) as front, \
            consumer(tmp_path, kafka.bootstrap, topic=topic) as counter:
        players = [Player(front.port, seed) for seed in range(4)]
        threads = [threading.Thread(target=player.play, args=[REQUESTS // 4]) for player in players]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        acknowledged = sum((player.acknowledged for player in players), Counter())
        total = sum(acknowledged.values()) + sum(player.plays for player in players)
        assert total == sum(player.sent for player in players) > REQUESTS
        wait_until("all is counted", lambda: counter.totals()["reports"] >= total, 60)
        assert counter.totals()["reports"] == total
        assert counted_events(counter) == acknowledged
        assert front.metric("playreport_reports_taken_total") == total
        records = kafka.read_all(topic)
        assert len({msgpack.unpackb(record.value)["id"] for record in records}) == len(records) == total
        print(f"level={level} requests={REQUESTS} reports={total} in_topic={len(records)} counted={total}")


def test_kills_lose_nothing_and_named_reports_count_once(kafka, tmp_path):
    """Whoever gets no answer sends all of it again: by their report_ids what came twice counts once."""
    topic = "concatenate.kills"
    kafka.create_topic(topic)
    with ingest(tmp_path, kafka.bootstrap, topic=topic) as front, \
            consumer(tmp_path, kafka.bootstrap, topic=topic) as counter:
        player = Player(front.port, 5)
        for kill in range(4):
            player.play(50)
            encoded, by_name = player.request()
            player.conn.request("GET", f"/api/concatenate?{encoded}")
            front.kill()  # with a request under way: answered or not, nobody reads it
            player.conn.close()
            front.start()
            assert player.send(encoded)[0] == 200
            for reports in by_name.values():
                player.account(reports)
        total = player.plays + sum(player.acknowledged.values())
        wait_until("the journal is drained", lambda: front.ready()["journal"]["waiting"] == 0, 60)
        wait_until("all is counted", lambda: counter.totals()["reports"] >= total, 60)
        end = sum(1 for _ in kafka.read_all(topic))
        wait_until("the rest is read", lambda: counter.metric("playreport_consumer_records_total") >= end)
        assert counter.totals()["reports"] == total
        assert counted_events(counter) == player.acknowledged


def test_what_kafka_does_not_confirm_in_time_is_named_and_counts_once(kafka, tmp_path):
    topic = "concatenate.unconfirmed"
    kafka.create_topic(topic)
    with ingest(tmp_path, kafka.bootstrap, ack="broker", ack_timeout="1s", topic=topic) as front, \
            consumer(tmp_path, kafka.bootstrap, topic=topic) as counter:
        player = Player(front.port, 6)
        player.play(1)
        before = player.plays + sum(player.acknowledged.values())
        load = f"{EVENT}?photo_id=%d&event=load"
        reports = json.dumps([{"photo_id": 73, "event": "load"}, {"photo_id": 74, "event": "load"}])
        encoded = urlencode({"format": "json", "callback": "concat_0", "a": load % 71, "b": f"{EVENT}?photo_id=x",
                             "c": load % 72, "d": f"{BATCH}?{urlencode({'data': reports})}", "e": "/api/echo"})
        kafka.pause()
        try:
            status, members = player.send(encoded)
        finally:
            kafka.resume()
        codes = {name: member.get("code", member["status"]) for name, member in members.items()}
        assert status == 503
        assert codes == {"a": "unconfirmed", "b": "invalid_input", "c": "unconfirmed", "d": "unconfirmed", "e": "ok"}
        wait_until("the journal is drained", lambda: front.ready()["journal"]["waiting"] == 0, 60)
        events = {event["id"]: event["photo_id"]
                  for event in (msgpack.unpackb(record.value) for record in kafka.read_all(topic))}
        assert [events[members[name]["id"]] for name in "acd"] == [71, 72, 74]
        wait_until("all is counted", lambda: counter.totals()["reports"] >= before + 4)
        assert counter.totals()["reports"] == before + 4
