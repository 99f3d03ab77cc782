"""What a process holds, out of /proc."""
import os
import resource
import threading
from pathlib import Path


def rss_anon_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no RssAnon in /proc/{pid}/status")


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def allow_files(count: int) -> None:
    """For this process and those it starts from now on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        most = hard if hard == resource.RLIM_INFINITY else max(hard, count)  # above hard only root may go
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, most))
        except (OSError, ValueError) as error:
            raise RuntimeError(f"a file limit of {count:,} is needed (ulimit -n; the hard one is {hard:,})") from error


def allow_connections(count: int, or_fewer: bool) -> int:
    """To a daemon that is started from now on. or_fewer: as many as the limit allows do too. Returns how many."""
    spare = 500  # and a fifth: the daemon's loops share connections out by chance, not evenly
    try:
        allow_files(count + count // 5 + spare)
    except RuntimeError:
        if not or_fewer:
            raise
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        allow_files(hard)
        count = max(1, (hard - spare) * 5 // 6)
    return count


class Peak:
    """The most memory a process had while the block ran."""

    def __init__(self, pid: int, every_s: float = 0.02) -> None:
        self.mib = rss_anon_mib(pid)
        self._pid, self._every_s = pid, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                self.mib = max(self.mib, rss_anon_mib(self._pid))
            except (OSError, RuntimeError):
                return  # it has ended, which others tell

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()
