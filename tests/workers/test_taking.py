"""A worker that meets a job of another application leaves it, and its queue, alone."""

import time
from typing import cast

import pytest
from redis import Redis
from rq import Queue
from rq.exceptions import DequeueTimeout

from tests.conftest import Processes, ended, until
from workers import overview
from workers.lifecycle import fetch_job
from workers.queue import Jobs
from workers.taking import WorkQueue
from workers.wire import Status

NAME = "headway.default"
QUEUE, BETWEEN = f"rq:queue:{NAME}", f"rq:queue:{NAME}:intermediate"


@pytest.fixture
def theirs(redis: Redis) -> str:
    """The pickled job of another application, at the head of our queue."""
    return str(Queue(NAME, connection=redis).enqueue("os.getpid", meta={"who": {1, 2}}).id)


@pytest.mark.parametrize("task", ["sum_numbers", "text_length"])
def test_it_stays_at_the_head_and_ours_run_once_it_has_gone(
    task: str, theirs: str, jobs: Jobs, redis: Redis, processes: Processes
) -> None:
    ours = jobs.submit(task, {"text": "1"}, owner="me").state.id
    record = redis.hgetall(f"rq:job:{theirs}")
    processes.worker()

    def blocker() -> str | None:
        return cast(str | None, overview.counts(redis, ["default"])[0]["blocked_by"])

    assert until(blocker, "that the queue is blocked") == theirs
    assert redis.lrange(QUEUE, 0, -1) == [theirs.encode(), ours.encode()] and not redis.exists(BETWEEN)
    assert redis.hgetall(f"rq:job:{theirs}") == record
    assert jobs.load(ours).state.status == Status.QUEUED
    redis.lpop(QUEUE)  # their own worker has taken it
    assert ended(jobs, ours).state.status == Status.FINISHED
    until(lambda: blocker() is None, "that it is not blocked any more")


def test_one_in_the_midst_of_small_jobs_is_left_too(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    before = jobs.submit_many("text_length", [{"text": "1"}] * 3, owner="me")
    theirs = Queue(NAME, connection=redis).enqueue("os.getpid")
    processes.worker()
    for id in before:
        ended(jobs, id)
    until(lambda: redis.exists("headway:blocked:default"), "that the queue is blocked")
    assert redis.lrange(QUEUE, 0, -1) == [theirs.id.encode()]
    assert theirs.get_status() == "queued"


def test_a_blocked_queue_is_looked_at_once_a_second(redis: Redis, theirs: str) -> None:
    queue = WorkQueue(NAME, connection=redis)
    queue.blocked_by = theirs
    redis.config_resetstat()
    began = time.monotonic()
    with pytest.raises(DequeueTimeout):
        queue.take(2)
    stats = cast(dict[str, dict[str, int]], redis.info("commandstats"))
    assert stats["cmdstat_lindex"]["calls"] <= time.monotonic() - began + 1.5
    assert "cmdstat_blmove" not in stats and queue.take(None) is None


def test_our_own_job_that_can_not_be_read_fails_and_says_so(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    small, large = (jobs.submit(task, {"text": "1"}, owner="me").state.id for task in ("text_length", "sum_numbers"))
    for id in (small, large):
        redis.hset(f"rq:job:{id}", "created_at", "yesterday")
    after = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    processes.worker()
    ended(jobs, after)
    for id in (small, large):
        state = jobs.load(id).state
        assert (state.status, state.error) == (
            Status.FAILED,
            {"type": "Unreadable", "message": "the job's record in Redis can't be read"},
        )
    assert not redis.exists(BETWEEN) and fetch_job(small, redis) is None
