"""common/contract's documents of the topic: well formed, what they were, and what ingest really writes."""
import copy
import json
from datetime import datetime, timezone
from pathlib import Path

import jsonschema
import msgpack
import pytest
import requests
import yaml

from broker import ROOT, wait_until
from daemons import ingest, load
from npm_tools import modules_of
from test_vectors import ALWAYS, BAD, BOOL, GOOD, KEYS, NUMBER, TEXT, UINT, breaks_contract

CONTRACT = ROOT / "common/contract"
SCHEMA = json.loads((CONTRACT / "event.schema.json").read_text(encoding="utf-8"))
DOCUMENT = yaml.safe_load((CONTRACT / "asyncapi.yaml").read_text(encoding="utf-8"))
EVENT = jsonschema.Draft7Validator(SCHEMA)
# For what ingest of this tree writes: a key that the schema does not have is one that was forgotten there.
STRICT = jsonschema.Draft7Validator({**SCHEMA, "additionalProperties": False})
HEADERS = DOCUMENT["components"]["messages"]["event"]["headers"]
OTHER = {TEXT: (1, True, 1.5, "\0"), UINT: ("1", True, 1.5, -1, 2**63), NUMBER: ("1", True), BOOL: ("true", 1)}
LEAST = {"v": 1, "id": f"{1:016x}-{1:016x}", "ts": 1, "kind": "play", "site": "a", "photo_id": 1}
SIZED = ("event", "report_id")


def test_the_schema_is_one():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_no_key_has_vanished_or_come_without_being_kept():
    """KEYS and ALWAYS are what was published: they only ever grow."""
    assert set(SCHEMA["properties"]) == set(KEYS)
    assert set(SCHEMA["required"]) == set(ALWAYS)
    assert SCHEMA.get("additionalProperties", True) is True


@pytest.mark.parametrize("key", KEYS)
def test_a_key_takes_no_other_type(key):
    for value in OTHER[KEYS[key]]:
        assert not EVENT.is_valid({**LEAST, key: value}), value
    assert not EVENT.is_valid({**LEAST, key: None})


@pytest.mark.parametrize("key", ALWAYS)
def test_a_key_that_is_always_there_is_required(key):
    assert EVENT.is_valid(LEAST)
    assert not EVENT.is_valid({name: value for name, value in LEAST.items() if name != key})


@pytest.mark.parametrize("vector", GOOD, ids=lambda v: v["name"])
def test_good_vector_fits_the_schema(vector):
    EVENT.validate(vector["json"])
    EVENT.validate(msgpack.unpackb(bytes.fromhex(vector["hex"])))


def as_a_schema_sees_it(event):
    """It counts characters where the contract counts bytes, and to it 7.0 is an integer."""
    event = {key: value + 0.5 if isinstance(value, float) else value for key, value in event.items()}
    return {**event, **{key: "a" * len(event[key].encode()) for key in SIZED if isinstance(event.get(key), str)}}


@pytest.mark.parametrize("vector", BAD, ids=lambda v: v["name"])
def test_the_schema_refuses_what_the_contract_does(vector):
    try:
        event = msgpack.unpackb(bytes.fromhex(vector["hex"]), raw=False)
    except (ValueError, msgpack.UnpackException, RecursionError, TypeError):
        return  # no map to judge; test_vectors.py sees that it is refused
    seen = as_a_schema_sees_it(event) if isinstance(event, dict) else event
    assert EVENT.is_valid(seen) == (breaks_contract(seen) is None)


def references(part):
    if isinstance(part, dict):
        yield from ([part["$ref"]] if "$ref" in part else [])
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_the_asyncapi_document_fits_its_schema():
    specs = modules_of(Path(__file__).parent / "contract_tools") / "@asyncapi/specs/schemas"
    rules = json.loads((specs / f"{DOCUMENT['asyncapi']}.json").read_text())
    validator = jsonschema.Draft7Validator(rules)
    validator.validate(DOCUMENT)
    for spoil in ("address", "bindings"):  # it does judge, down to the binding
        spoilt = copy.deepcopy(DOCUMENT)
        spoilt["channels"]["reports"][spoil] = {"kafka": {"partitions": 0}}
        assert not validator.is_valid(spoilt)


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    found = list(references(DOCUMENT))
    assert "./event.schema.json" in found
    for reference in found:
        place, _, pointer = reference.partition("#")
        target = DOCUMENT if not place else json.loads((CONTRACT / place).read_text())
        for step in pointer.split("/")[1:]:
            target = target[step]


def report_all_kinds(port):
    """What a load does not send: every key there is, over the three methods."""
    who = {"source": "é€𝄞", "uuid": "u", "type": "stream", "referer": "https://example.org/", "report_id": "r",
           "user_player_type": "html5", "user_player_version": "2", "user_player_resolution": "1x1"}
    times = {"time_start": "-1", "time_end": "20.5", "time_total": "600", "play_timestamp": "1700000000"}
    download = {"bytes_total": "9223372036854775807", "session_id": "s", "skip": "1"}
    for method, more in (("event", {"event": "load"}), ("play", times), ("download", download)):
        for parameters in ({**who, **more}, more):
            answer = requests.get(f"http://127.0.0.1:{port}/api/analytics/report/{method}", timeout=60,
                                  params={"photo_id": 7, "format": "json", **parameters},
                                  headers={"User-Agent": "Googlebot/2.1" if parameters is more else "Mozilla/5.0"})
            assert answer.json()["status"] == "ok", answer.text


def rfc_3339(ts):
    return datetime.fromtimestamp(ts / 1000, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("switch", ["on", "off"])
def test_records_are_cloudevents_where_that_is_on(shared_kafka, tmp_path, switch):
    topic = f"cloudevents.{switch}.reports"
    with ingest(tmp_path, shared_kafka.bootstrap, topic=topic, download_from="127.0.0.1", cloudevents=switch) as front:
        report_all_kinds(front.port)
        wait_until("all is delivered", lambda: sum(shared_kafka.end_offsets(topic).values()) >= 6)
    kinds = set()
    for record in shared_kafka.read_all(topic):
        event, headers = msgpack.unpackb(record.value), {name: value.decode() for name, value in record.headers}
        cloud = {"ce_specversion": "1.0", "ce_id": event["id"], "ce_source": f"urn:playreport:site:{event['site']}",
                 "ce_type": f"video.player.reports.{event['kind']}", "ce_time": rfc_3339(event["ts"])}
        usual = {"content-type": "application/msgpack", "schema-version": "1"}
        assert headers == {**usual, **(cloud if switch == "on" else {})}
        assert len(headers) == len(record.headers)
        jsonschema.validate(headers, {**HEADERS, "additionalProperties": False})
        kinds.add(event["kind"])
    assert kinds == {"event", "play", "download"}


def test_what_ingest_writes_fits_the_documents(shared_kafka, tmp_path):
    topic = "contract.reports"
    with ingest(tmp_path, shared_kafka.bootstrap, topic=topic, client_ip="full", download_from="127.0.0.1",
                internal="127.0.0.1") as front:
        load(front.port, 300, tmp_path / "expect.json", None, "--seed", 3)
        report_all_kinds(front.port)
        wait_until("all is delivered", lambda: sum(shared_kafka.end_offsets(topic).values()) >= 306)
    records = shared_kafka.read_all(topic)
    key = DOCUMENT["components"]["messages"]["event"]["bindings"]["kafka"]["key"]
    seen = set()
    for record in records:
        event = msgpack.unpackb(record.value)
        STRICT.validate(event)
        jsonschema.validate({name: value.decode() for name, value in record.headers},
                            {**HEADERS, "additionalProperties": False})
        jsonschema.validate(record.key.decode(), key)
        assert record.timestamp == event["ts"] and int(record.key) == event["photo_id"]
        seen |= {event["kind"], *event}
    assert seen == {*KEYS, "event", "play", "download"}
    bindings = DOCUMENT["channels"]["reports"]["bindings"]["kafka"]
    assert len(shared_kafka.partitions(topic)) == bindings["partitions"]
