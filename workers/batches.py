"""Bulk submits under way, on record, so that one whose process dies half-way can be taken back: all or none."""

import json
import time
from collections.abc import Sequence
from uuid import uuid4

from redis import Redis
from redis.client import Pipeline

from workers import records
from workers.lifecycle import fetch_jobs
from workers.wire import encode, is_job_id

KEY = "headway:batches"  # a sorted set of batches by the time they began; the ids of each beside it
PATIENCE = 60.0  # seconds after which a submit under way must be dead
SLICE = 200  # jobs deleted in one MULTI


def begin(redis: Redis, ids: Sequence[str]) -> str:
    """Put on record what is about to be saved; returns the batch."""
    batch = str(uuid4())
    with redis.pipeline() as pipeline:
        pipeline.zadd(KEY, {batch: time.time()})
        pipeline.set(f"{KEY}:{batch}", encode(ids))
        pipeline.execute()
    return batch


def end(pipeline: Pipeline, batch: str) -> None:
    """Take a batch off the record, in the very step that lets its jobs run."""
    pipeline.zrem(KEY, batch)
    pipeline.delete(f"{KEY}:{batch}")


def take_back(redis: Redis, batch: str, ids: Sequence[str]) -> None:
    """Delete the jobs of a batch that never came to its end."""
    for start in range(0, len(ids), SLICE):
        with redis.pipeline() as pipeline:
            for job in fetch_jobs(ids[start : start + SLICE], redis):
                if job is not None:
                    job.delete(pipeline, remove_from_queue=False)  # they never got there
            pipeline.execute()
    with redis.pipeline() as pipeline:
        end(pipeline, batch)
        pipeline.execute()


def take_back_abandoned(redis: Redis, older_than: float = PATIENCE) -> int:
    """Take back the batches whose process died half-way; returns how many."""
    abandoned = records.ask(lambda: redis.zrangebyscore(KEY, "-inf", time.time() - older_than), [])
    for batch in abandoned:
        take_back(redis, records.text(batch), _ids(redis, records.text(batch)))
        redis.zrem(KEY, batch)  # whatever its name is
    return len(abandoned)


def _ids(redis: Redis, batch: str) -> list[str]:
    """The jobs of a batch; none where that can't be read."""
    kept = records.ask(lambda: redis.get(f"{KEY}:{batch}"))
    try:
        return [str(id) for id in json.loads(kept or b"[]") if is_job_id(str(id))]
    except (ValueError, TypeError, RecursionError) as error:
        records.say(f"{KEY}:{batch}", str(error))
        return []
