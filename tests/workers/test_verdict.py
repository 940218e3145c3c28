"""Workers whose clocks are minutes apart: nobody's healthy job is judged, and a dead one's is in time."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from tests.conftest import Processes, ended, until
from tests.workers.conftest import Clock
from workers.lifecycle import TrackedQueue
from workers.queue import Jobs
from workers.sweeper import SILENCE, Sweeper
from workers.verdict import HEARTBEAT
from workers.wire import Status

WIP = "rq:wip:headway.default"
VERDICT = 60  # seconds, of the worker


@pytest.fixture
def sweep(redis: Redis, clock: Clock) -> Callable[[float], None]:
    sweeper = Sweeper(redis, ["default"], clock=clock, verdict=5)

    def later(seconds: float) -> None:
        clock.now += seconds
        sweeper.sweep()

    return later


@pytest.mark.parametrize("shift", [-600, -40, 0, 600])
def test_a_silent_workers_job_is_judged_after_the_time_that_it_has_named(
    shift: float, jobs: Jobs, redis: Redis, sweep: Callable[[float], None]
) -> None:
    job = TrackedQueue("headway.default", connection=redis).enqueue_call("sum_numbers", kwargs={"text": "1"})
    redis.delete("rq:queue:headway.default")
    redis.hset("rq:worker:shifted", "verdict", str(VERDICT))
    with redis.pipeline() as pipeline:
        job.prepare_for_execution("shifted", pipeline)
        pipeline.execute()
    for beat in range(3):
        redis.zadd(WIP, {f"{job.id}:x": time.time() + shift + HEARTBEAT * beat})
        sweep(HEARTBEAT)
        assert jobs.load(job.id).state.status == Status.STARTED
    sweep(SILENCE + 0.1)
    assert jobs.load(job.id).state.status == Status.LOST
    sweep(VERDICT - SILENCE)
    assert jobs.load(job.id).state.status == Status.LOST
    sweep(HEARTBEAT)
    assert jobs.load(job.id).state.status == Status.FAILED


def test_beside_a_worker_whose_clock_is_ahead_the_job_of_one_that_is_behind_runs_to_its_end(
    jobs: Jobs, redis: Redis, processes: Processes, tmp_path: Path
) -> None:
    done, sweeper = tmp_path / "done", Sweeper(redis, ["default"])
    processes.start("-m", "tests.workers.shifted_worker", "-40")
    id = TrackedQueue("headway.default", connection=redis).enqueue("tests_wait", str(done)).id
    until(lambda: jobs.load(id).state.status == Status.STARTED, f"its start ({processes.log()})")
    processes.start("-m", "tests.workers.shifted_worker", "600")

    def has_tidied() -> bool:
        sweeper.sweep()
        record = redis.hgetall("rq:worker:shifted 600")
        return bool(record) and record[b"last_heartbeat"][:19] != record[b"birth"][:19]

    until(has_tidied, f"the other to look after the queue, which it does first of all ({processes.log()})")
    assert jobs.load(id).state.status == Status.STARTED
    done.touch()
    state = ended(jobs, id).state
    assert (state.status, state.attempt) == (Status.FINISHED, 1)
