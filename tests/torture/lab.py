"""What a row works with: brokers started when first asked for, a rig of daemons, how often and how long."""
import shutil
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

from broker import Kafka
from progress import Progress
from proxy import Proxy
from results import Line, Results
from rig import Rig


class Brokers:
    """Shared by the rows of a run: one node, three nodes, one node behind a proxy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, Kafka] = {}
        self._locks = {name: threading.Lock() for name in ("single", "three", "proxied")}
        self.proxy: Proxy | None = None

    def _get(self, name: str, make: Callable[[], Kafka]) -> Kafka:
        with self._locks[name]:
            if name not in self._kept:
                self._kept[name] = make()
            return self._kept[name]

    def start_ahead(self) -> None:
        """Starts those that take long, while rows work with the single one."""
        self.single()
        for start in (self.three, self.proxied):
            threading.Thread(target=start, daemon=True).start()

    def single(self) -> Kafka:
        return self._get("single", lambda: Kafka.start(self.folder / "single"))

    def three(self) -> Kafka:
        return self._get("three", lambda: Kafka.start(self.folder / "three", nodes=3))

    def proxied(self) -> Kafka:
        return self._get("proxied", self._start_proxied)

    def _start_proxied(self) -> Kafka:
        """The broker names the proxy's port as its own, so that every client but the first call goes through it."""
        kafka = Kafka.start(self.folder / "proxied")
        self.proxy = Proxy(int(kafka.bootstrap.rpartition(":")[2]))
        settings = kafka.folder / "node1/server.properties"
        text = settings.read_text().replace(f"advertised.listeners=PLAINTEXT://{kafka.bootstrap}",
                                            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.proxy.port}")
        settings.write_text(text)
        kafka.restart()
        return kafka

    def drop(self, name: str) -> None:
        with self._locks[name]:
            if name in self._kept:
                self._kept.pop(name).kill()

    def close(self) -> None:
        for name in self._locks:
            self.drop(name)
        if self.proxy is not None:
            self.proxy.close()


class Lab:
    """One row in one run. `short`: the form of make test."""

    def __init__(self, row: str, folder: Path, brokers: Brokers, results: Results, progress: Progress,
                 count: int, done: int, deadline: float, short: bool) -> None:
        self.row, self.folder, self.brokers, self.results, self.progress = row, folder, brokers, results, progress
        self.count, self.done, self.deadline, self.short = count, done, deadline, short
        self._rigs = 0
        self._began = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)

    def left_s(self) -> float:
        return self.deadline - time.monotonic()

    def batches(self, size: int) -> Iterator[range]:
        """The numbers of the rounds, a batch at a time, as long as another one fits into the stretch."""
        slowest = 0.0
        left = self.count
        while left > 0 and self.left_s() > 1.2 * slowest:
            began = time.monotonic()
            batch = range(self.done, self.done + min(size, left))
            yield batch
            left -= len(batch)
            self.done += len(batch)
            slowest = max(slowest, time.monotonic() - began)

    def say(self, text: str) -> None:
        self.progress.say(f"{self.row}: {text}")

    @contextmanager
    def rig(self, broker: Kafka, ingest: dict | None = None, consumer: dict | None = None, **more) -> Iterator[Rig]:
        """New daemons with a journal, a store and a topic of their own; ended and cleared away afterwards."""
        self._rigs += 1
        name = f"{self.row}-{self._rigs}"
        shutil.rmtree(self.folder / name, ignore_errors=True)
        rig = Rig(broker, self.folder / name, f"torture.{name}", ingest or {}, consumer or {}, **more)
        try:
            yield rig
        except BaseException:
            rig.close()
            raise
        rig.close()
        if not rig.spoiled:
            shutil.rmtree(rig.folder, ignore_errors=True)

    def record(self, rig: Rig | None, times: int, bites: int = 0, line: Line | None = None) -> None:
        """Writes what came of the last `times` rounds."""
        line = line or rig.settle(self.row, self.say)
        line.times, line.bites = times, bites
        now = time.monotonic()
        line.seconds, self._began = round(now - self._began, 1), now
        if rig is not None and (line.lost or line.twice):
            rig.spoiled = True
            line.notes.append(f"kept: {rig.folder}")
        self.results.add(line)
