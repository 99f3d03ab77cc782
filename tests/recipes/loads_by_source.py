"""Loads by source with Python: python3 loads_by_source.py localhost:9092 video.player.reports.v1

Reads what the topic has now and ends. A record can repeat after a crash of ingest: the highest sequence of each lane in
each partition tells. Needs confluent-kafka and msgpack (Debian: python3-confluent-kafka, python3-msgpack)."""
import sys
from collections import Counter

import msgpack
from confluent_kafka import Consumer, TopicPartition

broker, topic = sys.argv[1:]
consumer = Consumer({"bootstrap.servers": broker, "group.id": "loads-by-source", "enable.auto.commit": False})
marks, loads = {}, Counter()
for number in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
    consumer.assign([TopicPartition(topic, number, low)])
    while low < high:
        record = consumer.poll(10)
        if record is None or record.error():
            sys.exit(f"partition {number} cannot be read: {record and record.error()}")
        low = record.offset() + 1
        event = msgpack.unpackb(record.value())
        lane, sequence = event["id"].split("-")
        if sequence <= marks.get((number, lane), ""):  # 16 hex digits compare as text
            continue
        marks[number, lane] = sequence
        if event["kind"] == "event" and event["event"] == "load":
            loads[event.get("source", "").strip() or "(none)"] += 1  # as the consumer names them
for source, count in sorted(loads.items(), key=lambda row: (-row[1], row[0])):
    print(source, count)
