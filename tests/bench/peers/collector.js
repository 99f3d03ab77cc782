// One event a request, as JSON, into kafkajs: what came within 5 ms goes out as one send(), as its documents advise
// for throughput. The reply goes out when the message is in memory; send() itself waits for all replicas.
"use strict";
const http = require("node:http");
const { Kafka, logLevel, Partitioners } = require("kafkajs");

const [bootstrap, topic] = process.argv.slice(2);
const LINGER_MS = 5, HELD_MAX = 200000;
const OK = '<response status="ok" permission_level="anonymous" message="The event was reported" cached="0"/>';
const BAD = '<response status="error" permission_level="anonymous" code="invalid_input"/>';
const HEAD = {
    "Content-Type": "text/xml; charset=utf-8", "Access-Control-Allow-Origin": "*", "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
};

const kafka = new Kafka({ clientId: "collector", brokers: [bootstrap], logLevel: logLevel.NOTHING });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
let waiting = [], sending = 0;

async function flush() {
    const messages = waiting;
    waiting = [];
    sending += messages.length;
    try {
        await producer.send({ topic, messages });
    } finally {
        sending -= messages.length;
    }
}

function take(url, request) {
    const query = url.indexOf("?");
    const params = new URLSearchParams(query < 0 ? "" : url.slice(query + 1));
    const photo_id = params.get("photo_id"), event = params.get("event");
    if (!photo_id || !event || !/^[0-9]+$/.test(photo_id)) {
        return 200;
    }
    if (waiting.length + sending >= HELD_MAX) {
        return 503;
    }
    const value = JSON.stringify({
        v: 1, ts: Date.now(), kind: "event", site: "default", photo_id, event, source: params.get("source") ?? undefined,
        uuid: params.get("uuid") ?? undefined, ip: request.socket.remoteAddress, ua: request.headers["user-agent"],
    });
    if (waiting.push({ key: photo_id, value }) === 1) {
        setTimeout(flush, LINGER_MS);
    }
    return 0;
}

const server = http.createServer((request, response) => {
    if (request.url === "/waiting") {
        response.end(String(waiting.length + sending));
        return;
    }
    const failed = take(request.url, request);
    response.writeHead(failed || 200, HEAD);
    response.end(failed === 0 ? OK : BAD);
});

producer.connect().then(() => {
    server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => console.log(`port=${server.address().port}`));
});
process.on("SIGTERM", () => process.exit(0));
