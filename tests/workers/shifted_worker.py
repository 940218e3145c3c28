"""A worker on a machine whose clock is wrong by as many seconds as its argument says. Its task waits for a file."""

import datetime
import os
import sys
import time
from pathlib import Path
from typing import Any

SHIFT = float(sys.argv[1])
right_time, right_datetime = time.time, datetime.datetime


class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return right_datetime.now(tz) + datetime.timedelta(seconds=SHIFT)


# before anybody imports them
time.time = lambda: right_time() + SHIFT
datetime.datetime = Shifted  # type: ignore[misc]

from workers import store  # noqa: E402
from workers.settings import Settings  # noqa: E402
from workers.tasks import Task, Tasks  # noqa: E402
from workers.worker import TrackedWorker  # noqa: E402


def tests_wait(path: str) -> bool:
    while not Path(path).exists():
        time.sleep(0.05)  # the work of the job, which lasts until the test has made the file
    return True


if __name__ == "__main__":
    settings = Settings.from_environment(os.environ, Path.cwd())
    tasks = Tasks({"tests_wait": Task("tests_wait", tests_wait, "default", 60)})
    TrackedWorker(
        "headway.default",
        settings=settings,
        tasks=tasks,
        connection=store.connect(settings.redis_url, enduring=True, socket_timeout=None),
        name=f"shifted {SHIFT:g}",
    ).work(logging_level="WARNING")
