"""What an outage of Redis costs a job that reports a million times: its time, and whether its end is the true one."""

import subprocess
import sys
import time
from collections.abc import Callable, MutableSequence
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from bench.outage_worker import TASKS
from workers import embedded, store
from workers.queue import Jobs
from workers.settings import Settings
from workers.wire import JobState

ROOT = Path(__file__).parent.parent
STEPS = 1_000_000
ROUNDS = 3  # of each kind, by turns
BEFORE, OUTAGE = 4.0, 30.0  # seconds of the job's own time before Redis goes, and until it is back
WORKERS = 2  # one is idle: it too looks for abandoned jobs
ENDED_WITHIN = 180.0  # seconds

Processes = MutableSequence[subprocess.Popen[bytes]]


def report(settings: Settings, environment: dict[str, str], processes: Processes) -> None:
    """Print the figures. The first of `processes` is the server, which is killed and started again."""
    worker = [sys.executable, "-m", "bench.outage_worker"]
    processes += [subprocess.Popen(worker, cwd=ROOT, env=environment) for _ in range(WORKERS)]

    def fail_redis() -> None:
        time.sleep(BEFORE)
        processes[0].kill()
        processes[0].wait()
        time.sleep(OUTAGE)
        processes[0] = subprocess.Popen(embedded.command(settings), stdout=subprocess.DEVNULL)

    redis = store.connect(settings.redis_url)
    times: dict[str, list[float]] = {"undisturbed": [], "outage": []}
    for number in range(ROUNDS):
        for kind, trouble in (("undisturbed", lambda: None), ("outage", fail_redis)):
            state = _run(redis, trouble)
            result = state.result if isinstance(state.result, dict) else {}
            times[kind].append(result.get("seconds", float("nan")))
            print(
                f"{number + 1} {kind:12} {times[kind][-1]:8.2f} s in the job, slowest call "
                f"{result.get('slowest', float('nan')) * 1000:.1f} ms; told: {state.status}, attempt {state.attempt}, "
                f"{state.completed} of {state.total}, error {state.error}",
                flush=True,
            )
    # the quickest: what else runs on the machine only ever adds
    ratio = min(times["outage"]) / min(times["undisturbed"])
    print(f"{STEPS:,} calls of progress(), Redis gone for {OUTAGE:.0f} s: {ratio:.3f} × the time, quickest of {ROUNDS}")


def _run(redis: Redis, trouble: Callable[[], None]) -> JobState:
    """One job, in whose midst `trouble` befalls; its state once it has ended."""
    jobs = Jobs(redis, TASKS, ["default"])
    id = jobs.submit("count_steps", {"steps": STEPS}, owner="bench").state.id
    _until(lambda: jobs.load(id).state.completed)
    trouble()
    _until(lambda: jobs.load(id).state.ended)
    return jobs.load(id).state


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + ENDED_WITHIN
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except RedisError:
            pass  # it has only just been started again
        time.sleep(0.2)
    raise SystemExit("the job did not come so far")
