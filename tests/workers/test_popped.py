"""A job that a worker took and never began is put back within seconds."""

import json
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.suspension import resume, suspend

from tests.conftest import Processes, ended, until
from tests.workers.conftest import Clock
from tests.workers.small_worker import TASKS
from tests.workers.test_sweeper import beat
from workers import inbox, log_lines
from workers.popped import look_at
from workers.queue import Jobs
from workers.sweeper import SILENCE, Sweeper
from workers.wire import Status

QUEUE, BETWEEN = "rq:queue:headway.default", "rq:queue:headway.default:intermediate"


@pytest.fixture
def sweep(redis: Redis) -> Callable[[float], None]:
    clock = Clock()
    sweeper = Sweeper(redis, ["default"], clock=clock)

    def after(seconds: float) -> None:
        clock.now += seconds
        sweeper.sweep()

    return after


@pytest.fixture
def popped(jobs: Jobs, redis: Redis) -> str:
    """A job that a worker has taken, and then it was killed."""
    id = jobs.submit("sum_numbers", {"text": "12"}, owner="me").state.id
    redis.lmove(QUEUE, BETWEEN, "LEFT", "RIGHT")
    return id


def test_it_goes_back_to_the_front_and_ends_as_if_nothing_had_been(
    popped: str,
    jobs: Jobs,
    redis: Redis,
    sweep: Callable[[float], None],
    processes: Processes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    redis.set(f"{BETWEEN}:first_seen:{popped}", 1.0)  # by RQ, long ago
    other = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    sweep(0)
    sweep(SILENCE * 1.9)
    assert redis.llen(QUEUE) == 1
    with caplog.at_level(logging.WARNING, "headway.queue"):
        sweep(SILENCE * 0.2)
        sweep(SILENCE * 3)
    assert redis.lrange(QUEUE, 0, -1) == [popped.encode(), other.encode()]
    assert not redis.exists(BETWEEN, f"{BETWEEN}:first_seen:{popped}")
    assert [record.getMessage() for record in caplog.records if record.name == "headway.queue"] == [
        f"{popped}: taken from default and never begun; it is put back"
    ]
    processes.worker()
    state = ended(jobs, popped).state
    assert (state.status, state.attempt, state.result) == (Status.FINISHED, 1, 3)


def test_one_that_a_worker_is_about_to_begin_stays(popped: str, redis: Redis, sweep: Callable[[float], None]) -> None:
    sweep(0)
    for number in range(5):
        beat(redis, popped, 30 + number)
        sweep(SILENCE)
    assert redis.llen(BETWEEN) == 1


@pytest.mark.parametrize("status", ["started", "finished", "canceled"])
def test_one_that_does_not_wait_any_more_stays_away_from_its_queue(
    status: str, popped: str, redis: Redis, sweep: Callable[[float], None]
) -> None:
    redis.hset(f"rq:job:{popped}", "status", status)
    sweep(0)
    sweep(SILENCE * 2.1)
    assert redis.llen(QUEUE) == 0


def test_each_time_it_is_taken_it_has_its_time(popped: str, redis: Redis, sweep: Callable[[float], None]) -> None:
    sweep(0)
    redis.lmove(BETWEEN, QUEUE, "LEFT", "LEFT")
    sweep(SILENCE * 1.9)
    redis.lmove(QUEUE, BETWEEN, "LEFT", "RIGHT")
    sweep(SILENCE * 0.2)
    sweep(SILENCE * 1.9)
    assert redis.llen(QUEUE) == 0


def test_a_job_with_two_entries_runs_once(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    """A write whose answer was lost is written again."""
    id = jobs.submit("background_work", {}, owner="me").state.id
    redis.rpush(QUEUE, id, id)
    other = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    processes.worker()
    processes.worker()
    ended(jobs, other)  # it came after them
    assert ended(jobs, id).state.attempt == 1
    last = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    ended(jobs, last)
    assert redis.llen(QUEUE) == redis.llen(BETWEEN) == 0
    said = processes.log()
    assert len(re.findall(f"{id}: taken from default once more, while it is .*: it is not run again", said)) == 2
    assert redis.xlen(f"rq:results:{id}") == 1


def test_of_two_that_take_a_job_in_the_same_moment_one_runs_it(popped: str, redis: Redis) -> None:
    redis.rpush(BETWEEN, popped)
    first, second = (look_at(redis, "headway.default", popped, ()) for _ in range(2))
    assert first is None and second is not None
    assert redis.llen(BETWEEN) == 1


@pytest.mark.parametrize("status", ["finished", "failed", "canceled", "scheduled"])
def test_an_entry_of_one_that_does_not_wait_is_dropped(popped: str, redis: Redis, status: str) -> None:
    redis.hset(f"rq:job:{popped}", "status", status)
    assert look_at(redis, "headway.default", popped, ()) is None
    assert redis.llen(BETWEEN) == 0


def test_an_entry_that_has_been_put_back_is_left_to_who_takes_it_next(popped: str, redis: Redis) -> None:
    redis.lmove(BETWEEN, QUEUE, "LEFT", "LEFT")
    assert look_at(redis, "headway.default", popped, ()) is None
    assert redis.llen(QUEUE) == 1


def test_a_started_job_that_nobody_runs_is_run(popped: str, redis: Redis) -> None:
    redis.hset(f"rq:job:{popped}", "status", "started")
    assert look_at(redis, "headway.default", popped, ()) is not None
    beat(redis, popped, 30)
    assert look_at(redis, "headway.default", popped, ()) is None


def test_a_requeued_job_is_run_though_its_last_execution_is_still_on_record(popped: str, redis: Redis) -> None:
    beat(redis, popped, 30)
    assert look_at(redis, "headway.default", popped, ()) is not None


def is_in_state(redis: Redis, worker: Any, state: bytes) -> bool:
    return redis.hget(worker, "state") == state


def test_what_is_given_back_counts_as_never_taken(popped: str, redis: Redis) -> None:
    redis.set(f"{BETWEEN}:first_seen:{popped}", 1.0)  # RQ would fail it a minute later, as soon as it is taken again
    suspend(redis)
    assert look_at(redis, "headway.default", popped, ()) is None
    resume(redis)
    assert redis.lrange(QUEUE, 0, -1) == [popped.encode()]
    assert not redis.exists(BETWEEN, f"{BETWEEN}:first_seen:{popped}")


def test_a_worker_that_waits_while_all_are_suspended_gives_back_what_it_takes(
    redis: Redis, jobs: Jobs, processes: Processes
) -> None:
    processes.worker()
    ended(jobs, jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id)  # from now on it waits
    suspend(redis)
    for task in ("sum_numbers", "text_length"):  # a batch's job, and one with a horse of its own
        ids = [jobs.submit(task, {"text": str(number)}, owner="me").state.id for number in range(2)]
        [worker] = redis.smembers("rq:workers")
        until(partial(is_in_state, redis, worker, b"suspended"), "suspended")
        assert redis.lrange(QUEUE, 0, -1) == [id.encode() for id in ids]
        assert [jobs.load(id).state.status for id in ids] == ["queued", "queued"]
        resume(redis)
        for id in ids:
            assert ended(jobs, id).state.attempt == 1
        suspend(redis)
    resume(redis)


@pytest.mark.parametrize("small", [False, True])
def test_a_job_that_rqs_own_tools_requeue_begins_its_next_attempt_however_soon_a_worker_takes_it(
    small: bool, jobs: Jobs, redis: Redis, processes: Processes
) -> None:
    """No sweeper looks meanwhile, so that nobody but its worker can tell that it waits again."""
    run = "(run := __import__('workers.context').context.current().redis.incr('runs'), log(str(run)), 7 // (run - 1))"
    task = "tests_small" if small else "tests_large"
    id = Jobs(redis, TASKS, ["default"]).submit(task, {"text": run}, owner="me").state.id
    processes.start("-m", "tests.workers.small_worker")
    assert ended(jobs, id).state.status == Status.FAILED
    Job.fetch(id, redis, JSONSerializer).requeue()
    until(lambda: jobs.load(id).state.status == Status.FINISHED, "its second end")
    _, attempts = jobs.detail(id)
    assert [(one["attempt"], one["status"]) for one in attempts] == [(1, "failed"), (2, "finished")]
    assert [json.loads(line)["text"] for line in log_lines.read(redis, id)] == ["1", "2"]
    assert [json.loads(body)["attempt"] for body in inbox.read(redis, "me").bodies] == [1, 2]
