// Loads by source with Node: node loads_by_source.mjs localhost:9092 video.player.reports.v1
// Reads what the topic has now and ends. A record can repeat after a crash of ingest: the highest sequence of each lane
// in each partition tells.
import { createRequire } from "node:module";
import { decode } from "@msgpack/msgpack";
import { decompress } from "fzstd";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = createRequire(import.meta.url)("kafkajs");
const [broker, topic] = process.argv.slice(2);
// ingest sends zstd, which kafkajs knows by name only.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({ decompress: async (bytes) => Buffer.from(decompress(bytes)) });

const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
const admin = kafka.admin();
await admin.connect();
const left = new Map((await admin.fetchTopicOffsets(topic))
  .filter((one) => BigInt(one.high) > BigInt(one.low)).map((one) => [one.partition, BigInt(one.high)]));
await admin.disconnect();

const marks = new Map();
const loads = new Map();

function count(partition, event) {
  const [lane, sequence] = event.id.split("-");
  const key = `${partition} ${lane}`;
  if (sequence <= (marks.get(key) ?? "")) return; // 16 hex digits compare as text
  marks.set(key, sequence);
  if (event.kind !== "event" || event.event !== "load") return;
  const source = (event.source ?? "").trim() || "(none)"; // as the consumer names them
  loads.set(source, (loads.get(source) ?? 0) + 1);
}

const consumer = kafka.consumer({ groupId: `loads-by-source-${process.pid}` });
if (left.size > 0) {
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise((done) => consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      // photo_id and play_timestamp can be past 2^53: as BigInt they keep their digits.
      count(partition, decode(message.value, { useBigInt64: true }));
      if (BigInt(message.offset) + 1n >= (left.get(partition) ?? 0n)) left.delete(partition);
      if (left.size === 0) done();
    },
  }));
  await consumer.disconnect();
}
const rows = [...loads].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
for (const [source, number] of rows) console.log(source, number);
