"""The units and the example configuration: systemd finds no fault in them, and the daemons live within them."""
import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from broker import BUILD, ROOT, wait_until
from daemons import ConsumerDaemon, Daemon, PROGRAMS, load

DEPLOY = ROOT / "docker/deploy"
NAMES = ("ingest", "consumer")
EXPOSURE_MOST = 15  # tenths; systemd calls a service of 2.0 well protected


def unit_text(name):
    return (DEPLOY / f"systemd/playreport-{name}.service").read_text()


def settings(name):
    """{key: its values joined}, over all sections."""
    found = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", unit_text(name), re.M):
        found[key] = f"{found[key]} {value}" if key in found else value
    return found


def seconds(text):
    return float(re.fullmatch(r"(\d+)s", text)[1])


def verified(folder, name):
    """The unit with the program of this build, which systemd looks for; what systemd-analyze says of it."""
    unit = folder / f"playreport-{name}.service"
    unit.write_text(unit_text(name).replace("/usr/bin/playreport", f"{PROGRAMS}/playreport"))
    (folder / "man/man8").mkdir(parents=True, exist_ok=True)
    for page in (BUILD / "help").glob("*.8.gz"):
        shutil.copy(page, folder / "man/man8")
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MANPATH": str(folder / "man")})
    return done.returncode, [line for line in done.stderr.splitlines() if f"playreport-{name}" in line]


@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_no_fault_in_the_unit(name, tmp_path):
    assert verified(tmp_path, name) == (0, [])
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MOST}",
                           tmp_path / f"playreport-{name}.service"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_stop_has_the_time_that_a_drain_takes(name):
    config = json.loads((DEPLOY / f"etc/{name}.json").read_text())
    drain = sum(seconds(config.get(option, "0s")) for option in ("drain_delay", "drain_timeout"))
    assert seconds(settings(name)["TimeoutStopSec"]) >= drain + 30
    assert settings(name)["Type"] == "exec" and b"NOTIFY_SOCKET" not in (PROGRAMS / f"playreport-{name}").read_bytes()


def group(name):
    """The system calls of a group of systemd's, those of the groups in it too."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    words = re.findall(r"^    (@?\w[\w-]*)$", text, re.M)
    return {call for word in words for call in (group(word) if word[0] == "@" else [word])}


def allowed(name):
    words = settings(name)["SystemCallFilter"].split()
    at = next(i for i, word in enumerate(words) if word[0] == "~")
    taken = set().union(*(group(word) for word in words[:at]))
    refused = set().union(*(group(word.lstrip("~")) for word in words[at:]))
    return taken - (refused - group("@default"))


class Traced(Daemon):
    """By its unit's command line, with the places of this test; strace writes down its system calls."""

    def __init__(self, name, folder, kafka):
        words = shlex.split(settings(name)["ExecStart"])
        program = folder / "bin" / words[0].rsplit("/", 1)[1]
        program.parent.mkdir(parents=True)
        inner = " ".join([f"{PROGRAMS}/{program.name}", *words[1:]]).replace("/etc/playreport", str(folder))
        program.write_text(f'#!/bin/sh\nexec strace -D -f -qq -o {folder}/calls {inner} "$@"\n')
        program.chmod(0o755)
        for file in (DEPLOY / "etc").glob("*.json"):
            text = file.read_text().replace("/etc/playreport", str(folder)).replace("localhost:9092", kafka)
            (folder / file.name).write_text(text.replace("/var/lib", str(folder)))
        (folder / settings(name)["StateDirectory"]).mkdir()
        super().__init__(str(program), folder, {"topic": "systemd.reports", **({"drain_delay": "0s"} if name == "ingest" else {})})

    def calls(self):
        return set(re.findall(r"^\d+ +(\w+)\(", (self.folder / "calls").read_text(), re.M))


class TracedConsumer(Traced, ConsumerDaemon):
    pass


def reload_by_its_unit(daemon, name):
    words = shlex.split(settings(name)["ExecReload"].replace("$MAINPID", str(daemon.process.pid)))
    subprocess.run(words, check=True)
    wait_until("it has read its settings again", lambda: "event=reloaded" in daemon.log.read_text())


def test_the_daemons_work_with_the_examples_and_the_system_calls_of_their_units(shared_kafka, tmp_path):
    with Traced("ingest", tmp_path / "ingest", shared_kafka.bootstrap) as front, \
            TracedConsumer("consumer", tmp_path / "consumer", shared_kafka.bootstrap) as back:
        load(front.port, 200, tmp_path / "expect.json", None, "--seed", 52)
        wait_until("all is counted", lambda: back.totals()["reports"] == 200)
        for daemon, name in ((front, "ingest"), (back, "consumer")):
            reload_by_its_unit(daemon, name)
        assert (front.stop(), back.stop()) == (0, 0)
    as_root = {"fchown"} if os.geteuid() == 0 else set()  # SQLite's, which asks who it is
    for daemon, name in ((front, "ingest"), (back, "consumer")):
        wait_until("strace has written all", lambda: "exit_group(" in (daemon.folder / "calls").read_text())
        assert daemon.calls() - allowed(name) - as_root == set()
        assert {"epoll_wait", "openat", "write"} <= daemon.calls()
