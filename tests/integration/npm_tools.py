"""Packages of npm that tests need, by their lock, in the build folder: fetched once."""
import fcntl
import shutil
import subprocess
from pathlib import Path

from broker import BUILD


def modules_of(folder):
    """The node_modules of a folder with package.json and package-lock.json. Anew when the lock differs."""
    folder = Path(folder)
    copy = BUILD / "npm" / folder.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{copy}.lock", "w", encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # tests may run side by side
        lock, done = folder / "package-lock.json", copy / "fetched.json"
        if not done.exists() or done.read_bytes() != lock.read_bytes():
            shutil.rmtree(copy, ignore_errors=True)
            copy.mkdir()
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(folder / name, copy)
            subprocess.run(["npm", "ci", "--silent"], cwd=copy, check=True, timeout=600)
            shutil.copy(lock, done)  # last: what was cut short is fetched again
    return copy / "node_modules"
