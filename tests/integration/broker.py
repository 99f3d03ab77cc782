"""Brokers for tests: `Kafka`, the real one in processes of its own, and `TryBroker`, in memory, with faults on order."""
import atexit
import os
import select
import subprocess
import time
from collections import namedtuple
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

ROOT = Path(__file__).resolve().parents[2]
KAFKA_SH = ROOT / "tests/broker/kafka/kafka.sh"
BUILD = Path(os.environ.get("PLAYREPORT_TEST_BUILD", ROOT / "build"))
CLIENT = {
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 500,
    "allow.auto.create.topics": False,
    "log_level": 0,
}

# timestamp is in ms; headers is a list of (name, bytes), empty if there are none.
Record = namedtuple("Record", "partition offset key value headers timestamp")


def wait_until(what, condition, timeout_s=120):
    """Returns the first true answer of condition(). A KafkaException counts as "not yet"."""
    deadline = time.monotonic() + timeout_s
    why = ""
    while time.monotonic() < deadline:
        try:
            answer = condition()
            if answer:
                return answer
        except KafkaException as error:
            why = f": {error}"
        time.sleep(0.05)
    raise TimeoutError(f"not within {timeout_s} s: {what}{why}")


class Topics:
    """What can be done with any broker that has a `bootstrap`. One thread at a time."""

    bootstrap = None
    _producer = None

    def conf(self, **more):
        """Settings of a client: conf(group_id="g") sets group.id."""
        return {**CLIENT, "bootstrap.servers": self.bootstrap, **{k.replace("_", "."): v for k, v in more.items()}}

    def partitions(self, topic):
        """The numbers of its partitions, once all have a leader."""

        def known():
            found = AdminClient(self.conf()).list_topics(topic, timeout=5).topics[topic]
            whole = not found.error and all(p.leader >= 0 for p in found.partitions.values())
            return whole and sorted(found.partitions)

        return wait_until(f"topic {topic} has its leaders", known)

    def produce(self, topic, value, partition=0, key=None, headers=None, timestamp=0, timeout_s=120):
        """Stores one record on all replicas and returns its offset."""
        answers = []
        if self._producer is None:
            self._producer = Producer(self.conf(acks="all", enable_idempotence=True, linger_ms=0))
        self._producer.produce(
            topic,
            value,
            key,
            partition,
            on_delivery=lambda error, message: answers.append((error, message.offset())),
            headers=headers or [],
            timestamp=timestamp,
        )
        if self._producer.flush(timeout_s):
            raise TimeoutError(f"no answer to a record for {topic} within {timeout_s} s")
        error, offset = answers[0]
        if error:
            raise KafkaException(error)
        return offset

    def watermarks(self, topic):
        """{partition: (first offset, offset after the last)}"""
        consumer = Consumer(self.conf(group_id="tests.watermarks"))
        try:
            return {number: self._watermark(consumer, topic, number) for number in self.partitions(topic)}
        finally:
            consumer.close()

    @staticmethod
    def _watermark(consumer, topic, number):
        """A partition just made, or one that moves, has no leader for a moment: ask again."""
        partition = TopicPartition(topic, number)
        return wait_until(f"{topic} {number} has a leader", lambda: consumer.get_watermark_offsets(partition, timeout=10))

    def end_offsets(self, topic):
        """{partition: offset after the last record}"""
        return {number: end for number, (_, end) in self.watermarks(topic).items()}

    def read_all(self, topic, timeout_s=120, isolation="read_committed"):
        """Every record there is at the moment of the call, sorted by partition and offset."""
        return sorted(self.read_from(topic, {}, timeout_s, isolation))

    def read_from(self, topic, starts, timeout_s=120, isolation="read_committed"):
        """Yields what there is at the moment of the call, from starts[partition] on; in order within a partition."""
        marks = self.watermarks(topic).items()
        spans = {number: (max(low, starts.get(number, 0)), end) for number, (low, end) in marks}
        spans = {number: span for number, span in spans.items() if span[1] > span[0]}
        consumer = Consumer(
            self.conf(
                group_id="tests.read",
                enable_auto_commit=False,
                enable_partition_eof=True,
                fetch_wait_max_ms=10,
                isolation_level=isolation,
            )
        )
        try:
            consumer.assign([TopicPartition(topic, number, start) for number, (start, _) in spans.items()])
            yield from self._read(consumer, {n: end for n, (_, end) in spans.items()}, timeout_s)
        finally:
            consumer.close()

    @staticmethod
    def _read(consumer, ends, timeout_s):
        deadline = time.monotonic() + timeout_s
        waiting = set(ends)
        while waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"partitions {sorted(waiting)} not read within {timeout_s} s")
            for message in consumer.consume(1000, 0.1):
                number = message.partition()
                # The last offset may belong to no record, so the end of the partition counts as well.
                if message.error() or message.offset() + 1 >= ends[number]:
                    waiting.discard(number)
                if message.error() is None and message.offset() < ends[number]:
                    yield Record(
                        number,
                        message.offset(),
                        message.key(),
                        message.value(),
                        message.headers() or [],
                        message.timestamp()[1],
                    )


class Kafka(Topics):
    """A real broker, or three of them; data lives in a folder.

    `with Kafka.start(folder) as kafka:` kills it at the end, which is quicker than stop(): three nodes take 6 s.
    """

    def __init__(self, folder):
        self.folder = Path(folder)

    @classmethod
    def start(cls, folder, nodes=1, ports=None):
        """Starts new brokers in folder/kafka. Returns when they serve; raises where they cannot be had."""
        kafka = cls(Path(folder) / "kafka")
        more = ["--ports", ",".join(map(str, ports))] if ports else []
        atexit.register(kafka.kill)
        kafka._run("start", "--nodes", nodes, *more)
        kafka.bootstrap = (kafka.folder / "bootstrap").read_text().strip()
        return kafka

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def _run(self, command, *words):
        """Runs kafka.sh. Its output goes to a file: brokers it leaves behind must not hold a pipe of ours."""
        words = [str(KAFKA_SH), command, str(self.folder), *(str(word) for word in words if word is not None)]
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "kafka.sh.log", "w+", encoding="utf-8") as log:
            if subprocess.run(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode:
                log.seek(0)
                raise RuntimeError(f"kafka.sh {command}: {log.read().strip()}")

    def stop(self):
        """Ends all nodes in good order. Twice is once."""
        if (self.folder / "node1").exists():
            self._run("stop")

    def kill(self, node=None):
        """SIGKILL to a node, or to all. Twice is once."""
        if (self.folder / "node1").exists():
            self._run("kill", node)

    def restart(self, node=None):
        """Starts a node, or all, on the same ports and data; a running one is stopped first."""
        self._run("restart", node)

    def pause(self, node=None):
        """Returns once every thread stands still: the signal alone only asks for it."""
        self._run("pause", node)
        nodes = [node] if node else [int(path.name[4:]) for path in self.folder.glob("node*")]
        wait_until("the broker stands still", lambda: all(map(self._stands_still, nodes)))

    def _stands_still(self, node):
        try:
            tasks = [path.read_text() for path in Path(f"/proc/{self.pid(node)}/task").glob("*/stat")]
        except OSError:
            return False  # a thread has just ended
        return all(task.rsplit(")", 1)[1].split()[0] == "T" for task in tasks)

    def resume(self, node=None):
        self._run("resume", node)

    def pid(self, node=1):
        return int((self.folder / f"node{node}" / "pid").read_text())

    def nodes(self):
        """The numbers of the nodes that the cluster names."""
        return sorted(AdminClient(self.conf()).list_topics(timeout=10).brokers)

    def create_topic(self, name, partitions=12, config=None, replication=None):
        """Creates a topic with a copy on every node, unless told otherwise. Returns when it has its leaders."""
        new = NewTopic(name, partitions, replication or len(self.bootstrap.split(",")), config=config or {})
        admin = AdminClient(self.conf())  # kept by name: without it the answer would be dropped
        admin.create_topics([new], operation_timeout=60, request_timeout=60)[name].result()
        self.partitions(name)

    def delete_topic(self, name):
        """Returns when the cluster names it no more."""
        admin = AdminClient(self.conf())  # kept by name, as above
        admin.delete_topics([name], operation_timeout=60)[name].result()
        wait_until(f"{name} is gone", lambda: name not in admin.list_topics(timeout=10).topics, 60)

    def add_partitions(self, name, count):
        """Returns when there are `count` with their leaders."""
        admin = AdminClient(self.conf())  # kept by name, as above
        admin.create_partitions([NewPartitions(name, count)])[name].result(60)
        wait_until(f"{name} has {count} partitions", lambda: len(self.partitions(name)) == count, 60)
        self._producer = None  # which knew no more than there were


class TryBroker(Topics):
    """The try-out broker: starts in milliseconds, keeps little, in memory; for faults, never for figures about loss."""

    def __init__(self, *options, program=None):
        program = Path(program or BUILD / "playreport-try-broker")
        self._process = subprocess.Popen(
            [str(program), "--exit-on-eof", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        try:
            first = self._answer()
            if not first.startswith("bootstrap="):
                raise RuntimeError(f"{program.name} did not start: {first!r}")
        except BaseException:
            self.stop()
            raise
        self.bootstrap = first.split("=", 1)[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _answer(self, timeout_s=60):
        if not select.select([self._process.stdout], [], [], timeout_s)[0]:
            raise TimeoutError(f"the try-out broker gave no answer within {timeout_s} s")
        return self._process.stdout.readline().rstrip("\n")

    def command(self, line):
        """Gives one order, such as "error 0 7 3", and returns its answer: "ok". A refusal raises ValueError."""
        self._process.stdin.write(line + "\n")
        answer = self._answer()
        if answer != "ok":
            raise ValueError(f"{line}: {answer}")
        return answer

    def stop(self):
        """Ends it, and all it held. Twice is once."""
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
