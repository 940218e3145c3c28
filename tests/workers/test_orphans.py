"""What nothing will ever move again is judged, or put back, once it has been so for the verdict's time."""

import time
from collections.abc import Callable

import pytest
from redis import Redis

from tests.conftest import Processes, ended
from tests.workers.conftest import Clock
from workers import batches
from workers.orphans import SLICE
from workers.queue import Jobs
from workers.sweeper import COMPARE_INTERVAL, Sweeper
from workers.wire import Status

QUEUE, BETWEEN, WIP = "rq:queue:default", "rq:queue:default:intermediate", "rq:wip:default"
VERDICT = 30.0


@pytest.fixture
def sweep(redis: Redis, clock: Clock) -> Callable[[float], None]:
    sweeper = Sweeper(redis, ["default"], clock=clock, verdict=VERDICT)

    def until_later(seconds: float) -> None:
        """Sweep as often as it does, for so many seconds."""
        ends = clock.now + seconds
        while clock.now < ends:
            clock.now += COMPARE_INTERVAL
            sweeper.sweep()

    return until_later


@pytest.fixture
def started(jobs: Jobs, redis: Redis) -> str:
    """A job that RQ and we call started, and that nobody runs."""
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    redis.delete(QUEUE)
    job = jobs.detail(id)[0]
    assert job is not None
    with redis.pipeline() as pipeline:
        job.prepare_for_execution("a worker", pipeline)
        pipeline.execute()
    return id


@pytest.fixture
def queued(jobs: Jobs, redis: Redis) -> str:
    """A job that is queued, and in no list."""
    ids = jobs.submit_many("sum_numbers", [{"text": "1"}] * 3, owner="me")
    redis.lrem(QUEUE, 0, ids[1])
    return ids[1]


def test_a_started_job_that_nobody_runs_fails_after_the_verdict(
    started: str, jobs: Jobs, sweep: Callable[[float], None]
) -> None:
    sweep(VERDICT)
    assert jobs.load(started).state.status == Status.STARTED
    sweep(3 * COMPARE_INTERVAL)
    state = jobs.load(started).state
    assert state.status == Status.FAILED
    assert state.error == {"type": "AbandonedJobError", "message": "the worker went silent while it ran the job"}


def test_one_with_a_retry_left_is_tried_again(
    started: str, jobs: Jobs, redis: Redis, sweep: Callable[[float], None]
) -> None:
    redis.hset(f"rq:job:{started}", "retries_left", 1)
    sweep(VERDICT + 3 * COMPARE_INTERVAL)
    assert (jobs.load(started).state.status, jobs.load(started).state.attempt) == (Status.QUEUED, 2)
    assert redis.lrange(QUEUE, 0, -1) == [started.encode()]


@pytest.mark.parametrize("known", [True, False], ids=["on record", "though the record of it has expired"])
def test_one_that_a_worker_has_registered_for_is_none(
    known: bool, started: str, jobs: Jobs, redis: Redis, sweep: Callable[[float], None]
) -> None:
    redis.zadd(WIP, {f"{started}:1": time.time() + 1e6})
    if known:
        redis.zadd(f"rq:executions:{started}", {"1": time.time() + 1e6})
    sweep(2 * VERDICT)
    assert jobs.load(started).state.status in (Status.STARTED, Status.LOST)


def test_a_queued_job_in_no_list_goes_to_the_front_of_its_queue(
    queued: str, jobs: Jobs, redis: Redis, sweep: Callable[[float], None], processes: Processes
) -> None:
    sweep(VERDICT - COMPARE_INTERVAL)
    assert redis.llen(QUEUE) == 2
    sweep(VERDICT)
    assert redis.lindex(QUEUE, 0) == queued.encode() and redis.llen(QUEUE) == 3
    processes.worker()
    assert ended(jobs, queued).state.attempt == 1


def test_it_is_found_in_a_long_queue(jobs: Jobs, redis: Redis, sweep: Callable[[float], None]) -> None:
    ids = jobs.submit_many("sum_numbers", [{"text": "1"}] * (2 * SLICE + 100), owner="me")
    redis.lrem(QUEUE, 0, ids[SLICE])
    sweep(2 * VERDICT)
    assert redis.llen(QUEUE) == len(ids) and redis.lindex(QUEUE, 0) == ids[SLICE].encode()


def test_a_job_that_a_worker_has_taken_is_none(queued: str, redis: Redis, sweep: Callable[[float], None]) -> None:
    redis.rpush(BETWEEN, queued)
    redis.zadd(WIP, {f"{queued}:1": time.time() + 1e6})  # it is about to begin
    sweep(2 * VERDICT)
    assert redis.llen(QUEUE) == 2


def test_a_bulk_that_is_under_way_is_none(queued: str, redis: Redis, sweep: Callable[[float], None]) -> None:
    batches.begin(redis, [queued])
    sweep(2 * VERDICT)
    assert redis.llen(QUEUE) == 2
