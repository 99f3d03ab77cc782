"""The two daemons as processes of a test: started on free ports, asked, killed, started again."""
import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from broker import BUILD, ROOT, wait_until
from ports import free_ports

LISTENING = re.compile(r"event=listening port=(\d+) admin_port=(\d+)")
PROGRAMS = Path(os.environ.get("PLAYREPORT_TEST_DAEMONS", BUILD))


class Daemon:
    """One daemon with its log in a file. kill() and start() may follow each other; ports stay."""

    def __init__(self, program, folder, options):
        self.program = PROGRAMS / program
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / f"{program}.log"
        self.options = dict(options)
        self.host = "127.0.0.1"
        self.port, self.admin_port = free_ports(2)
        self.process = None
        self.environment = {}  # beside that of the test
        self.files = None  # how many it may have open, when that is not as it is for the test

    def start(self):
        words = [f"--{name}={value}" for name, value in self.options.items()]
        words += [f"--listen={self.host}:{self.port}", f"--admin_listen=127.0.0.1:{self.admin_port}"]
        limit = ["prlimit", f"--nofile={self.files}:{self.files}"] if self.files else []
        before = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*limit, str(self.program), *words], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env={**os.environ, **self.environment})
        match = wait_until(f"{self.program.name} listens: {self.log}", lambda: self._listening(before))
        self.port, self.admin_port = int(match[1]), int(match[2])
        return self

    def _listening(self, before):
        text = self.log.read_bytes()[before:].decode(errors="replace")
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.program.name} ended with {self.process.returncode}: {text[-2000:]}")
        return LISTENING.search(text)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout_s=120):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout_s)

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()

    def admin(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    def ready(self):
        return json.loads(self.admin("/readyz")[1])

    def metric(self, name):
        """The sum of a metric over its labels."""
        rows = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.admin("/metrics")[1], re.M)
        return sum(float(row) for row in rows)


def ingest(folder, bootstrap, **options):
    settings = {"journal": Path(folder) / "journal", "kafka.bootstrap.servers": bootstrap, "workers": 2, **options}
    return Daemon("playreport-ingest", folder, settings)


class ConsumerDaemon(Daemon):
    def report(self, **query):
        """GET /v1/report, the answer decoded."""
        words = urllib.parse.urlencode(query)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/report?{words}", timeout=120) as answer:
            return json.loads(answer.read())

    def totals(self):
        rows = self.report(metrics="reports,events,loads")["rows"]
        return rows[0] if rows else {"reports": 0, "events": 0, "loads": 0}


def consumer(folder, bootstrap, **options):
    """Its group is that of its topic: one killed by another test would keep the partitions until its session ends."""
    settings = {"store": f"sqlite:{Path(folder) / 'store.db'}", "kafka.bootstrap.servers": bootstrap,
                **({"group": options["topic"]} if "topic" in options else {}), **options}
    return ConsumerDaemon("playreport-consumer", folder, settings)


def load(port, reports, expect, acks=None, *more):
    """Runs the load generator to its end; returns what it expects to be counted."""
    words = [str(PROGRAMS / "playreport-load"), "--target", f"127.0.0.1:{port}", "--reports", str(reports)]
    words += ["--expect", str(expect), *(["--acks", str(acks)] if acks else []), *map(str, more)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return json.loads(Path(expect).read_text())


__all__ = ["ROOT", "consumer", "ingest", "load", "wait_until"]
