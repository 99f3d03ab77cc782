"""Waits until every node of a Kafka cluster serves: exits 0 when it does, 1 with a sentence when time is up.

usage: ready.py TIMEOUT_S NODES_IN_ALL ID=HOST:PORT...

Ready means: each node named on the command line answers for itself and names all of them, every partition has
its replicas in sync, one record is produced, and one group is joined. The topic and the group used for it are
called `broker.ready`. While nodes are missing only the first is waited for: the rest may need those nodes.
"""
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

TOPIC = "broker.ready"
CONF = {
    "socket.timeout.ms": 3000,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 200,
    "log_level": 0,
    "allow.auto.create.topics": False,
}


class NotReady(Exception):
    pass


def conf(bootstrap, **more):
    more = {name.replace("_", "."): value for name, value in more.items()}
    return {**CONF, "bootstrap.servers": bootstrap, **more}


def check_node(admin, ids):
    """The node answers, and names every node expected."""
    named = set(admin.list_topics(timeout=2).brokers)
    if not ids <= named:
        raise NotReady(f"it names nodes {sorted(named)} instead of {sorted(ids)}")


def check_topics(admin, ids):
    """The topic is there, and all replicas of every partition are in sync."""
    topics = admin.list_topics(timeout=2).topics
    if TOPIC not in topics:
        new = NewTopic(TOPIC, num_partitions=1, replication_factor=len(ids))
        admin.create_topics([new], request_timeout=5)[TOPIC].result()
        raise NotReady(f"{TOPIC} is being created")
    for name, topic in topics.items():
        for number, partition in topic.partitions.items():
            if partition.leader not in ids or set(partition.isrs) != set(partition.replicas):
                raise NotReady(f"{name} [{number}] has not all its replicas in sync")


def check_produce(bootstrap):
    failures = []
    producer = Producer(conf(bootstrap, message_timeout_ms=3000, acks="all"))
    producer.produce(TOPIC, b"ready", on_delivery=lambda err, _: failures.append(err) if err else None)
    if producer.flush(4) or failures:
        raise NotReady(f"produce: {failures[0] if failures else 'no answer'}")


def check_group(bootstrap, deadline):
    assigned = []
    consumer = Consumer(conf(bootstrap, group_id=TOPIC, session_timeout_ms=6000))
    try:
        consumer.subscribe([TOPIC], on_assign=lambda _, partitions: assigned.extend(partitions))
        while not assigned and time.monotonic() < deadline:
            consumer.poll(0.05)
    finally:
        consumer.close()
    if not assigned:
        raise NotReady("no group can be joined")


def repeat(what, check, deadline):
    while True:
        try:
            return check()
        except (NotReady, KafkaException) as why:
            if time.monotonic() > deadline:
                raise NotReady(f"{what}: {why}") from why
            time.sleep(0.05)


def main(timeout_s, nodes_in_all, *nodes):
    deadline = time.monotonic() + float(timeout_s)
    addresses = dict(node.split("=", 1) for node in nodes)
    ids = {int(number) for number in addresses}
    bootstrap = ",".join(addresses.values())
    try:
        for number, address in addresses.items():
            one = AdminClient(conf(address))
            repeat(f"node {number}", lambda: check_node(one, ids), deadline)
        if len(ids) < int(nodes_in_all):
            return 0
        admin = AdminClient(conf(bootstrap))
        repeat("topics", lambda: check_topics(admin, ids), deadline)
        repeat("produce", lambda: check_produce(bootstrap), deadline)
        repeat("group", lambda: check_group(bootstrap, deadline), deadline)
        repeat("topics", lambda: check_topics(admin, ids), deadline)
    except NotReady as why:
        print(f"broker not ready after {timeout_s} s: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
