"""The task that acts on many jobs; workers/actions.py says how."""

from typing import Any

from workers import actions, context
from workers.tasks import task
from workers.wire import ACTIONS_QUEUE

HOUR = 3600  # seconds


@task(queue=ACTIONS_QUEUE, timeout=HOUR, internal=True)
def act_on_jobs(verb: str, total: int) -> dict[str, Any]:
    """Act on many jobs"""
    job = context.current()
    return actions.work_off(job.redis, job.id)
