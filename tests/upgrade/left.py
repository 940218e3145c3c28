"""Leaves what its HTTP API can't make, with the code of the release before. Run in its folder; prints ids as JSON."""

import json
import os
from datetime import timedelta
from typing import Any

from workers import batches, store
from workers.lifecycle import TrackedQueue, fetch_job

try:
    from workers.naming import PREFIX
except ImportError:  # the first release called its queues in RQ what people did
    PREFIX = ""  # type: ignore[misc]

redis = store.connect(os.environ["REDIS_URL"])
default, shop, internal = (TrackedQueue(name, connection=redis) for name in (f"{PREFIX}default", "shop", "headway"))
call: dict[str, Any] = {"kwargs": {"text": "12"}, "meta": {"owner": "me"}}


def leave_half_a_bulk() -> list[str]:
    """A submit whose process died before it let its jobs run."""
    jobs: list[Any] = [default.create_job("sum_numbers", status="queued", **call) for _ in range(3)]
    batch = batches.begin(redis, [job.id for job in jobs])
    with redis.pipeline() as pipeline:
        for job in jobs[:2]:
            job.origin = default.name
            default._prepare_for_queue(job)
            job.save_new(pipeline)
        pipeline.execute()
    redis.zincrby(batches.KEY, -2 * batches.PATIENCE, batch)
    return [job.id for job in jobs]


def leave_started(queue: TrackedQueue, **executions: int) -> str:
    """A job that nobody runs any more; `executions` are those that are registered, and when they expired."""
    job = fetch_job(queue.enqueue("sum_numbers", **call).id, redis)
    assert job is not None
    with redis.pipeline() as pipeline:
        pipeline.lrem(queue.key, 1, job.id)
        job.prepare_for_execution("a worker", pipeline)
        for execution, at in executions.items():
            pipeline.zadd(f"rq:wip:{queue.name}", {f"{job.id}:{execution}": at})
        pipeline.execute()
    return job.id


def leave_popped(queue: TrackedQueue) -> str:
    """A job whose worker was killed when it had taken it, and not begun."""
    id = queue.enqueue("sum_numbers", **call).id
    redis.lrem(queue.key, 1, id)
    redis.lpush(queue.intermediate_queue_key, id)
    return str(id)


first = default.enqueue("sum_numbers", **call).id
print(
    json.dumps(
        {
            "first": first,
            "deferred": default.enqueue_call("sum_numbers", depends_on=first, **call).id,
            "soon": default.enqueue_in(timedelta(seconds=5), "sum_numbers", **call).id,
            "later": default.enqueue_in(timedelta(hours=1), "sum_numbers", **call).id,
            "in full": shop.enqueue("sum_numbers", **call).id,
            "in full and soon": shop.enqueue_in(timedelta(seconds=5), "sum_numbers", **call).id,
            "half": leave_half_a_bulk(),
            "popped": leave_popped(default),
            "popped of actions": leave_popped(internal),
            "silent": leave_started(internal, execution=1),
            "stranded": leave_started(default),
        }
    )
)
