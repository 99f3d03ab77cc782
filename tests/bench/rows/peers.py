"""Collectors a user might take instead: one event a request into the same real Kafka, of the last version that all of
them can talk to; on the processor of the generator."""
from typing import Callable

from lab import Contestant, Lab
from measure import ratio
from row import Result, Row
from rows.http import NGINX, told


def peer(name: str) -> Callable[[Lab], Result]:
    def run(lab: Lab) -> Result:
        its, nginx = lab.rounds(Contestant(name), NGINX)
        return Result(f"{ratio(its, nginx, 'rate'):.2f}", None, [told(name, its), told("nginx return 200", nginx)])
    return run


ROWS = (
    Row("peer-lua", "nginx + lua-resty-kafka, reports/s against nginx return 200; a reply says: in memory", "",
        peer("lua@old")),
    Row("peer-node", "node + kafkajs, the same; a reply says: in memory", "", peer("node@old")),
    Row("peer-ours", "playreport-ingest, the same; a reply says: in the journal", "", peer("ingest@old")),
)
