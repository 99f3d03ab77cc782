"""Connections in numbers, from all over 127.0.0.0/8 so that ports do not run out."""
import selectors
import socket
import time

REPORT = (b"GET /api/analytics/report/event?photo_id=8&event=load&source=crowd HTTP/1.1\r\n"
          b"Host: crowd.example\r\nConnection: %s\r\n\r\n")


def source_of(number: int) -> str:
    return f"127.{1 + number // 62500 % 250}.{number // 250 % 250}.{1 + number % 250}"


def connect(port: int, number: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=300, source_address=(source_of(number), 0))


class Visits:
    """Short connections: each asks once and must be answered, however long it waits to be accepted."""

    def __init__(self, port: int, count: int, at_once: int) -> None:
        self._port, self._left, self._at_once = port, count, at_once
        self._selector = selectors.DefaultSelector()
        self._begun = 0
        self.answered = 0
        self.failed: list[str] = []
        self.slowest_s = 0.0

    def run(self, patience_s: float = 300) -> None:
        """patience_s: for one of them."""
        while self._left or self._selector.get_map():
            while self._left and len(self._selector.get_map()) < self._at_once:
                self._begin()
            ready = self._selector.select(patience_s)
            if not ready:
                self._give_up(patience_s)
            for key, _ in ready:
                self._go_on(key)

    def _begin(self) -> None:
        one = socket.socket()
        one.setblocking(False)
        one.bind((source_of(self._begun), 0))
        one.connect_ex(("127.0.0.1", self._port))
        self._selector.register(one, selectors.EVENT_WRITE, [time.monotonic(), b""])
        self._begun += 1
        self._left -= 1

    def _give_up(self, patience_s: float) -> None:
        for key in list(self._selector.get_map().values()):
            self._end(key, f"no answer within {patience_s:.0f} s")

    def _go_on(self, key: selectors.SelectorKey) -> None:
        one = key.fileobj
        try:
            if key.events == selectors.EVENT_WRITE:
                one.send(REPORT % b"close")
                self._selector.modify(one, selectors.EVENT_READ, key.data)
                return
            data = one.recv(65536)
        except OSError as error:
            self._end(key, str(error))
            return
        key.data[1] += data
        if not data:
            is_ok = key.data[1].startswith(b"HTTP/1.1 200 ") and b'status="ok"' in key.data[1]
            self._end(key, "" if is_ok else f"answered {key.data[1][:60]!r}")

    def _end(self, key: selectors.SelectorKey, fault: str) -> None:
        self._selector.unregister(key.fileobj)
        key.fileobj.close()
        if fault:
            self.failed.append(fault)
        else:
            self.answered += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - key.data[0])
