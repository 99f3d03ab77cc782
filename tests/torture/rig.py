"""Both daemons of one row with their journal, store and topic, the streams of reports, and the account."""
import random
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

from account import Account, Sums
from broker import Kafka
from daemons import ConsumerDaemon, Daemon, consumer, ingest, wait_until
from orders import Orders
from results import Line
from stream import FOR_EVER, Stream, read_fates

JOURNALLED = "playreport_journal_records_total"
RESENT = "playreport_publisher_resent_records_total"
REPEATS = "playreport_consumer_repeats_total"


class Rig:
    """settle() compares; until then kill_front() and kill_counter() keep what a process has counted."""

    def __init__(self, broker: Kafka, folder: Path, topic: str, front: dict, counter: dict,
                 faults: str = "", start: bool = True,
                 settle_s: float = 300) -> None:
        """faults names the daemons that are started with the library of faults: "front", "counter" or both."""
        self.broker, self.folder, self.topic = broker, folder, topic
        folder.mkdir(parents=True, exist_ok=True)
        refresh = {"kafka.topic.metadata.refresh.interval.ms": 2000, "topic": topic}
        count_often = {**refresh, "group": topic, "flush_ms": 50}
        self.front: Daemon = ingest(folder, broker.bootstrap, **{**refresh, **front})
        self.counter: ConsumerDaemon = consumer(folder, broker.bootstrap, **{**count_often, **counter})
        self.account = Account(broker, topic)
        self.spoiled = False
        self.front_orders = self._orders("front", self.front, "/journal/", faults)
        self.counter_orders = self._orders("counter", self.counter, "/store.db", faults)
        self.sums = Sums()
        self._settle_s = settle_s
        self._streams: list[Stream] = []
        self._seed = 0
        self._sent_again = self._dropped = 0.0
        if start:
            self.start()

    def start(self) -> None:
        try:
            self.front.start()
            self.counter.start()
        except BaseException:
            self.close()
            raise

    def _orders(self, name: str, daemon: Daemon, path: str, faults: str) -> Orders | None:
        if name not in faults:
            return None
        orders = Orders(self.folder / f"{name}.orders", path)
        daemon.environment = orders.environment
        return orders

    def close(self) -> None:
        for stream in self._streams:
            stream.kill()
        for daemon in (self.front, self.counter):
            if daemon.process is not None:
                daemon.__exit__()

    # ---- Reports.

    def stream(self, rate: float, reports: int = FOR_EVER, connections: int = 32) -> Stream:
        """Starts to send; the caller ends it and hands it to take()."""
        self._seed += 1
        stream = Stream(self.front.port, self.folder, self._seed, rate, reports, connections)
        self._streams.append(stream)
        return stream

    def take(self, stream: Stream) -> None:
        """Takes what an ended stream was told into the account."""
        self._streams.remove(stream)
        self.account.take_fates(stream.seed, stream.fates(), self.sums)
        stream.acks.unlink()

    def take_over(self, seed: int) -> None:
        """Takes the file of a stream that ended, perhaps in an earlier run. Twice is once."""
        self.account.take_fates(seed, read_fates(self.folder / f"acks-{seed}"), self.sums)
        self._streams = [stream for stream in self._streams if stream.seed != seed]

    @contextmanager
    def load(self, rate: float, connections: int = 32) -> Iterator[Stream]:
        """Reports flow while the block runs."""
        stream = self.stream(rate, connections=connections)
        yield stream
        stream.stop()
        self.take(stream)

    def send(self, reports: int, rate: float = 0, timeout_s: float = 300) -> None:
        stream = self.stream(rate, reports)
        stream.wait(timeout_s)
        self.take(stream)

    def flow(self, reports: int = 200, jitter_s: float = 0.3) -> None:
        """Returns at a random moment after so many more reports were journalled."""
        wanted = self.front.metric(JOURNALLED) + reports
        wait_until("reports flow", lambda: self.front.metric(JOURNALLED) >= wanted)
        time.sleep(random.uniform(0, jitter_s))

    @staticmethod
    def comes_true(condition: Callable[[], bool], timeout_s: float = 60) -> bool:
        """Whether it does in time; if not, that is no failure."""
        try:
            return bool(wait_until("it bites", condition, timeout_s))
        except TimeoutError:
            return False

    def count_on(self) -> None:
        """Returns when the consumer has counted more."""
        counted = self.counter.totals()["reports"]
        wait_until("it counts on", lambda: self.counter.totals()["reports"] > counted)

    # ---- Figures of processes that end.

    def kill_front(self) -> None:
        self._sent_again += self.front.metric(RESENT)
        self.front.kill()

    def stop_front(self, timeout_s: float = 120) -> int:
        self._sent_again += self.front.metric(RESENT)
        return self.front.stop(timeout_s)

    def kill_counter(self) -> None:
        self._dropped += self.counter.metric(REPEATS)
        self.counter.kill()

    def let_counter_die(self, **order: int) -> bool:
        """Orders it to be killed at a certain call. False when that did not come, and it was killed like that."""
        self._dropped += self.counter.metric(REPEATS)
        self.counter_orders.set(**order)
        try:
            self.counter.process.wait(60)
            return True
        except subprocess.TimeoutExpired:
            self.counter.kill()
            return False
        finally:
            self.counter_orders.clear()

    def waiting(self) -> int:
        return self.front.ready()["journal"]["waiting"]

    # ---- The end of a batch.

    def settle(self, row: str, say: Callable[[str], None] = lambda text: None) -> Line:
        """Waits until nothing is on its way, compares, and begins a new stretch. A wait without end is no exception:
        what did not come is lost."""
        say("draining")
        self._until(lambda: self.waiting() == 0)
        say("reading the topic")
        self.account.read()
        say("counting")
        self._until(lambda: self.counter.totals()["reports"] >= self.account.distinct)
        self._until(lambda: self.counter.metric("playreport_consumer_lag_records") == 0)
        sums = self.account.close(self.counter, self.sums)
        self.sums = Sums()
        line = Line(row, acknowledged=sums.acknowledged, in_topic=sums.in_topic, counted=sums.counted,
                    lost=sums.lost, twice=sums.twice, notes=sums.notes)
        sent_again = self._sent_again + self.front.metric(RESENT)
        line.sent_again, line.dropped = int(sent_again), self.dropped_since()
        self._sent_again -= sent_again
        return line

    def dropped_since(self) -> int:
        """Repeats that the consumer has dropped since this was asked last."""
        dropped = self._dropped + self.counter.metric(REPEATS)
        self._dropped -= dropped
        return int(dropped)

    def note(self, text: str) -> None:
        """For the line under the table."""
        self.sums.notes.append(text)

    def _until(self, condition: Callable[[], bool]) -> None:
        try:
            wait_until("all came to its end", condition, self._settle_s)
        except TimeoutError:
            self.sums.notes.append("something still waited when the account was closed")
