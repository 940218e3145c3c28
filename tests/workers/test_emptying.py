"""Emptying a queue: what is taken off it is deleted in the same step, and nothing else is."""

from redis import Redis
from rq.group import Group

from tests.conftest import Processes, ended, until
from workers import store
from workers.emptying import empty
from workers.lifecycle import TrackedJob, TrackedQueue
from workers.queue import Jobs
from workers.wire import CHANNEL, Status, Update, decode_update

QUEUE, BETWEEN = "rq:queue:default", "rq:queue:default:intermediate"


def submit(jobs: Jobs, count: int) -> list[str]:
    return jobs.submit_many("sum_numbers", [{"text": "1"}] * count, owner="me")


def test_it_deletes_from_the_end_that_workers_do_not_take_from(jobs: Jobs, redis: Redis) -> None:
    ids = submit(jobs, 5)
    assert empty(redis, "default", 2) == (2, 2)
    assert redis.lrange(QUEUE, 0, -1) == [id.encode() for id in ids[:3]]
    assert store.load_many(redis, ids[3:]) == [None, None]
    assert empty(redis, "default", 10) == (3, 3)
    assert empty(redis, "default", 10) == (0, 0)
    assert not redis.keys("rq:job:*") and store.snapshot(redis, "owner:me") == ([], False)


def test_each_job_is_told_as_gone(jobs: Jobs, redis: Redis) -> None:
    ids = submit(jobs, 2)
    with redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(CHANNEL)
        empty(redis, "default", 10)
        told = [until(heard.get_message, "a message")["data"] for _ in ids]
    updates = [decode_update(message) for message in told]
    assert {(update.id, update.gone) for update in updates if isinstance(update, Update)} == {(id, True) for id in ids}


def test_what_a_worker_has_taken_stays_its_own(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    taken, other = submit(jobs, 2)
    redis.lmove(QUEUE, BETWEEN, "LEFT", "RIGHT")
    assert jobs.empty("default") == 1
    assert store.load(redis, other) is None
    redis.lmove(BETWEEN, QUEUE, "LEFT", "LEFT")
    processes.worker()
    assert ended(jobs, taken).state.status == Status.FINISHED


def test_an_entry_of_a_job_that_runs_is_dropped_and_the_job_is_not_deleted(jobs: Jobs, redis: Redis) -> None:
    [id] = submit(jobs, 1)
    redis.hset(f"rq:job:{id}", "status", "started")
    assert empty(redis, "default", 10) == (0, 1)
    assert redis.exists(f"rq:job:{id}") and jobs.load(id)


def test_nothing_of_a_job_is_left(jobs: Jobs, redis: Redis) -> None:
    queue = TrackedQueue("default", connection=redis)
    group = Group.create(redis)
    [job] = group.enqueue_many(queue, [TrackedQueue.prepare_data("sum_numbers", kwargs={"text": "1"})])
    assert isinstance(job, TrackedJob)
    redis.rpush(QUEUE, "nobody")
    assert jobs.empty("default") == 1
    assert not redis.smembers(group.key) and not redis.keys("rq:job:*") and not redis.exists(QUEUE)
