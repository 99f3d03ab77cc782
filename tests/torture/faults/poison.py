"""Records that no reader can take, among good ones."""
import json

import msgpack

from broker import ROOT, wait_until
from lab import Lab
from rig import Rig

DEAD = "playreport_consumer_dead_letters_total"


def poison() -> list[bytes | None]:
    """Case C13 and its kind: bytes that are no msgpack, cut, of wrong types, huge, empty and none at all."""
    good = {"v": 1, "id": "00000000000000aa-0000000000000001", "ts": 1, "kind": "event", "site": "x", "photo_id": 1,
            "event": "load"}
    wrong = [{**good, "photo_id": "1"}, {**good, "photo_id": -1}, {**good, "ts": 1.5}, {**good, "kind": "none"},
             {**good, "id": "x"}, {name: value for name, value in good.items() if name != "event"}]
    whole = msgpack.packb(good)
    return [b"\xc1", b"", None, whole[:-1], whole[:7], whole + b"\xc1", b"\x81\xa1v", b"\xdd\xff\xff\xff\xff",
            b"\xdf\xff\xff\xff\xff", whole.replace(b"load", b"l\xff\xfed"), large(),
            *(msgpack.packb(event) for event in wrong), *recorded()]


def large() -> bytes:
    """As large as a topic takes, and it claims to be larger."""
    return b"\xc6\x01\x00\x00\x00" + bytes(range(256)) * 3900


def recorded() -> list[bytes]:
    """The bad events that all decoders are tested with."""
    return [bytes.fromhex(bad["hex"]) for bad in json.loads((ROOT / "tests/data/bad_events.json").read_text())]


def set_aside(rig: Rig) -> dict[tuple[int, int], bytes]:
    """{(partition, offset) of its origin: its bytes} of every dead letter."""
    letters = {}
    for record in rig.broker.read_all(rig.topic + ".dlq"):
        headers = dict(record.headers)
        letters[int(headers["dlq.partition"]), int(headers["dlq.offset"])] = record.value or b""
    return letters


def between_good_ones(lab: Lab) -> None:
    """Bites when each is among the dead letters, byte for byte and by its origin."""
    kinds = poison()
    with lab.rig(lab.brokers.single()) as rig:
        for batch in lab.batches(len(kinds)):
            origins = {}
            with rig.load(1000):
                rig.flow()
                for number in batch:
                    value, partition = kinds[number % len(kinds)], number % 12
                    offset = rig.broker.produce(rig.topic, value, partition)
                    rig.account.skip(partition, offset)
                    origins[partition, offset] = value or b""
            wait_until("all poison is set aside", lambda: rig.counter.metric(DEAD) >= len(origins))
            letters = set_aside(rig)
            bites = sum(letters.get(origin) == value for origin, value in origins.items())
            lab.record(rig, len(batch), bites)
