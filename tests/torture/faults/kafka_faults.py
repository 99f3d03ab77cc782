"""What a cluster does to its clients: too few replicas, a lower limit, more partitions, answers that are lost."""
import secrets
import time

import msgpack
import requests
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions

from broker import Kafka, wait_until
from faults.kills import is_whole
from lab import Lab
from rig import Rig

LIMIT_BYTES = 1500
BIG_REPORTS = 5


def few_replicas(lab: Lab) -> None:
    """All three replicas must be in sync: one stopped is one too few. Fatal errors are ordered meanwhile."""
    kafka = lab.brokers.three()
    with lab.rig(kafka, faults="front", start=False) as rig:
        kafka.create_topic(rig.topic, 12, {"min.insync.replicas": "3"})
        rig.start()
        for batch in lab.batches(4):
            bites = 0
            with rig.load(1000):
                for number in batch:
                    lab.say(f"too few replicas {number + 1}")
                    bites += lose_replica(kafka, rig, number % 3 + 1)
            lab.record(rig, len(batch), bites)


def lose_replica(kafka: Kafka, rig: Rig, node: int) -> bool:
    """True when records waited for the replica, and the producer died of a fatal error and was made anew."""
    rig.flow()
    rebuilds = rig.front.metric("playreport_publisher_rebuilds_total")
    kafka.pause(node)
    waited = rig.comes_true(lambda: rig.waiting() > 0)
    rig.front_orders.set(fatal=1)
    time.sleep(3)
    kafka.resume(node)
    wait_until("all replicas are in sync", lambda: is_whole(kafka, rig.topic))
    rig.front_orders.set(fatal=1)
    rig.flow()
    return waited and rig.comes_true(lambda: rig.front.metric("playreport_publisher_rebuilds_total") > rebuilds)


def set_limit(kafka: Kafka, topic: str, limit: int) -> None:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, {"max.message.bytes": str(limit)})
    admin = AdminClient(kafka.conf())  # kept by name: without it the answer would be dropped
    for answer in admin.alter_configs([resource]).values():
        answer.result(60)


def is_too_large(kafka: Kafka, topic: str) -> bool:
    try:
        kafka.produce(topic, secrets.token_bytes(2 * LIMIT_BYTES))
    except KafkaException as error:
        return error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
    return False


def lower_limit(kafka: Kafka, topic: str) -> None:
    """Returns once the broker goes by it: it answers before, and takes one change after the other."""
    probe = f"{topic}.probe"
    kafka.create_topic(probe, 1)
    for name in (topic, probe):
        set_limit(kafka, name, LIMIT_BYTES)
    wait_until("the broker goes by the new limit", lambda: is_too_large(kafka, probe))
    admin = AdminClient(kafka.conf())  # kept by name, as above
    admin.delete_topics([probe])[probe].result(60)


def send_big(rig: Rig, number: int) -> str:
    """One report that no limit of ours refuses and that does not compress below the topic's. Returns its id."""
    report_id = f"big-{number}"
    fields = {"photo_id": 1, "event": "load", "report_id": report_id, "format": "json",
              "referer": "https://a/" + secrets.token_urlsafe(1500), "source": secrets.token_urlsafe(180)}
    answer = requests.post(f"http://127.0.0.1:{rig.front.port}/api/analytics/report/event", data=fields, timeout=120,
                           headers={"User-Agent": secrets.token_urlsafe(700)})
    if answer.json()["status"] != "ok":
        raise RuntimeError(f"a big report was refused: {answer.text[:200]}")
    return report_id


def dead_letters(rig: Rig) -> list[str]:
    """The report ids set aside that are ours to expect there."""
    letters = (msgpack.unpackb(record.value) for record in rig.broker.read_all(rig.topic + ".dlq"))
    return [letter["report_id"] for letter in letters if letter["report_id"].startswith("big-")]


def size_limit(lab: Lab) -> None:
    """Big records among small ones. Bites when all big ones are among the dead letters;
    a small one there would be lost."""
    kafka = lab.brokers.single()
    with lab.rig(kafka) as rig:
        sent = 0
        for batch in lab.batches(1):
            lab.say(f"lower limit {batch[0] + 1}")
            with rig.load(500):
                rig.flow()
                lower_limit(kafka, rig.topic)
                new = [send_big(rig, sent + i) for i in range(BIG_REPORTS)]
                sent += len(new)
                rig.account.promise(new)
                rig.flow(1000)
            wait_until("the journal is drained", lambda: rig.waiting() == 0)
            aside = dead_letters(rig)
            rig.account.forgive(aside)
            set_limit(kafka, rig.topic, 1048588)
            lab.record(rig, 1, int(set(new) <= set(aside)))


def raise_partitions(kafka: Kafka, topic: str) -> None:
    count = len(kafka.partitions(topic))
    admin = AdminClient(kafka.conf())
    admin.create_partitions([NewPartitions(topic, count + 3)])[topic].result(60)


def more_partitions(lab: Lab) -> None:
    """While records wait for a broker that stood still, and in turn after a kill too. Bites when records waited."""
    kafka = lab.brokers.single()
    with lab.rig(kafka) as rig:
        for batch in lab.batches(1):
            lab.say(f"more partitions {batch[0] + 1}")
            rig.send(500)
            kafka.pause()
            try:
                rig.send(20000)
                waiting = rig.waiting()
                if batch[0] % 2 == 0:
                    rig.kill_front()
            finally:
                kafka.resume()
            raise_partitions(kafka, rig.topic)
            if batch[0] % 2 == 0:
                rig.front.start()
            rig.send(2000, 1000)
            lab.record(rig, 1, int(waiting > 0))


def lost_answers(lab: Lab) -> None:
    """The broker stored it and its answer was lost; in turn the daemon dies too before it has tried again."""
    kafka = lab.brokers.proxied()
    proxy = lab.brokers.proxy
    with lab.rig(kafka) as rig:
        for batch in lab.batches(5):
            bites = 0
            with rig.load(1000):
                for number in batch:
                    lab.say(f"lost answer {number + 1}")
                    rig.flow()
                    lost = proxy.lost
                    proxy.cut(1 + number % 3)
                    wait_until("an answer is lost", lambda: proxy.lost > lost)
                    bites += 1
                    if number % 2:
                        rig.kill_front()
                        rig.front.start()
            lab.record(rig, len(batch), bites)
