"""Idempotency-Keys: the same key and request of one owner give the same job, for a day."""

import hashlib
import json

from redis import Redis
from redis.exceptions import WatchError

from workers import allowance, store, waiting
from workers.errors import Conflict, TooMany
from workers.fresh import FreshJob
from workers.lifecycle import TrackedQueue
from workers.limits import DAY, KEYS, Payer, size_of
from workers.naming import short
from workers.wire import encode

KEY_TTL = 24 * 3600  # seconds for which a key is remembered


def submit_once(redis: Redis, job: FreshJob, queue: TrackedQueue, key: str, payer: Payer | None) -> str:
    """Queue `job`, or find the job that came with this key before; returns its id. A deleted job counts as none.

    Raises `Conflict` where the key came with another request, `TooMany` where a new job may not wait.
    """
    digest = job.arguments.digest(job.task_name, short(queue.name), *([job.notify] if job.notify else []))
    place = f"headway:once:{job.owner}:{hashlib.sha256(key.encode()).hexdigest()}"
    while True:
        with redis.pipeline() as pipeline:
            try:
                pipeline.watch(place)
                if (first := _remembered(redis, place, digest)) is not None:
                    return first
                waiting.check(redis, payer, 1, size_of(job.length))
                if payer is not None and (wait := allowance.spend(redis, "keys", payer, KEYS, DAY)):
                    raise TooMany("Too many Idempotency-Keys came within a day; send fewer, or ask an operator", wait)
                pipeline.multi()
                pipeline.set(place, encode({"request": digest, "id": job.id}), ex=KEY_TTL)
                queue.enqueue_job(job, pipeline=pipeline)
                pipeline.execute()
                return str(job.id)
            except WatchError:
                continue  # the same request at the same moment: it has won, read what it wrote


def _remembered(redis: Redis, place: str, digest: str) -> str | None:
    kept = redis.get(place)
    if not kept:
        return None
    first = json.loads(kept)
    if first["request"] != digest:
        raise Conflict("This Idempotency-Key came with another request before; use another key for this one")
    id = str(first["id"])
    return id if store.load(redis, id) is not None else None
