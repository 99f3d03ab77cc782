"""The store: COMMITs that fail or whose outcome is unknown, a second consumer on its file."""
import errno
import time

from daemons import consumer
from lab import Lab

FAULTS = ((errno.EIO, 0), (errno.ENOSPC, 0), (errno.EIO, 1))  # an errno, and whether the write was made all the same


def failing_commits(lab: Lab) -> None:
    """Every k-th write to the store's files fails, k from 1 to 20, in three ways. Bites when calls failed."""
    with lab.rig(lab.brokers.single(), faults="counter") as rig:
        for batch in lab.batches(len(FAULTS)):
            bites = 0
            with rig.load(1000):
                for number in batch:
                    every = number // len(FAULTS) % 20 + 1
                    failure, late = FAULTS[number % len(FAULTS)]
                    lab.say(f"every {every}th write: {errno.errorcode[failure]}{', late' if late else ''}")
                    rig.count_on()
                    hits = rig.counter_orders.get("hits")
                    rig.counter_orders.set(write_errno=failure, every=every, late=late)
                    bites += rig.comes_true(lambda: rig.counter_orders.get("hits") > hits)
                    time.sleep(0.5)
                    rig.counter_orders.clear()
            lab.record(rig, len(batch), bites)


def second_consumer(lab: Lab) -> None:
    """It must say that the store is in use and end; the first goes on. Bites when it was refused."""
    with lab.rig(lab.brokers.single()) as rig:
        for batch in lab.batches(1):
            lab.say("a second consumer")
            other = consumer(rig.folder / "other", rig.broker.bootstrap, topic=rig.topic, group="other",
                             store=rig.counter.options["store"])
            refused = ""
            with rig.load(1000):
                rig.flow()
                try:
                    other.start()
                    other.kill()
                except RuntimeError as error:
                    refused = str(error)
                rig.flow()
            if refused:
                rig.note(f"the second said: {refused.strip().splitlines()[-1][-160:]}")
            lab.record(rig, len(batch), int(bool(refused)))
