"""Connections that are reset while their replies wait for Kafka."""
import socket
import struct
import time

from abuse.crowd import connect
from abuse.good_client import CONNECTIONS
from abuse.scene import Scene
from broker import wait_until
from lab import Lab
from process import allow_connections
from rig import Rig

RESETS, SHORT_RESETS = 1_000, 100
ROUNDS, SHORT_ROUNDS = 4, 2
AWAY_S = 1
HELD = "playreport_replies_held"
REPORT = b"GET /api/analytics/report/event?photo_id=%d&event=load&source=reset&report_id=%b HTTP/1.1\r\nHost: x\r\n\r\n"


def reset(one: socket.socket) -> None:
    """Closes with RST: SO_LINGER of no time."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def ask_and_reset(rig: Rig, number: int, count: int) -> list[str]:
    """Reports whose replies cannot come yet, all journalled as those of the good client are, then reset. Returns
    their names."""
    names = [f"reset-{number * count + i}" for i in range(count)]
    crowd = [connect(rig.front.port, i) for i in range(count)]
    for i, (one, name) in enumerate(zip(crowd, names)):
        one.sendall(REPORT % (i % 100, name.encode()))
    wait_until("all are held", lambda: rig.front.metric(HELD) >= count + CONNECTIONS)
    for one in crowd:
        reset(one)
    return names


def one_round(lab: Lab, rig: Rig, number: int, count: int) -> None:
    """Even rounds: Kafka stands still; odd ones: it is dead."""
    broker, is_killed = rig.broker, number % 2 == 1
    lab.say(f"Kafka {'killed' if is_killed else 'held'}, {count} resets")
    (broker.kill if is_killed else broker.pause)()
    try:
        names = ask_and_reset(rig, number, count)
        time.sleep(AWAY_S)  # the daemon finds them closed while it still cannot answer
    finally:
        (broker.restart if is_killed else broker.resume)()
    rig.account.promise(names)  # journalled, so they count although nobody was told
    wait_until("all is on Kafka", lambda: rig.waiting() < 1000)


def resets(lab: Lab) -> None:
    rounds = SHORT_ROUNDS if lab.short else ROUNDS
    count = (SHORT_RESETS if lab.short else RESETS) // rounds
    allow_connections(count, lab.short)
    for _ in lab.batches(1):
        # Patience for a broker that starts anew: what is late would be an error of the good client.
        with lab.rig(lab.brokers.single(), {"ack": "broker", "ack_timeout": "300s"}) as rig:
            scene = Scene(lab, rig.front)
            with scene.abuse(f"{rounds * count:,} resets while replies are held, Kafka held and killed in turn"):
                for number in range(rounds):
                    one_round(lab, rig, number, count)
            for client in scene.clients:
                rig.account.take_fates(client.seed, client.fates(), rig.sums)
            rig.account.promise(scene.batched)
            if rig.front.metric(HELD):
                scene.fail(f"{rig.front.metric(HELD):.0f} replies are held for ever")
            line = rig.settle(lab.row, lab.say)
            scene.notes.append(f"{line.acknowledged:,} acknowledged or journalled, {line.counted:,} counted, "
                               f"{line.lost} lost, {line.twice} twice")
            scene.record(line)
