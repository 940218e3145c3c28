"""The task that acts on many jobs is Headway's own; tests/workers/test_actions.py runs it."""

from workers import jobs
from workers.tasks import Tasks
from workers.wire import ACTIONS_QUEUE


def test_it_is_internal_and_has_a_queue_of_its_own() -> None:
    task = Tasks.collect(jobs).get("act_on_jobs")
    assert task.internal and task.queue == ACTIONS_QUEUE
    assert task.parse({"verb": "delete", "total": 5}) == {"verb": "delete", "total": 5}
