"""RQ's scheduler, ours: what is due is queued, whatever lies beside it."""

from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq.serializers import JSONSerializer

from tests.conftest import Processes, ended, until
from workers import lifecycle
from workers.jobs.text import sum_numbers
from workers.lifecycle import TrackedQueue
from workers.queue import Jobs
from workers.scheduler import Scheduler

REGISTRY = "rq:scheduled:default"


@pytest.fixture
def scheduler(redis: Redis) -> Scheduler:
    lifecycle.install()
    made = Scheduler(["default"], redis, serializer=JSONSerializer)
    made.acquire_locks()  # type: ignore[no-untyped-call]
    return made


def schedule(redis: Redis, count: int = 1) -> list[str]:
    """Jobs that are due since yesterday."""
    queue = TrackedQueue("default", connection=redis)
    due = datetime.now(UTC) - timedelta(days=1)
    return [queue.enqueue_at(due, sum_numbers, text=str(number)).id for number in range(count)]


def test_what_is_due_is_queued_and_leaves_the_registry(redis: Redis, scheduler: Scheduler, jobs: Jobs) -> None:
    ids = schedule(redis, 3)
    later = TrackedQueue("default", connection=redis).enqueue_in(timedelta(days=1), sum_numbers, text="9").id
    scheduler.enqueue_scheduled_jobs()
    assert [jobs.load(id).state.status for id in [*ids, later]] == ["queued"] * 3 + ["scheduled"]
    assert redis.zrange(REGISTRY, 0, -1) == [later.encode()]
    assert set(redis.lrange("rq:queue:default", 0, -1)) == {id.encode() for id in ids}


RUBBISH = {
    "of another type": lambda redis, key: redis.delete(key) and redis.set(key, "no hash"),
    "pickled": lambda redis, key: redis.hset(key, "data", b"\x80\x04\x95\x00"),
    "without a time": lambda redis, key: redis.hdel(key, "created_at"),
    "not utf-8": lambda redis, key: redis.hset(key, b"\xff", b"\xff"),
    "of a wrong time": lambda redis, key: redis.hset(key, "created_at", "yesterday"),
}


@pytest.mark.parametrize("what", RUBBISH)
def test_a_job_that_can_not_be_read_keeps_none_from_the_others(
    what: str, redis: Redis, scheduler: Scheduler, jobs: Jobs
) -> None:
    first, odd, last = schedule(redis, 3)
    RUBBISH[what](redis, f"rq:job:{odd}")
    for _ in range(2):
        scheduler.enqueue_scheduled_jobs()
    assert [jobs.load(id).state.status for id in (first, last)] == ["queued"] * 2
    assert set(redis.lrange("rq:queue:default", 0, -1)) - {odd.encode()} == {first.encode(), last.encode()}
    assert redis.exists(f"rq:job:{odd}")


def test_what_is_no_job_any_more_leaves_the_registry(redis: Redis, scheduler: Scheduler) -> None:
    [id] = schedule(redis)
    redis.delete(f"rq:job:{id}")
    redis.zadd(REGISTRY, {b"\xff": 1})
    scheduler.enqueue_scheduled_jobs()
    assert redis.zrange(REGISTRY, 0, -1) in ([], [b"\xff"])


def test_a_registry_of_another_type_ends_nothing(redis: Redis, scheduler: Scheduler) -> None:
    redis.set(REGISTRY, "no set")
    scheduler.enqueue_scheduled_jobs()
    assert redis.get(REGISTRY) == b"no set"


def test_the_process_lives_among_rubbish_and_goes_on(redis: Redis, processes: Processes, jobs: Jobs) -> None:
    odd, fine = schedule(redis, 2)
    redis.delete(f"rq:job:{odd}")
    redis.set(f"rq:job:{odd}", "no hash")
    process = processes.start("-m", "workers.main", "scheduler")
    processes.worker()
    assert ended(jobs, fine).state.status == "finished"
    until(lambda: f"rq:job:{odd} can't be read" in processes.log(0), "its line in the log")
    assert process.poll() is None and "Traceback" not in processes.log(0)
