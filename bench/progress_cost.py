"""What a call of progress() costs when nothing is due, and a long loop of them beside one of tqdm's."""

import os
import time
from contextlib import AbstractContextManager
from statistics import median

from redis import Redis
from tqdm import tqdm

from bench.publisher import start
from workers import context
from workers.context import JobContext
from workers.progress import Reporter, Sender, progress
from workers.settings import Settings
from workers.tasks import Tasks

ROUNDS = 15
CALLS = 20_000
LOOP = 1_000_000


def measure(redis: Redis, settings: Settings) -> float:
    """The median, in µs, of the mean cost of a call in each of 15 rounds, with the real thread sending to `redis`."""
    with _job(redis, settings):
        return median(_round() for _ in range(ROUNDS))


def compare(redis: Redis, settings: Settings) -> tuple[float, float]:
    """Seconds of a loop that reports a million steps: to `progress()`, and to a bar of tqdm's that nobody sees."""
    with _job(redis, settings):
        began = time.perf_counter()
        for number in range(LOOP):
            progress(number, LOOP)
        ours = time.perf_counter() - began
    with open(os.devnull, "w") as nowhere, tqdm(total=LOOP, file=nowhere) as bar:
        began = time.perf_counter()
        for _ in range(LOOP):
            bar.update(1)
        return ours, time.perf_counter() - began


def _job(redis: Redis, settings: Settings) -> AbstractContextManager[None]:
    start(redis, "bench")
    sender = Sender(settings.redis_url, "bench")
    return context.entered(JobContext("bench", redis, settings, Tasks({}), sender, Reporter(sender, sender.log)))


def _round() -> float:
    began = time.perf_counter()
    for number in range(CALLS):
        progress(number, CALLS)
    return (time.perf_counter() - began) / CALLS * 1e6
