"""The times in a transition, whatever the clocks of the machines say."""

from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq import Retry
from rq.job import Job, JobStatus

from workers import lifecycle, moments, store
from workers.jobs.text import sum_numbers
from workers.lifecycle import TrackedJob, TrackedQueue


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """As on a machine whose clock is off by so much."""

    class Off(datetime):
        @classmethod
        def now(cls, tz=None):  # type: ignore[no-untyped-def]
            return datetime.now(tz) + timedelta(seconds=seconds)

    monkeypatch.setattr(moments, "datetime", Off)
    for module in ("rq.job", "rq.queue", "rq.utils"):
        monkeypatch.setattr(f"{module}.now", lambda: datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.mark.parametrize("off", [-600, -30, 30, 600])
def test_times_are_in_their_order_whatever_the_clocks_of_web_and_worker_say(
    off: float, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = store.now(redis) // 1000
    with monkeypatch.context() as web:
        set_clock(web, -off)
        id = TrackedQueue("headway.default", connection=redis).enqueue(sum_numbers, text="1").id
    set_clock(monkeypatch, off)
    job = lifecycle.fetch_job(id, redis)
    assert isinstance(job, TrackedJob)
    for status in (JobStatus.STARTED, JobStatus.FINISHED):
        with redis.pipeline() as pipeline:
            if status == JobStatus.STARTED:
                job.prepare_for_execution("one", pipeline)
            else:
                job.ended_at = datetime.now(UTC) + timedelta(seconds=off)
                job.set_status(status, pipeline=pipeline)
            pipeline.execute()
    stored = store.load(redis, id)
    assert stored is not None
    state = stored.state
    times = [began, state.created_at, state.enqueued_at, state.started_at, state.ended_at, store.now(redis) // 1000]
    assert times == sorted(times, key=lambda time: time or 0) and None not in times
    assert state.updated_at == state.ended_at


def test_a_status_told_twice_has_the_time_of_the_first(redis: Redis) -> None:
    job = TrackedQueue("headway.default", connection=redis).enqueue(sum_numbers, text="1")
    first = store.load(redis, job.id)
    job.set_status(JobStatus.QUEUED)
    assert store.load(redis, job.id) == first


def test_what_is_told_late_has_the_time_that_rq_noted(redis: Redis) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    job = queue.enqueue(sum_numbers, text="1")
    assert isinstance(job, TrackedJob)
    then = datetime.now(UTC) - timedelta(minutes=2)
    redis.delete(f"headway:job:{job.id}")
    for name in ("created_at", "enqueued_at", "started_at", "ended_at"):
        setattr(job, name, then)
    Job.set_status(job, JobStatus.FINISHED)
    job.publish_again()
    stored = store.load(redis, job.id)
    assert stored is not None
    assert {stored.state.created_at, stored.state.started_at, stored.state.ended_at} == {moments.ms(then)}


@pytest.mark.parametrize("off", [-600, 600])
def test_a_job_runs_again_after_its_pause_whatever_the_clock_of_its_worker_says(
    off: float, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    job = queue.enqueue(sum_numbers, text="1", retry=Retry(max=1, interval=60))
    began = store.now(redis) / 1_000_000
    set_clock(monkeypatch, off)
    with redis.pipeline() as pipeline:
        job.prepare_for_execution("one", pipeline)
        pipeline.execute()
        job.retry(queue, pipeline)
        pipeline.execute()
    due = redis.zscore("rq:scheduled:headway.default", job.id)
    assert due is not None and began + 59 <= due <= store.now(redis) / 1_000_000 + 60


def test_a_time_that_somebody_has_named_is_the_one(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, 600)
    queue = TrackedQueue("headway.default", connection=redis)
    with redis.pipeline() as pipeline:
        job = queue.enqueue_at(datetime.fromtimestamp(2_000_000_000, UTC), sum_numbers, text="1", pipeline=pipeline)
        pipeline.execute()
    assert redis.zscore("rq:scheduled:headway.default", job.id) == 2_000_000_000
