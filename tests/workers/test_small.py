"""Small tasks: one process runs many jobs, and each is told as truly as if it had had one of its own."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest
from redis import Redis
from rq import Retry
from rq.suspension import resume, suspend

from tests.conftest import Processes, ended, until
from tests.workers.small_worker import TASKS
from workers.ledger import Entry, Ledger
from workers.lifecycle import TrackedQueue, fetch_job
from workers.queue import Jobs
from workers.settings import Settings
from workers.small import LIMIT, BatchingWorker
from workers.wire import JobState, Status

PID, SLEEP = "os.getpid()", "time.sleep(30)"


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis, TASKS, ["default"])


@pytest.fixture
def worker(processes: Processes) -> Callable[[], Any]:
    return lambda **environment: processes.start("-m", "tests.workers.small_worker", **environment)


def submit(jobs: Jobs, *texts: str) -> list[str]:
    return jobs.submit_many("tests_small", [{"text": text} for text in texts], owner="me")


def ends(jobs: Jobs, ids: list[str]) -> list[JobState]:
    return [ended(jobs, id).state for id in ids]


def running(jobs: Jobs, id: str) -> None:
    until(lambda: jobs.load(id).state.status == Status.STARTED, "its start")


def nothing_is_left(redis: Redis) -> bool:
    keys = ("rq:queue:headway.default", "rq:queue:headway.default:intermediate", "rq:wip:headway.default")
    return not redis.exists(*keys) and not redis.keys("rq:execution:*")


def test_a_horse_takes_up_to_a_hundred_jobs_in_their_order(jobs: Jobs, redis: Redis, worker: Callable[[], Any]) -> None:
    ids = submit(jobs, *[PID] * (LIMIT + 20))
    worker()
    states = ends(jobs, ids)
    assert {state.status for state in states} == {Status.FINISHED}
    assert sorted(Counter(state.result for state in states).values()) == [20, LIMIT]
    starts = [state.version for state in states]
    assert starts == sorted(starts)
    assert nothing_is_left(redis)
    key = redis.smembers("rq:workers").pop()
    until(lambda: redis.hget(key, "successful_job_count") == str(LIMIT + 20).encode(), "the count of jobs")


def test_each_tells_its_own_progress_and_failure(jobs: Jobs, worker: Callable[[], Any]) -> None:
    ids = submit(jobs, "progress(3, 4, 'three')", "1 / 0", "progress(5, 5)", PID)
    worker()
    first, second, third, last = ends(jobs, ids)
    assert (first.status, first.completed, first.total, first.description) == (Status.FINISHED, 3, 4, "three")
    assert (second.status, second.completed) == (Status.FAILED, None)
    assert second.error is not None and second.error["type"] == "ZeroDivisionError"
    assert (third.completed, third.total, third.description) == (5, 5, "")
    assert (last.status, last.completed) == (Status.FINISHED, None)


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("os.kill(os.getpid(), 9)", "was killed by SIGKILL (signal 9)"),
        ("os.kill(os.getpid(), 40)", "was killed by signal 40"),
        ("os._exit(3)", "ended with exit code 3 in the middle of it"),
        ("os._exit(0)", "ended with exit code 0 in the middle of it"),
    ],
)
def test_a_crash_is_told_of_the_job_that_crashed(
    text: str, how: str, jobs: Jobs, redis: Redis, worker: Callable[[], Any]
) -> None:
    ids = submit(jobs, PID, PID, text, PID)
    worker()
    first, second, crashed, last = ends(jobs, ids)
    assert first.status == second.status == last.status == Status.FINISHED
    assert first.result == second.result != last.result
    assert (crashed.status, crashed.attempt) == (Status.FAILED, 1)
    assert crashed.error == {"type": "WorkHorseKilled", "message": f"the process that ran the job {how}"}
    assert nothing_is_left(redis)


def test_exit_code_0_amid_a_job_of_its_own_process_is_told_at_once_and_tried_again(
    jobs: Jobs, redis: Redis, worker: Callable[[], Any]
) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    crashing = queue.enqueue("tests_large", "os._exit(0)", retry=Retry(1)).id
    fine = queue.enqueue("tests_large", PID).id
    worker()
    first, last = ends(jobs, [crashing, fine])
    assert (first.status, first.attempt, last.status) == (Status.FAILED, 2, Status.FINISHED)
    how = "the process that ran the job ended with exit code 0 in the middle of it"
    assert first.error == {"type": "WorkHorseKilled", "message": how}
    assert nothing_is_left(redis)


def test_a_time_out_is_of_one_job(jobs: Jobs, worker: Callable[[], Any]) -> None:
    ids = submit(jobs, PID, SLEEP, PID)
    worker()
    first, late, last = ends(jobs, ids)
    assert late.error is not None and late.error["type"] == "JobTimeoutException"
    assert (first.status, last.status) == (Status.FINISHED, Status.FINISHED)
    assert first.result == last.result


def test_stop_ends_the_current_one_and_the_rest_run(jobs: Jobs, redis: Redis, worker: Callable[[], Any]) -> None:
    ids = submit(jobs, PID, SLEEP, PID, PID)
    worker()
    running(jobs, ids[1])
    assert redis.llen("rq:queue:headway.default") == 2
    jobs.stop(ids[1])
    states = ends(jobs, ids)
    assert [state.status for state in states] == ["finished", "stopped", "finished", "finished"]
    assert states[0].result != states[2].result == states[3].result
    assert {state.attempt for state in states} == {1}


def test_a_large_one_keeps_its_place_and_has_a_process_of_its_own(
    jobs: Jobs, redis: Redis, worker: Callable[[], Any]
) -> None:
    first = submit(jobs, PID, PID)
    large = jobs.submit("tests_large", {"text": PID}, owner="me").state.id
    last = submit(jobs, PID)
    worker()
    states = ends(jobs, [*first, large, *last])
    assert [state.status for state in states] == ["finished"] * 4
    assert states[0].result == states[1].result
    assert len({state.result for state in states}) == 3
    versions = [state.version for state in states]
    assert versions == sorted(versions)
    assert nothing_is_left(redis)


def test_asked_to_end_a_worker_takes_no_more(jobs: Jobs, redis: Redis, worker: Callable[[], Any]) -> None:
    ids = submit(jobs, PID, "time.sleep(2)", PID)
    process = worker()
    running(jobs, ids[1])
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert [jobs.load(id).state.status for id in ids] == ["finished", "finished", "queued"]
    assert redis.llen("rq:queue:headway.default") == 1


def test_its_grace_over_the_current_one_goes_back(jobs: Jobs, redis: Redis, worker: Callable[..., Any]) -> None:
    ids = submit(jobs, PID, SLEEP, PID)
    process = worker(HEADWAY_GRACE="0")
    running(jobs, ids[1])
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [id.encode() for id in ids[1:]]
    assert (jobs.load(ids[1]).state.status, jobs.load(ids[1]).state.attempt) == (Status.QUEUED, 2)


def test_a_suspended_worker_takes_no_more(jobs: Jobs, redis: Redis, worker: Callable[[], Any]) -> None:
    ids = submit(jobs, PID, "time.sleep(2.9)", PID)
    worker()
    running(jobs, ids[1])
    suspend(redis)
    ended(jobs, ids[1])
    key = redis.smembers("rq:workers").pop()
    until(lambda: redis.hget(key, "state") == b"suspended", "the worker's rest")
    assert jobs.load(ids[2]).state.status == Status.QUEUED
    resume(redis)
    ended(jobs, ids[2])


def test_a_horse_that_gives_a_job_back_does_not_take_it_again(jobs: Jobs, redis: Redis, settings: Settings) -> None:
    worker = BatchingWorker("headway.default", settings=settings, tasks=TASKS, connection=redis)
    worker._ledger = Ledger()
    (queue,) = worker.queues
    ids = submit(jobs, PID, PID)
    suspend(redis)
    assert worker._take_next(queue) is None
    resume(redis)
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [id.encode() for id in ids]
    assert worker._ledger.read() == Entry(number=1)


def test_a_killed_worker_leaves_all_but_its_current_job(jobs: Jobs, redis: Redis, worker: Callable[[], Any]) -> None:
    ids = submit(jobs, PID, SLEEP, PID)
    process = worker()
    running(jobs, ids[1])
    horse = jobs.load(ids[0]).state.result
    process.kill()
    process.wait()
    until(lambda: not os.path.exists(f"/proc/{horse}"), "the end of the horse")
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [ids[2].encode()]
    (entry,) = cast(list[bytes], redis.zrange("rq:wip:headway.default", 0, -1))
    assert entry.startswith(ids[1].encode())


def test_a_heartbeat_between_two_jobs_ends_nothing(jobs: Jobs, redis: Redis, settings: Settings) -> None:
    """RQ asks the job when it was started; one that was taken and has not begun has no answer."""
    worker = BatchingWorker("headway.default", settings=settings, tasks=TASKS, connection=redis)
    before, next_one = submit(jobs, PID, PID)
    taken = fetch_job(before, redis)
    assert taken is not None
    worker._ledger, worker._followed = Ledger(), taken
    worker._ledger.write(Entry(next_one, "", 0, 2))
    worker._follow(worker._ledger.read())
    worker.register_birth()  # type: ignore[no-untyped-call]
    assert taken.id == next_one and taken.started_at is not None and worker.execution is None
    worker.maintain_heartbeats(taken)
    assert not redis.exists("rq:wip:headway.default")


def test_a_slow_redis_mixes_no_two_jobs(jobs: Jobs, redis: Redis, worker: Callable[..., Any]) -> None:
    first, second = submit(jobs, "'first'", "time.sleep(2.9)")
    data = redis.hget(f"rq:job:{second}", "data")
    process = worker(HEADWAY_GRACE="1")
    running(jobs, second)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.7)  # the fault itself: Redis hangs as the parent ends its horse and looks what that was at
    redis.execute_command("CLIENT", "PAUSE", 2500, "ALL")
    process.wait(15)
    assert redis.hget(f"rq:job:{second}", "data") == data
    assert jobs.load(first).state.status == Status.FINISHED
    assert (jobs.load(second).state.status, jobs.load(second).state.attempt) == (Status.QUEUED, 2)


def test_a_stop_that_came_too_late_excuses_no_later_crash(jobs: Jobs, redis: Redis, settings: Settings) -> None:
    worker = BatchingWorker("headway.default", settings=settings, tasks=TASKS, connection=redis)
    worker._stopped_job_id = "a job that ended by itself"
    (id,) = submit(jobs, "os._exit(3)")
    worker.work(burst=True, logging_level="WARNING")
    state = jobs.load(id).state
    assert (state.status, state.attempt) == (Status.FAILED, 1)


@pytest.mark.parametrize(("begun", "attempt"), [(True, 2), (False, 1)])
def test_a_horse_that_is_killed_for_the_job_before_fails_not_the_next(
    begun: bool, attempt: int, jobs: Jobs, redis: Redis, settings: Settings
) -> None:
    """Between the look at what runs and the kill the horse may go on."""
    worker = BatchingWorker("headway.default", settings=settings, tasks=TASKS, connection=redis)
    (queue,) = worker.queues
    before, next_one, last = submit(jobs, PID, PID, PID)
    taken = fetch_job(before, redis)
    assert taken is not None
    for _ in (before, next_one):
        redis.lmove(queue.key, queue.intermediate_queue_key, "LEFT", "RIGHT")
    worker._ledger, worker._followed = Ledger(), taken
    execution_id = ""
    if begun:
        job = fetch_job(next_one, redis)
        assert job is not None
        execution_id = worker.prepare_execution(job).id
        worker._attempt = 1
        assert worker._start(job, queue)
    worker._ledger.write(Entry(next_one, execution_id, 1, 2))
    worker._stopped_job_id = before
    worker._follow(worker._ledger.read())
    worker.handle_job_failure(taken, queue)  # RQ goes on with the job that it believes the horse ran
    state = jobs.load(next_one).state
    assert (state.status, state.attempt) == (Status.QUEUED, attempt)
    assert redis.lrange(queue.key, 0, -1) == [next_one.encode(), last.encode()]
    assert redis.lrange(queue.intermediate_queue_key, 0, -1) == [before.encode()]
    assert worker._stopped_job_id is None
