"""Actions on many jobs, by real workers that may be killed in the middle."""

import os
import signal
import subprocess

import pytest
from redis import Redis

from tests.conftest import Processes, ended, until
from workers import actions, search, store
from workers.errors import Conflict, NotFound
from workers.query import parse
from workers.queue import Jobs
from workers.sweeper import Sweeper
from workers.verbs import ALLOWED, Verb
from workers.wire import Status, index_key

MANY = 10_000


def submit(jobs: Jobs, count: int, owner: str = "me") -> list[str]:
    return jobs.submit_many("sum_numbers", [{"text": str(number)} for number in range(count)], owner=owner)


def begin(jobs: Jobs, verb: Verb, *, owner: str = "me", everybody: bool = True) -> str:
    """An action on all jobs that it may be done to, without the time to undo it."""
    id, total = actions.collect(jobs.redis, search.ids(jobs.redis, "all", parse("", 0).within(ALLOWED[verb])))
    state = actions.begin(jobs, id, verb, total, owner=owner, everybody=everybody).state
    if state.status == Status.SCHEDULED:
        jobs.enqueue(id)
    return id


def left(redis: Redis, id: str) -> int:
    return int(redis.llen(f"headway:action:{id}:ids"))


def test_an_action_is_a_job_of_whoever_asked_for_it(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    ids = submit(jobs, 250)
    id = begin(jobs, Verb.CANCEL)
    stored = jobs.load(id)
    assert (stored.owner, stored.state.task, stored.state.queue) == ("me", "act_on_jobs", "headway")
    processes.worker("headway")
    state = ended(jobs, id).state
    assert state.result == {"done": 250, "skipped": 0, "failed": {}}
    assert (state.completed, state.total, state.unit, state.description) == (250, 250, "jobs", "cancel 250 jobs")
    assert {row.state.status for row in store.load_many(redis, ids) if row} == {Status.CANCELED}
    assert left(redis, id) == 0


def test_what_moved_on_is_skipped_and_what_is_gone_is_counted(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    ids = submit(jobs, 30)
    id = begin(jobs, Verb.CANCEL)
    for started in ids[:5]:
        store.transition(redis, started, {"status": Status.STARTED})
    for gone in ids[5:7]:
        jobs.delete(gone)
    processes.worker("headway")
    assert ended(jobs, id).state.result == {"done": 23, "skipped": 5, "failed": {"not_found": 2}}


def test_what_comes_after_the_start_is_left_alone(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    submit(jobs, 10)
    id = begin(jobs, Verb.DELETE)
    later = submit(jobs, 10)
    processes.worker("headway")
    assert ended(jobs, id).state.result["done"] == 10
    assert all(store.load_many(redis, later))


def test_who_may_act_on_their_own_alone_does_so(jobs: Jobs, processes: Processes) -> None:
    submit(jobs, 10, owner="me")
    submit(jobs, 10, owner="you")
    id = begin(jobs, Verb.CANCEL, owner="you", everybody=False)
    processes.worker("headway-others")
    assert ended(jobs, id).state.result == {"done": 10, "skipped": 0, "failed": {"forbidden": 10}}


def test_a_delete_waits_and_can_be_undone_until_it_begins(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    ids = submit(jobs, 10)
    id, total = actions.collect(redis, [ids])
    assert actions.begin(jobs, id, Verb.DELETE, total, owner="me", everybody=True).state.status == Status.SCHEDULED
    assert actions.undo(jobs, id).state.status == Status.CANCELED
    processes.start("-m", "workers.main", "scheduler")
    processes.worker("headway")
    other = begin(jobs, Verb.DELETE)
    assert ended(jobs, other).state.result["done"] == 10, "what Headway did itself is no job of anybody's list of all"
    with pytest.raises(Conflict, match="has not begun"):
        actions.undo(jobs, other)
    with pytest.raises(NotFound):
        actions.undo(jobs, ids[0])


def test_a_delete_begins_by_itself_when_its_time_has_come(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    id, total = actions.collect(redis, [submit(jobs, 10)])
    began = store.now(redis)
    actions.begin(jobs, id, Verb.DELETE, total, owner="me", everybody=True)
    processes.start("-m", "workers.main", "scheduler")
    processes.worker("headway")
    assert ended(jobs, id).state.result["done"] == 10
    started_at = jobs.load(id).state.started_at or 0
    assert actions.UNDO * 1000 <= started_at - began // 1000 <= (actions.UNDO + 4) * 1000


def test_what_was_undone_as_it_was_taken_does_nothing(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    ids = submit(jobs, 10)
    id = begin(jobs, Verb.DELETE)
    redis.hset(f"headway:action:{id}", "fate", actions.UNDONE)  # undo was first, and could not cancel any more
    processes.worker("headway")
    assert ended(jobs, id).state.result == {"done": 0, "skipped": 0, "failed": {}}
    assert all(store.load_many(redis, ids))


def test_an_action_that_is_killed_in_the_middle_goes_on_where_it_stopped(
    jobs: Jobs, redis: Redis, processes: Processes
) -> None:
    submit(jobs, MANY)
    id = begin(jobs, Verb.DELETE)
    worker = processes.worker("headway")
    until(lambda: left(redis, id) < MANY - 500, "some of them")
    [horse] = subprocess.run(
        ["pgrep", "-P", str(worker.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(horse), signal.SIGKILL)
    assert 0 < left(redis, id) < MANY
    state = ended(jobs, id, within=60).state
    assert state.attempt == 2 and state.result == {"done": MANY, "skipped": 0, "failed": {}}
    assert redis.zcard(index_key("all", Status.QUEUED)) == redis.llen("rq:queue:headway.default") == 0


def test_another_worker_goes_on_where_a_dead_one_stopped(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    ids = submit(jobs, MANY)
    id = begin(jobs, Verb.CANCEL)
    worker = processes.worker("headway", HEADWAY_VERDICT="5")
    until(lambda: left(redis, id) < MANY - 500, "some of them")
    worker.kill()
    worker.wait()
    assert 0 < left(redis, id) < MANY
    processes.worker("headway", HEADWAY_VERDICT="5")
    sweeper = Sweeper(redis, ["headway"])

    def swept() -> bool:
        sweeper.sweep()
        return jobs.load(id).state.ended

    until(swept, "the end", within=60)
    state = jobs.load(id).state
    assert state.attempt == 2 and state.result == {"done": MANY, "skipped": 0, "failed": {}}
    assert redis.zcard("rq:canceled:headway.default") == MANY and redis.llen("rq:queue:headway.default") == 0
    assert all(row and row.state.attempt == 1 for row in store.load_many(redis, ids))


def test_requeued_jobs_stand_in_their_queue_once(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    ids = submit(jobs, 500)
    cancel = begin(jobs, Verb.CANCEL)
    processes.worker("headway")
    ended(jobs, cancel)
    id = begin(jobs, Verb.REQUEUE)
    assert ended(jobs, id).state.result["done"] == 500
    assert sorted(redis.lrange("rq:queue:headway.default", 0, -1)) == sorted(id.encode() for id in ids)
