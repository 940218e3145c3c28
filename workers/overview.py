"""Queues and workers at a glance, read from our indexes and RQ's records."""

from collections.abc import Mapping, Sequence
from datetime import datetime
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
    return [_at_a_glance(worker) for worker in _all(redis)]


def workers_in_full(redis: Redis) -> list[dict[str, Any]]:
    """As `workers`, with {born_at (ms), done, failed, version, pid}: what rarely moves."""
    return [
        {
            **_at_a_glance(worker),
            "born_at": _ms(worker.birth_date),
            "done": worker.successful_job_count,
            "failed": worker.failed_job_count,
            "version": worker.version,
            "pid": worker.pid,
        }
        for worker in _all(redis)
    ]


def _all(redis: Redis) -> list[Any]:
    found: list[Any] = Worker.all(redis, job_class=TrackedJob, queue_class=TrackedQueue, serializer=JSONSerializer)
    return found


def _at_a_glance(worker: Any) -> dict[str, Any]:
    return {
        "name": worker.name,
        "state": str(worker.get_state()),
        "queue": ",".join(worker.queue_names()),
        "job": worker.get_current_job_id(),
        "heartbeat_at": _ms(worker.last_heartbeat),
        "host": worker.hostname,
    }


def _ms(moment: datetime | None) -> int | None:
    return round(moment.timestamp() * 1000) if moment else None
