"""Headway beside the tutorials' polling page and Flask-SocketIO, and Headway's own figures: all of `make bench`."""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median

from bench import loads, progress_cost, redis_commands, small_jobs, stuck_reader
from bench.lab import Lab
from bench.table import KINDS, lines, number

LOADS: tuple[Callable[[Lab, str], loads.Figures], ...] = (
    loads.latency,
    loads.fan_out,
    loads.dashboards,
    loads.ceiling,
)


def report(lab: Lab, rounds: int) -> None:
    """Measure, and print as it comes. The servers take turns, so that what else the machine does befalls all."""
    began = time.monotonic()
    found: dict[str, dict[str, list[float]]] = {kind: defaultdict(list) for kind in KINDS}
    small: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds):
        for load in LOADS:
            for kind in KINDS:
                _say(f"round {turn + 1} of {rounds}: {load.__name__} of {kind}")
                for name, value in load(lab, kind).items():
                    found[kind][name].append(value)
        _say(f"round {turn + 1} of {rounds}: small tasks")
        small["stock"].append(small_jobs.stock(lab))
        small["headway"].append(small_jobs.headway(lab))
    _say("")
    print("\n".join(lines(found)), end="\n\n")
    stock, ours = median(small["stock"]), median(small["headway"])
    print(f"small tasks, 2 workers       {ours:8,.0f} a second; stock `rq worker` {stock:,.0f}: {ours / stock:.0f} ×")
    _report_ours(lab, rounds)
    stuck_reader.report(stuck_reader.measure(lab, stuck_reader.FEW_ROUNDS))
    print(f"\nmedians of {rounds} rounds; the whole took {(time.monotonic() - began) / 60:.1f} minutes")


def _report_ours(lab: Lab, rounds: int) -> None:
    print(f"progress(), nothing due      {progress_cost.measure(lab.redis, lab.settings):8.2f} µs a call, median")
    loops = [progress_cost.compare(lab.redis, lab.settings) for _ in range(rounds)]
    ours, theirs = (median(times) for times in zip(*loops, strict=True))
    print(f"1,000,000 × progress()       {ours:8.2f} s; tqdm's update() {theirs:.2f} s: {theirs / ours:.1f} ×")
    print(f"submit {loads.BULK:,} jobs           {median(_submit(lab) for _ in range(rounds)):8.2f} s")
    commands = redis_commands.measure(lab)
    shown = ", ".join(f"{number(rate)} with {count}" for count, rate in commands.items())
    print(f"Redis commands a second      {shown} dashboards open, beside those that move the jobs")


def _submit(lab: Lab) -> float:
    lab.redis.flushall()
    submitter = small_jobs.submitter(lab)
    began = time.perf_counter()
    submitter.submit_many("sum_numbers", [{"text": "1"}] * loads.BULK, owner="bench")
    return time.perf_counter() - began


def _say(what: str) -> None:
    """On a terminal alone, and overwritten by what comes next."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)
