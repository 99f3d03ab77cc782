"""A player that minds its manners: what it is told while others do not, and how long it waits."""
import re
from dataclasses import dataclass
from pathlib import Path

from stream import FOR_EVER, Stream

RATE, CONNECTIONS = 2000, 32
NUMBER = re.compile(r"(\S+)=([\d.]+)")


@dataclass
class Seen:
    """Times count from the moment a report was due, so that waiting for its turn counts too."""

    requests: int
    errors: int
    p50_ms: float
    p99_ms: float
    first_error: str = ""


class GoodClient(Stream):
    """Sends at a fixed rate, whatever comes, until finish() or so many reports."""

    def __init__(self, port: int, folder: Path, seed: int, rate: float = RATE, reports: int = FOR_EVER) -> None:
        super().__init__(port, folder, seed, rate, reports, CONNECTIONS, more=("--latency", "--finish"))

    def finish(self) -> Seen:
        """Waits for the replies that are on their way."""
        self.stop()
        return self.seen()

    def seen(self) -> Seen:
        """Once it has ended. What was refused and what has no reply, although its connection was there, are errors."""
        text = self.log.read_text()
        figures = {name: float(value) for name, value in NUMBER.findall(text)}
        first = re.search(r"first refused: .*", text)
        return Seen(int(figures["reports"]), int(figures["refused"] + figures["unknown"]), figures["p50"] / 1000,
                    figures["p99"] / 1000, first[0] if first else "")
