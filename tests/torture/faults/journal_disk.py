"""The disk under the journal: full, failing, and records gone with the power."""
import errno
import os
import random
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import requests

from broker import wait_until
from lab import Lab
from rig import Rig

FAILURES = "playreport_journal_(?:commit|sync)_failures_total"
TMPFS = "24m"


def unmount(folder: Path) -> None:
    if folder.is_mount():
        subprocess.run(["umount", "-l", str(folder)], check=False)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A small tmpfs in folder; False where mounting is not allowed."""
    unmount(folder)  # a run that was killed may have left it
    folder.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS}", "playreport-torture", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode == 0
    try:
        yield mounted
    finally:
        unmount(folder)


def is_refused(rig: Rig) -> bool:
    """Whether a report would be refused now; one that is not counts as any other."""
    url = f"http://127.0.0.1:{rig.front.port}/api/analytics/report/event?photo_id=1&event=load"
    return requests.get(url, timeout=60).status_code == 503


def full(lab: Lab) -> None:
    """Filled while Kafka is away; space comes back with Kafka. Bites when reports were refused."""
    kafka = lab.brokers.single()
    with small_disk(lab.folder / "disk") as mounted:
        options = {"journal_max_bytes": "64MiB", **({"journal": lab.folder / "disk/journal"} if mounted else {})}
        with lab.rig(kafka, options) as rig:
            for batch in lab.batches(1):
                lab.say(f"filling {batch[0] + 1}")
                kafka.pause()
                try:
                    with rig.load(20000):
                        wait_until("the journal is full", lambda: is_refused(rig), 300)
                        kafka.resume()
                        lab.say(f"space for {batch[0] + 1}")
                        rig.flow(2000)
                        wait_until("it is ready", lambda: rig.front.ready()["ready"])
                finally:
                    kafka.resume()
                if not mounted:
                    rig.note("no tmpfs may be mounted here: filled to journal_max_bytes instead")
                lab.record(rig, 1, int(rig.sums.refused > 0))


def eio(lab: Lab) -> None:
    """In turn write and fdatasync fail, each or every third; bites when calls failed and reports were refused."""
    with lab.rig(lab.brokers.single(), {"ack": "disk"}, faults="front") as rig:
        for batch in lab.batches(2):
            bites = 0
            with rig.load(1000):
                for number in batch:
                    lab.say(f"EIO {number + 1}")
                    rig.flow()
                    hits, failures = rig.front_orders.get("hits"), rig.front.metric(FAILURES)
                    kind = ("write_errno", "sync_errno")[number % 2]
                    rig.front_orders.set(**{kind: errno.EIO, "every": 1 + 2 * (number // 2 % 2)})
                    bites += rig.comes_true(lambda: rig.front_orders.get("hits") > hits
                                            and rig.front.metric(FAILURES) > failures)
                    time.sleep(random.uniform(0, 0.5))
                    rig.front_orders.clear()
                    rig.flow()
            lab.record(rig, len(batch), bites)


def cut_segments(journal: Path) -> int:
    """Cuts every segment at a random place behind its header. Returns the bytes gone."""
    gone = 0
    for segment in journal.glob("*.journal"):
        size = segment.stat().st_size
        keep = random.randint(64, max(64, size - 1))
        os.truncate(segment, keep)
        gone += size - keep
    return gone


def power_loss(lab: Lab) -> None:
    """What was delivered is gone from the open segments, the checkpoint ahead of them. As many new reports follow."""
    with lab.rig(lab.brokers.single()) as rig:
        for batch in lab.batches(4):
            bites = 0
            for number in batch:
                lab.say(f"power loss {number + 1}")
                rig.send(1500, 3000)
                wait_until("all is delivered", lambda: rig.waiting() == 0)
                time.sleep(random.choice((0, 1.2)))  # with the checkpoint behind, or written
                rig.kill_front()
                bites += cut_segments(rig.folder / "journal") > 0
                rig.front.start()
                rig.send(1500, 3000)
            lab.record(rig, len(batch), bites)
