"""A copy of the journal, taken while the daemon runs, put back later: nothing is lost and nothing counts twice."""
import shutil

from broker import Kafka
from counts import TopicView, counted_events
from daemons import consumer, ingest, load, wait_until

REPORTS = 2000


def drained(front):
    wait_until("the journal is drained", lambda: front.ready()["journal"]["waiting"] == 0, 60)


def test_a_live_copy_put_back_after_a_lost_disk_brings_what_waited(tmp_path):
    with Kafka.start(tmp_path) as kafka, consumer(tmp_path, kafka.bootstrap) as counter:
        with ingest(tmp_path, kafka.bootstrap) as front:
            load(front.port, 100, tmp_path / "first.json", None, "--seed", 1)
            drained(front)
            kafka.pause()
            load(front.port, REPORTS, tmp_path / "expect.json", None, "--seed", 2)
            shutil.copytree(tmp_path / "journal", tmp_path / "copy")
            front.kill()
        shutil.rmtree(tmp_path / "journal")
        shutil.copytree(tmp_path / "copy", tmp_path / "journal")
        kafka.resume()
        with ingest(tmp_path, kafka.bootstrap) as front:
            drained(front)
            view = TopicView(kafka)
            assert len(view.events) == REPORTS + 100
            wait_until("all are counted", lambda: counter.totals()["reports"] == REPORTS + 100)
            assert front.stop() == 0
        # The same copy once more: what is delivered since is sent again, and dropped.
        shutil.rmtree(tmp_path / "journal")
        shutil.copytree(tmp_path / "copy", tmp_path / "journal")
        with ingest(tmp_path, kafka.bootstrap) as front:
            drained(front)
            load(front.port, 100, tmp_path / "last.json", None, "--seed", 3)
            wait_until("the new ones are counted", lambda: counter.totals()["reports"] >= REPORTS + 200)
            view = TopicView(kafka)
            assert view.repeats >= REPORTS
            assert len(view.events) == REPORTS + 200
            assert counter.totals()["reports"] == REPORTS + 200
            assert counted_events(counter) == view.counts()
