"""What a call of progress() costs when nothing is due."""

import time
from statistics import median

from redis import Redis

from workers import context
from workers.context import JobContext
from workers.progress import Reporter, Sender, progress
from workers.settings import Settings
from workers.tasks import Tasks

ROUNDS = 15
CALLS = 20_000


def measure(redis: Redis, settings: Settings) -> float:
    """The median, in µs, of the mean cost of a call in each of 15 rounds, with the real thread sending to `redis`."""
    sender = Sender(settings.redis_url, "bench")
    with context.entered(JobContext("bench", redis, settings, Tasks({}), sender, Reporter(lambda fields: True))):
        return median(_round() for _ in range(ROUNDS))


def _round() -> float:
    began = time.perf_counter()
    for number in range(CALLS):
        progress(number, CALLS)
    return (time.perf_counter() - began) / CALLS * 1e6
