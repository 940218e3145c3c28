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


@pytest.mark.parametrize("id", [b"https://shop.example/1", b"order 17", "büro".encode(), b"\xff\xfe"])
@pytest.mark.parametrize("before", ["text_length", "sum_numbers"])
def test_an_id_that_no_job_of_ours_can_have_stays_at_the_head(
    id: bytes, before: str, jobs: Jobs, redis: Redis, processes: Processes
) -> None:
    """Older releases of RQ allow any; ours would raise as soon as it has taken it."""
    first = jobs.submit(before, {"text": "1"}, owner="me").state.id
    redis.rpush(QUEUE, id)
    redis.hset(b"rq:job:" + id, mapping={"status": "queued", "data": b"\x80\x04."})
    after = jobs.submit(before, {"text": "1"}, owner="me").state.id
    worker = processes.worker()
    ended(jobs, first)
    blocker = until(lambda: overview.counts(redis, ["default"])[0]["blocked_by"], "that the queue is blocked")
    assert blocker == id.decode(errors="replace")
    assert redis.lrange(QUEUE, 0, -1) == [id, after.encode()] and not redis.exists(BETWEEN)
    redis.lpop(QUEUE)  # their own worker has taken it
    assert ended(jobs, after).state.status == Status.FINISHED
    assert worker.poll() is None and "Traceback" not in processes.log()


def test_a_record_of_another_type_is_left_unless_it_is_ours(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    ours = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    for id in (ours, "theirs"):
        redis.delete(f"rq:job:{id}")
        redis.set(f"rq:job:{id}", "no hash")
    redis.rpush(QUEUE, "theirs")
    worker = processes.worker()
    assert until(lambda: overview.counts(redis, ["default"])[0]["blocked_by"], "that it blocks") == "theirs"
    assert redis.lrange(QUEUE, 0, -1) == [b"theirs"] and not redis.exists(BETWEEN)
    assert worker.poll() is None and "Traceback" not in processes.log()


def test_a_worker_that_tidies_up_keeps_no_worker_of_others_from_it(redis: Redis) -> None:
    shared = WorkQueue("mail", connection=redis)
    assert shared.acquire_maintenance_lock() and not shared.acquire_maintenance_lock()
    assert Queue("mail", connection=redis).acquire_maintenance_lock()
    shared.release_maintenance_lock()  # type: ignore[no-untyped-call]
    assert shared.acquire_maintenance_lock()
    assert not Queue("mail", connection=redis).acquire_maintenance_lock(), "theirs was not ours to release"
