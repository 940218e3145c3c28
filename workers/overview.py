"""Queues and workers at a glance, read from our indexes and RQ's records."""

from collections.abc import Mapping, Sequence
from typing import Any

from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer

from workers.lifecycle import TrackedJob, TrackedQueue
from workers.wire import Status, index_key

COUNTED = (
    Status.QUEUED,
    Status.DEFERRED,
    Status.SCHEDULED,
    Status.STARTED,
    Status.FINISHED,
    Status.FAILED,
    Status.CANCELED,
)


def queues(redis: Redis, names: Sequence[str], listeners: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """[{name, queued, …, workers, oldest_at}]; `oldest_at` is when the job was made that has waited longest (ms).

    `listeners` are what `workers` returned.
    """
    listening = [worker["queue"] for worker in listeners]
    with redis.pipeline(transaction=False) as pipeline:
        for name in names:
            for status in COUNTED:
                pipeline.zcard(index_key(f"queue:{name}", status))
            pipeline.zrange(index_key(f"queue:{name}", Status.QUEUED), 0, 0, withscores=True)
        replies = iter(pipeline.execute())
    rows = []
    for name in names:
        counts = {str(status): next(replies) for status in COUNTED}
        oldest = next(replies)
        rows.append(
            {
                "name": name,
                **counts,
                "workers": listening.count(name),
                "oldest_at": int(oldest[0][1]) // 1000 if oldest else None,
            }
        )
    return rows


def workers(redis: Redis) -> list[dict[str, Any]]:
    """[{name, state, queue, job, heartbeat_at, host}] of the workers that RQ knows."""
    found = Worker.all(redis, job_class=TrackedJob, queue_class=TrackedQueue, serializer=JSONSerializer)
    return [
        {
            "name": worker.name,
            "state": str(worker.get_state()),
            "queue": ",".join(worker.queue_names()),
            "job": worker.get_current_job_id(),
            "heartbeat_at": round(worker.last_heartbeat.timestamp() * 1000) if worker.last_heartbeat else None,
            "host": worker.hostname,
        }
        for worker in found
    ]
