"""A connection as bytes, and what a reply of the report API says."""
import json
import socket
import xml.etree.ElementTree as xml

EVENT = "/api/analytics/report/event"


class Wire:
    """A connection as bytes."""

    def __init__(self, port, timeout_s=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self, has_body=True):
        """Status, headers, body; the status is 0 when the server has closed. has_body is False after a HEAD."""
        line = self.stream.readline()
        if not line:
            return 0, {}, b""
        assert line.startswith(b"HTTP/1.1 "), line
        headers = {}
        while (header := self.stream.readline().strip()):
            name, value = header.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        return int(line.split()[1]), headers, self.stream.read(length) if has_body else b""


def outcome_of(body):
    """The fields of a reply that came as JSON, JSONP or XML."""
    if body.startswith(b"/**/"):
        body = body[body.index(b"{"):body.rindex(b"}") + 1]
    return json.loads(body) if body.startswith(b"{") else xml.fromstring(body).attrib


def members_of(body):
    """{name: ok or the error's code} of a reply to a concatenate."""
    if body.startswith(b"<"):
        members = {own.get("name"): own.find("response").attrib for own in xml.fromstring(body).findall("method")}
    else:
        members = json.loads(body[body.index(b"{"):body.rindex(b"}") + 1])
        assert all(member["endpoint"].startswith("/") for member in members.values())
    return {name: member.get("code", member["status"]) for name, member in members.items()}
