"""Each recipe for the topic answers right, repeats dropped: on records of ingest itself, and on those of a crash."""
import shutil
import subprocess
import sys
from collections import Counter

import msgpack
import pytest

from broker import ROOT
from counts import expected_events
from daemons import PROGRAMS, ingest, load
from npm_tools import modules_of
from python_tools import programs_of
from streams import Stream

RECIPES = ROOT / "tests" / "recipes"


def output(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, check=False, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(kafka, topic, _):
    return output(sys.executable, RECIPES / "loads_by_source.py", kafka.bootstrap, topic)


def node(kafka, topic, folder):
    modules = modules_of(RECIPES / "node")
    shutil.copy(RECIPES / "node" / "loads_by_source.mjs", folder)
    (folder / "node_modules").symlink_to(modules)
    return output("node", folder / "loads_by_source.mjs", kafka.bootstrap, topic)


def duckdb(kafka, topic, folder):
    events = folder / "events.jsonl"
    events.write_text(output(PROGRAMS / "playreport-consumer", "tail", f"--kafka.bootstrap.servers={kafka.bootstrap}",
                             f"--topic={topic}"))
    return output(programs_of(RECIPES / "duckdb") / "python", RECIPES / "duckdb" / "loads_by_source.py", events)


def without_source(value):
    return msgpack.packb({key: kept for key, kept in msgpack.unpackb(value).items() if key != "source"})


@pytest.fixture(name="repeated", scope="module")
def stream_with_repeats(shared_kafka):
    """21 loads of embed, 7 of no source, 4 other events; then the last ones of each partition once more."""
    stream = Stream(shared_kafka)
    sent = [(stream.event(), n % 3) for n in range(21)]
    sent += [(without_source(stream.event()), n % 3) for n in range(7)]
    sent += [(stream.event(event="share"), n % 3) for n in range(4)]
    for value, partition in sent + sent[-9:]:
        shared_kafka.produce(stream.topic, value, partition)
    return stream


@pytest.mark.parametrize("recipe", [python, node, duckdb], ids=lambda recipe: recipe.__name__)
def test_repeats_are_counted_once(repeated, tmp_path, recipe):
    assert recipe(repeated.kafka, repeated.topic, tmp_path) == "embed 21\n(none) 7\n"


@pytest.mark.parametrize("recipe", [python, node, duckdb], ids=lambda recipe: recipe.__name__)
def test_records_of_ingest_are_read(shared_kafka, tmp_path, recipe):
    """They come in batches of zstd, which the topic of the other test has not."""
    topic = f"recipe.{recipe.__name__}"
    with ingest(tmp_path, shared_kafka.bootstrap, topic=topic) as front:
        expected = load(front.port, 300, tmp_path / "expected.json", None, "--seed", 3)
        front.stop()
    loads = Counter()
    for (_, source, event), count in expected_events(expected).items():
        loads[source] += count if event == "load" else 0
    rows = [f"{source} {count}" for source, count in loads.items() if count]
    assert sorted(recipe(shared_kafka, topic, tmp_path).splitlines()) == sorted(rows) != []
