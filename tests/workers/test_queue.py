"""Submit, cancel, stop, requeue, delete."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.conftest import Processes, ended
from workers import store
from workers.channel import BORN
from workers.errors import BadArguments, Conflict, NotFound
from workers.lifecycle import fetch_job
from workers.queue import BULK_LIMIT, Jobs
from workers.tasks import Task, Tasks
from workers.wire import Status


def submit(jobs: Jobs) -> str:
    return jobs.submit("sum_numbers", {"text": "12"}, owner="me").state.id


def saved(redis: Redis) -> set[bytes]:
    """All keys but the mark that relays, those of other tests too, leave in a Redis that has lost its data."""
    return set(cast(list[bytes], redis.keys())) - {BORN.encode()}


def test_a_submit_returns_the_state_and_queues_the_job(jobs: Jobs, redis: Redis) -> None:
    stored = jobs.submit("parse_book", {"url": "https://x/"}, owner="me")
    assert (stored.owner, stored.state.task, stored.state.queue) == ("me", "parse_book", "bookInfoParser")
    assert stored.state.status == Status.QUEUED
    assert redis.lrange("rq:queue:bookInfoParser", 0, -1) == [stored.state.id.encode()]
    job = fetch_job(stored.state.id, redis)
    assert job is not None and job.timeout == 300 and job.result_ttl == job.failure_ttl == 7 * 24 * 3600


@pytest.mark.parametrize(
    ("task", "args", "queue", "field"),
    [
        ("no_task", {}, None, "task"),
        (["sum_numbers"], {}, None, "task"),
        ("sum_numbers", {"text": 5}, None, "text"),
        ("sum_numbers", {}, None, "text"),
        ("sum_numbers", {"text": "1", "more": 1}, None, "more"),
        ("sum_numbers", "1", None, "args"),
        ("sum_numbers", {"text": "1"}, "no_queue", "queue"),
        ("sum_numbers", {"text": "1"}, ["default"], "queue"),
        ("sum_numbers", {"text": "1"}, "headway", "queue"),
    ],
)
def test_a_wrong_submit_names_the_field_and_queues_nothing(
    task: object, args: object, queue: object, field: str, jobs: Jobs, redis: Redis
) -> None:
    with pytest.raises(BadArguments) as caught:
        jobs.submit(task, args, owner="me", queue=queue)
    assert set(caught.value.fields) == {field}
    assert set(caught.value.fields[field]) == {"expected", "got"}
    assert saved(redis) == set()


def test_an_internal_task_is_not_submitted_by_name(redis: Redis) -> None:
    jobs = Jobs(redis, Tasks({"inner": Task("inner", lambda: None, "default", 60, internal=True)}), ["default"])
    for submit_ in (lambda: jobs.submit("inner", {}, owner="me"), lambda: jobs.submit_many("inner", [{}], owner="me")):
        with pytest.raises(BadArguments) as caught:
            submit_()
        assert set(caught.value.fields) == {"task"}
    assert saved(redis) == set()


def test_the_same_key_is_the_same_job(jobs: Jobs) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(
            pool.map(lambda _: jobs.submit("sum_numbers", {"text": "1"}, owner="me", key="k").state.id, range(16))
        )
    assert len(set(ids)) == 1
    assert len(store.snapshot(jobs.redis, "owner:me")[0]) == 1


def test_a_key_is_one_owners_own(jobs: Jobs) -> None:
    mine = jobs.submit("sum_numbers", {"text": "1"}, owner="me", key="k")
    yours = jobs.submit("sum_numbers", {"text": "1"}, owner="you", key="k")
    assert mine.state.id != yours.state.id


def test_a_key_with_another_request_is_a_conflict(jobs: Jobs) -> None:
    jobs.submit("sum_numbers", {"text": "1"}, owner="me", key="k")
    with pytest.raises(Conflict, match="Idempotency-Key"):
        jobs.submit("sum_numbers", {"text": "2"}, owner="me", key="k")


def test_a_batch_is_queued_in_its_order(jobs: Jobs, redis: Redis) -> None:
    ids = jobs.submit_many("sum_numbers", [{"text": str(number)} for number in range(450)], owner="me")
    assert [id.encode() for id in ids] == redis.lrange("rq:queue:default", 0, -1)
    assert all(row is not None and row.state.status == Status.QUEUED for row in store.load_many(redis, ids))


def test_one_wrong_job_of_a_batch_stops_them_all(jobs: Jobs, redis: Redis) -> None:
    with pytest.raises(BadArguments) as caught:
        jobs.submit_many("sum_numbers", [{"text": "1"}] * 300 + [{"text": 1}], owner="me")
    assert set(caught.value.fields) == {"args.300.text"}
    assert saved(redis) == set()


@pytest.mark.parametrize("args", [[], {"text": "1"}, [{}] * (BULK_LIMIT + 1), "text"])
def test_a_batch_is_a_list_of_a_sensible_length(args: object, jobs: Jobs) -> None:
    with pytest.raises(BadArguments) as caught:
        jobs.submit_many("sum_numbers", args, owner="me")
    assert set(caught.value.fields) == {"args"}


def test_a_batch_that_redis_refuses_half_way_leaves_nothing_to_run(jobs: Jobs, redis: Redis) -> None:
    redis.set("rq:queue:default", "no list")  # so that the last step fails
    with pytest.raises(RedisError):
        jobs.submit_many("sum_numbers", [{"text": "1"}] * 300, owner="me")
    assert store.snapshot(redis, "owner:me") == ([], False)
    assert not redis.keys("rq:job:*")


def test_a_waiting_job_is_canceled(jobs: Jobs, redis: Redis) -> None:
    id = submit(jobs)
    assert jobs.cancel(id).state.status == Status.CANCELED
    assert redis.llen("rq:queue:default") == 0


def test_a_failed_job_is_requeued(jobs: Jobs, processes: Processes) -> None:
    id = jobs.submit("count_words", {"url": "ftp://x/"}, owner="me").state.id
    worker = processes.worker()
    assert ended(jobs, id).state.status == Status.FAILED
    worker.terminate()
    worker.wait()
    state = jobs.requeue(id).state
    assert (state.status, state.attempt, state.error) == (Status.QUEUED, 2, None)


@pytest.mark.parametrize("verb", ["cancel", "stop", "requeue"])
def test_what_the_status_forbids_is_a_conflict_that_says_so(verb: str, jobs: Jobs, processes: Processes) -> None:
    id = submit(jobs)
    processes.worker()
    ended(jobs, id)
    with pytest.raises(Conflict, match=rf"{verb}: expected .* got one that is finished"):
        getattr(jobs, verb)(id)


@pytest.mark.parametrize("verb", ["cancel", "stop", "requeue", "delete", "load"])
def test_an_unknown_job_is_not_found(verb: str, jobs: Jobs) -> None:
    with pytest.raises(NotFound):
        getattr(jobs, verb)("nobody")


def test_a_deleted_job_leaves_nothing_but_its_tombstone(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    id = submit(jobs)
    processes.worker()
    ended(jobs, id)
    jobs.delete(id)
    assert [key.decode() for key in redis.keys(f"*{id}*")] == [f"headway:job:{id}"]  # type: ignore[union-attr]
    with pytest.raises(NotFound):
        jobs.load(id)


def test_a_running_job_is_not_deleted(jobs: Jobs, redis: Redis) -> None:
    id = submit(jobs)
    store.transition(redis, id, {"status": Status.STARTED})
    redis.hset(f"rq:job:{id}", "status", "started")
    redis.zadd("rq:wip:default", {f"{id}:execution": time.time() + 60})
    with pytest.raises(Conflict, match="stop it first"):
        jobs.delete(id)


def test_a_queue_is_emptied(jobs: Jobs, redis: Redis) -> None:
    jobs.submit_many("sum_numbers", [{"text": "1"}] * 250, owner="me")
    assert jobs.empty("default") == 250
    assert store.snapshot(redis, "owner:me") == ([], False)
    assert redis.llen("rq:queue:default") == 0
    with pytest.raises(NotFound):
        jobs.empty("no_queue")


def test_all_failed_jobs_of_a_queue_are_requeued(jobs: Jobs, processes: Processes) -> None:
    ids = jobs.submit_many("count_words", [{"url": "ftp://x/"}] * 3, owner="me")
    worker = processes.worker()
    for id in ids:
        ended(jobs, id)
    worker.terminate()
    worker.wait()
    assert jobs.requeue_failed("default") == 3
    assert {jobs.load(id).state.status for id in ids} == {Status.QUEUED}
