"""playreport-consumer report --watch: on a terminal, elsewhere, and how it ends."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from daemons import PROGRAMS, consumer
from streams import Stream, counted


class Terminal:
    """A program on a terminal of its own, which reads what it writes."""

    def __init__(self, words, lines=10, columns=60):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.text = ""

    def read(self, what, ready):
        """Reads on until ready(text)."""
        end = time.monotonic() + 60
        while not ready(self.text):
            assert time.monotonic() < end, (what, self.text[-2000:])
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode()
                except OSError:  # its other side is closed
                    assert ready(self.text), (what, self.text[-2000:])

    def frame(self):
        """The last whole one, without what it says to the terminal."""
        return re.sub(r"\033\[[?\d]*[A-Za-z]", "", self.text.split("\033[H")[-2]).replace("\r", "")

    def type(self, text):
        os.write(self.master, text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def words_of(folder, *more):
    return [PROGRAMS / "playreport-consumer", "report", f"--store=sqlite:{folder / 'store.db'}", "--to=all", *more]


@pytest.fixture(scope="module")
def counting(shared_kafka, tmp_path_factory):
    folder = tmp_path_factory.mktemp("watch")
    stream = Stream(shared_kafka)
    with consumer(folder, shared_kafka.bootstrap, **stream.options()) as daemon:
        stream.send(70)
        counted(daemon, stream)
        yield folder, stream, daemon


def test_on_a_terminal_the_table_is_always_in_the_same_place(counting):
    folder, stream, daemon = counting
    with Terminal(words_of(folder, "--dimensions=source", "--metrics=reports", "--watch=1")) as terminal:
        before, after = stream.sent, stream.sent + 7
        terminal.read("two frames", lambda text: text.count("\033[H") > 2)
        assert terminal.text.startswith("\033[?1049h\033[?25l\033[?7l\033[H")
        assert re.fullmatch(rf"every 1 s, \S+Z; Ctrl-C ends it\nsource\s+reports\nembed\s+{before}\n", terminal.frame())
        stream.send(7)
        counted(daemon, stream)
        terminal.read("the new number", lambda text: re.search(rf"embed\s+{after}\b", text))
        terminal.type(b"\x03")
        terminal.read("its end", lambda text: "\033[?1049l" in text and text.endswith("\n"))
        assert terminal.process.wait(60) == 0
        terminal.read("what it leaves", lambda text: re.search(
            rf"\033\[\?7h\033\[\?25h\033\[\?1049lsource\s+reports\r\nembed\s+{after}\r\n$", text))
    assert terminal.text.count("\033[?1049h") == 1


def test_more_than_there_is_room_for_is_cut_and_told(counting):
    folder, *_ = counting
    with Terminal(words_of(folder, "--dimensions=photo_id", "--format=csv", "--watch"), lines=6) as terminal:
        terminal.read("two frames", lambda text: text.count("\033[H") > 1)
        lines = terminal.frame().split("\n")
        assert lines[0].startswith("every 2 s, ") and lines[1] == "photo_id,reports,events,loads"
        assert len(lines) == 6 and lines[5].startswith("more lines: ")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_elsewhere_it_prints_anew(counting, ending):
    folder, *_ = counting
    with subprocess.Popen(words_of(folder, "--dimensions=", "--metrics=reports", "--watch=1"), stdout=subprocess.PIPE, text=True) as run:
        seen = [run.stdout.readline() for _ in range(5)]
        run.send_signal(ending)
        assert run.wait(60) == 0
    assert seen[0].strip() == "reports" and seen[2] == "\n" and seen[3:] == seen[:2]


def test_what_is_wrong_ends_it_at_once(counting):
    folder, *_ = counting
    for words, says in [(["--watch", "--metrics=fame"], "--metrics: "), (["--watch=0.5"], "--watch: "), (["--watch=86401"], "--watch: "),
                        (["--watch", "--tz=Nowhere"], "--tz: ")]:
        run = subprocess.run(words_of(folder, *words), capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 2 and says in run.stderr and run.stdout == "", run
