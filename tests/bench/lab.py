"""What rows work with: brokers and servers, started when first asked for; rounds, measured once a run."""
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, NamedTuple

from broker import BUILD, Kafka, TryBroker
from brokers import Brokers
from load import Seeds, closed_loop
from measure import SERVER_CPU, Figures, pinned
from servers import Evhttp, Ingest, Nginx, NginxLua, Node, Server
from topic import Delivered

PARTITIONS = 12


class Contestant(NamedTuple):
    """server: its name, with @kafka or @old where it shall not use the try-out broker."""

    server: str
    shape: str = "get"
    connections: int = 64


class Lab:
    """count: rounds of each measurement. seconds: how long one lasts."""

    def __init__(self, folder: Path, count: int, seconds: float) -> None:
        self.folder, self.count, self.seconds = folder, count, seconds
        self.seeds = Seeds()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.brokers = Brokers(folder / "brokers")
        self._servers: dict[str, Server] = {}
        self._delivered: dict[str, Delivered] = {}
        self._rounds: dict[tuple[Contestant, ...], list[Figures]] = {}
        self._done: set[str] = set()
        self._started = 0
        self._began = time.monotonic()

    def once(self, what: str) -> bool:
        """True the first time in a run."""
        is_first = what not in self._done
        self._done.add(what)
        return is_first

    def say(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{time.monotonic() - self._began:5.0f} s  {text}"[:160], end="", file=sys.stderr, flush=True)

    # ---- Topics.

    def try_broker(self) -> TryBroker:
        return self.brokers.get("try")

    def kafka(self) -> Kafka:
        return self.brokers.get("kafka")

    def topic(self, name: str) -> str:
        """A new topic on the real broker."""
        self.brokers.create_topic("kafka", name, PARTITIONS)
        return name

    def fill(self, topic: str, count: int, command: str = "fill") -> None:
        """Puts so many events of viewers on a topic of the real broker."""
        self.say(f"filling {topic} with {count:,} events")
        words = [BUILD / "playreport-bench-topic", command, self.kafka().bootstrap, topic, count]
        with pinned(SERVER_CPU):
            subprocess.run([str(word) for word in words], check=True)

    # ---- Servers.

    def server(self, name: str) -> Server:
        if name not in self._servers:
            self.say(f"starting {name}")
            self._servers[name] = self._start(name)
        return self._servers[name]

    def _start(self, name: str) -> Server:
        folder = self.folder / name.replace("@", "-")
        if name == "nginx":
            return Nginx(folder)
        program, _, where = name.partition("@")
        self._started += 1
        topic = f"bench.{program}.{self._started}"
        self.brokers.create_topic(where or "try", topic, PARTITIONS)
        bootstrap = self.brokers.get(where or "try").bootstrap
        self._delivered[name] = Delivered(bootstrap, topic, PARTITIONS)
        makers: dict[str, Callable[[], Server]] = {
            "ingest": lambda: Ingest(folder, bootstrap, topic),
            "ingest-disk": lambda: Ingest(folder, bootstrap, topic, ack="disk"),
            "ingest-2w": lambda: Ingest(folder, bootstrap, topic, workers=2),
            "ingest-4w": lambda: Ingest(folder, bootstrap, topic, workers=4),
            "evhttp": lambda: Evhttp(folder, bootstrap, topic),
            "lua": lambda: NginxLua(folder, bootstrap, topic),
            "node": lambda: Node(folder, bootstrap, topic),
        }
        return makers[program]()

    def drop(self, name: str) -> None:
        if name in self._servers:
            self._servers.pop(name).stop()
        if name in self._delivered:
            self._delivered.pop(name).close()

    # ---- Rounds.

    def rounds(self, *contestants: Contestant) -> list[Figures]:
        """Each contestant in turn, `count` times over; kept for other rows that ask for the same."""
        if contestants not in self._rounds:
            figures = [Figures() for _ in contestants]
            for number in range(self.count):
                for one, its in zip(contestants, figures):
                    self.say(f"{one.server} {one.shape} {one.connections}: {number + 1} of {self.count}")
                    self.round(one, its)
            self._rounds[contestants] = figures
        return self._rounds[contestants]

    def round(self, one: Contestant, figures: Figures) -> None:
        server = self.server(one.server)
        closed_loop(server, self._delivered.get(one.server), one.shape, one.connections, self.seconds, figures)

    def close(self) -> None:
        for name in list(self._servers):
            self.drop(name)
        self.brokers.close()
        shutil.rmtree(self.folder, ignore_errors=True)
