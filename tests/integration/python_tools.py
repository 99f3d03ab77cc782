"""Packages of PyPI that tests need and Debian lacks, pinned, each set in an environment of its own in the build folder."""
import fcntl
import shutil
import subprocess
from pathlib import Path

from broker import BUILD


def programs_of(folder):
    """The bin folder of an environment with what the folder's requirements.txt names. Anew when that differs."""
    folder = Path(folder)
    copy = BUILD / "python" / folder.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{copy}.lock", "w", encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # tests may run side by side
        wanted, done = folder / "requirements.txt", copy / "fetched.txt"
        if not done.exists() or done.read_bytes() != wanted.read_bytes():
            shutil.rmtree(copy, ignore_errors=True)
            subprocess.run(["/usr/bin/python3", "-m", "venv", copy], check=True, timeout=600)
            subprocess.run([copy / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", wanted],
                           check=True, timeout=600)
            shutil.copy(wanted, done)  # last: what was cut short is fetched again
    return copy / "bin"
