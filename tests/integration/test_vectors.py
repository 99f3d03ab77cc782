"""The golden vectors held against another implementation of msgpack: what C is tested with is right."""

import json
import pathlib
import re

import msgpack
import pytest

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
GOOD = json.loads((DATA / "events.json").read_text(encoding="utf-8"))
BAD = json.loads((DATA / "bad_events.json").read_text(encoding="utf-8"))

TEXT, UINT, NUMBER, BOOL = "text", "uint", "number", "bool"
KEYS = {
    "v": UINT, "id": TEXT, "ts": UINT, "kind": TEXT, "site": TEXT, "photo_id": UINT, "event": TEXT,
    "time_start": NUMBER, "time_end": NUMBER, "time_total": NUMBER, "play_timestamp": UINT,
    "report_id": TEXT, "viewer": TEXT, "source": TEXT, "uuid": TEXT, "type": TEXT, "referer": TEXT,
    "user_player_type": TEXT, "user_player_version": TEXT, "user_player_resolution": TEXT,
    "bytes_total": UINT, "session_id": TEXT, "skip": BOOL, "ip": TEXT, "ua": TEXT, "bot": BOOL,
    "internal": BOOL,
}  # fmt: skip
ALWAYS = ("v", "id", "ts", "kind", "site", "photo_id")


def is_of_type(value, kind):
    if kind == TEXT:
        return isinstance(value, str) and "\0" not in value
    if kind == BOOL:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == UINT:
        return isinstance(value, int) and 0 <= value < 2**63
    return isinstance(value, (int, float))


def breaks_contract(event):
    """Why a decoded value is no event of the contract, or None."""
    if not isinstance(event, dict):
        return "not a map"
    for key, kind in KEYS.items():
        if key in event and not is_of_type(event[key], kind):
            return f"{key} is of another type or out of range"
    if any(key not in event for key in ALWAYS):
        return "a key is missing"
    if event["v"] != 1 or event["kind"] not in ("event", "play", "download"):
        return "version or kind"
    if not re.fullmatch("[0-9a-f]{16}-[0-9a-f]{16}", event["id"]) or event["id"].endswith("-" + "0" * 16):
        return "id"
    if event["kind"] == "event" and not event.get("event"):
        return "no event name"
    if len(event.get("event", "")) > 64 or len(event.get("report_id", "")) > 64:
        return "too long"
    return None


def refusal(raw):
    """Why bytes are no event, or None: a decoder's word first, then the contract's, then the depth limit."""
    try:
        event = msgpack.unpackb(raw, raw=False, strict_map_key=False)
    except (ValueError, msgpack.UnpackException, RecursionError, TypeError) as failure:
        return repr(failure)
    return breaks_contract(event)


def depth(value):
    levels = 0
    layer = [value]
    while layer := [inner for outer in layer for inner in children(outer)]:
        levels += 1
    return levels


def children(value):
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


@pytest.mark.parametrize("vector", GOOD, ids=lambda v: v["name"])
def test_good_vector_decodes_to_its_map(vector):
    event = msgpack.unpackb(bytes.fromhex(vector["hex"]), raw=False)
    assert event == vector["json"]
    assert [type(value) for value in event.values()] == [type(vector["json"][key]) for key in event]
    assert breaks_contract(event) is None


@pytest.mark.parametrize("vector", BAD, ids=lambda v: v["name"])
def test_bad_vector_is_bad_or_of_another_type(vector):
    raw = bytes.fromhex(vector["hex"])
    why = refusal(raw)
    if vector["reason"] == "too_deep" and why is None:
        # Python's decoder has no such limit; the value must really be that deep.
        assert depth(msgpack.unpackb(raw, strict_map_key=False)) > 33
    else:
        assert why is not None


def test_every_key_and_every_kind_has_a_vector():
    seen = set().union(*(vector["json"].keys() for vector in GOOD))
    assert set(KEYS) <= seen
    assert {vector["json"]["kind"] for vector in GOOD} == {"event", "play", "download"}
