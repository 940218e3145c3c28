"""The sweep that goes on for ever: what holds it up, and what must not end it."""

import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis import Redis

from tests import population
from tests.conftest import Processes, ended
from tests.workers.conftest import Clock
from tests.workers.test_sweeper import beat, run_silently, status
from workers import store
from workers.queue import Jobs
from workers.sweeper import COMPARE_INTERVAL, HELD_UP, INTERVAL, SILENCE, Sweeper
from workers.wire import Status

LONG = SILENCE * 0.6  # seconds that a comparison of very many jobs takes


@pytest.fixture
def run_until(sweeper: Sweeper, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], bool]], None]:
    """Have it run, its rests being of no length, until something holds between two sweeps; at most for a minute."""

    def run(holds: Callable[[], bool]) -> None:
        def rest(seconds: float) -> None:
            clock.now += seconds
            if seconds and (holds() or clock.now > 1060):
                raise StopIteration

        monkeypatch.setattr("workers.sweeper.time", SimpleNamespace(sleep=rest, time=time.time))
        with pytest.raises(StopIteration):
            sweeper.run()

    return run


def test_a_comparison_that_takes_long_keeps_nobody_from_being_lost(
    jobs: Jobs,
    redis: Redis,
    sweeper: Sweeper,
    clock: Clock,
    run_until: Callable[[Callable[[], bool]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    id = run_silently(jobs, redis)
    monkeypatch.setattr(sweeper, "_compare", lambda: setattr(clock, "now", clock.now + LONG))
    clock.now += COMPARE_INTERVAL
    run_until(lambda: status(jobs, id) == Status.LOST)
    assert clock.now - COMPARE_INTERVAL < 1000.0 + SILENCE + 2 * LONG + 1.0


def test_sweeps_that_take_their_time_put_off_nobodys_loss(
    jobs: Jobs,
    redis: Redis,
    sweeper: Sweeper,
    clock: Clock,
    run_until: Callable[[Callable[[], bool]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a busy machine, with thousands that run; a worker is heard between two of them."""
    id = run_silently(jobs, redis)

    def hold() -> bool:
        clock.now += HELD_UP * 0.9
        return True

    monkeypatch.setattr(sweeper, "_holds_lock", hold)
    run_until(lambda: status(jobs, id) == Status.LOST)
    assert clock.now < 1000.0 + SILENCE + 2 * (HELD_UP + INTERVAL)


def test_a_comparison_of_very_many_goes_on_in_the_sweeps_that_follow(
    redis: Redis, sweeper: Sweeper, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    population.fill(redis, 3000)
    [missed] = cast(list[bytes], redis.zrange("headway:all:queued", -1, -1))
    *running, dead = cast(list[bytes], redis.zrange("headway:all:started", 0, -1))
    redis.hset(b"rq:job:" + missed, "status", "canceled")
    monkeypatch.setattr("workers.sweeper.TURN", 0.0)
    parts = []
    for number in range(100):
        clock.now += COMPARE_INTERVAL / 5
        redis.zadd("rq:wip:headway.default", {id + b":1": time.time() + 60 + number for id in running}, xx=True)
        sweeper.sweep()
        parts.append(sweeper._comparing is not None)
        if redis.zscore("headway:all:canceled", missed) is not None:
            break
    assert parts.count(True) > 10 and redis.zscore("headway:all:canceled", missed) is not None
    assert redis.zrange("headway:all:lost", 0, -1) == [dead]


def test_while_redis_hangs_in_the_middle_of_a_sweep_nobody_is_silent(
    jobs: Jobs,
    redis: Redis,
    sweeper: Sweeper,
    clock: Clock,
    run_until: Callable[[Callable[[], bool]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    id = run_silently(jobs, redis)
    monkeypatch.setattr(sweeper, "_compare", lambda: setattr(clock, "now", clock.now + 3 * SILENCE))
    clock.now += COMPARE_INTERVAL
    looks = iter(range(10))
    marked: list[str] = []

    def soon_after() -> bool:
        marked.append(status(jobs, id))
        beat(redis, id, 30 + next(looks))
        return len(marked) == 3

    run_until(soon_after)
    assert marked == [Status.STARTED] * 3


def test_of_thousands_that_run_only_those_are_read_that_went_silent_or_came_back(
    redis: Redis, sweeper: Sweeper, clock: Clock
) -> None:
    population.fill(redis, 3000)
    running = [id.decode() for id in cast(list[bytes], redis.zrange("headway:all:started", 0, -1))]

    def read(beating: Sequence[str]) -> int:
        """How many states are read by a sweep somewhat later, if only these have beaten since."""
        clock.now += SILENCE * 0.6
        redis.zadd("rq:wip:headway.default", {f"{id}:1": clock.now + 1e10 for id in beating}, xx=True)
        redis.config_resetstat()
        sweeper.sweep()
        stats: dict[str, Any] = redis.info("commandstats")
        return int(stats.get("cmdstat_hmget", {"calls": 0})["calls"])

    silent = running[:7]
    assert [read(running), read(running), read(running[7:])] == [0, 0, 0]
    assert read(running[7:]) == len(silent) == redis.zcard("headway:all:lost")
    assert read(running[7:]) == 0
    assert read(running[5:]) == 2 and redis.zcard("headway:all:lost") == 5


# -- jobs that RQ can't read

UNREADABLE: list[dict[str, Any]] = [
    {"status": "started"},
    {"status": "started", "data": b"x", "created_at": "yesterday"},
    {"status": "started", "data": b"x", "timeout": "soon"},
    {"status": "what ever"},
]


@pytest.mark.parametrize("written", UNREADABLE)
def test_a_job_that_rq_can_not_read_counts_as_unknown_and_the_others_are_judged(
    written: dict[Any, Any], jobs: Jobs, redis: Redis, sweeper: Sweeper, clock: Clock
) -> None:
    dead, odd = run_silently(jobs, redis, expires_in=-1), run_silently(jobs, redis, expires_in=-2)
    redis.delete(f"rq:job:{odd}")
    redis.hset(f"rq:job:{odd}", mapping=written)
    for _ in range(2):
        sweeper.sweep()
        clock.now += SILENCE * 1.1
    assert status(jobs, dead) == Status.FAILED and redis.zcard("rq:wip:headway.default") == 0


@pytest.mark.parametrize("written", UNREADABLE)
def test_it_is_told_as_gone_and_that_is_said_once(
    written: dict[Any, Any],
    jobs: Jobs,
    redis: Redis,
    sweeper: Sweeper,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    odd, missed = (jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id for _ in range(2))
    redis.delete(f"rq:job:{odd}")
    redis.hset(f"rq:job:{odd}", mapping=written)
    redis.hset(f"rq:job:{missed}", "status", "canceled")
    for _ in range(10):
        clock.now += COMPARE_INTERVAL
        sweeper.sweep()
    assert store.load(redis, odd) is None and status(jobs, missed) == Status.CANCELED
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if odd in line and " queued here" in line]) == 1
    assert len([line for line in lines if odd in line]) <= 2


def test_a_worker_goes_by_a_job_that_can_not_be_read(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    odd, fine = (jobs.submit("sum_numbers", {"text": "12"}, owner="me").state.id for _ in range(2))
    redis.hset(f"rq:job:{odd}", "timeout", "soon")
    worker = processes.worker()
    assert ended(jobs, fine).state.status == Status.FINISHED and worker.poll() is None


def test_nothing_that_a_sweep_stumbles_over_ends_it(
    jobs: Jobs,
    redis: Redis,
    sweeper: Sweeper,
    run_until: Callable[[Callable[[], bool]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stumble() -> None:
        raise KeyError("odd")

    id = run_silently(jobs, redis)
    monkeypatch.setattr(sweeper, "_compare", stumble)
    run_until(lambda: status(jobs, id) == Status.LOST)
