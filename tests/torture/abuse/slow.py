"""slowhttptest: requests that never end, and replies that nobody takes."""
import re
import subprocess

from abuse.scene import Scene, front
from lab import Lab
from process import allow_connections

P99_MAX_MS = 50
ACCEPTED = "playreport_http_accepted_total"
CONNECTIONS, SHORT_CONNECTIONS = 4000, 400
EVENT = "/api/analytics/report/event"
# Answered with twice as much: ten of them on each connection are more than the system buffers.
ECHO = "/api/echo?format=json&x=" + "%01" * 4000
KINDS = {
    "headers": ("-H", "-i", "2", "-x", "24"),
    "body": ("-B", "-i", "2", "-x", "24", "-s", "8192"),
    "read": ("-X", "-k", "10", "-n", "1", "-w", "512", "-y", "1024", "-z", "32"),
}
# Its own deadlines: 10 s for a head, 30 s for a body, 75 s without taking anything.
SECONDS = {"headers": 20, "body": 45, "read": 30}
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def attack(lab: Lab, kind: str, port: int, count: int) -> str:
    """Runs it to its end. Returns its last count of the connections."""
    seconds = 3 if lab.short else SECONDS[kind]
    path = ECHO if kind == "read" else f"{EVENT}?photo_id=7&event=load&source={kind}"
    words = ["slowhttptest", *KINDS[kind], "-c", str(count), "-r", "1000", "-l", str(seconds), "-p", "3",
             "-u", f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=seconds + 300)
    text = COLOUR.sub("", done.stdout)
    last = text.rpartition("slow HTTP test status")[2]
    figures = re.findall(r"^(connected|error|closed|service available):\s+(\S+)", last, re.M)
    if not figures:
        raise RuntimeError(f"slowhttptest ended with {done.returncode}: {(text + done.stderr)[-500:]}")
    return ", ".join(f"{name} {value}" for name, value in figures)


def slow(kind: str):
    def run(lab: Lab) -> None:
        count = allow_connections(SHORT_CONNECTIONS if lab.short else CONNECTIONS, lab.short)
        for _ in lab.batches(1):
            with front(lab) as daemon:
                scene = Scene(lab, daemon)
                with scene.abuse(f"slowhttptest {KINDS[kind][0]}, {count:,} connections", P99_MAX_MS):
                    before = daemon.metric(ACCEPTED)
                    said = attack(lab, kind, daemon.port, count)
                    accepted = daemon.metric(ACCEPTED) - before
                scene.notes.append(f"slowhttptest at its end: {said}")
                # On a slow machine a few seconds are too few for both.
                if accepted < (1 if lab.short else count):
                    scene.fail(f"it did not bite: {accepted:.0f} connections were accepted")
                if "service available NO" in said and not lab.short:
                    scene.fail("slowhttptest found the service away")
                scene.record()

    return run
