"""Verbs done to jobs, through RQ, in one step."""

import time
from datetime import timedelta
from typing import cast

import pytest
from redis import Redis
from redis.exceptions import WatchError
from rq.job import Dependency, JobStatus

from tests.conftest import Processes, ended
from workers import acts, store
from workers.acts import act
from workers.errors import Conflict, NotFound
from workers.lifecycle import TrackedQueue, fetch_job
from workers.queue import Jobs
from workers.verbs import Verb
from workers.wire import Status


def submit(jobs: Jobs, count: int = 1) -> list[str]:
    return jobs.submit_many("sum_numbers", [{"text": "12"}] * count, owner="me")


def statuses(jobs: Jobs, ids: list[str]) -> set[str]:
    return {jobs.load(id).state.status for id in ids}


def test_many_are_canceled_requeued_and_deleted_in_one_step_each(jobs: Jobs, redis: Redis) -> None:
    ids = submit(jobs, 50)
    assert act(redis, Verb.CANCEL, ids).errors == {}
    assert statuses(jobs, ids) == {Status.CANCELED} and redis.llen("rq:queue:headway.default") == 0
    assert redis.zcard("rq:canceled:headway.default") == 50
    assert act(redis, Verb.REQUEUE, ids).errors == {}
    assert statuses(jobs, ids) == {Status.QUEUED} and redis.zcard("rq:canceled:headway.default") == 0
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [id.encode() for id in ids]
    assert act(redis, Verb.DELETE, ids).errors == {}
    assert store.load_many(redis, ids) == [None] * 50 and redis.llen("rq:queue:headway.default") == 0
    assert redis.keys("rq:job:*") == []


def test_each_job_is_judged_by_itself(jobs: Jobs, redis: Redis) -> None:
    queued, running, gone, unknown = submit(jobs, 4)
    store.transition(redis, running, {"status": Status.STARTED})
    redis.hset(f"rq:job:{running}", "status", "started")
    store.bury(redis, gone)
    redis.delete(f"rq:job:{unknown}")
    errors = act(redis, Verb.CANCEL, [queued, running, gone, unknown, "rub bish"]).errors
    kinds = {id: type(error) for id, error in errors.items()}
    assert kinds == {running: Conflict, gone: NotFound, unknown: NotFound, "rub bish": NotFound}
    assert jobs.load(queued).state.status == Status.CANCELED
    assert act(redis, Verb.DELETE, [unknown]).errors == {}, "what RQ does not know any more can still be forgotten"


def test_what_else_is_written_is_written_in_the_same_step(jobs: Jobs, redis: Redis) -> None:
    ids = submit(jobs, 2)
    seen = []
    act(redis, Verb.CANCEL, ids, lambda pipeline, errors: seen.append((pipeline.set("mark", "1"), dict(errors))))
    assert redis.get("mark") == b"1" and seen[0][1] == {}


@pytest.mark.parametrize("watched", [True, False])
def test_nothing_is_done_where_something_moved_meanwhile(watched: bool, jobs: Jobs, redis: Redis) -> None:
    ids = submit(jobs, 2)
    moving = "some:key" if watched else f"rq:job:{ids[1]}"

    def move(pipeline: object, errors: object) -> None:
        redis.hset(moving, "moved", "1")

    with pytest.raises(WatchError):
        act(redis, Verb.DELETE, ids, move, watching=["some:key"])
    assert statuses(jobs, ids) == {Status.QUEUED} and redis.llen("rq:queue:headway.default") == 2


def test_a_single_act_looks_again_at_what_moved(jobs: Jobs, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    [id] = submit(jobs)
    write, moves = acts._write, [1]

    def moved(*args: object) -> None:
        if moves:
            redis.hset(f"rq:job:{id}", "moved", moves.pop())
        write(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(acts, "_write", moved)
    assert jobs.cancel(id).state.status == Status.CANCELED and not moves


def test_a_job_that_rq_chokes_on_does_not_hold_up_the_others(jobs: Jobs, redis: Redis) -> None:
    bad, good = submit(jobs, 2)
    redis.hset(f"rq:job:{bad}", "group_id", "no such group")
    assert set(act(redis, Verb.DELETE, [bad, good]).errors) == {bad}
    assert statuses(jobs, [bad]) == {Status.QUEUED}
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [bad.encode()], "half of it would be worse than none"


def test_a_failed_job_that_is_requeued_runs_again(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    id = jobs.submit("count_words", {"url": "ftp://x/"}, owner="me").state.id
    processes.worker()
    assert ended(jobs, id).state.status == Status.FAILED
    assert act(redis, Verb.REQUEUE, [id]).errors == {}
    assert redis.zcard("rq:failed:headway.default") == 0
    assert ended(jobs, id).state.attempt == 2


def test_a_scheduled_job_runs_now_and_not_again_at_its_time(jobs: Jobs, redis: Redis) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    id = queue.enqueue_in(timedelta(hours=1), "sum_numbers", kwargs={"text": "1"}).id
    assert jobs.load(id).state.status == Status.SCHEDULED
    assert jobs.enqueue(id).state.status == Status.QUEUED
    assert redis.zcard("rq:scheduled:headway.default") == 0 and redis.llen("rq:queue:headway.default") == 1
    with pytest.raises(Conflict, match="enqueue: expected"):
        jobs.enqueue(id)


def test_a_deferred_job_runs_now_and_not_again_after_what_it_waited_for(
    jobs: Jobs, redis: Redis, processes: Processes
) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    first = queue.enqueue_call("sum_numbers", kwargs={"text": "1"})
    after = queue.enqueue_call("sum_numbers", kwargs={"text": "2"}, depends_on=Dependency(first))
    assert jobs.load(after.id).state.status == Status.DEFERRED
    assert jobs.enqueue(after.id).state.status == Status.QUEUED
    assert redis.zcard("rq:deferred:headway.default") == 0
    processes.worker()
    assert ended(jobs, after.id).state.attempt == 1 and ended(jobs, first.id)
    last = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    ended(jobs, last)
    assert jobs.load(after.id).state.attempt == 1
    job = fetch_job(after.id, redis)
    assert job is not None and len(cast(list[object], job.results())) == 1


def test_a_job_that_has_moved_in_rq_is_left_alone_whatever_is_shown(jobs: Jobs, redis: Redis) -> None:
    [id] = submit(jobs)
    redis.hset(f"rq:job:{id}", "status", "finished")
    before = redis.hgetall(f"rq:job:{id}")
    for verb in (Verb.CANCEL, Verb.DELETE):
        with pytest.raises(Conflict, match="the job is finished by now, not queued"):
            jobs.act(verb, id)
    assert redis.hgetall(f"rq:job:{id}") == before


@pytest.mark.parametrize("shown", [Status.STARTED, Status.LOST])
@pytest.mark.parametrize("verb", [Verb.DELETE, Verb.REQUEUE])
def test_a_started_job_that_nobody_runs_can_be_deleted_and_requeued(
    shown: Status, verb: Verb, jobs: Jobs, redis: Redis
) -> None:
    [id] = submit(jobs)
    redis.delete("rq:queue:headway.default")
    redis.hset(f"rq:job:{id}", "status", "started")
    store.transition(redis, id, {"status": shown})
    redis.zadd("rq:wip:headway.default", {f"{id}:execution": time.time() + 60})
    redis.zadd(f"rq:executions:{id}", {"execution": time.time() + 60})
    with pytest.raises(Conflict):
        jobs.act(verb, id)
    redis.delete("rq:wip:headway.default")  # and the record of the execution has expired before
    jobs.act(verb, id)
    if verb is Verb.DELETE:
        assert store.load(redis, id) is None and not redis.exists(f"rq:job:{id}")
    else:
        assert (jobs.load(id).state.status, jobs.load(id).state.attempt) == (Status.QUEUED, 2)
        assert redis.lrange("rq:queue:headway.default", 0, -1) == [id.encode()]


def test_a_queued_job_that_is_in_no_list_can_be_requeued(jobs: Jobs, redis: Redis) -> None:
    [id] = submit(jobs)
    with pytest.raises(Conflict):
        jobs.requeue(id)
    redis.delete("rq:queue:headway.default")
    assert jobs.requeue(id).state.attempt == 1
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [id.encode()]


@pytest.mark.parametrize("verb", [Verb.CANCEL, Verb.DELETE])
def test_a_deferred_job_that_is_taken_back_is_not_started_by_what_it_waited_for(
    verb: Verb, jobs: Jobs, redis: Redis
) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    first = queue.enqueue_call("sum_numbers", kwargs={"text": "1"})
    after = queue.enqueue_call("sum_numbers", kwargs={"text": "2"}, depends_on=Dependency(first))
    first._status = JobStatus.FINISHED
    redis.hset(first.key, "status", "finished")
    with redis.pipeline() as ending:  # the first job ends: RQ has read what waits for it
        ending.watch(first.dependents_key)
        queue.enqueue_dependents(first, pipeline=ending, refresh_job_status=False)
        assert ending.command_stack
        jobs.act(verb, after.id)
        with pytest.raises(WatchError):
            ending.execute()
    queue.enqueue_dependents(first)
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [first.id.encode()]
