"""A daemon, a good client and a crowd that means ill: what it cost the one and the other."""
import shutil
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Iterator

from abuse.busy_day import send_batches, send_fast
from abuse.good_client import RATE, GoodClient, Seen
from broker import wait_until
from daemons import Daemon, ingest
from lab import Lab
from process import Peak, open_files, rss_anon_mib
from results import Line
from rig import JOURNALLED
from stream import FOR_EVER

WARM_UP_S, SHORT_WARM_UP_S = 5, 1
REST_S = 6  # the daemon gives memory back every 5 s
CALM_S = 60  # for memory and files to come back
WITHIN = 1.1  # of what it was
# A short run has seen no busy day and does not rest: what it keeps may be what any day makes it keep. It tells of much
# memory only, and of many files.
SHORT_MOST_MIB = 64
SHORT_MORE_FILES = 32


@dataclass
class Figures:
    """A line of the table. faults: what was not as it must be."""

    did: str
    requests: int = 0
    errors: int = 0
    p50_ms: float = 0
    p99_ms: float = 0
    rss_before: float = 0
    rss_peak: float = 0
    rss_after: float = 0
    fds_before: int = 0
    fds_after: int = 0
    faults: list[str] = field(default_factory=list)


@contextmanager
def front(lab: Lab, files: int | None = None) -> Iterator[Daemon]:
    """An ingest with a journal and a topic of its own."""
    folder = lab.folder / "front"
    shutil.rmtree(folder, ignore_errors=True)
    daemon = ingest(folder, lab.brokers.single().bootstrap, topic=f"torture.{lab.row}")
    daemon.files = files
    with daemon:
        yield daemon
    shutil.rmtree(folder, ignore_errors=True)


class Scene:
    """Around a daemon that runs. abuse() may come once."""

    def __init__(self, lab: Lab, daemon: Daemon, seed: int = 900) -> None:
        self.lab, self.front, self.seed = lab, daemon, seed
        self.clients: list[GoodClient] = []
        self.batched: list[str] = []  # the names of reports that were sent in batches
        self.figures = Figures("")
        self.notes: list[str] = []

    @property
    def pid(self) -> int:
        return self.front.process.pid

    def fail(self, fault: str) -> None:
        self.figures.faults.append(fault)

    def rss_mib(self) -> float:
        return rss_anon_mib(self.pid)

    def serves(self, reports: int) -> None:
        """Returns after so many more were journalled."""
        wanted = self.front.metric(JOURNALLED) + reports
        wait_until("reports are taken", lambda: self.front.metric(JOURNALLED) >= wanted)

    def _client(self, seed: int, reports: int = FOR_EVER) -> GoodClient:
        client = GoodClient(self.front.port, self.front.folder, seed, reports=reports)
        self.clients.append(client)
        return client

    def _is_still(self) -> bool:
        return self.front.ready()["journal"]["waiting"] == 0

    def _warm_up(self) -> Seen:
        """Returns how the good client fares alone."""
        self.lab.say("warming up")
        if not self.lab.short:
            self.clients.append(send_fast(self.front, self.seed + 2))
            self.batched = send_batches(self.front.port)
        seconds = SHORT_WARM_UP_S if self.lab.short else WARM_UP_S
        client = self._client(self.seed, int(RATE * seconds))
        client.wait(seconds + 300)
        wait_until("all that was sent to warm up is on Kafka", self._is_still)
        return client.seen()

    @contextmanager
    def abuse(self, did: str, p99_max_ms: float = 0) -> Iterator[GoodClient]:
        """Runs the block while the good client sends; then waits for calm. A goal in time is for long runs only."""
        figures = self.figures
        figures.did = did
        alone = self._warm_up()
        figures.rss_before, figures.fds_before = self.resting_mib(), open_files(self.pid)
        client = self._client(self.seed + 1)
        try:
            with Peak(self.pid) as peak:
                self.serves(200)
                yield client
                seen = client.finish()
        finally:
            client.kill()
        figures.rss_peak = peak.mib
        self._judge(seen, alone, p99_max_ms)
        self.notes.append(f"alone the good client saw p50 {alone.p50_ms:.1f} and p99 {alone.p99_ms:.1f} ms")
        self._wait_for_calm()

    def resting_mib(self) -> float:
        """The least while it rests for as long as it takes to give back what is free."""
        self.lab.say("resting")
        end = time.monotonic() + (0 if self.lab.short else REST_S)
        least = self.rss_mib()
        while time.monotonic() < end:
            time.sleep(0.1)
            least = min(least, self.rss_mib())
        return least

    def _judge(self, seen: Seen, alone: Seen, p99_max_ms: float) -> None:
        figures = self.figures
        figures.requests, figures.errors = seen.requests, seen.errors
        figures.p50_ms, figures.p99_ms = seen.p50_ms, seen.p99_ms
        if seen.errors:
            self.fail(f"the good client saw errors; {seen.first_error}")
        if p99_max_ms and not self.lab.short and seen.p99_ms >= p99_max_ms:
            is_busy = alone.p99_ms >= p99_max_ms
            self.fail(f"p99 is not under {p99_max_ms:.0f} ms{', on a machine too busy to tell' if is_busy else ''}")

    def _wait_for_calm(self) -> None:
        self.lab.say("waiting for calm")
        figures = self.figures
        deadline = time.monotonic() + CALM_S
        most = SHORT_MOST_MIB if self.lab.short else WITHIN * figures.rss_before
        files = figures.fds_before + (SHORT_MORE_FILES if self.lab.short else 0)
        while True:
            figures.rss_after, figures.fds_after = self.rss_mib(), open_files(self.pid)
            is_back = figures.rss_after <= most and figures.fds_after <= files
            if is_back or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        if figures.rss_after > most:
            self.fail("memory did not come back")
        if figures.fds_after > files:
            self.fail("files stayed open")

    def record(self, line: Line | None = None) -> None:
        line = line or Line(self.lab.row)
        line.abuse = [asdict(self.figures)]
        line.error = line.error or "; ".join(self.figures.faults)
        line.notes += self.notes
        self.lab.record(None, 1, 1, line)
