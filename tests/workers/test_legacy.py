"""Jobs that the release before left under our queues' old names come to the new ones, and nobody else's do."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from redis import Redis
from rq import Queue

from tests.conftest import Processes, ended, until
from tests.workers.conftest import Clock
from workers.legacy import REST, SLICE, Legacy
from workers.lifecycle import TrackedQueue, fetch_job, restore_job
from workers.ours import MARK, Ours
from workers.popped import look_at
from workers.queue import Jobs
from workers.sweeper import SILENCE, Sweeper
from workers.wire import Status

OLD, NEW = "rq:queue:default", "rq:queue:headway.default"
TASKS = {"sum_numbers", "background_work"}


@pytest.fixture
def move(redis: Redis, clock: Clock) -> Callable[[], None]:
    legacy = Legacy(redis, {"default": "headway.default"}, Ours(redis, TASKS), clock=clock)

    def move() -> None:
        clock.now += 2 * REST
        legacy.move()

    return move


def leave(redis: Redis, id: str) -> str:
    """Make of a job one that the release before has put into its queue."""
    redis.hset(f"rq:job:{id}", "origin", "default")
    redis.hdel(f"rq:job:{id}", MARK)
    if redis.lrem(NEW, 0, id):
        redis.rpush(OLD, id)
    return id


def submit(jobs: Jobs, count: int) -> list[str]:
    return jobs.submit_many("sum_numbers", [{"text": "1"}] * count, owner="me")


def test_waiting_jobs_come_before_newer_ones_in_their_order(
    jobs: Jobs, redis: Redis, move: Callable[[], None], processes: Processes
) -> None:
    old = [leave(redis, id) for id in submit(jobs, 2 * SLICE + 5)]
    new = submit(jobs, 2)
    move()
    assert redis.lrange(NEW, 0, -1) == [id.encode() for id in (*old, *new)]
    assert not redis.exists(OLD)
    assert redis.hmget(f"rq:job:{old[0]}", "origin", MARK) == [b"headway.default", b"1"]
    processes.worker()
    state = ended(jobs, old[0]).state
    assert (state.status, state.attempt, state.queue) == (Status.FINISHED, 1, "default")


def test_scheduled_jobs_keep_their_time(jobs: Jobs, redis: Redis, move: Callable[[], None]) -> None:
    queue = TrackedQueue("default", connection=redis)
    ids = [queue.enqueue_in(timedelta(hours=n), "sum_numbers", kwargs={"text": "1"}).id for n in (1, 2)]
    for id in ids:
        leave(redis, id)
    before = redis.zrange("rq:scheduled:default", 0, -1, withscores=True)
    move()
    assert redis.zrange("rq:scheduled:headway.default", 0, -1, withscores=True) == before
    assert not redis.exists("rq:scheduled:default")
    assert jobs.enqueue(ids[0]).state.status == Status.QUEUED
    assert redis.lrange(NEW, 0, -1) == [ids[0].encode()]


def test_jobs_of_another_application_stay_where_they_are(jobs: Jobs, redis: Redis, move: Callable[[], None]) -> None:
    theirs = Queue("default", connection=redis)
    others = [theirs.enqueue("app.send", number).id for number in range(SLICE + 50)]
    later = theirs.enqueue_in(timedelta(hours=1), "app.send")
    [ours] = [leave(redis, id) for id in submit(jobs, 1)]
    others += [theirs.enqueue("app.send", 1).id for _ in range(SLICE)]
    records = {id: redis.hgetall(f"rq:job:{id}") for id in (*others, later.id)}
    for _ in range(4):
        move()
    assert redis.lrange(NEW, 0, -1) == [ours.encode()], "however many stand before and after it"
    assert redis.lrange(OLD, 0, -1) == [id.encode() for id in others]
    assert redis.zcard("rq:scheduled:default") == 1
    assert {id: redis.hgetall(f"rq:job:{id}") for id in records} == records


def test_what_the_old_worker_takes_at_this_moment_is_its_own(jobs: Jobs, redis: Redis, clock: Clock) -> None:
    ids = [leave(redis, id) for id in submit(jobs, 3)]

    class Slow(Ours):
        def look(self, ids: object) -> frozenset[str]:
            found = super().look(ids)  # type: ignore[arg-type]
            redis.lmove(OLD, f"{OLD}:intermediate")
            return found

    Legacy(redis, {"default": "headway.default"}, Slow(redis, TASKS), clock=clock).move()
    assert redis.lrange(NEW, 0, -1) == [id.encode() for id in ids[1:]]
    assert redis.hget(f"rq:job:{ids[0]}", "origin") == b"default"


def test_a_job_that_an_old_worker_ran_when_it_was_killed_is_judged(jobs: Jobs, redis: Redis, clock: Clock) -> None:
    sweeper = Sweeper(redis, ["default"], clock=clock, tasks=TASKS)
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    redis.delete(NEW)
    leave(redis, id)
    job = fetch_job(id, redis)
    assert job is not None
    with redis.pipeline() as pipeline:
        job.prepare_for_execution("an old worker", pipeline)
        pipeline.execute()
    redis.zadd("rq:wip:default", {f"{id}:1": time.time() - 1})
    sweeper.sweep()
    clock.now += SILENCE * 1.1
    sweeper.sweep()
    assert jobs.load(id).state.status == Status.FAILED and not redis.exists("rq:wip:default")


def test_all_that_has_not_ended_is_marked_wherever_it_stands(jobs: Jobs, redis: Redis, clock: Clock) -> None:
    ids = submit(jobs, 2 * SLICE + 5)
    scheduled = TrackedQueue("kept", connection=redis).enqueue_in(timedelta(hours=1), "sum_numbers", text="1").id
    canceled = ids.pop()
    jobs.cancel(canceled)
    theirs = Queue("kept", connection=redis).enqueue("app.send", 1).id
    redis.copy(f"headway:job:{ids[0]}", f"headway:job:{theirs}")  # the release before told of others' jobs, too
    redis.zadd("headway:all:queued", {theirs: 1})
    for id in (*ids, scheduled, canceled):
        redis.hdel(f"rq:job:{id}", MARK)
    legacy = Legacy(redis, {}, Ours(redis, TASKS), clock=clock)

    def is_done() -> bool:
        legacy.mark()
        return bool(redis.hexists(f"rq:job:{ids[-1]}", MARK))

    until(is_done, "the last one to be marked")
    assert all(redis.hget(f"rq:job:{id}", MARK) == b"1" for id in (*ids, scheduled))
    assert not redis.hexists(f"rq:job:{canceled}", MARK) and not redis.hexists(f"rq:job:{theirs}", MARK)
    assert jobs.empty("default") == len(ids)


def test_a_job_without_a_mark_is_marked_by_the_worker_that_takes_it(jobs: Jobs, redis: Redis) -> None:
    """On the queue that has kept its name nobody brings it along."""
    id = jobs.submit_internal(
        "act_on_jobs", {"verb": "cancel", "total": 1}, owner="me", id="a", queue="headway"
    ).state.id
    redis.hdel(f"rq:job:{id}", MARK)
    redis.lmove("rq:queue:headway", "rq:queue:headway:intermediate")
    taken = look_at(redis, "headway", id, {"act_on_jobs"})
    assert taken is not None and taken.record[MARK.encode()] == b"1"
    job = restore_job(id, taken.record, redis)
    assert job.is_ours and redis.hget(f"rq:job:{id}", MARK) == b"1"


def test_a_whole_installation_goes_on_where_the_release_before_stopped(
    jobs: Jobs, redis: Redis, processes: Processes
) -> None:
    """Waiting, failed and requeued ones, found by the sweeper of a web process."""
    waiting, failed = (leave(redis, id) for id in submit(jobs, 2))
    redis.delete(OLD)
    redis.rpush(OLD, waiting)
    job = fetch_job(failed, redis)
    assert job is not None
    job.set_status(job._status.FAILED)
    redis.zadd("rq:failed:default", {failed: time.time() + 1000})
    processes.start("-m", "realtime.server", PORT="0")
    processes.worker()
    assert ended(jobs, waiting).state.status == Status.FINISHED
    assert jobs.requeue_failed("default") == 1
    until(lambda: jobs.load(failed).state.status == Status.FINISHED, "its end")
    assert not redis.exists("rq:failed:default", OLD)
