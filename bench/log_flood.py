"""What log() costs a job, and what a job that floods its log costs those who watch others: `python -m bench logs`."""

import time
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import median

from bench.lab import Lab
from bench.loads import LATENCY_CLIENTS, LATENCY_JOBS, LATENCY_RATE, OPERATOR, connect, let_watch, measure, names
from bench.machine import pin
from bench.publisher import HEADWAY, REPORTS, start
from bench.readers import watch
from bench.remote import Remote
from workers import context, store
from workers.context import JobContext
from workers.progress import Reporter, Sender, log
from workers.settings import Settings
from workers.tasks import Tasks

ID = "flood"
LINE = "a line such as a job says of the step that it is at, of eighty characters or so: 0123456"
WORK = range(900)  # summed up at each step of a job, which takes some 9 µs: with its line 100,000 steps a second
STEPS = 40_000  # of one turn, so that what else the machine does befalls both kinds alike
TURNS = 10  # of each kind in a round
RATE = 100_000  # lines a second of a flood beside which others are watched
SLICE = 0.002  # seconds in which a flood says its share
CALLS = 20_000
ROUNDS = 15
WATCHERS = 5  # of the log that is flooded
FLOOD_BEYOND = 3.0  # seconds that a flood lasts longer than what is measured beside it


class Job:
    """In a process of its own, as a horse is; it does what a job may do."""

    def __init__(self, url: str) -> None:
        self._settings = Settings.from_environment({"REDIS_URL": url}, Path.cwd())
        self._redis = store.connect(url)

    def wait(self, orders: Pipe) -> None:
        """There is nothing to be done meanwhile."""

    def cost(self) -> float:
        """ns of a call: the median of the mean cost in each of 15 rounds."""
        with self._entered():
            return median(_calls() for _ in range(ROUNDS))

    def work(self, logging: bool, cores: frozenset[int]) -> float:
        """Seconds of so many steps, with a line each or without."""
        pin(0, cores)
        with self._entered():
            began = time.perf_counter()
            if logging:
                for _ in range(STEPS):
                    sum(WORK)
                    log(LINE)
            else:
                for _ in range(STEPS):
                    sum(WORK)
            return time.perf_counter() - began

    def flood(self, logging: bool, seconds: float) -> float:
        """Lines a second."""
        lines, began = 0, time.monotonic()
        with self._entered():
            while (passed := time.monotonic() - began) < seconds:
                due = int(passed * RATE)
                for _ in range(due - lines if logging else 0):
                    log(LINE)
                lines = due
                time.sleep(SLICE)
        return lines / (time.monotonic() - began)

    def _entered(self) -> AbstractContextManager[None]:
        start(self._redis, ID)
        sender = Sender(self._settings.redis_url, ID)
        reporter = Reporter(sender, sender.log)
        return context.entered(JobContext(ID, self._redis, self._settings, Tasks({}), sender, reporter))


def _calls() -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        log(LINE)
    return (time.perf_counter() - began) / CALLS * 1e9


def report(lab: Lab, rounds: int) -> None:
    job = Remote(Job, lab.url)
    try:
        print(f"log()                  {job.ask('cost'):14.0f} ns a call, median")
        _report_slowing(lab, job, rounds * TURNS)
        _report_others(lab, job, rounds)
    finally:
        job.close()


def _report_slowing(lab: Lab, job: Remote, turns: int) -> None:
    took: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(turns):
        for logging in took:
            took[logging].append(job.ask("work", logging, lab.cores.every) / STEPS * 1e6)
    for what, of in (("median", median), ("quickest", min)):
        quiet, loud = of(took[False]), of(took[True])
        slower, rate = loud / quiet * 100 - 100, 1e6 / loud
        print(f"a job's step, {what:<8} {quiet:14.2f} µs; with a line {loud:.2f} µs: {slower:.1f} % slower", end="")
        print(f" at {rate:,.0f} lines a second")
    by_turns = median(loud / quiet * 100 - 100 for quiet, loud in zip(took[False], took[True], strict=True))
    print(f"… each turn beside the one before {by_turns:5.1f} % slower, median of {turns} turns")


def _report_others(lab: Lab, job: Remote, rounds: int) -> None:
    """W1 beside a job that floods its log, which some watch, and beside the same job when it is silent."""
    ids = names(LATENCY_JOBS)
    lags: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    shares: dict[bool, list[float]] = {False: [], True: []}
    said = 0.0
    with lab.serve(HEADWAY) as server:
        lab.publisher.ask("prepare", HEADWAY, ids)
        start(lab.redis, ID)
        connect(lab, server, LATENCY_CLIENTS)
        let_watch(lab, server, ids)
        connect(lab, server, WATCHERS, OPERATOR)
        lab.crowd.ask("say", [(watch(f"log:{ID}"), [ID])])
        for _ in range(rounds):
            for logging in lags:
                job.tell("flood", logging, lab.seconds + FLOOD_BEYOND)
                seen, share = measure(lab, server, ids, LATENCY_RATE, way=REPORTS)
                said = job.hear()
                lags[logging].append(seen.lags)
                shares[logging].append(share)
    print(f"{LATENCY_CLIENTS} watchers of other jobs, beside {WATCHERS} of a log")
    for logging, what in ((False, "that is silent"), (True, f"of {said:,.0f} lines a second")):
        p50, p99 = (median(figures) for figures in zip(*lags[logging], strict=True))
        quietest = min(late for _, late in lags[logging])
        print(
            f"  {what:<26} {p50:8.2f} ms p50 {p99:8.2f} ms p99, {quietest:.2f} in the quietest of {rounds} rounds",
            end="",
        )
        print(f"; server {median(shares[logging]):.1f} % of a core")
