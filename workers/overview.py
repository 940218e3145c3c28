"""Queues and workers at a glance, read from our indexes and RQ's records."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redis import Redis
from rq import Worker, worker_registration
from rq.utils import decode_redis_hash, utcparse

from workers.naming import short
from workers.taking import blocked_key
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


def counts(redis: Redis, names: Sequence[str]) -> list[dict[str, Any]]:
    """[{name, queued, …, oldest_at, blocked_by}]; `oldest_at` is when the job was made that has waited longest (ms),
    `blocked_by` the job at the queue's head that Headway did not make, and so does not run; None: nothing does."""
    with redis.pipeline(transaction=False) as pipeline:
        for name in names:
            for status in COUNTED:
                pipeline.zcard(index_key(f"queue:{name}", status))
            pipeline.zrange(index_key(f"queue:{name}", Status.QUEUED), 0, 0, withscores=True)
            pipeline.get(blocked_key(name))
        replies = iter(pipeline.execute())
    rows = []
    for name in names:
        row = {"name": name, **{str(status): next(replies) for status in COUNTED}}
        oldest, blocker = next(replies), next(replies)
        oldest_at = int(oldest[0][1]) // 1000 if oldest else None
        blocked_by = blocker.decode(errors="replace") if blocker else None
        rows.append({**row, "oldest_at": oldest_at, "blocked_by": blocked_by})
    return rows


def queues(counted: Iterable[Mapping[str, Any]], workers: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What `counts` returned, each with `workers`: how many listen to it."""
    listening = Counter(name for worker in workers for name in worker["queue"].split(","))
    return [{**row, "workers": listening[row["name"]]} for row in counted]


def workers(redis: Redis) -> list[dict[str, Any]]:
    """[{name, state, queue, job, heartbeat_at, host, born_at, done, failed, version, pid}], times in ms, of the workers
    that RQ knows. Two round trips, however many there are: RQ's own `Worker.all` needs three for each of them."""
    keys = worker_registration.get_keys(connection=redis)
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.hgetall(key)
        replies = pipeline.execute()
    # of who has died, RQ's set may still have the name
    records = {
        key: decode_redis_hash(reply, decode_values=True) for key, reply in zip(keys, replies, strict=True) if reply
    }
    return [_worker(key, records[key]) for key in sorted(records)]


def _worker(key: str, record: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": key.removeprefix(Worker.redis_worker_namespace_prefix),
        "state": record.get("state", "?"),
        "queue": ",".join(short(name) for name in record.get("queues", "").split(",")),
        "job": record.get("current_job"),
        "heartbeat_at": _ms(record.get("last_heartbeat")),
        "host": record.get("hostname") or None,
        "born_at": _ms(record.get("birth")),
        "done": int(record.get("successful_job_count") or 0),
        "failed": int(record.get("failed_job_count") or 0),
        "version": record.get("version") or None,
        "pid": int(record["pid"]) if record.get("pid") else None,
    }


def _ms(moment: str | None) -> int | None:
    return round(utcparse(moment).timestamp() * 1000) if moment else None
