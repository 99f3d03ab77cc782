"""What the figures were measured on: processor, kernel, libraries, date, commit."""
import os
import re
import subprocess
import time
from pathlib import Path

from broker import BUILD, ROOT


def _output(*words: str) -> str:
    try:
        return subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    except OSError:
        return ""


def _package(name: str) -> str:
    return _output("dpkg-query", "-W", "-f", "${Version}", name) or "?"


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    flags = " of a virtual machine" if "hypervisor" in Path("/proc/cpuinfo").read_text(encoding="utf-8") else ""
    return f"{found[1] if found else os.uname().machine}, {os.cpu_count()} processors{flags}"


def _memory() -> str:
    total = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(encoding="utf-8"))
    return f"{int(total[1]) / 2**20:.0f} GiB"


def _libraries() -> str:
    lines = _output(str(BUILD / "playreport-ingest"), "--version").splitlines()
    return "; ".join(line.strip() for line in lines)


def facts() -> list[str]:
    commit = _output("git", "rev-parse", "--short", "HEAD")
    dirty = " and changes" if _output("git", "status", "--porcelain", "-uno") else ""
    compiler = (_output("cc", "--version").splitlines() or ["?"])[0]
    packages = {"nginx": "nginx-common", "wrk": "wrk", "lua-resty-kafka": "lua-nginx-kafka"}
    tools = ", ".join(f"{tool} {_package(name)}" for tool, name in packages.items())
    return [
        f"{time.strftime('%Y-%m-%d %H:%M')} UTC, commit {commit}{dirty}".replace("UTC", time.strftime("%Z")),
        f"{_processor()}, {_memory()}; Linux {os.uname().release}",
        _libraries(),
        f"{compiler}; {tools}, node {_output('node', '--version').lstrip('v') or '?'}",
    ]
