"""Silent workers are told in seconds, judged by RQ, and what our states miss is mended."""

import signal
import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from redis import ConnectionError as RedisConnectionError
from redis import Redis
from rq import Retry
from rq.serializers import JSONSerializer

from tests.conftest import Processes, until
from tests.workers.conftest import Clock
from workers import store
from workers.lifecycle import TrackedJob, TrackedQueue
from workers.queue import Jobs
from workers.sweeper import COMPARE_INTERVAL, LOCK, SILENCE, Sweeper
from workers.wire import Status


@pytest.fixture
def sweep(sweeper: Sweeper, clock: Clock) -> Callable[[float], None]:
    def after(seconds: float) -> None:
        clock.now += seconds
        sweeper.sweep()

    return after


def run_silently(jobs: Jobs, redis: Redis, *, expires_in: float = 30) -> str:
    """A job that a worker has begun, and then no more was heard of it."""
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    redis.delete("rq:queue:headway.default")
    job = jobs.detail(id)[0]
    assert job is not None
    with redis.pipeline() as pipeline:
        job.prepare_for_execution("a worker", pipeline)
        pipeline.execute()
    beat(redis, id, expires_in)
    return id


def beat(redis: Redis, id: str, expires_in: float = 30) -> None:
    redis.zadd("rq:wip:headway.default", {f"{id}:execution": time.time() + expires_in})


def status(jobs: Jobs, id: str) -> str:
    return jobs.load(id).state.status


def test_a_silent_worker_is_lost_and_started_again_once_it_is_heard(
    jobs: Jobs, redis: Redis, sweep: Callable[[float], None]
) -> None:
    id = run_silently(jobs, redis)
    sweep(0)
    sweep(SILENCE * 0.9)
    assert status(jobs, id) == Status.STARTED
    sweep(SILENCE * 0.2)
    assert status(jobs, id) == Status.LOST
    started_at = jobs.load(id).state.started_at
    beat(redis, id)
    sweep(0.5)
    state = jobs.load(id).state
    assert (state.status, state.attempt, state.started_at) == (Status.STARTED, 1, started_at)


def test_who_has_just_begun_to_listen_calls_no_lost_worker_back(
    jobs: Jobs, redis: Redis, sweep: Callable[[float], None], clock: Clock
) -> None:
    """A web process that takes over from a dead one, or was held up, has heard nobody yet: that proves nothing."""
    id = run_silently(jobs, redis)
    sweep(0)
    sweep(SILENCE * 1.1)
    assert status(jobs, id) == Status.LOST
    other = Sweeper(redis, ["default"], clock=clock)
    for _ in range(3):
        other.sweep()
        clock.now += SILENCE * 0.4
        assert status(jobs, id) == Status.LOST
    beat(redis, id)
    other.sweep()
    assert status(jobs, id) == Status.STARTED


def test_a_worker_that_is_heard_is_never_lost(jobs: Jobs, redis: Redis, sweep: Callable[[float], None]) -> None:
    id = run_silently(jobs, redis)
    for number in range(10):
        beat(redis, id, 30 + number)
        sweep(SILENCE * 0.5)
    assert status(jobs, id) == Status.STARTED


def test_an_end_between_look_and_mark_is_not_overwritten(jobs: Jobs, redis: Redis) -> None:
    id = run_silently(jobs, redis)
    store.transition(redis, id, {"status": Status.FINISHED})
    assert not store.mark(redis, id, 1, Status.LOST)
    assert not store.mark(redis, id, 1, Status.STARTED)
    assert status(jobs, id) == Status.FINISHED


def test_a_mark_of_another_attempt_is_refused(jobs: Jobs, redis: Redis) -> None:
    id = run_silently(jobs, redis)
    assert not store.mark(redis, id, 2, Status.LOST)
    assert store.mark(redis, id, 1, Status.LOST)


def test_a_lost_job_is_failed_when_its_time_is_over(jobs: Jobs, redis: Redis, sweep: Callable[[float], None]) -> None:
    id = run_silently(jobs, redis, expires_in=-1)
    sweep(0)
    sweep(SILENCE * 1.1)
    state = jobs.load(id).state
    assert state.status == Status.FAILED
    assert state.error == {"type": "AbandonedJobError", "message": "the worker went silent while it ran the job"}


def test_a_lost_job_with_a_retry_left_is_tried_again(jobs: Jobs, redis: Redis, sweep: Callable[[float], None]) -> None:
    id = run_silently(jobs, redis, expires_in=-1)
    redis.hset(f"rq:job:{id}", "retries_left", 1)
    sweep(0)
    sweep(SILENCE * 1.1)
    assert (status(jobs, id), jobs.load(id).state.attempt) == (Status.QUEUED, 2)
    assert jobs.detail(id)[1][0]["error"]["type"] == "AbandonedJobError"


def test_a_job_whose_time_ran_out_while_nobody_looked_is_not_judged_before_its_worker_could_speak(
    jobs: Jobs, redis: Redis, sweep: Callable[[float], None]
) -> None:
    id = run_silently(jobs, redis, expires_in=-1)
    sweep(0)
    sweep(SILENCE * 0.9)
    assert status(jobs, id) == Status.STARTED
    beat(redis, id)
    sweep(SILENCE * 0.9)
    assert status(jobs, id) == Status.STARTED


def test_a_worker_whose_clock_is_behind_keeps_nobody_from_being_judged(
    jobs: Jobs, redis: Redis, sweep: Callable[[float], None]
) -> None:
    behind, dead = run_silently(jobs, redis, expires_in=-60), run_silently(jobs, redis, expires_in=-1)
    for number in range(6):
        beat(redis, behind, -60 + number)
        sweep(SILENCE * 0.5)
    assert (status(jobs, behind), status(jobs, dead)) == (Status.STARTED, Status.FAILED)


def test_while_redis_is_away_nobody_is_silent(
    jobs: Jobs, redis: Redis, sweeper: Sweeper, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = run_silently(jobs, redis)
    turns = iter([True, False, True])

    def hold() -> bool:
        turn = next(turns, None)
        if turn is None:
            raise SystemExit
        if turn:
            return True
        raise RedisConnectionError("away")

    monkeypatch.setattr(sweeper, "_holds_lock", hold)
    monkeypatch.setattr(
        "workers.sweeper.time",
        SimpleNamespace(sleep=lambda seconds: setattr(clock, "now", clock.now + SILENCE), time=time.time),
    )
    with pytest.raises(SystemExit):
        sweeper.run()
    assert status(jobs, id) == Status.STARTED


def test_a_finished_job_that_left_its_execution_behind_stays_finished(
    jobs: Jobs, redis: Redis, sweep: Callable[[float], None]
) -> None:
    id = run_silently(jobs, redis, expires_in=-1)
    redis.hset(f"rq:job:{id}", "status", "finished")
    sweep(0.5)
    assert redis.hget(f"rq:job:{id}", "status") == b"finished" and redis.zcard("rq:wip:headway.default") == 0


def test_one_of_two_sweeps_and_the_other_takes_over_from_the_dead(redis: Redis) -> None:
    first, second = Sweeper(redis, ["default"]), Sweeper(redis, ["default"])
    assert first._holds_lock() and first._holds_lock() and not second._holds_lock()
    assert 0 < int(redis.pttl(LOCK)) <= 2000
    until(second._holds_lock, "the lock", within=3)
    assert not first._holds_lock()


def test_who_takes_over_knows_at_once_who_is_silent(
    jobs: Jobs, redis: Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Sweeper(redis, ["default"], clock=clock), Sweeper(redis, ["default"], clock=clock)
    id = run_silently(jobs, redis)
    assert first._holds_lock()
    turns = iter(range(1, 20))

    def turn(seconds: float) -> None:
        clock.now += seconds
        if next(turns) * seconds > SILENCE:
            redis.delete(LOCK)  # its holder is dead
        if status(jobs, id) == Status.LOST:
            raise StopIteration

    monkeypatch.setattr("workers.sweeper.time", SimpleNamespace(sleep=turn, time=time.time))
    with pytest.raises(StopIteration):
        second.run()
    assert clock.now < 1000.0 + SILENCE + 1.0


# -- what our states and RQ's disagree on


def compare_twice(sweep: Callable[[float], None]) -> None:
    for _ in range(2):
        sweep(COMPARE_INTERVAL)


@pytest.mark.parametrize("missed", ["started", "canceled"])
def test_a_missed_transition_is_mended(missed: str, jobs: Jobs, redis: Redis, sweep: Callable[[float], None]) -> None:
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    redis.delete("rq:queue:headway.default")
    redis.hset(f"rq:job:{id}", "status", missed)
    sweep(COMPARE_INTERVAL)
    assert status(jobs, id) == Status.QUEUED, "once may be a change under way"
    sweep(COMPARE_INTERVAL)
    assert status(jobs, id) == missed


def test_a_missed_end_is_told_with_its_result(
    jobs: Jobs, redis: Redis, sweep: Callable[[float], None], processes: Processes
) -> None:
    id = jobs.submit("sum_numbers", {"text": "12"}, owner="me").state.id
    processes.worker()
    until(lambda: status(jobs, id) == Status.FINISHED, "its end")
    ours = dict(redis.hgetall(f"headway:job:{id}"))
    redis.hset(f"headway:job:{id}", mapping={"status": '"started"', "result": "null"})
    redis.zadd("headway:all:started", {id: float(ours[b"order"])})
    compare_twice(sweep)
    assert (status(jobs, id), jobs.load(id).state.result) == (Status.FINISHED, 3)


def test_a_job_without_our_state_is_built_from_rqs(jobs: Jobs, redis: Redis, sweep: Callable[[float], None]) -> None:
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    redis.delete(f"headway:job:{id}")
    compare_twice(sweep)
    stored = jobs.load(id)
    assert (stored.state.status, stored.state.task, stored.owner) == (Status.QUEUED, "sum_numbers", "me")


def test_a_state_without_a_job_is_gone(jobs: Jobs, redis: Redis, sweep: Callable[[float], None]) -> None:
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    redis.delete(f"rq:job:{id}", "rq:queue:headway.default")
    compare_twice(sweep)
    assert store.load(redis, id) is None


def test_what_agrees_is_left_alone(
    jobs: Jobs, redis: Redis, sweep: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    id = run_silently(jobs, redis)
    queue.enqueue_in(timedelta(hours=1), "sum_numbers", text="1", retry=Retry(max=1))
    TrackedJob.create("sum_numbers", kwargs={"text": "1"}, connection=redis, serializer=JSONSerializer).save()
    sweep(0)
    sweep(SILENCE * 1.1)
    versions = {row.state.id: row.state.version for row in store.snapshot(redis, "all")[0]}
    compare_twice(sweep)
    assert {row.state.id: row.state.version for row in store.snapshot(redis, "all")[0]} == versions
    assert status(jobs, id) == Status.LOST and "mended" not in caplog.text


def test_a_killed_worker_is_lost_within_seven_seconds_and_failed_after_the_verdict(
    stack: Any, processes: Processes
) -> None:
    """With the web process's own sweeper: two seconds to the heartbeat that was due, and five to tell."""
    session = stack.session()
    redis = store.connect(stack.redis_url)
    worker = stack.processes.start(
        "-m", "workers.main", "worker", "--queue", "default", "--name", "doomed", HEADWAY_VERDICT="5"
    )
    try:
        ids = [stack.submit(session, "create_task", task_type=2)["id"] for _ in range(3)]

        def mine() -> str | None:
            return next((id for id in ids if stack.job(session, id)["worker"] == "doomed"), None)

        id = until(mine, "a job of this worker")
        worker.send_signal(signal.SIGKILL)
        until(lambda: stack.job(session, id)["status"] == "lost", "lost", within=7)
        until(lambda: stack.job(session, id)["status"] == "failed", "failed", within=8)
        assert stack.job(session, id)["error"]["type"] == "AbandonedJobError"
        for other in ids:
            session.post(f"{stack.url}/api/jobs/{other}/stop")
    finally:
        redis.close()
