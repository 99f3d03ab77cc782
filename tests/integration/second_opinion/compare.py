#!/usr/bin/env python3
"""Two opinions on the same bytes: which requests our parser finds in them, and which h11 does. What ours accepts h11
must accept too, with the same method, target, headers and body, unless a rule of differences.json says otherwise. Run
as a program it prints the table; arguments: how many mutations, and their seed."""
import collections
import json
import os
import random
import re
import struct
import subprocess
import sys
from pathlib import Path

import h11

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parent))

import http_case  # noqa: E402

PROGRAM = ROOT / os.environ.get("PLAYREPORT_TEST_DAEMONS", "build") / "playreport-requests"
CORPORA = ("http_parser", "conn")
PHOTO = 100000001
Request = collections.namedtuple("Request", "method target headers body")
Opinion = collections.namedtuple("Opinion", "requests end")  # end: open, closes, or why the rest is refused


# ---- The two. ----


def ours(inputs):
    data = b"".join(struct.pack("<I", len(one)) + one for one in inputs)
    told = subprocess.run([PROGRAM], input=data, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    assert len(told) == len(inputs)
    return [opinion_of(json.loads(line)) for line in told]


def opinion_of(told):
    requests = []
    for one in told["requests"]:
        texts = [bytes.fromhex(text) for text in one["headers"]]
        requests.append(Request(bytes.fromhex(one["method"]), bytes.fromhex(one["target"]),
                                list(zip(texts[::2], texts[1::2])), bytes.fromhex(one["body"])))
    return Opinion(requests, told["end"])


def answer(connection):
    connection.send(h11.Response(status_code=405, headers=[("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())


def theirs(data):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    requests, head, body = [], None, b""
    try:
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                head, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                headers = [(bytes(name), bytes(value)) for name, value in head.headers.raw_items()]
                requests.append(Request(bytes(head.method), bytes(head.target), headers, body))
                answer(connection)
                if connection.our_state is not h11.DONE:
                    return Opinion(requests, "closes")
                connection.start_next_cycle()
            else:
                return Opinion(requests, "open")
    except h11.RemoteProtocolError as error:
        return Opinion(requests, str(error))


# ---- What they differ in. ----


def is_named(header, name):
    return header[0].lower() == name


def one_length(request):
    """The request as h11 shows it: transfer codings in lower case, and one Content-Length of equal ones."""
    headers, has_length = [], False
    for header in request.headers:
        if is_named(header, b"content-length") and has_length:
            continue
        has_length = has_length or is_named(header, b"content-length")
        headers.append((header[0], header[1].lower()) if is_named(header, b"transfer-encoding") else header)
    return request._replace(headers=headers)


def values(request, name):
    return [value for header, value in request.headers if header.lower() == name]


def refused_empty_lines(mine, other):
    return other is None and "no request line" in mine.end


def refused_target(mine, other):
    return other is None and "illegal request line" in mine.end and max(mine.request.target) > 0x7f


def refused_extension(mine, other):
    return other is None and re.search(r"illegal chunk header.*[0-9A-Fa-f](?: |\\t)+;", mine.end)


def refused_trailer(mine, other):
    is_of_framing = re.search("Transfer-Encoding|Content-Length", mine.end) is not None
    return other is None and is_of_framing and [value.lower() for value in
                                                values(mine.request, b"transfer-encoding")] == [b"chunked"]


def repeated_length(mine, other):
    lengths = values(mine.request, b"content-length")
    if len(lengths) < 2:
        return False
    if other is None:
        return "conflicting Content-Length" in mine.end and len(set(lengths)) > 1
    return one_length(mine.request) == other


def kept_old(mine, other):
    return other is None and mine.end == "closes" and mine.before and b"keep-alive" in b",".join(
        values(mine.before, b"connection")).lower()


RULES = {
    "empty lines": refused_empty_lines,
    "past ASCII": refused_target,
    "blanks before an extension": refused_extension,
    "framing in trailers": refused_trailer,
    "equal lengths": repeated_length,
    "HTTP/1.0 kept": kept_old,
}
Mine = collections.namedtuple("Mine", "request before end")  # a request of ours, that before it, how h11 ended


def first_difference(our, their):
    """None, or the first request that only we accept, or accept otherwise, and what h11 has in its place."""
    for number, request in enumerate(our.requests):
        other = their.requests[number] if number < len(their.requests) else None
        if other is None or request._replace(headers=one_case(request.headers)) != other:
            return Mine(request, our.requests[number - 1] if number else None, their.end), other
    return None


def one_case(headers):
    return [(name, value.lower()) if name.lower() == b"transfer-encoding" else (name, value) for name, value in headers]


def judge(our, their):
    """The name of the rule that they differ by, None if they do not, or a sentence that is no rule's name."""
    difference = first_difference(our, their)
    if difference is None:
        reads_on = our.end in ("open", "closes") and len(their.requests) > len(our.requests)
        return "h11 finds another request where we find none" if reads_on else None
    for rule, holds in RULES.items():
        if holds(*difference):
            return rule
    return f"we accept {difference[0].request}, h11 has {difference[1]} and ended with: {their.end}"


# ---- What is tried. ----


def kept():
    """The fuzzer's corpus, and all cases of HTTP."""
    for name in CORPORA:
        for path in sorted((ROOT / "tests/fuzz/corpus" / name).iterdir()):
            data = path.read_bytes()
            yield data.partition(b"\n")[2] if name == "conn" else data
    for name in ("framing.json", "query.json", "input.json"):
        for case in http_case.load(name):
            yield http_case.Delivery(case, PHOTO).data


WORDS = [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";", b"0", b"5", b"05", b"\x00", b"\x7f", b"\x80", b"\xff", b"%00",
         b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"Host: h\r\n", b"Content-Length: 5\r\n", b"Content-Length: 05\r\n",
         b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"0\r\n\r\n",
         b"5\r\nhello\r\n", b";a=b", b" ;a", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"Expect: 100-continue\r\n", b"\r\n\r\n",
         b"Upgrade: h2c\r\n", b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", b"X: y\r\n", b" folded\r\n", b"chunked", b"identity"]
LONGEST = 8192  # long inputs are about limits, which h11 has others of


def mutate(data, bases, rng):
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((0, 0, 1, 1, 2, 8)))
        kind = rng.randrange(6)
        if kind < 3:
            data = data[:at] + rng.choice(WORDS) + data[end:]
        elif kind == 3:
            data = data[:at] + bytes([rng.randrange(256)]) + data[end:]
        elif kind == 4:
            data = data[:at] + data[end:]
        else:
            lines = data.split(b"\n")
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(rng.choice(bases).split(b"\n")))
            data = b"\n".join(lines)
    return data


def mutations(bases, count, seed):
    rng = random.Random(seed)
    return [mutate(rng.choice(bases), bases, rng) for _ in range(count)]


def compare(inputs):
    """How often each rule applied, how many requests both accept, and the inputs that no rule covers."""
    rules, unlisted, accepted = collections.Counter(), [], 0
    for data, our in zip(inputs, ours(inputs)):
        verdict = judge(our, theirs(data))
        accepted += len(our.requests)
        if verdict in RULES:
            rules[verdict] += 1
        elif verdict is not None:
            unlisted.append((data, verdict))
    return rules, unlisted, accepted


def differences():
    return json.loads((HERE / "differences.json").read_text(encoding="utf-8"))


def table(rules):
    lines = ["| rule | ours | h11 | why | inputs |", "|---|---|---|---|---|"]
    return "\n".join(lines + [f"| {row['rule']} | {row['ours']} | {row['h11']} | {row['why']} | {rules[row['rule']]} |"
                              for row in differences()])


def run(count, seed):
    bases = [data for data in kept() if data]
    short = [data for data in bases if len(data) <= LONGEST]
    return len(bases) + count, *compare(bases + mutations(short, count, seed))


def main():
    count, seed = (int(word) for word in (sys.argv[1:] + ["20000", "1"])[:2])
    tried, rules, unlisted, accepted = run(count, seed)
    print(f"{tried} inputs, {accepted} requests that ours accepts, seed {seed}\n\n{table(rules)}")
    for data, verdict in unlisted:
        print(f"\nunlisted: {data!r}\n{verdict}")
    sys.exit(1 if unlisted else 0)


if __name__ == "__main__":
    main()
