"""A sweeper by a clock that the tests move, and workers with their horses."""

import subprocess

import pytest
from redis import Redis

from tests.conftest import until
from workers.queue import Jobs
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


def started(jobs: Jobs, task: str = "background_work", **args: object) -> str:
    id = jobs.submit(task, args, owner="me").state.id
    until(lambda: jobs.load(id).state.completed, "some progress")
    return id


def horse_of(worker: subprocess.Popen[bytes]) -> int:
    found = subprocess.run(["pgrep", "-P", str(worker.pid)], capture_output=True, text=True, check=True)
    [horse] = found.stdout.split()
    return int(horse)
