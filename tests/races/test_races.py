"""Random interleavings of all that may happen to a job at once: a slice of `make races`, the same ones each time."""

from hypothesis.stateful import run_state_machine_as_test
from redis import Redis

from tests.races.model import machine, options
from workers.settings import Settings

INTERLEAVINGS = 300


def test_whatever_comes_between_what_nothing_false_is_told_and_nothing_is_stuck(
    redis: Redis, settings: Settings
) -> None:
    run_state_machine_as_test(machine(redis, settings), settings=options(INTERLEAVINGS, derandomize=True))
