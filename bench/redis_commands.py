"""What open dashboards cost Redis: its commands a second while jobs move, without those of who moves them."""

import time

from bench.lab import Lab
from bench.loads import LATENCY_JOBS, LATENCY_RATE, WARM_UP, names, open_dashboards
from bench.publisher import HEADWAY

OPEN = (1, 20, 200)  # dashboards
SECONDS = 5.0  # the jobs are compared with RQ every 5 s: once in each


def measure(lab: Lab) -> dict[int, float]:
    """Dashboards → commands a second."""
    ids = names(LATENCY_JOBS)
    found: dict[int, float] = {}
    with lab.serve(HEADWAY) as server:
        lab.publisher.ask("prepare", HEADWAY, ids)
        opened = 0
        for count in OPEN:
            open_dashboards(lab, server, ids, count - opened)
            opened = count
            time.sleep(WARM_UP)
            before, began = _commands(lab), time.monotonic()
            published = lab.publisher.ask("run", HEADWAY, ids, LATENCY_RATE, SECONDS)
            after, seconds = _commands(lab), time.monotonic() - began
            ours = sum(map(len, published.values())) + 1  # the first INFO
            found[count] = (after - before - ours) / seconds
    return found


def _commands(lab: Lab) -> int:
    stats = lab.redis.info("commandstats")
    return sum(int(stat["calls"]) for stat in stats.values())
