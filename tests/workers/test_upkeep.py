"""Workers alone, without a web process that sweeps, leave nothing behind that a dead one had."""

import time

import pytest
from redis import Redis

from tests.workers.conftest import Clock
from workers.lifecycle import fetch_job
from workers.queue import Jobs
from workers.upkeep import PATIENCE, Upkeep
from workers.verbs import Verb
from workers.verdict import HEARTBEAT
from workers.wire import Status

QUEUE, BETWEEN, WIP = "rq:queue:headway.default", "rq:queue:headway.default:intermediate", "rq:wip:headway.default"
VERDICT = 30  # seconds


@pytest.fixture
def upkeep(redis: Redis, clock: Clock) -> Upkeep:
    return Upkeep(redis, (), "headway.default", clock=clock)


def test_what_a_dead_worker_ran_is_judged_whatever_the_clocks_of_the_living(
    jobs: Jobs, redis: Redis, upkeep: Upkeep, clock: Clock
) -> None:
    silent, heard = (jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id for _ in range(2))
    redis.delete(QUEUE)
    redis.hset("rq:worker:a worker", "verdict", str(VERDICT))
    for id, expires_at in ((silent, time.time() + 600), (heard, 1.0)):
        job = fetch_job(id, redis)
        assert job is not None
        with redis.pipeline() as pipeline:
            job.prepare_for_execution("a worker", pipeline)
            pipeline.execute()
        redis.zadd(WIP, {f"{id}:1": expires_at})
    for _ in range(VERDICT):
        upkeep.tidy()
        assert jobs.load(silent).state.status == Status.STARTED
        clock.now += 1 + HEARTBEAT / VERDICT
        redis.zincrby(WIP, 1, f"{heard}:1")
    upkeep.forget()  # nobody could be heard
    upkeep.tidy()
    clock.now += VERDICT
    redis.zincrby(WIP, 1, f"{heard}:1")
    upkeep.tidy()
    assert jobs.load(silent).state.status == Status.STARTED
    clock.now += HEARTBEAT + 0.1
    redis.zincrby(WIP, 1, f"{heard}:1")
    upkeep.tidy()
    assert jobs.load(silent).state.status == Status.FAILED
    assert jobs.load(heard).state.status == Status.STARTED
    assert redis.zrange(WIP, 0, -1) == [f"{heard}:1".encode()]


def test_what_a_dead_worker_took_and_never_began_goes_back(
    jobs: Jobs, redis: Redis, upkeep: Upkeep, clock: Clock
) -> None:
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    redis.lmove(QUEUE, BETWEEN)
    upkeep.tidy()
    clock.now += PATIENCE - 1
    upkeep.tidy()
    assert redis.llen(QUEUE) == 0
    clock.now += 2
    upkeep.tidy()
    assert redis.lrange(QUEUE, 0, -1) == [id.encode()] and not redis.exists(BETWEEN)
    assert jobs.load(id).state.attempt == 1


def test_what_has_expired_leaves_rqs_registries(redis: Redis, upkeep: Upkeep) -> None:
    redis.zadd("rq:finished:headway.default", {"long ago": 1.0})
    upkeep.tidy()
    assert not redis.exists("rq:finished:headway.default")


def test_a_canceled_job_is_kept_as_long_as_any_that_ended_and_its_entry_goes_with_it(
    jobs: Jobs, redis: Redis, upkeep: Upkeep
) -> None:
    registry = "rq:canceled:headway.default"
    first, second, before = (jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id for _ in range(3))
    for id in (first, second, before):
        jobs.act(Verb.CANCEL, id)
    assert [redis.ttl(f"rq:job:{id}") for id in (first, second)] == [pytest.approx(jobs.retention, abs=60)] * 2
    jobs.act(Verb.REQUEUE, second)
    assert redis.ttl(f"rq:job:{second}") == -1
    redis.delete(f"rq:job:{first}")  # its time is over
    redis.persist(f"rq:job:{before}")  # as the release before left it
    upkeep.tidy()
    assert redis.zrange(registry, 0, -1) == [before.encode()]
    assert redis.ttl(f"rq:job:{before}") == pytest.approx(jobs.retention, abs=60)
