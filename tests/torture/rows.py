"""Every fault by its name."""
from dataclasses import dataclass
from typing import Callable

import counting
from abuse.runs import RUNS
from faults import halts, journal_damage, journal_disk, kafka_away, kafka_faults, kills, load_tools, poison, store
from lab import Lab

AGAIN = ("sent_again", "dropped")
BITES = ("bites",)
ALL = 100_000  # as many as there are


@dataclass(frozen=True)
class Row:
    """times: in all; short: in the short form, 0 where the row has none. needs: the figures without which the fault
    did not bite; luck: those of them that hang on the moment, so that a few times prove nothing."""

    name: str
    what: str
    times: int
    short: int
    needs: tuple[str, ...]
    run: Callable[[Lab], None]
    is_long: bool = False
    luck: tuple[str, ...] = AGAIN
    is_abuse: bool = False  # it has the other table


ROWS = (
    Row("kill-ingest-journal", "kill -9 of ingest under load, ack=journal", 100, 5, AGAIN,
        kills.kill_ingest("journal")),
    Row("kill-ingest-disk", "the same, ack=disk", 100, 4, AGAIN, kills.kill_ingest("disk")),
    Row("kill-ingest-broker", "the same, ack=broker", 100, 4, AGAIN, kills.kill_ingest("broker")),
    Row("kill-consumer", "kill -9 of the consumer, also between and amid its commits", 100, 6, ("bites", *AGAIN),
        kills.kill_consumer, luck=("bites", *AGAIN)),
    Row("kill-broker", "kill -9 of the single broker, restart", 20, 1, BITES, kills.kill_broker),
    Row("stop-consumer", "SIGSTOP past session and max poll interval", 20, 1, BITES, halts.stop_consumer),
    Row("second-consumer", "a second consumer on the same SQLite file", 1, 1, BITES, store.second_consumer),
    Row("journal-cut", "journal cut at every byte of its last three records", ALL, 12, BITES,
        journal_damage.damage(journal_damage.cuts)),
    Row("journal-flip", "every byte of one record flipped", ALL, 6, BITES, journal_damage.damage(journal_damage.flips)),
    Row("journal-full", "the journal's disk full, then space", 5, 1, BITES, journal_disk.full),
    Row("journal-eio", "write and fdatasync fail with EIO, ack=disk", 10, 2, BITES, journal_disk.eio),
    Row("power-loss", "delivered records cut away from open segments", 20, 1, BITES, journal_disk.power_loss),
    Row("size-limit", "the topic's size limit lowered under load", 5, 1, BITES, kafka_faults.size_limit),
    Row("partitions-raised", "partitions added while records wait", 5, 1, BITES, kafka_faults.more_partitions),
    Row("store-commit", "the store's writes fail, every k-th one, k from 1 to 20", 60, 2, BITES,
        store.failing_commits),
    Row("poison", "records that do not decode, among good ones", len(poison.poison()), len(poison.poison()), BITES,
        poison.between_good_ones),
    Row("sigterm", "SIGTERM with 50,000 records waiting", 10, 1, BITES, halts.sigterm),
    Row("answer-lost", "stored by the broker, the answer lost", 20, 2, ("bites", *AGAIN), kafka_faults.lost_answers),
    Row("three-brokers-leader", "three brokers, a leader killed, ack=broker", 20, 1, BITES, kills.kill_leader,
        luck=BITES),
    Row("three-brokers-isr", "replicas in sync lost and regained, fatal producer errors", 20, 1, ("bites", *AGAIN),
        kafka_faults.few_replicas),
    Row("kafka-away", "Kafka away 8 min (short: 60 s) at 5,000/s, memory flat", 1, 1, BITES, kafka_away.away,
        is_long=True),
    Row("load-tools", "no fault: wrk, ab -k, h2load, hey and siege, 30 s each", 5, 0, BITES, load_tools.run),
    Row("viewing-streams", "no fault: random streams of play reports, C and reference alike", 10_000, 20, (),
        counting.streams),
    Row("viewers-error", "no fault: 1,000 counts of 1 M viewers, 99 % of them within 2.5 %", 1, 1, (), counting.sketch),
    *(Row(name, f"abuse: {what}", 1, 1, (), run, is_abuse=True) for name, what, run in RUNS),
)
