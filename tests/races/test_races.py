"""Random interleavings of all that may happen to a job at once: a slice of `make races`."""

from hypothesis import HealthCheck
from hypothesis import settings as options
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis

from tests.races.model import machine
from workers.settings import Settings

INTERLEAVINGS = 300
STEPS = 25  # of each, at the most


def test_whatever_comes_between_what_nothing_false_is_told_and_nothing_is_stuck(
    redis: Redis, settings: Settings
) -> None:
    run_state_machine_as_test(
        machine(redis, settings),
        settings=options(
            max_examples=INTERLEAVINGS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,  # `make races` plays others each time
            suppress_health_check=list(HealthCheck),
        ),
    )
