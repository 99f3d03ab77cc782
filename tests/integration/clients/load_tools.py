"""Load tools of others. Each sends the same report over and over, and says how many it had answered."""
import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from urllib.parse import urlencode

CONNECTIONS = 16
TRIAL = 2000  # requests by which its speed is first known
FORM = "application/x-www-form-urlencoded"
METHODS = ("GET", "POST")


@dataclass
class Outcome:
    """unread: so many more may have been answered, but came too late for the tool to read."""

    answered: int
    unread: int = 0


@dataclass
class Target:
    """What is sent where; folder is for files that the tool wants."""

    origin: str
    photo: int
    method: str
    folder: os.PathLike

    def __post_init__(self):
        self.fields = urlencode({"photo_id": self.photo, "event": "load", "source": "load tool"})
        path = f"{self.origin}/api/analytics/report/event"
        self.url = path if self.method == "POST" else f"{path}?{self.fields}"

    def file(self, name, text):
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_text(text)
        return path


class Tool:
    """A tool that sends as many requests as it is told, and so ends in good order."""

    def run(self, target, seconds):
        """Sends for about so long, in a few turns. Anything that the tool calls an error is an AssertionError."""
        began, lasted, answered, requests = time.monotonic(), 0, 0, TRIAL
        while lasted < 0.8 * seconds:
            self.send(target, requests)
            answered += requests
            lasted = time.monotonic() - began
            requests = max(int(answered / lasted * (seconds - lasted)) // CONNECTIONS, 1) * CONNECTIONS
        return Outcome(answered)

    def send(self, target, requests):
        raise NotImplementedError


def words_of(*words, **environment):
    """Runs a tool to its end; what it said."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={**os.environ, **environment}, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def number(label, text):
    """The number that stands for label (an expression with one group)."""
    found = re.search(label, text)
    assert found, f"no {label} in: {text}"
    return int(found[1])


class Ab(Tool):
    """Speaks HTTP/1.0, with Connection: Keep-Alive."""

    def send(self, target, requests):
        more = ["-p", target.file("form", target.fields), "-T", FORM] if target.method == "POST" else []
        text = words_of("ab", "-q", "-k", "-n", requests, "-c", CONNECTIONS, *more, target.url)
        assert "Non-2xx" not in text and number(r"Failed requests: +(\d+)", text) == 0, text
        assert number(r"Keep-Alive requests: +(\d+)", text) == requests, text
        assert number(r"Complete requests: +(\d+)", text) == requests, text


class H2load(Tool):
    def send(self, target, requests):
        more = ["-d", target.file("form", target.fields), "-H", f"content-type: {FORM}"]
        text = words_of("h2load", "--h1", "-n", requests, "-c", CONNECTIONS, *(more if target.method == "POST" else []),
                        target.url)
        assert f"{requests} done, {requests} succeeded, 0 failed, 0 errored, 0 timeout" in text, text
        assert number(r"status codes: (\d+) 2xx", text) == requests, text


class Hey(Tool):
    def send(self, target, requests):
        more = ["-m", "POST", "-T", FORM, "-d", target.fields] if target.method == "POST" else []
        text = words_of("hey", "-n", requests, "-c", CONNECTIONS, *more, target.url)
        assert "Error distribution" not in text, text
        assert re.findall(r"\[(\d+)\]\s+(\d+) responses", text) == [("200", str(requests))], text


class Siege(Tool):
    """A connection for each request: that is its default."""

    def send(self, target, requests):
        url = f"{target.url} POST {target.fields}" if target.method == "POST" else target.url
        target.file("siege", "")
        text = words_of("siege", "-b", "-j", "-c", CONNECTIONS, "-r", requests // CONNECTIONS, "-T", FORM, url,
                        HOME=str(target.folder))
        said = json.loads(text[text.index("{"):])
        assert (said["failed_transactions"], said["availability"]) == (0, 100), said
        assert said["transactions"] == said["successful_transactions"] == requests, said


class Wrk(Tool):
    """Knows only a time, at the end of which each connection may have one answer on its way."""

    def run(self, target, seconds):
        script = target.file("post.lua", f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "{FORM}"\n'
                                         f'wrk.body = "{target.fields}"\n')
        more = ["-s", script] if target.method == "POST" else []
        text = words_of("wrk", "-t", 2, "-c", CONNECTIONS, "-d", f"{seconds}s", *more, target.url)
        assert "Socket errors" not in text and "Non-2xx" not in text, text
        return Outcome(number(r"(\d+) requests in", text), CONNECTIONS)


TOOLS = {"wrk": Wrk(), "ab": Ab(), "h2load": H2load(), "hey": Hey(), "siege": Siege()}
