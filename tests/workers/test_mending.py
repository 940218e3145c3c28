"""What differs is mended within 5 s, and only where it still differs a second later."""

from collections.abc import Callable

import pytest
import rq
from redis import Redis
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from tests.workers.conftest import Clock
from workers import store
from workers.mending import AGAIN, Mender
from workers.queue import Jobs
from workers.sweeper import INTERVAL, Sweeper
from workers.wire import Status

SOON = 5.0  # seconds in which pages show what RQ's own tools have done
QUEUE = "headway.default"


@pytest.fixture
def mender(redis: Redis, clock: Clock) -> Mender:
    return Mender(redis, clock=clock)


def submit(jobs: Jobs) -> str:
    return jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id


def test_what_differs_still_is_mended_and_what_does_not_any_more_is_left(
    jobs: Jobs, redis: Redis, mender: Mender, clock: Clock
) -> None:
    gone, moved, fine = [submit(jobs) for _ in range(3)]
    redis.delete(f"rq:job:{gone}")
    redis.hset(f"rq:job:{moved}", "status", "started")
    mender.suspect({gone: "queued ", moved: "queued canceled", fine: "queued started"})
    mender.look_again()
    clock.now += AGAIN * 0.9
    mender.look_again()
    assert store.load(redis, gone) is not None and mender.has_suspects
    clock.now += AGAIN * 0.2
    mender.look_again()
    assert store.load(redis, gone) is None and not mender.has_suspects
    assert {jobs.load(id).state.status for id in (moved, fine)} == {Status.QUEUED}


def test_many_are_mended_by_turns(
    jobs: Jobs, redis: Redis, mender: Mender, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.mending.PART", 2)
    monkeypatch.setattr("workers.mending.TURN", 0.0)
    ids = [submit(jobs) for _ in range(5)]
    redis.delete(*[f"rq:job:{id}" for id in ids])
    mender.suspect(dict.fromkeys(ids, "queued "))
    clock.now += AGAIN
    monkeypatch.setattr("workers.mending.TURN", 1e-9)
    rounds = 0
    while mender.has_suspects:
        before = clock.now
        monkeypatch.setattr(mender, "_clock", iter([before, before, before + 1]).__next__)
        mender.look_again()
        rounds += 1
    assert rounds == 3 and store.load_many(redis, ids) == [None] * 5


def requeue(job: Job, queue: rq.Queue) -> None:
    FailedJobRegistry(queue=queue).requeue(job.id)


def fail(redis: Redis, id: str) -> None:
    """As RQ and we have it after a failure."""
    redis.lrem(f"rq:queue:{QUEUE}", 1, id)
    redis.hset(f"rq:job:{id}", "status", "failed")
    redis.zadd(f"rq:failed:{QUEUE}", {id: 2e9})
    store.transition(redis, id, {"status": Status.STARTED})
    store.transition(redis, id, {"status": Status.FAILED, "kept": -1})


def finish(redis: Redis, id: str) -> None:
    redis.lrem(f"rq:queue:{QUEUE}", 1, id)
    redis.hset(f"rq:job:{id}", "status", "finished")
    store.transition(redis, id, {"status": Status.STARTED})
    store.transition(redis, id, {"status": Status.FINISHED, "kept": 7 * 24 * 3600})


def nothing(redis: Redis, id: str) -> None: ...


@pytest.mark.parametrize("late", [0.0, INTERVAL, 1.5, 2.9])
@pytest.mark.parametrize(
    ("before", "tool", "status"),
    [
        (nothing, lambda job, queue: queue.empty(), None),
        (nothing, lambda job, queue: job.cancel(), Status.CANCELED),
        (nothing, lambda job, queue: job.delete(), None),
        (fail, requeue, Status.QUEUED),
        (fail, lambda job, queue: job.delete(), None),
        (finish, lambda job, queue: job.delete(), None),
        (nothing, lambda job, queue: job.connection.delete(job.key), None),
    ],
    ids=["empty", "cancel", "delete", "requeue", "delete failed", "delete finished", "expired"],
)
def test_what_stock_tools_do_is_told_in_time(
    before: Callable[[Redis, str], None],
    tool: Callable[[Job, rq.Queue], object],
    status: Status | None,
    late: float,
    jobs: Jobs,
    redis: Redis,
    sweeper: Sweeper,
    clock: Clock,
) -> None:
    """Whenever it is done, between two comparisons."""
    id = submit(jobs)
    before(redis, id)
    for _ in range(4):
        clock.now += INTERVAL * 2
        sweeper.sweep()
    clock.now += late
    queue = rq.Queue(QUEUE, connection=redis, serializer=JSONSerializer)
    tool(Job.fetch(id, connection=redis, serializer=JSONSerializer), queue)
    done_at = clock.now
    while clock.now - done_at < SOON - INTERVAL:
        clock.now += INTERVAL
        sweeper.sweep()
    stored = store.load(redis, id)
    assert (stored and stored.state.status) == status
