"""Tasks that take their time: what the tutorials use to show that a queue works."""

import time
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from workers.progress import log, progress
from workers.tasks import task

STEP = 0.1  # seconds between two reports
STEPS_A_LINE = 10
LENGTH = 10.0  # seconds of one unit of work


def _digits(value: Any) -> Any:
    """A whole number, or the text of one as forms send it; nothing else that Python would take for a number."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("a whole number from 0 to 3")
    return value


@task()
def background_work() -> bool:
    """Work for ten seconds"""
    return _work(LENGTH)


@task()
def create_task(task_type: Annotated[int, Field(ge=0, le=3), BeforeValidator(_digits)]) -> bool:
    """Work for ten seconds times the type"""
    return _work(LENGTH * task_type)


def _work(seconds: float) -> bool:
    began = time.monotonic()
    steps = round(seconds / STEP)
    for step in range(1, steps + 1):
        # against the clock, so that the pauses' errors don't add up
        time.sleep(max(0.0, began + step * STEP - time.monotonic()))
        progress(round(step * STEP, 1), seconds, unit="s")
        if step % STEPS_A_LINE == 0:
            log(f"{step * STEP:g} of {seconds:g} s are done")
    return True
