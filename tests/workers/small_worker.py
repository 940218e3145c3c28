"""A worker of the given queue with two tasks of which one is small: both do what a text says, in Python."""

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from rq import Retry

from workers import store
from workers.progress import LogHandler, log, progress
from workers.settings import Settings
from workers.small import BatchingWorker
from workers.tasks import Task, Tasks


def tests_do(text: str) -> Any:
    names = {"os": os, "time": time, "logging": logging, "Retry": Retry}
    return eval(text, {**names, "progress": progress, "log": log, "LogHandler": LogHandler})


TASKS = Tasks(
    {
        "tests_small": Task("tests_small", tests_do, "default", 3, small=True),
        "tests_large": Task("tests_large", tests_do, "default", 60),
    }
)

if __name__ == "__main__":
    settings = Settings.from_environment(os.environ, Path.cwd())
    connection = store.connect(settings.redis_url, enduring=True, socket_timeout=None)
    queue = sys.argv[1] if len(sys.argv) > 1 else "headway.default"
    BatchingWorker(queue, settings=settings, tasks=TASKS, connection=connection).work(logging_level="WARNING")
    sys.exit(0)
