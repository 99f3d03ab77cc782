// Reports as Node's clients send them: node player.js ORIGIN PHOTO. Prints what was answered, as one JSON array.
"use strict";
const http = require("node:http");
const zlib = require("node:zlib");

const [origin, photo] = process.argv.slice(2);
const event = "/api/analytics/report/event";
// Signed with nothing: the platform's client signs each call, needed or not.
const authorization = 'OAuth oauth_consumer_key="none", oauth_token="none", oauth_nonce="7d8f3e4a", ' +
    'oauth_timestamp="1700000000", oauth_signature_method="HMAC-SHA1", oauth_version="1.0", ' +
    'oauth_signature="tnnArxj06cWHq44gCs1OSKk%2FjLY%3D"';
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const answers = [];

function ask(method, path, headers, pieces) {
    return new Promise((resolve, reject) => {
        const request = http.request(origin + path, {method, agent, headers: {Authorization: authorization, ...headers}});
        request.on("error", reject);
        request.on("response", response => {
            let body = "";
            response.setEncoding("utf8");
            response.on("data", piece => { body += piece; });
            response.on("end", () => {
                const answer = {status: response.statusCode, type: response.headers["content-type"],
                                reused: request.reusedSocket};
                answers.push({...answer, reply: body.startsWith("{") ? JSON.parse(body) : body});
                resolve();
            });
        });
        pieces.forEach(piece => request.write(piece));
        request.end();
    });
}

function form(fields) {
    return String(new URLSearchParams({photo_id: photo, event: "load", format: "json", ...fields}));
}

async function viaFetch(body) {
    const response = await fetch(origin + event, {method: "POST", body, headers: {Authorization: authorization}});
    answers.push({status: response.status, type: response.headers.get("content-type"), reply: await response.json()});
}

async function run() {
    const urlencoded = {"Content-Type": "application/x-www-form-urlencoded"};
    const whole = form({source: "urlencoded"});
    await ask("POST", event, {...urlencoded, "Content-Length": Buffer.byteLength(whole)}, [whole]);
    const parts = form({source: "in chunks"});
    await ask("POST", event, urlencoded, [parts.slice(0, 9), parts.slice(9)]);
    await ask("POST", event, {...urlencoded, "Content-Encoding": "gzip"}, [zlib.gzipSync(form({source: "gzip"}))]);
    await ask("GET", event + "?" + form({source: "query", oauth_token: "none"}), {}, []);
    await viaFetch(new URLSearchParams(form({source: "fetch"})));
    const multipart = new FormData();
    new URLSearchParams(form({source: "multipart"})).forEach((value, name) => multipart.append(name, value));
    await viaFetch(multipart);
    await ask("POST", event, urlencoded, ["photo_id=" + photo]);
    agent.destroy();
    console.log(JSON.stringify(answers));
}

run();
