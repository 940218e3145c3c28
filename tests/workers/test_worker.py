"""The worker: asked to end, silent, or no longer the one who runs the job."""

import os
import time
from typing import cast

import pytest
from redis import Redis

from tests.conftest import Processes, until
from tests.workers.conftest import horse_of, started
from workers import store
from workers.lifecycle import TrackedJob, TrackedQueue, fetch_job
from workers.queue import Jobs
from workers.settings import Settings
from workers.tasks import Tasks
from workers.verdict import HEARTBEAT
from workers.wire import Status
from workers.worker import TrackedWorker


@pytest.fixture
def queue(redis: Redis) -> TrackedQueue:
    return TrackedQueue("headway.default", connection=redis)


def test_a_finished_job_is_not_called_abandoned_after_a_conflict(
    redis: Redis, queue: TrackedQueue, settings: Settings
) -> None:
    """https://github.com/rq/rq/issues/2424"""
    job = queue.enqueue_call("sum_numbers", kwargs={"text": "1"})
    worker = TrackedWorker("headway.default", settings=settings, tasks=Tasks({}), connection=redis)
    assert isinstance(job, TrackedJob)
    worker.prepare_execution(job)
    worker._is_horse = True
    for _ in range(2):  # RQ replays it after a WatchError
        with redis.pipeline() as pipeline:
            worker.cleanup_execution(job, pipeline)
            commands = [command[0][0] for command in pipeline.command_stack]
        assert "ZREM" in commands


def test_heartbeats_come_every_two_seconds(jobs: Jobs, processes: Processes, redis: Redis) -> None:
    processes.worker()
    started(jobs)
    scores: list[float] = []

    def look() -> bool:
        (_, score) = cast(list[tuple[bytes, float]], redis.zrange("rq:wip:headway.default", 0, -1, withscores=True))[0]
        if not scores or scores[-1] != score:
            scores.append(score)
        return len(scores) == 3

    began = time.monotonic()
    until(look, "two heartbeats after the first")
    assert time.monotonic() - began < 3 * HEARTBEAT


def test_a_worker_that_has_been_replaced_ends_its_horse_and_says_nothing(
    jobs: Jobs, processes: Processes, redis: Redis
) -> None:
    worker = processes.worker()
    id = started(jobs, "create_task", task_type=3)
    horse = horse_of(worker)
    job = fetch_job(id, redis)
    assert job is not None
    with redis.pipeline() as pipeline:  # as RQ does with an abandoned job that has retries left
        TrackedQueue("other", connection=redis)._enqueue_job(job, pipeline=pipeline)
        pipeline.execute()
    assert jobs.load(id).state.attempt == 2
    [(entry, heard)] = cast(list[tuple[bytes, float]], redis.zrange("rq:wip:headway.default", 0, -1, withscores=True))
    until(lambda: cast(float, redis.zscore("rq:wip:headway.default", entry)) >= heard + 2 * HEARTBEAT, "two heartbeats")
    assert os.path.exists(f"/proc/{horse}/exe"), "an attempt that only waits ends nothing: it may yet be canceled"
    redis.zadd("rq:wip:other", {f"{id}:somebody": time.time() + 60})
    until(lambda: not os.path.exists(f"/proc/{horse}/exe"), "the horse's end")
    until(lambda: redis.zcard("rq:wip:headway.default") == 0, "its execution's end")
    state = jobs.load(id).state
    assert (state.status, state.attempt, state.error) == (Status.QUEUED, 2, None)
    assert store.attempts(redis, id)
    assert worker.poll() is None
