"""What is counted, apart from the daemons: random streams against the reference, the error of the sketch."""
import os
import subprocess
import sys
from pathlib import Path

from broker import BUILD
from lab import Lab
from results import Line

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
STREAMS_AT_ONCE = 500
TRIALS, TRIALS_SHORT = 1000, 100


def run(command: list, **environment: str) -> str:
    """Its output; a failure is an error with the end of it."""
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stdout[-4000:])
    return done.stdout


def streams(lab: Lab) -> None:
    """Each property is tried on so many streams; a stretch has a seed of its own."""
    for batch in lab.batches(STREAMS_AT_ONCE):
        lab.say(f"streams {batch.start} to {batch.stop - 1}")
        run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", REFERENCE / "test_viewings_in_c.py"],
            PLAYREPORT_TEST_STREAMS=str(len(batch)), PLAYREPORT_TEST_SEED=str(1000 + batch.start))
        lab.record(None, len(batch), line=Line(lab.row))


def sketch(lab: Lab) -> None:
    for _ in lab.batches(1):
        table = run([BUILD / "sketch_error", str(TRIALS_SHORT if lab.short else TRIALS)])
        lab.record(None, 1, line=Line(lab.row, notes=table.splitlines()))
