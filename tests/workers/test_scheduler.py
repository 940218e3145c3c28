"""RQ's scheduler, ours: what is due is queued, whatever lies beside it."""

import signal
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.scheduler import RQScheduler

from tests.conftest import DEADLINE, Processes, ended, start_redis, until
from workers import scheduler_heartbeat, store
from workers.jobs.text import sum_numbers
from workers.lifecycle import TrackedJob, TrackedQueue
from workers.ours import MARK
from workers.queue import Jobs
from workers.scheduler import INTERVAL, Scheduler
from workers.scheduler_heartbeat import TTL
from workers.verbs import Verb

REGISTRY = "rq:scheduled:headway.default"


@pytest.fixture
def scheduler(redis: Redis) -> Scheduler:
    return Scheduler(["headway.default"], redis)


def schedule(redis: Redis, count: int = 1) -> list[str]:
    """Jobs that are due since yesterday."""
    queue = TrackedQueue("headway.default", connection=redis)
    due = datetime.now(UTC) - timedelta(days=1)
    return [queue.enqueue_at(due, sum_numbers, text=str(number)).id for number in range(count)]


def test_what_is_due_is_queued_and_leaves_the_registry(redis: Redis, scheduler: Scheduler, jobs: Jobs) -> None:
    ids = schedule(redis, 3)
    later = TrackedQueue("headway.default", connection=redis).enqueue_in(timedelta(days=1), sum_numbers, text="9").id
    scheduler.look()
    assert [jobs.load(id).state.status for id in [*ids, later]] == ["queued"] * 3 + ["scheduled"]
    assert redis.zrange(REGISTRY, 0, -1) == [later.encode()]
    assert set(redis.lrange("rq:queue:headway.default", 0, -1)) == {id.encode() for id in ids}


@pytest.mark.parametrize("off", [-7200, 7200])
def test_what_is_due_goes_by_the_clock_of_redis(
    off: int, redis: Redis, scheduler: Scheduler, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    now = datetime.now(UTC)
    past, future = (queue.enqueue_at(now + timedelta(hours=hours), sum_numbers, text="1").id for hours in (-1, 1))
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + off)
    monkeypatch.setattr("rq.utils.now", lambda: datetime.now(UTC) + timedelta(seconds=off))
    scheduler.look()
    assert [jobs.load(id).state.status for id in (past, future)] == ["queued", "scheduled"]


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
        scheduler.look()
    assert [jobs.load(id).state.status for id in (first, last)] == ["queued"] * 2
    assert set(redis.lrange("rq:queue:headway.default", 0, -1)) - {odd.encode()} == {first.encode(), last.encode()}
    assert redis.exists(f"rq:job:{odd}")


def test_what_is_no_job_any_more_leaves_the_registry(redis: Redis, scheduler: Scheduler) -> None:
    [id] = schedule(redis)
    redis.delete(f"rq:job:{id}")
    redis.zadd(REGISTRY, {b"\xff": 1})
    scheduler.look()
    assert redis.zrange(REGISTRY, 0, -1) in ([], [b"\xff"])


def test_a_registry_of_another_type_ends_nothing(redis: Redis, scheduler: Scheduler) -> None:
    redis.set(REGISTRY, "no set")
    scheduler.look()
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
    process.send_signal(signal.SIGHUP)
    assert process.wait(DEADLINE) == 0


@pytest.mark.parametrize("verb", [Verb.CANCEL, Verb.DELETE, Verb.ENQUEUE])
@pytest.mark.parametrize("count", [1, 3])
def test_what_somebody_does_to_it_at_this_moment_holds(
    verb: Verb, count: int, redis: Redis, scheduler: Scheduler, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the scheduler's look and its writing."""
    ids = schedule(redis, count)
    add, acts = TrackedQueue._enqueue_job, [ids[0]]

    def acted(queue: TrackedQueue, job: TrackedJob, **more: Any) -> Any:
        if job.id in acts and "at_front" in more:
            acts.clear()
            jobs.act(verb, job.id)
        return add(queue, job, **more)

    monkeypatch.setattr(TrackedQueue, "_enqueue_job", acted)
    scheduler.look()
    assert not acts
    stored, record = store.load(redis, ids[0]), cast(bytes | None, redis.hget(f"rq:job:{ids[0]}", "status"))
    expected = {Verb.CANCEL: "canceled", Verb.DELETE: None, Verb.ENQUEUE: "queued"}[verb]
    assert (stored and str(stored.state.status)) == expected == (record and record.decode())
    waiting = redis.lrange("rq:queue:headway.default", 0, -1)
    assert waiting.count(ids[0].encode()) == (verb is Verb.ENQUEUE) and len(waiting) == count - (
        verb is not Verb.ENQUEUE
    )
    assert redis.zcard(REGISTRY) == 0


@pytest.mark.parametrize("name", ["mail", "headways"])
def test_jobs_of_another_application_are_left_to_its_own_scheduler(name: str, redis: Redis) -> None:
    theirs = Queue(name, connection=redis).enqueue_at(datetime.now(UTC) - timedelta(days=1), "app.send")
    record = redis.hgetall(theirs.key)
    assert Scheduler([name], redis).look() == [name]
    assert redis.hgetall(theirs.key) == record and not redis.exists(f"rq:queue:{name}")
    others = RQScheduler([name], redis)
    assert others.acquire_locks() == {name}, "ours does not shut it out"
    others.enqueue_scheduled_jobs()
    assert redis.lrange(f"rq:queue:{name}", 0, -1) == [theirs.id.encode()]


def test_a_job_of_the_release_before_which_has_no_mark_is_queued_too(redis: Redis, jobs: Jobs) -> None:
    [ours] = schedule(redis)
    redis.hdel(f"rq:job:{ours}", MARK)
    theirs = Queue("headway.default", connection=redis).enqueue_at(datetime(2020, 1, 1, tzinfo=UTC), "app.send").id
    made = Scheduler(["headway.default"], redis, tasks={"sum_numbers"})
    made.look()
    made.look()
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [ours.encode()]
    assert redis.zrange(REGISTRY, 0, -1) == [theirs.encode()]


def test_killed_it_has_its_queues_back_at_once_and_goes_on_when_redis_was_away(
    processes: Processes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept: dict[str, Any] = {"appendonly": "yes", "appendfsync": "always"}
    folder = tmp_path_factory.mktemp("away")
    server, processes.environment["REDIS_URL"] = start_redis(folder, **kept)
    socket = processes.environment["REDIS_URL"].removeprefix("unix://")
    redis = store.connect(processes.environment["REDIS_URL"])

    def is_queued(id: str) -> bool:
        return id.encode() in redis.lrange("rq:queue:headway.default", 0, -1)

    first = processes.start("-m", "workers.main", "scheduler")
    until(lambda: scheduler_heartbeat.read(redis, []), "its first word")
    first.kill()
    first.wait()
    again = processes.start("-m", "workers.main", "scheduler")
    [id] = schedule(redis)
    until(lambda: is_queued(id), f"its turn after the kill: {processes.log()}", TTL + DEADLINE)

    server.kill()
    server.wait()
    until(lambda: "waiting until it answers" in processes.log(1), "the scheduler to notice")
    server, _ = start_redis(folder, path=socket, **kept)
    try:
        until(lambda: answers(redis), "the server")
        [id] = schedule(redis)
        until(lambda: is_queued(id), f"its turn after the outage: {processes.log()}", INTERVAL + DEADLINE)
        server.send_signal(signal.SIGSTOP)
        again.terminate()
        assert again.wait(DEADLINE) == 0, "it waits for no Redis once it was asked to end"
    finally:
        redis.close()
        server.kill()
        server.wait()


def answers(redis: Redis) -> bool:
    with suppress(RedisError):
        return bool(redis.ping())
    return False
