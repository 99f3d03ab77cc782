"""Load tools of others, each for half a minute: what it says it had answered is in the topic, and is counted."""
from broker import wait_until
from clients.load_tools import METHODS, TOOLS, Outcome, Target
from lab import Lab
from results import Line
from rig import Rig

SECONDS = 30
BITE = 10_000  # answers without which it was no load


def account(lab: Lab, rig: Rig, outcome: Outcome) -> Line:
    lab.say("draining")
    wait_until("the journal is drained", lambda: rig.waiting() == 0, 300)
    stored = sum(rig.broker.end_offsets(rig.topic).values())
    lab.say("counting")
    wait_until("all is counted", lambda: rig.counter.totals()["reports"] >= stored, 300)
    counted = rig.counter.totals()["reports"]
    return Line(lab.row, acknowledged=outcome.answered, in_topic=stored, counted=counted,
                lost=max(outcome.answered - min(stored, counted), 0),
                twice=max(max(stored, counted) - outcome.answered - outcome.unread, 0))


def run(lab: Lab) -> None:
    """Each in turn, GET; those past all of them, by COUNT, POST."""
    names = list(TOOLS)
    for batch in lab.batches(1):
        turn, which = divmod(batch[0], len(names))
        name, method = names[which], METHODS[turn % len(METHODS)]
        with lab.rig(lab.brokers.single()) as rig:
            lab.say(f"{name} {method}")
            target = Target(f"http://127.0.0.1:{rig.front.port}", 1, method, rig.folder / "tool")
            outcome = TOOLS[name].run(target, SECONDS)
            line = account(lab, rig, outcome)
            line.notes.append(f"{name} {method}: {outcome.answered:,} answered, {line.counted:,} counted")
            lab.record(rig, 1, int(outcome.answered > BITE), line)
