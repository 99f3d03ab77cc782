"""/v1/status: what the page and scripts are told of the counting."""
import json
import urllib.error
import urllib.request

import pytest

from daemons import consumer, wait_until
from streams import PARTITIONS, Stream


def status(daemon, query="", **headers):
    ask = urllib.request.Request(f"http://127.0.0.1:{daemon.port}/v1/status{query}", headers=headers)
    with urllib.request.urlopen(ask, timeout=30) as answer:
        assert answer.headers["Content-Type"] == "application/json" and answer.headers["Cache-Control"] == "no-store"
        return json.loads(answer.read())


def test_status_tells_what_is_counted_and_what_was_set_aside(shared_kafka, tmp_path):
    stream = Stream(shared_kafka)
    with consumer(tmp_path, shared_kafka.bootstrap, **stream.options(), read_tokens="secret") as daemon:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            status(daemon)
        may = {"Authorization": "Bearer secret"}
        with pytest.raises(urllib.error.HTTPError, match="400"):
            status(daemon, "?lag=1", **may)
        stream.send(30)
        shared_kafka.produce(stream.topic, b"\xc1", 0)

        def told():
            answer = status(daemon, **may)
            return answer["ready"] and answer["records"] == 31 and answer["lag_records"] == 0 and answer

        answer = wait_until("all is counted", told, 60)
        assert answer["partitions"] == PARTITIONS and answer["partitions_waiting"] == 0 and answer["reason"] == ""
        assert sum(answer["dead_letters"].values()) == 1 and answer["repeats"] == 0
        assert answer["lag_seconds"] == 0 and answer["complete_through"] <= answer["now"]
        assert 0 < answer["flush_ms"]["p50"] <= answer["flush_ms"]["p99"] and answer["store_bytes"] > 0
