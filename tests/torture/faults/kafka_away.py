"""Kafka away for long: memory stays flat, and all arrives afterwards. Goes on in the next run if time is short."""
import json
import shutil
import time
from pathlib import Path

from broker import Kafka
from lab import Lab
from process import rss_anon_mib
from results import Line
from rig import Rig

RATE = 5000
AWAY_S, SHORT_AWAY_S = 480, 60
WARM_UP_S = 15
RSS_MAX_MIB, SLOPE_MAX_MIB = 64, 1.0
COUNTING_PER_S = 12_000  # assumed for whether the rest fits into this stretch


def slope(samples: list[tuple[float, float]]) -> float:
    """Of the line through (seconds, MiB) by least squares, in MiB a minute."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    over = sum((x - mean_x) * (y - mean_y) for x, y in samples)
    return 60 * over / sum((x - mean_x) ** 2 for x, _ in samples)


def be_away(lab: Lab, rig: Rig, seconds: float) -> dict:
    """Sends while the broker is dead. Returns the figures to be kept."""
    first = rig.stream(RATE, 1000)
    first.wait(300)
    rig.take_over(first.seed)  # its file stays: a later run counts from the topic's start
    rig.settle(lab.row)
    rig.broker.kill()
    stream = rig.stream(RATE, connections=64)
    samples = []
    began = time.monotonic()
    while (at := time.monotonic() - began) < seconds:
        samples.append((at, rss_anon_mib(rig.front.process.pid)))
        lab.say(f"away for {at:.0f} of {seconds} s, RssAnon {samples[-1][1]:.1f} MiB, {rig.waiting():,} waiting")
        time.sleep(1)
    stream.stop()
    steady = [sample for sample in samples if sample[0] >= min(WARM_UP_S, seconds / 4)]
    return {"warm_up": first.seed, "seed": stream.seed, "most": max(rss for _, rss in samples),
            "slope": slope(steady), "waiting": rig.waiting(), "seconds": seconds}


def judge(line: Line, kept: dict, short: bool) -> None:
    """A short outage is too short to tell a slope from the warming up of a slow machine."""
    line.notes.append(f"away {kept['seconds']} s with {kept['waiting']:,} waiting; RssAnon at most "
                      f"{kept['most']:.1f} MiB, slope {kept['slope']:+.2f} MiB a minute")
    if kept["most"] > RSS_MAX_MIB or (not short and kept["slope"] >= SLOPE_MAX_MIB):
        line.error = f"memory is not flat: at most {RSS_MAX_MIB} MiB and under {SLOPE_MAX_MIB} MiB a minute"


def new_rig(lab: Lab, kafka: Kafka, start: bool) -> Rig:
    return Rig(kafka, lab.folder / "away", "torture.away", {"drain_timeout": "1s"}, {}, start=start, settle_s=420)


def finish(lab: Lab, rig: Rig, kept: dict) -> None:
    line = rig.settle(lab.row, lab.say)
    judge(line, kept, lab.short)
    least = 0 if lab.short else 0.9 * RATE * kept["seconds"]  # a slow machine sends less
    lab.record(rig, 1, int(kept["waiting"] > least), line)


def go_on(lab: Lab, kafka: Kafka, kept: dict) -> None:
    kafka.restart()
    rig = new_rig(lab, kafka, True)
    try:
        rig.take_over(kept["warm_up"])
        rig.take_over(kept["seed"])
        finish(lab, rig, kept)
    finally:
        rig.close()


def begin(lab: Lab, kafka: Kafka, carry: Path) -> bool:
    """False when the rest must wait for the next run."""
    rig = new_rig(lab, kafka, True)
    try:
        kept = be_away(lab, rig, SHORT_AWAY_S if lab.short else AWAY_S)
        if not lab.short and lab.left_s() < 20 + kept["waiting"] / COUNTING_PER_S:
            rig.stop_front()
            carry.write_text(json.dumps(kept))
            return False
        kafka.restart()
        rig.take_over(kept["seed"])
        finish(lab, rig, kept)
        return True
    finally:
        rig.close()


def away(lab: Lab) -> None:
    carry = lab.folder / "carry.json"
    for _ in lab.batches(1):
        if carry.exists():
            kafka = Kafka(lab.folder / "kafka")
            kafka.bootstrap = (kafka.folder / "bootstrap").read_text().strip()
            with kafka:
                go_on(lab, kafka, json.loads(carry.read_text()))
        else:
            shutil.rmtree(lab.folder, ignore_errors=True)
            lab.folder.mkdir(parents=True)
            with Kafka.start(lab.folder) as kafka:
                if not begin(lab, kafka, carry):
                    return
        shutil.rmtree(lab.folder, ignore_errors=True)
