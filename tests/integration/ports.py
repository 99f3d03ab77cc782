"""Ports for servers that come back on the port they had: kafka.sh, the daemons, the proxies in front of them.

A port that bind() to 0 gives lies in the range from which connect() takes its own ends. Between a kill and the restart a
client may get it, or connect to itself by it while nobody listens there, and the server cannot bind any more (ip(7),
ip_local_port_range). These lie below that range: only another server could take them.

usage: ports.py COUNT      prints so many ports of 127.0.0.1 that are free
"""
import random
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

LOWEST = 10_000
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES = 1000


def candidates():
    end = int(RANGE.read_text().split()[0])
    if end - LOWEST < TRIES:  # a machine that gives nearly all ports to clients: the system's choice is as good
        return [0] * TRIES
    return random.SystemRandom().sample(range(LOWEST, end), TRIES)


def free_ports(count):
    """`count` different ports that nobody holds now."""
    ports = []
    with ExitStack() as held:
        for port in candidates():
            if len(ports) == count:
                return ports
            server = held.enter_context(socket.socket())
            try:
                server.bind(("127.0.0.1", port))
                ports.append(server.getsockname()[1])
            except OSError:
                pass
    raise RuntimeError(f"of {TRIES} ports from {LOWEST} only {len(ports)} are free, {count} are wanted")


if __name__ == "__main__":
    print(*free_ports(int(sys.argv[1])))
