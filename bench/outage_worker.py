"""A worker with one task more: it reports each of very many steps and says how long that took."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from workers import store
from workers.progress import progress
from workers.settings import Settings
from workers.tasks import Task, Tasks
from workers.worker import TrackedWorker

WORK = range(3000)  # summed up at each step, which takes some 40 µs


def count_steps(steps: int) -> dict[str, Any]:
    """Work, and report each step"""
    slowest = 0.0
    began = time.monotonic()
    for step in range(1, steps + 1):
        sum(WORK)
        before = time.perf_counter()
        progress(step, steps)
        slowest = max(slowest, time.perf_counter() - before)
    return {"seconds": time.monotonic() - began, "steps": step, "slowest": slowest}


TASKS = Tasks({"count_steps": Task("count_steps", count_steps, "default", 600)})

if __name__ == "__main__":
    settings = Settings.from_environment(os.environ, Path.cwd())
    # as workers.main connects
    connection = store.connect(settings.redis_url, enduring=True, socket_timeout=None)
    TrackedWorker("headway.default", settings=settings, tasks=TASKS, connection=connection).work(
        logging_level="WARNING"
    )
    sys.exit(0)
