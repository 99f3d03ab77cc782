"""Reads tests/reference/fixtures/*.json: events written out by hand, and what must come out.

An event is `base` with its own keys over it; `at` is its ts, `read_at` and `partition` stand beside it. `times` repeats
it every `every_s` seconds, and `{i}` in a text is then the number of the repetition.
"""
import datetime
import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent / "fixtures"
BESIDE = ("at", "read_at", "partition", "times", "every_s")


def names():
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name):
    with open(FOLDER / f"{name}.json", encoding="utf-8") as file:
        return json.load(file)


def to_ms(text):
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def numbered(value, i):
    if not isinstance(value, str) or "{i}" not in value:
        return value
    text = value.replace("{i}", str(i))
    return int(text) if text.isdigit() else text


def items(fixture):
    """The events as count.py's take() wants them; ids rise, one lane for each partition."""
    made = []
    for event in fixture["events"]:
        for i in range(event.get("times", 1)):
            own = {key: numbered(value, i) for key, value in event.items() if key not in BESIDE}
            ts = to_ms(event["at"]) + round(i * event.get("every_s", 0) * 1000)
            item = {"partition": event.get("partition", 0), "event": {"v": 1, **fixture["base"], **own, "ts": ts}}
            if "read_at" in event:
                item["read_ms"] = to_ms(event["read_at"])
            made.append(item)
    return named(made)


def named(made):
    """Gives each event an id of its own, in this order, if it has none."""
    for sequence, item in enumerate(made, start=1):
        item["event"].setdefault("id", f"{item['partition']:016x}-{sequence:016x}")
    return made
