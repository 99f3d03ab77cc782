"""Processor time, memory and medians; which processor does what."""
import os
import re
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Iterator

# One for what is measured, one for all that is not: generator and broker.
SERVER_CPU = 0
OTHER_CPU = 1 if (os.cpu_count() or 1) > 1 else 0


@contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """What is started in the block runs on that processor, with all its threads."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time of processes, ended threads included. The clock's number is that of
    clock_getcpuclockid(3): exact to the nanosecond where /proc counts ticks."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def busy_s(cpu: int) -> float:
    """What a processor has worked in all, and was stolen by the host."""
    line = next(line for line in Path("/proc/stat").read_text(encoding="ascii").splitlines()
                if line.startswith(f"cpu{cpu} "))
    user, nice, system, _, _, irq, softirq, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *map(int, children)]


def memory_kib(pid: int) -> dict[str, int]:
    """VmRSS, RssAnon, RssFile."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return {name: int(value) for name, value in re.findall(r"^(VmRSS|RssAnon|RssFile):\s+(\d+)", text, re.M)}


@dataclass
class Figures:
    """What came of the rounds of one contestant."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **values: float) -> None:
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        return statistics.median(self.values[name])

    def spread(self, name: str) -> tuple[float, float]:
        return min(self.values[name]), max(self.values[name])


def ratio(ours: Figures, theirs: Figures, name: str) -> float:
    """The median of the rounds' own ratios: what slows a whole round down does not change it."""
    pairs = zip(ours.values[name], theirs.values[name])
    return statistics.median(a / b for a, b in pairs)
