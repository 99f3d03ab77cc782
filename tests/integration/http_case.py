"""The cases of http_cases/*.json: the bytes of a request, what is answered, what reaches the topic, and what becomes
of the connection. README.md beside this file says what the members mean."""
import itertools
import json
from pathlib import Path

from wire import EVENT, members_of, outcome_of

FOLDER = Path(__file__).parent / "http_cases"
FIRST_PHOTO = 100000001  # of nine digits, all of them: the cases count their lengths with that
photos = itertools.count(FIRST_PHOTO)
USUAL = {"v": 1, "kind": "event", "event": "load", "site": "default", "ip": "127.0.0.1", "viewer": True}


def load(name):
    return [Case(fields) for fields in json.loads((FOLDER / name).read_text(encoding="utf-8"))["cases"]]


def text_of(part):
    """A part is a text, [text, count], or a list of parts."""
    if isinstance(part, str):
        return part
    if len(part) == 2 and isinstance(part[1], int):
        return part[0] * part[1]
    return "".join(map(text_of, part))


class Case:
    """One case; each delivery() of it has a photo_id of its own."""

    def __init__(self, fields):
        self.fields = fields
        self.name = f"{fields['id']} {fields['what']}"
        self.times = fields.get("times", 1)
        status = fields["status"]
        self.statuses = status if isinstance(status, list) else [status] * self.times
        self.is_kept = fields["after"] == "kept"
        self.has_body = not fields.get("no_body", False)
        self.events = fields.get("events", [fields["event"]] * self.times if "event" in fields else [])

    def delivery(self):
        return Delivery(self, next(photos))

    def judge(self, answers):
        """Asserts that the answers, as Wire.answer() gives them, are those of the case."""
        assert [status for status, _, _ in answers] == self.statuses
        for number, (status, headers, _) in enumerate(answers, 1):
            closes = not self.is_kept and number == len(answers)
            assert ("close" in headers.get("connection", "")) == closes
            assert status != 405 or "allow" in headers
            assert headers.get("x-content-type-options") == "nosniff"
        _, headers, body = answers[-1]
        wanted = self.fields.get("headers", {})
        assert {name: headers.get(name) for name in wanted} == wanted
        assert self.fields.get("contains", "").encode() in body, body
        self._judge_outcome(answers)

    def _judge_outcome(self, answers):
        if "code" in self.fields:
            said = outcome_of(answers[-1][2])
            assert (said["status"], said.get("code")) == ("error", self.fields["code"]), said
            assert self.fields.get("named", "") in said["message"], said
        if "members" in self.fields:
            assert members_of(answers[-1][2]) == self.fields["members"]
        elif self.has_body and not any(map(is_pixel, answers)):
            good = [outcome_of(answer[2])["status"] for answer in answers if is_outcome(answer)].count("ok")
            assert good == len(self.events), good


def is_pixel(answer):
    return answer[1].get("content-type") == "image/gif"


def is_outcome(answer):
    status, headers, body = answer
    return status == 200 and body and headers["content-type"].startswith(("text/xml", "text/javascript"))


class Delivery:
    def __init__(self, case, photo):
        self.case = case
        self.photo = photo
        body = self._fill(text_of(case.fields.get("body", "")))
        head = self._fill(text_of(case.fields["send"]).replace("<length>", str(len(body))))
        self.data = (head + body) * case.times

    def _fill(self, text):
        """Each character is a byte."""
        return text.replace("<photo>", str(self.photo)).replace("<event>", EVENT).replace(
            "<play>", EVENT.replace("event", "play")).encode("latin-1")

    def expected(self):
        """The events that are to reach the topic, as normal() gives them."""
        return [self._event(own) for own in self.case.events]

    def _event(self, own):
        event = {**USUAL, "photo_id": self.photo}
        event.update((key, text_of(value) if isinstance(value, list) else value) for key, value in own.items())
        if event.get("uuid"):
            del event["viewer"]
        return {key: value for key, value in event.items() if value is not None}


def normal(event):
    """An event of the topic without what differs between any two: its name and its time. The viewer's hash is one."""
    assert event.pop("id") and event.pop("ts")
    if "viewer" in event:
        assert len(event["viewer"]) == 32
        event["viewer"] = True
    return event
