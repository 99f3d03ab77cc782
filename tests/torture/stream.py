"""Numbered reports in the background: the load generator, and what it was told of each report."""
import signal
import subprocess
from pathlib import Path

from daemons import PROGRAMS

FOR_EVER = 4_000_000_000
FATES = {"acked": 1, "unknown": 2, "refused": 3}


class Stream:
    """Sends report 0, 1, 2, ... of its seed until stop(), or until `reports` are settled."""

    def __init__(self, port: int, folder: Path, seed: int, rate: float, reports: int = FOR_EVER,
                 connections: int = 32, more: tuple[str, ...] = ()) -> None:
        self.seed = seed
        self.acks = folder / f"acks-{seed}"
        self.log = folder / f"load-{seed}.log"
        words = [str(PROGRAMS / "playreport-load"), "--target", f"127.0.0.1:{port}", "--seed", str(seed),
                 "--reports", str(reports), "--rate", str(rate), "--connections", str(connections),
                 "--photos", "100", "--acks", str(self.acks), "--reconnect", *more]
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait(self, timeout_s: float) -> None:
        """Until all reports are settled; 1 means that some were refused, and they are in the file as such."""
        self._process.wait(timeout_s)
        self._check()

    def stop(self) -> None:
        """What is on its way becomes unknown. Twice is once."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(120)
        self._check()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _check(self) -> None:
        if self._process.returncode not in (0, 1):
            why = self.log.read_text()[-500:]
            raise RuntimeError(f"the load generator ended with {self._process.returncode}: {why}")

    def fates(self) -> dict[int, int]:
        """Once it has ended."""
        return read_fates(self.acks)


def read_fates(acks: Path) -> dict[int, int]:
    """{number: one of FATES}"""
    fates = {}
    with open(acks, encoding="ascii") as lines:
        for line in lines:
            name, fate = line.split()
            fates[int(name.rpartition("-")[2])] = FATES[fate]
    return fates
