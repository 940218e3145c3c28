"""A job that faults can befall: it takes its time, and says how far it is."""

import time

from workers.progress import progress
from workers.tasks import task

STEP = 0.05  # seconds


@task()
def climb(steps: int, fails: bool = False) -> int:
    """Climb, and fall off at the top if it must"""
    for step in range(1, steps + 1):
        time.sleep(STEP)  # the work
        progress(step, steps, f"step {step}")
    if fails:
        raise ArithmeticError("there was no top")
    return steps
