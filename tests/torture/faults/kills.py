"""kill -9 of a daemon or a broker, at random moments and at chosen ones."""
import random
import time
from typing import Callable

from confluent_kafka.admin import AdminClient

from broker import Kafka, wait_until
from lab import Lab

LAG = "playreport_consumer_lag_records"


def kill_ingest(ack: str) -> Callable[[Lab], None]:
    def run(lab: Lab) -> None:
        with lab.rig(lab.brokers.single(), {"ack": ack}) as rig:
            for batch in lab.batches(10):
                with rig.load(2000):
                    for number in batch:
                        lab.say(f"kill {number + 1}")
                        rig.flow(jitter_s=random.choice((0.3, 0.3, 1.5)))  # before and after a checkpoint
                        rig.kill_front()
                        rig.front.start()
                lab.record(rig, len(batch))

    return run


def kill_consumer(lab: Lab) -> None:
    """In turn: at a random moment; between the store's commit and Kafka's; at a write in the midst of the store's.
    Ingest dies too now and then: a consumer new from a kill must know the repeats that follow."""
    # Static membership: the next life need not wait until the group has missed the last one.
    options = {"kafka.group.instance.id": "torture", "kafka.session.timeout.ms": 6000}
    with lab.rig(lab.brokers.single(), consumer=options, faults="counter") as rig:
        for batch in lab.batches(10):
            bites = 0
            with rig.load(2000):
                for number in batch:
                    lab.say(f"kill {number + 1}")
                    rig.count_on()
                    if number % 3 == 0:
                        time.sleep(random.uniform(0, 0.2))
                        bites += rig.counter.metric(LAG) > 0
                        rig.kill_counter()
                    elif number % 3 == 1:
                        bites += rig.let_counter_die(kill_commit=1)
                    else:
                        bites += rig.let_counter_die(kill_write=random.randint(1, 20))
                    if number % 5 == 4:
                        rig.kill_front()
                        rig.front.start()
                    rig.counter.start()
            lab.record(rig, len(batch), bites)


def kill_broker(lab: Lab) -> None:
    kafka = lab.brokers.single()
    with lab.rig(kafka) as rig:
        for batch in lab.batches(4):
            bites = 0
            with rig.load(1500):
                for number in batch:
                    lab.say(f"kill {number + 1}")
                    rig.flow()
                    kafka.kill()
                    rig.flow(100, 0)
                    bites += rig.waiting() > 0
                    kafka.restart()
            lab.record(rig, len(batch), bites)


def leader_of(kafka: Kafka, topic: str, partition: int) -> int:
    return AdminClient(kafka.conf()).list_topics(topic, timeout=60).topics[topic].partitions[partition].leader


def is_whole(kafka: Kafka, topic: str) -> bool:
    """Whether every partition has a leader and all its replicas in sync."""
    partitions = AdminClient(kafka.conf()).list_topics(topic, timeout=60).topics[topic].partitions.values()
    return all(p.leader >= 0 and len(p.isrs) == len(p.replicas) for p in partitions)


def kill_leader(lab: Lab) -> None:
    kafka = lab.brokers.three()
    with lab.rig(kafka, {"ack": "broker"}) as rig:
        for batch in lab.batches(4):
            bites = 0
            with rig.load(1000, connections=64):
                for number in batch:
                    lab.say(f"kill {number + 1}")
                    rig.flow()
                    node = leader_of(kafka, rig.topic, number % 12)
                    kafka.kill(node)
                    bites += rig.comes_true(lambda: rig.waiting() > 0, 10)
                    rig.flow(500)
                    kafka.restart(node)
                    wait_until("all replicas are in sync", lambda: is_whole(kafka, rig.topic))
            lab.record(rig, len(batch), bites)
