#!/usr/bin/env python3
"""make run and make demo: both daemons with a broker, a small sample, the table of numbers."""
import argparse
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
REPORTS = 2000
LISTENING = re.compile(r"event=listening port=(\d+)")


class Process:
    """A program of ours with its log in a file; stopped by SIGTERM."""

    def __init__(self, name, folder, *words):
        self.name, self.log = name, Path(folder) / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(BUILD / name), *words], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)

    def wait_for(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = self.log.read_text(errors="replace")
            found = re.search(pattern, text)
            if found:
                return found
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended:\n{text[-2000:]}")
            time.sleep(0.05)
        sys.exit(f"{self.name} did not start within {seconds} s; see {self.log}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def start(folder, kafka, processes):
    """Starts what is missing; returns the broker's address."""
    if not kafka:
        broker = Process("playreport-try-broker", folder, "--topic", "video.player.reports.v1:12", "--topic",
                         "video.player.reports.v1.dlq:12")
        processes.append(broker)
        kafka = broker.wait_for(r"bootstrap=(\S+)")[1]
    more = [f"--kafka.bootstrap.servers={kafka}"]
    processes.append(Process("playreport-consumer", folder, f"--store=sqlite:{folder}/playreport.db",
                             "--kafka.session.timeout.ms=6000", "--kafka.fetch.wait.max.ms=10", *more))
    processes.append(Process("playreport-ingest", folder, f"--journal={folder}/journal", *more))
    for process in processes[-2:]:
        process.wait_for(LISTENING)
    return kafka


def report(folder, *words):
    answer = subprocess.run([str(BUILD / "playreport-consumer"), "report", f"--store=sqlite:{folder}/playreport.db",
                             "--log_level=error", *words], capture_output=True, text=True, check=True)
    return answer.stdout


def wait_counted(folder, reports, seconds=45):
    end = time.monotonic() + seconds
    said = time.monotonic()
    counted = 0
    while time.monotonic() < end:
        rows = report(folder, "--dimensions=", "--metrics=reports", "--format=csv").split()
        counted = int(rows[1]) if len(rows) > 1 else 0
        if counted >= reports:
            return
        if time.monotonic() - said > 2:
            said = time.monotonic()
            print(f"  counted {counted} of {reports} (a new consumer group takes some seconds to form)", flush=True)
        time.sleep(0.2)
    sys.exit(f"only {counted} of {reports} reports were counted within {seconds} s; see the logs in {folder}")


CURL = """
Send a report of your own, and ask for the numbers:
  curl 'http://127.0.0.1:8080/api/analytics/report/event?photo_id=7&event=load&source=site'
  curl 'http://127.0.0.1:8081/v1/report?dimensions=photo_id,source&metrics=events,loads&sort=-events&limit=10'
  build/playreport-consumer report --store=sqlite:{folder}/playreport.db --sort=-events --limit=10
Operators: http://127.0.0.1:9080/metrics and http://127.0.0.1:9081/metrics"""


def sample(folder):
    """Sends the sample and prints its table."""
    print(f"sending {REPORTS} reports of sample sessions", flush=True)
    subprocess.run([str(BUILD / "playreport-load"), "--reports", str(REPORTS), "--photos", "20", "--seed", "23"],
                   check=True)
    wait_counted(folder, REPORTS)
    print("\nnumbers per photo_id and source, the ten largest:\n")
    print(report(folder, "--dimensions=photo_id,source", "--metrics=reports,events,loads", "--sort=-reports",
                 "--limit=10"))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--once", action="store_true", help="end after the table")
    options.add_argument("--kafka", help="host:port of a Kafka to use instead of the try-out broker")
    asked = options.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    processes = []
    with tempfile.TemporaryDirectory(prefix="playreport-") as folder:
        try:
            kafka = start(folder, asked.kafka, processes)
            print(f"Kafka at {kafka}; ingest on 127.0.0.1:8080, consumer on 127.0.0.1:8081; logs in {folder}")
            sample(folder)
            if not asked.once:
                print(CURL.format(folder=folder))
                print("\nCtrl-C ends it.", flush=True)
                stop.wait()
                print("\nstopping", flush=True)
        finally:
            codes = [process.stop() for process in reversed(processes)]
    return 0 if not any(codes) else 1


if __name__ == "__main__":
    sys.exit(main())
