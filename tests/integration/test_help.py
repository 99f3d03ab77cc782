"""--version, the man pages and the completion of the shells: what they say is what the programs take."""
import gzip
import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from broker import BUILD, ROOT
from daemons import PROGRAMS

sys.path.insert(1, str(ROOT / "common/help"))

from help_text import commands_of, default_command_of, options_of  # noqa: E402

HELP = BUILD / "help"
NAMES = ("playreport-ingest", "playreport-consumer", "playreport-load")
# How --version names a library, and how pkg-config does.
LIBRARIES = {"libevent": "libevent", "librdkafka": "rdkafka", "jansson": "jansson", "OpenSSL": "libcrypto",
             "zlib": "zlib", "SQLite": "sqlite3"}
COMMANDS = [(name, command) for name in NAMES for command in commands_of(PROGRAMS / name)]


@pytest.mark.parametrize("name, command", COMMANDS)
def test_version_names_the_libraries_that_run(name, command):
    done = subprocess.run([PROGRAMS / name, *command.split(), "--version"], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    declared = re.search(r"project\(playreport VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert first == " ".join(word for word in (name, command, declared) if word)
    told = dict(part.split(" ") for part in second.split(", "))
    assert {"libevent", "jansson"} <= told.keys() <= LIBRARIES.keys()
    for library, version in told.items():
        found = subprocess.run(["pkg-config", "--modversion", LIBRARIES[library]], capture_output=True, text=True,
                               check=True).stdout.strip()
        assert version == found, library


def pages():
    return sorted(HELP.glob("*.gz"))


def test_each_command_has_its_page_and_no_page_is_left_over():
    wanted = {"-".join(word for word in (name, command) if word) for name, command in COMMANDS}
    assert {page.name.rsplit(".", 2)[0] for page in pages()} == wanted
    assert {page.name for page in pages()} >= {"playreport-ingest.8.gz", "playreport-consumer.8.gz",
                                               "playreport-load.1.gz"}


@pytest.mark.parametrize("name, command", COMMANDS)
def test_a_page_has_each_option(name, command):
    page = next(HELP.glob("-".join(word for word in (name, command) if word) + ".?.gz"))
    text = subprocess.run(["mandoc", "-T", "utf8"], input=gzip.decompress(page.read_bytes()), capture_output=True,
                          check=True).stdout.decode()
    text = re.sub(".\b", "", text)  # bold is a letter over itself
    assert [option.name for option in options_of(PROGRAMS / name, command) if option.name not in text] == []
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"):
        assert re.search(rf"^{section}$", text, re.M), section


def test_the_pages_are_well_formed():
    """Beyond what help2man breaks of style: lines longer than 80, and the like."""
    for page in pages():
        for words in (["mandoc", "-T", "lint", "-W", "warning"], ["groff", "-man", "-ww", "-z", "-Tutf8"]):
            done = subprocess.run(words, input=gzip.decompress(page.read_bytes()), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
            assert (done.stdout, done.returncode) == (b"", 0), page.name


def in_bash(line):
    """What bash offers at the end of the line."""
    script = f"""
        source {HELP}/playreport.bash
        COMP_WORDS=({' '.join(repr(word) for word in re.findall(r'=|[^ =]+', line))} {"''" if line[-1] in ' =' else ''})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        compopt() {{ :; }}
        _playreport {line.split()[0]}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    script = script.replace("'=' '')", "'=')")  # bash gives the sign itself while nothing stands behind it
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def in_zsh(line):
    """The same of zsh, typed at a terminal: it lists what there is, or completes the one there is."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="dumb", COLUMNS="300", LINES="2000", PS1="", ZDOTDIR="/nonexistent")
        os.execvp("zsh", ["zsh", "-f", "-i"])
    try:
        setup = (f"fpath=({HELP} $fpath); autoload -U compinit; compinit -u -D; unsetopt zle; "
                 "zstyle ':completion:*' list-separator ''; setopt zle no_list_beep no_always_last_prompt no_list_ambiguous; "
                 "LISTMAX=0; stty rows 2000 cols 300; print rea''dy")
        os.write(terminal, setup.encode() + b"\n")
        until(terminal, rb"ready\r?\n")
        os.write(terminal, line.encode() + b"\t" + b"\x01: \x05 ;print en''d\n")
        return until(terminal, rb"end\r?\n").decode(errors="replace")
    finally:
        os.close(terminal)
        os.kill(child, 9)
        os.waitpid(child, 0)


def until(terminal, pattern, timeout_s=60):
    heard, deadline = b"", time.monotonic() + timeout_s
    while not re.search(pattern, heard):
        assert time.monotonic() < deadline, heard
        if select.select([terminal], [], [], 1)[0]:
            heard += os.read(terminal, 65536)
    return heard


def offered(name, command):
    return {option.name + ("=" if option.takes not in ("", "kafka") else "")
            for option in options_of(PROGRAMS / name, command)}


@pytest.mark.parametrize("name, command", COMMANDS)
def test_bash_offers_each_option(name, command):
    assert in_bash(" ".join(word for word in (name, command, "--") if word)) == offered(name, command)


@pytest.mark.parametrize("name", NAMES)
def test_bash_offers_the_commands(name):
    program = PROGRAMS / name
    wanted = {*commands_of(program), default_command_of(program)} - {""}
    assert in_bash(f"{name} ") == wanted


@pytest.mark.parametrize("line, wanted", [
    ("playreport-ingest --ack=", {"journal", "disk", "broker"}),
    ("playreport-ingest --ack=jo", {"journal"}),
    ("playreport-ingest --ack d", {"disk"}),
    ("playreport-ingest --listen=", set()),
    ("playreport-ingest --log_l", {"--log_level="}),
    ("playreport-ingest --kaf", {"--kafka."}),
    ("playreport-consumer rep", {"report", "replay"}),
    ("playreport-consumer run --flush", {"--flush_ms="}),
    ("playreport-consumer replay --dry_run --skip", {"--skip_refused="}),
    ("playreport-load --reco", {"--reconnect"}),
])
def test_bash_completes(line, wanted):
    assert in_bash(line) == wanted


@pytest.mark.parametrize("line, wanted", [
    ("playreport-ingest --ack=", ["journal", "disk", "broker"]),
    ("playreport-ingest --drain_", ["--drain_delay", "--drain_timeout"]),
    ("playreport-ingest jou", ["playreport-ingest journal"]),
    ("playreport-consumer re", ["replay", "report"]),
    ("playreport-consumer report --metr", ["--metrics="]),
    ("playreport-load --late", ["--latency"]),
])
def test_zsh_completes(line, wanted):
    heard = in_zsh(line)
    assert [word for word in wanted if word not in heard] == [], heard
