"""The loads, each against a server of a given kind that is started for it. Figures are told under their names."""

import time
from collections.abc import Sequence

import requests

from bench.crowd import Counted, Published, Seen
from bench.lab import TOKEN, Lab, Server
from bench.machine import Work, memory
from bench.publisher import HEADWAY, POLLING, REPORTS
from bench.readers import join, watch

WARM_UP = 1.0  # seconds of each load that don't count
REST = 0.7  # seconds for the last to arrive
LATENCY_CLIENTS, LATENCY_JOBS, LATENCY_RATE = 50, 10, 100  # updates a second, over all jobs
FAN_OUT_CLIENTS, FAN_OUT_RATE = 1000, 100
DASHBOARDS, DASHBOARD_JOBS, DASHBOARD_RATE = 20, 1000, 2000
IDLE = 1.0  # seconds that idle connections are left alone before they are weighed
BULK, BULK_WITHIN = 10_000, 5.0  # jobs of a bulk submit, and seconds of which those beside it are looked at
CEILING_CLIENTS, CEILING_SECONDS = 200, 1.5  # of one step
CEILING_RATES = tuple(80 * 2**step for step in range(8))  # updates of one job a second, until one is too much
IN_TIME = 250.0  # ms, for the p99 of what is delivered at a rate that still counts
ENOUGH = 0.98  # of the deliveries must have come
OPERATOR = f"Authorization: Bearer {TOKEN}\r\n"

Figures = dict[str, float]


def names(count: int) -> list[str]:
    return [f"b{number}" for number in range(count)]


def connect(lab: Lab, server: Server, count: int, headers: str = "", counting: bool = False) -> float:
    """Seconds."""
    return float(lab.crowd.ask("connect", server.port, count, headers, counting))


def open_pages(lab: Lab, server: Server, ids: Sequence[str], count: int) -> None:
    """`count` clients, each of one of the jobs."""
    if server.kind == POLLING:
        lab.crowd.ask("poll", server.port, ids, count)
        return
    connect(lab, server, count)
    let_watch(lab, server, ids)


def let_watch(lab: Lab, server: Server, ids: Sequence[str]) -> None:
    lab.crowd.ask("say", [(watch(f"job:{id}") if server.kind == HEADWAY else join(id), [id]) for id in ids])


def open_dashboards(lab: Lab, server: Server, ids: Sequence[str], count: int) -> None:
    """`count` clients that see all jobs."""
    connect(lab, server, count, OPERATOR if server.kind == HEADWAY else "")
    lab.crowd.ask("say", [(watch("jobs") if server.kind == HEADWAY else join("all"), list(ids))])


def measure(
    lab: Lab, server: Server, ids: Sequence[str], rate: float, *, way: str = "", ages: bool = False
) -> tuple[Seen, float]:
    """Publish at that rate for a while: what was seen of it, and the share of a core that the server took."""
    lab.publisher.ask("run", way or server.kind, ids, rate, WARM_UP)
    lab.crowd.ask("forget")
    work = Work(server.pid)
    published: Published = lab.publisher.ask("run", way or server.kind, ids, rate, lab.seconds)
    share = work.share()
    time.sleep(REST)
    seen: Seen | None = lab.crowd.ask("measure", published, ages)
    assert seen is not None, "nothing was published"
    return seen, share


def latency(lab: Lab, kind: str) -> Figures:
    """W1: few clients, jobs that workers report by the script itself; polled pages see what they see in a second."""
    ids = names(LATENCY_JOBS)
    with lab.serve(kind) as server:
        lab.publisher.ask("prepare", kind, ids)
        open_pages(lab, server, ids, LATENCY_CLIENTS)
        seen, _ = measure(lab, server, ids, LATENCY_RATE, way=REPORTS if kind == HEADWAY else kind)
        figures = {"latency p50": seen.lags[0], "latency p99": seen.lags[1]}
        if kind == HEADWAY:
            figures["latency p99 beside a bulk submit"] = _beside_submit(lab, server, ids)
    return figures


def _beside_submit(lab: Lab, server: Server, ids: Sequence[str]) -> float:
    """The p99 of what is published while 10,000 jobs are submitted over HTTP."""
    lab.crowd.ask("forget")
    lab.publisher.tell("run", REPORTS, ids, LATENCY_RATE, BULK_WITHIN)
    time.sleep(REST)
    began = time.time_ns() // 1000
    body = {"task": "sum_numbers", "args": [{"text": "1"}] * BULK}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.post(f"{server.url}/api/jobs/bulk", json=body, headers=headers, timeout=30)
    ended = time.time_ns() // 1000
    published: Published = lab.publisher.hear()
    answer.raise_for_status()
    time.sleep(REST)
    during = {id: [one for one in versions if began <= one <= ended] for id, versions in published.items()}
    seen: Seen | None = lab.crowd.ask("measure", during)
    return seen.lags[1] if seen else float("nan")


def fan_out(lab: Lab, kind: str) -> Figures:
    """W4 and W2: many connections that idle, and then all watch the one job that moves."""
    ids = names(1)
    figures: Figures = {}
    with lab.serve(kind) as server:
        lab.publisher.ask("prepare", kind, ids)
        if kind == POLLING:
            lab.crowd.ask("poll", server.port, ids, FAN_OUT_CLIENTS)
        else:
            connect(lab, server, 10)  # what a server makes at its first connection is no connection's
            before = memory(server.pid)
            seconds = connect(lab, server, FAN_OUT_CLIENTS - 10)
            time.sleep(IDLE)
            grown = memory(server.pid) - before
            figures["idle KB"] = grown / (FAN_OUT_CLIENTS - 10) / 1024
            figures["connects"] = (FAN_OUT_CLIENTS - 10) / seconds
            let_watch(lab, server, ids)
        seen, share = measure(lab, server, ids, FAN_OUT_RATE, ages=True)
    assert seen.ages is not None
    return {**figures, "age p50": seen.ages[0], "age p99": seen.ages[1], "fan-out CPU": share}


def dashboards(lab: Lab, kind: str) -> Figures:
    """W3: a thousand jobs, and pages that show them all."""
    if kind == POLLING:
        return {}
    ids = names(DASHBOARD_JOBS)
    with lab.serve(kind) as server:
        lab.publisher.ask("prepare", kind, ids, "all")
        open_dashboards(lab, server, ids, DASHBOARDS)
        seen, share = measure(lab, server, ids, DASHBOARD_RATE)
    return {"dashboard p50": seen.lags[0], "dashboard p99": seen.lags[1], "dashboard CPU": share}


def ceiling(lab: Lab, kind: str) -> Figures:
    """Every update is sent to all: the deliveries a second of the highest rate at which they come in time."""
    if kind == POLLING:
        return {}
    ids, best = names(1), 0.0
    with lab.serve(kind, HEADWAY_CONFLATE="0") as server:
        lab.publisher.ask("prepare", kind, ids)
        connect(lab, server, CEILING_CLIENTS, counting=True)
        let_watch(lab, server, ids)
        lab.publisher.ask("run", kind, ids, CEILING_RATES[0], WARM_UP)
        time.sleep(REST)
        for rate in CEILING_RATES:
            # once more where it fails: a moment in which the machine did something else ends nothing
            reached = _deliveries(lab, kind, ids, rate) or _deliveries(lab, kind, ids, rate)
            if not reached:
                break
            best = reached
    return {"deliveries": best}


def _deliveries(lab: Lab, kind: str, ids: Sequence[str], rate: int) -> float:
    """Deliveries a second; 0 where they are late, or not all have come."""
    lab.crowd.ask("forget")
    began = time.monotonic()
    published: Published = lab.publisher.ask("run", kind, ids, rate, CEILING_SECONDS)
    seconds = time.monotonic() - began
    time.sleep(REST)
    counted: Counted = lab.crowd.ask("count")
    sent = len(published[ids[0]]) * CEILING_CLIENTS
    in_time = counted.late <= IN_TIME and counted.deliveries >= ENOUGH * sent
    return counted.deliveries / seconds if in_time else 0.0
