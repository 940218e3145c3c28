"""Workers alone, without a web process that sweeps, leave nothing behind that a dead one had."""

import time

import pytest
from redis import Redis

from workers.lifecycle import TrackedQueue, fetch_job
from workers.queue import Jobs
from workers.upkeep import PATIENCE, Upkeep
from workers.wire import Status

QUEUE, BETWEEN, WIP = "rq:queue:default", "rq:queue:default:intermediate", "rq:wip:default"


@pytest.fixture
def queue(redis: Redis) -> TrackedQueue:
    return TrackedQueue("default", connection=redis)


def test_what_a_dead_worker_ran_is_judged(jobs: Jobs, redis: Redis, queue: TrackedQueue) -> None:
    silent, heard = (jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id for _ in range(2))
    redis.delete(QUEUE)
    for id, expires_at in ((silent, 1.0), (heard, time.time() + 60)):
        job = fetch_job(id, redis)
        assert job is not None
        with redis.pipeline() as pipeline:
            job.prepare_for_execution("a worker", pipeline)
            pipeline.execute()
        redis.zadd(WIP, {f"{id}:1": expires_at})
    Upkeep(redis).tidy(queue)
    assert jobs.load(silent).state.status == Status.FAILED
    assert jobs.load(heard).state.status == Status.STARTED
    assert redis.zrange(WIP, 0, -1) == [f"{heard}:1".encode()]


def test_what_a_dead_worker_took_and_never_began_goes_back(
    jobs: Jobs, redis: Redis, queue: TrackedQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    redis.lmove(QUEUE, BETWEEN)
    upkeep, now = Upkeep(redis), time.monotonic()
    upkeep._popped._clock = lambda: now
    upkeep.tidy(queue)
    upkeep._popped._clock = lambda: now + PATIENCE - 1
    upkeep.tidy(queue)
    assert redis.llen(QUEUE) == 0
    upkeep._popped._clock = lambda: now + PATIENCE + 1
    upkeep.tidy(queue)
    assert redis.lrange(QUEUE, 0, -1) == [id.encode()] and not redis.exists(BETWEEN)
    assert jobs.load(id).state.attempt == 1


def test_what_has_expired_leaves_rqs_registries(redis: Redis, queue: TrackedQueue) -> None:
    redis.zadd("rq:finished:default", {"long ago": 1.0})
    Upkeep(redis).tidy(queue)
    assert not redis.exists("rq:finished:default")
