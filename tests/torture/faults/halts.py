"""A daemon that is stopped: SIGSTOP for longer than its group waits, SIGTERM with much still to do."""
import signal
import time

from confluent_kafka.admin import AdminClient

from broker import Kafka, wait_until
from lab import Lab
from rig import Rig

SESSION_S = 6  # the least that a broker allows
WAITING = 50_000


def group_is_empty(kafka: Kafka, group: str) -> bool:
    return any(not g.members for g in AdminClient(kafka.conf()).list_groups(group, timeout=60))


def stop_consumer(lab: Lab) -> None:
    """Longer than session.timeout.ms and max.poll.interval.ms; bites when its group has given it up."""
    limits = {f"kafka.{name}": SESSION_S * 1000 for name in ("session.timeout.ms", "max.poll.interval.ms")}
    kafka = lab.brokers.single()
    with lab.rig(kafka, consumer=limits) as rig:
        for batch in lab.batches(2):
            bites = 0
            with rig.load(1000):
                for number in batch:
                    lab.say(f"SIGSTOP {number + 1}")
                    rig.count_on()
                    rig.counter.process.send_signal(signal.SIGSTOP)
                    time.sleep(SESSION_S + 1)
                    bites += wait_until("the group gave it up", lambda: group_is_empty(kafka, rig.topic))
                    rig.counter.process.send_signal(signal.SIGCONT)
                    rig.count_on()
            lab.record(rig, len(batch), bites)


def end_with_much_waiting(kafka: Kafka, rig: Rig, kafka_returns: bool) -> None:
    kafka.pause()
    rig.send(WAITING)
    if rig.waiting() < WAITING:
        raise RuntimeError(f"only {rig.waiting()} records wait")
    if kafka_returns:
        kafka.resume()
    code = rig.stop_front()
    if code != 0:
        raise RuntimeError(f"SIGTERM: ended with {code}, not 0")
    if not kafka_returns:
        kafka.resume()
    rig.front.start()


def sigterm(lab: Lab) -> None:
    """In turn with Kafka away, so that all stays in the journal, and with Kafka just back."""
    kafka = lab.brokers.single()
    with lab.rig(kafka, {"drain_timeout": "2s"}) as rig:
        for batch in lab.batches(1):
            for number in batch:
                lab.say(f"SIGTERM {number + 1}")
                try:
                    end_with_much_waiting(kafka, rig, number % 2 == 1)
                finally:
                    kafka.resume()
            lab.record(rig, len(batch), len(batch))
