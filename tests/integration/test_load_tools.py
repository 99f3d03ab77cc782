"""The load tools that people have: none sees an error, and what each says it had answered is in the topic and counted,
to the unit. `make torture ROW=load-tools` runs each of them longer."""
import pytest

from clients.inbox import photos
from clients.load_tools import METHODS, TOOLS, Target
from daemons import consumer, ingest, wait_until

TOPIC = "load.tools.reports"
SECONDS = 1


@pytest.fixture(scope="module")
def front(shared_kafka, tmp_path_factory):
    with ingest(tmp_path_factory.mktemp("load_tools"), shared_kafka.bootstrap, topic=TOPIC) as front:
        yield front


@pytest.fixture(scope="module")
def counter(front, shared_kafka, tmp_path_factory):
    with consumer(tmp_path_factory.mktemp("load_tools"), shared_kafka.bootstrap, topic=TOPIC, group=TOPIC) as counter:
        yield counter


def counted(counter, photo):
    rows = counter.report(metrics="events", where=f"photo_id=={photo}")["rows"]
    return rows[0]["events"] if rows else 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", TOOLS)
def test_counts_are_those_of(name, method, front, counter, shared_kafka, tmp_path, record_property):
    target = Target(f"http://127.0.0.1:{front.port}", next(photos), method, tmp_path)
    before = sum(shared_kafka.end_offsets(TOPIC).values())
    outcome = TOOLS[name].run(target, SECONDS)
    wait_until("the journal is drained", lambda: front.ready()["journal"]["waiting"] == 0)
    stored = sum(shared_kafka.end_offsets(TOPIC).values()) - before
    wait_until("all is counted", lambda: counted(counter, target.photo) >= stored, 120)
    assert counted(counter, target.photo) == stored
    assert outcome.answered <= stored <= outcome.answered + outcome.unread
    for figure, value in {"tool": f"{name}, {method}", "answered": f"{outcome.answered:,}", "in_topic": f"{stored:,}",
                          "counted": f"{counted(counter, target.photo):,}"}.items():
        record_property(figure, value)
