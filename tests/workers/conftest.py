"""A sweeper by a clock that the tests move."""

import pytest
from redis import Redis

from workers.sweeper import Sweeper


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sweeper(redis: Redis, clock: Clock) -> Sweeper:
    return Sweeper(redis, ["default"], clock=clock)
