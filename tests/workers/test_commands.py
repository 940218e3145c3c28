"""Commands reach the worker they are meant for, and a stop is kept until it has."""

import json
from typing import Any

import pytest
from redis import Redis

from tests.conftest import Processes, ended, until
from tests.workers.small_worker import TASKS
from workers import commands, records, store
from workers.queue import Jobs
from workers.whereabouts import whereabouts
from workers.wire import Status


def run(redis: Redis, id: str = "a") -> None:
    """A job of which a worker says that it runs it."""
    redis.hset(f"rq:job:{id}", mapping={"status": "started", "origin": "headway.default"})
    known = {"task": "t", "queue": "default", "created_at": 1}
    store.transition(redis, id, {"status": Status.STARTED}, owner="me", fallback=known)


def wish(redis: Redis, attempt: int) -> None:
    with redis.pipeline() as pipeline:
        commands.stop(pipeline, "nobody hears it", "a", attempt)
        pipeline.execute()


def is_to_stop(redis: Redis) -> bool:
    return whereabouts(redis, "a").is_to_stop


def test_a_stop_that_nobody_heard_is_kept_for_its_attempt_alone(redis: Redis) -> None:
    run(redis)
    assert not is_to_stop(redis)
    wish(redis, 1)
    assert is_to_stop(redis)
    store.transition(redis, "a", {"status": Status.QUEUED})
    store.transition(redis, "a", {"status": Status.STARTED})
    wish(redis, 1)  # of a page that had not heard of the second attempt
    assert not is_to_stop(redis)


@pytest.mark.parametrize("end", [Status.FINISHED, Status.STOPPED, None])
def test_a_job_that_has_ended_or_is_gone_leaves_no_wish_behind(end: Status | None, redis: Redis) -> None:
    run(redis)
    wish(redis, 1)
    if end is None:
        store.bury(redis, "a")
    else:
        store.transition(redis, "a", {"status": end})
    assert not redis.exists("headway:job:a:stop")


@pytest.mark.parametrize("part", ["workers.main", "tests.workers.small_worker"])
def test_a_stop_is_done_though_the_connection_for_commands_is_lost(
    part: str, redis: Redis, jobs: Jobs, processes: Processes
) -> None:
    processes.start("-m", part, *(["worker"] if part == "workers.main" else []))
    until(lambda: redis.scard("rq:workers"), "the worker")
    if part == "workers.main":
        id = jobs.submit("create_task", {"task_type": 3}, owner="me").state.id
    else:
        jobs = Jobs(redis, TASKS, ["default"])
        id = jobs.submit("tests_small", {"text": "time.sleep(30)"}, owner="me").state.id
    worker = until(lambda: jobs.load(id).state.worker, "its start")
    with redis.pipeline() as pipeline:  # in one step: the worker can't have come back in between
        pipeline.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        commands.stop(pipeline, worker, id, 1)
        pipeline.execute()
    assert ended(jobs, id, within=25).state.status == Status.STOPPED


def message(**said: Any) -> dict[str, Any]:
    return {"data": json.dumps({"command": "shutdown", **said}).encode()}


def test_a_command_concerns_the_workers_of_its_database(redis: Redis, redis_url: str) -> None:
    second = store.connect(f"{redis_url}?db=1")
    assert commands.concerns(redis, message()) and commands.concerns(second, message()), "RQ's own name none"
    assert commands.concerns(second, message(database=1)) and not commands.concerns(redis, message(database=1))


def shut_down(redis: Redis, worker: str) -> None:
    with redis.pipeline() as pipeline:
        commands.shut_down(pipeline, worker)
        pipeline.execute()


def test_a_shutdown_ends_no_worker_of_that_name_on_another_database(
    redis: Redis, redis_url: str, processes: Processes
) -> None:
    second = store.connect(f"{redis_url}?db=1")
    first_worker = processes.start("-m", "workers.main", "worker", "--name", "mail")
    second_worker = processes.start("-m", "workers.main", "worker", "--name", "mail", REDIS_URL=f"{redis_url}?db=1")
    until(lambda: redis.pubsub_numsub("rq:pubsub:mail")[0][1] == 2, "both workers")
    shut_down(second, "mail")
    assert second_worker.wait(15) == 0
    assert first_worker.poll() is None


@pytest.mark.parametrize("part", ["workers.main", "tests.workers.small_worker"])
def test_a_shutdown_is_done_though_the_connection_for_commands_is_lost(
    part: str, redis: Redis, jobs: Jobs, processes: Processes
) -> None:
    worker = processes.start("-m", part, *(["worker"] if part == "workers.main" else []))
    until(lambda: any(redis.pubsub_numsub(*redis.pubsub_channels("rq:pubsub:*"))), "the worker")
    [key] = redis.smembers("rq:workers")
    name = records.text(key).removeprefix("rq:worker:")
    with redis.pipeline() as pipeline:  # in one step, as above
        pipeline.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        commands.shut_down(pipeline, name)
        pipeline.execute()
    assert worker.wait(25) == 0
    assert not redis.hexists(f"rq:worker:{name}", commands.SHUTDOWN)


def test_a_shutdown_is_kept_for_the_worker_that_is_there(redis: Redis) -> None:
    shut_down(redis, "nobody")
    assert not redis.exists("rq:worker:nobody")
    redis.hset("rq:worker:mail", "birth", "some time")
    shut_down(redis, "mail")
    assert redis.hget("rq:worker:mail", commands.SHUTDOWN) == b"1"
