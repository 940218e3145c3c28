"""A worker with two tasks of which one is small: both do what a text says, in Python."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from workers import store
from workers.progress import progress
from workers.settings import Settings
from workers.small import BatchingWorker
from workers.tasks import Task, Tasks


def tests_do(text: str) -> Any:
    return eval(text, {"os": os, "time": time, "progress": progress})


TASKS = Tasks(
    {
        "tests_small": Task("tests_small", tests_do, "default", 3, small=True),
        "tests_large": Task("tests_large", tests_do, "default", 60),
    }
)

if __name__ == "__main__":
    settings = Settings.from_environment(os.environ, Path.cwd())
    connection = store.connect(settings.redis_url, enduring=True, socket_timeout=None)
    BatchingWorker("default", settings=settings, tasks=TASKS, connection=connection).work(logging_level="WARNING")
    sys.exit(0)
