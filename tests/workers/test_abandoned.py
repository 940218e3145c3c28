"""A job that nobody runs any more is judged once, and only if nobody has spoken since."""

import time

import pytest
from redis import Redis
from rq.job import Dependency, JobStatus

from workers import abandoned
from workers.abandoned import abandon
from workers.lifecycle import TrackedJob, TrackedQueue, fetch_job
from workers.queue import Jobs
from workers.whereabouts import whereabouts
from workers.wire import Status

WIP = "rq:wip:default"


@pytest.fixture
def started(jobs: Jobs, redis: Redis) -> TrackedJob:
    """A job that a worker has begun."""
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    redis.delete("rq:queue:default")
    job = fetch_job(id, redis)
    assert job is not None
    with redis.pipeline() as pipeline:
        job.prepare_for_execution("a worker", pipeline)
        pipeline.execute()
    redis.zadd(WIP, {f"{id}:1": 1.0})
    return job


def entry(job: TrackedJob) -> bytes:
    return f"{job.id}:1".encode()


def test_it_fails_and_what_may_run_after_a_failure_runs(started: TrackedJob, jobs: Jobs, redis: Redis) -> None:
    queue = TrackedQueue("default", connection=redis)
    after = queue.enqueue_call("sum_numbers", kwargs={"text": "2"}, depends_on=Dependency(started, allow_failure=True))
    assert abandon(redis, "default", started.id, [entry(started)])
    assert jobs.load(started.id).state.status == Status.FAILED
    assert not redis.exists(WIP) and redis.zcard("rq:failed:default") == 1
    assert redis.lrange("rq:queue:default", 0, -1) == [after.id.encode()]
    assert not abandon(redis, "default", started.id, [entry(started)]), "once"


def test_one_that_another_worker_runs_stays(started: TrackedJob, jobs: Jobs, redis: Redis) -> None:
    redis.zadd(WIP, {f"{started.id}:2": time.time() + 60})
    assert not abandon(redis, "default", started.id, [entry(started)])
    assert redis.zrange(WIP, 0, -1) == [f"{started.id}:2".encode()]
    assert jobs.load(started.id).state.status == Status.STARTED


def test_an_end_at_the_same_moment_wins(
    started: TrackedJob, jobs: Jobs, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends_meanwhile(redis: Redis, id: str) -> object:
        found = look(redis, id)
        started.set_status(status)
        return found

    look, status = whereabouts, JobStatus.FINISHED
    monkeypatch.setattr(abandoned, "whereabouts", ends_meanwhile)
    assert not abandon(redis, "default", started.id, [entry(started)])
    assert jobs.load(started.id).state.status == Status.FINISHED
    assert redis.hget(started.key, "status") == b"finished" and not redis.exists("rq:failed:default")


def test_what_is_left_of_a_job_that_runs_no_more_is_removed(started: TrackedJob, jobs: Jobs, redis: Redis) -> None:
    started.set_status(JobStatus.FINISHED)
    assert not abandon(redis, "default", started.id, [entry(started)])
    assert not redis.exists(WIP) and jobs.load(started.id).state.status == Status.FINISHED
