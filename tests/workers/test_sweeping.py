"""The sweep that goes on for ever: what holds it up, and what must not end it."""

from collections.abc import Callable

import pytest
from redis import Redis

from tests.workers.test_sweeper import Clock, beat, run_silently, status
from workers.queue import Jobs
from workers.sweeper import COMPARE_INTERVAL, SILENCE, Sweeper
from workers.wire import Status

LONG = SILENCE * 0.6  # seconds that a comparison of very many jobs takes


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sweeper(redis: Redis, clock: Clock) -> Sweeper:
    return Sweeper(redis, ["default"], clock=clock)


@pytest.fixture
def run_until(sweeper: Sweeper, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], bool]], None]:
    """Have it run, its rests being of no length, until something holds between two sweeps; at most for a minute."""

    def run(holds: Callable[[], bool]) -> None:
        def rest(seconds: float) -> None:
            clock.now += seconds
            if seconds and (holds() or clock.now > 1060):
                raise StopIteration

        monkeypatch.setattr("workers.sweeper.time.sleep", rest)
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
    marked: list[Status] = []

    def soon_after() -> bool:
        marked.append(status(jobs, id))
        beat(redis, id, 30 + next(looks))
        return len(marked) == 3

    run_until(soon_after)
    assert marked == [Status.STARTED] * 3
