"""Queues and workers at a glance, read from our indexes and RQ's records."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redis import Redis
from rq import Worker, worker_registration
from rq.utils import utcparse

from workers import records, store
from workers.naming import is_own, short
from workers.release import BEFORE
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
        replies = iter(records.execute(pipeline))
    rows = []
    for name in names:
        row = {"name": name, **{str(status): next(replies) or 0 for status in COUNTED}}
        oldest, blocker = next(replies), next(replies)
        is_order = oldest and abs(oldest[0][1]) < store.FARTHEST
        oldest_at = int(oldest[0][1]) // 1000 if is_order else None
        rows.append({**row, "oldest_at": oldest_at, "blocked_by": records.text(blocker) if blocker else None})
    return rows


def queues(counted: Iterable[Mapping[str, Any]], workers: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What `counts` returned, each with `workers`: how many listen to it."""
    listening = Counter(name for worker in workers for name in worker["queue"].split(","))
    return [{**row, "workers": listening[row["name"]]} for row in counted]


def workers(redis: Redis) -> list[dict[str, Any]]:
    """[{name, state, queue, job, heartbeat_at, host, born_at, done, failed, release, version, pid}] of the workers that
    RQ knows, times in ms. Two round trips, however many there are: RQ's own `Worker.all` needs three for each."""
    keys = sorted(records.ask(lambda: redis.smembers(worker_registration.REDIS_WORKER_KEYS), ()))
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.hgetall(key)
        replies = records.execute(pipeline)
    # of who has died, RQ's set may still have the name
    return [_worker(records.text(key), reply) for key, reply in zip(keys, replies, strict=True) if reply]


def _worker(key: str, fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    record = {records.text(name): records.text(value) for name, value in fields.items()}
    is_of_ours = any(map(is_own, record.get("queues", "").split(",")))
    return {
        "name": key.removeprefix(Worker.redis_worker_namespace_prefix),
        "state": record.get("state", "?"),
        "queue": ",".join(short(name) for name in record.get("queues", "").split(",")),
        "job": record.get("current_job"),
        "heartbeat_at": _ms(record.get("last_heartbeat")),
        "host": record.get("hostname") or None,
        "born_at": _ms(record.get("birth")),
        "done": records.whole(record.get("successful_job_count")),
        "failed": records.whole(record.get("failed_job_count")),
        "release": record.get("release") or (BEFORE if is_of_ours else None),
        "version": record.get("version") or None,
        "pid": records.whole(record.get("pid")) or None,
    }


def _ms(moment: str | None) -> int | None:
    """None where there is none, or one that RQ can't have written."""
    try:
        return round(utcparse(moment).timestamp() * 1000) if moment else None
    except (ValueError, OverflowError):
        return None
