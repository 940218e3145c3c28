"""A worker with one task more: it returns whatever Python makes of a text."""

import os
import sys
from pathlib import Path
from typing import Any

from rq import Retry

from workers import store
from workers.settings import Settings
from workers.tasks import Task, Tasks
from workers.worker import TrackedWorker


def tests_return(text: str) -> Any:
    return eval(text, {"Retry": Retry})


if __name__ == "__main__":
    settings = Settings.from_environment(os.environ, Path.cwd())
    tasks = Tasks({"tests_return": Task("tests_return", tests_return, "default", 60)})
    worker = TrackedWorker(
        "headway.default", settings=settings, tasks=tasks, connection=store.connect(settings.redis_url)
    )
    worker.work(logging_level="WARNING")
    sys.exit(0)
