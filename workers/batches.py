"""Bulk submits under way, on record: all of a batch's jobs come to their queue, or none.

Jobs are saved, and released, only while the record is there, and taking a batch back takes the
record away first: so the two can't both happen, however slow one of them is. Ages are by Redis's own clock.
"""

import json
from collections.abc import Callable, Sequence
from uuid import uuid4

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from workers import records, store
from workers.errors import TakenBack
from workers.lifecycle import fetch_jobs
from workers.wire import encode, is_job_id

KEY = "headway:batches"  # a sorted set of batches by the time, in seconds, at which they were last heard of
PATIENCE = 60.0  # seconds of silence after which a submit under way must be dead
SLICE = 200  # jobs deleted in one MULTI
REMEMBERED = 600  # seconds for which a batch is known to have been taken back


def begin(redis: Redis, ids: Sequence[str]) -> str:
    """Put on record what is about to be saved; returns the batch."""
    batch = str(uuid4())
    with redis.pipeline() as pipeline:
        pipeline.zadd(KEY, {batch: _now(redis)})
        pipeline.set(_record(batch), encode(ids))
        pipeline.execute()
    return batch


def write(redis: Redis, batch: str, put: Callable[[Pipeline], object]) -> None:
    """Do what `put` puts into a pipeline, in one MULTI, and note that the batch is alive.

    Raises `TakenBack` where somebody has taken it for dead: then nothing is done.
    """
    now = _now(redis)
    with redis.pipeline() as pipeline:
        pipeline.watch(_record(batch))
        if not pipeline.exists(_record(batch)):
            raise _taken_back()
        pipeline.multi()
        put(pipeline)
        pipeline.zadd(KEY, {batch: now}, xx=True)
        try:
            pipeline.execute()
        except WatchError as error:
            raise _taken_back() from error


def end(pipeline: Pipeline, batch: str) -> None:
    """Take a batch off the record, in the very step that lets its jobs run."""
    pipeline.zrem(KEY, batch)
    pipeline.delete(_record(batch))


def take_back(redis: Redis, batch: str) -> bool:
    """Delete the jobs of a batch that has not come to its end. False where it has: its jobs are to run."""
    with redis.pipeline() as pipeline:
        pipeline.watch(_record(batch))
        if pipeline.exists(_record(batch)):
            pipeline.multi()
            pipeline.rename(_record(batch), _remains(batch))
            pipeline.execute()  # a WatchError: it came to its end, or somebody else takes it back
        elif not pipeline.exists(_remains(batch)):
            return False
    delete(redis, batch, _ids(redis, _remains(batch)))
    return True


def delete(redis: Redis, batch: str, ids: Sequence[str]) -> None:
    """Delete the jobs of a batch of which none has come to its queue."""
    for start in range(0, len(ids), SLICE):
        with redis.pipeline() as pipeline:
            for job in fetch_jobs(ids[start : start + SLICE], redis):
                if job is not None:
                    job.delete(pipeline, remove_from_queue=False)  # they never got there
            pipeline.execute()
    with redis.pipeline() as pipeline:
        end(pipeline, batch)
        pipeline.set(_remains(batch), "[]", ex=REMEMBERED)
        pipeline.execute()


def take_back_abandoned(redis: Redis, older_than: float = PATIENCE) -> int:
    """Take back the batches whose process died half-way; returns how many."""
    count = 0
    for batch in records.ask(lambda: redis.zrangebyscore(KEY, "-inf", _now(redis) - older_than), []):
        try:
            count += take_back(redis, records.text(batch))
            redis.zrem(KEY, batch)  # whatever its name is
        except WatchError:
            continue  # it has come to its end at this moment
    return count


def under_way(redis: Redis) -> frozenset[str]:
    """The jobs of all batches that have neither been released nor taken back: they are saved, and in no queue yet."""
    batches = [records.text(batch) for batch in records.ask(lambda: redis.zrange(KEY, 0, -1), [])]
    return frozenset(id for batch in batches for key in (_record(batch), _remains(batch)) for id in _ids(redis, key))


def _ids(redis: Redis, key: str) -> list[str]:
    """The jobs of a batch; none where that can't be read."""
    kept = records.ask(lambda: redis.get(key))
    try:
        return [str(id) for id in json.loads(kept or b"[]") if is_job_id(str(id))]
    except (ValueError, TypeError, RecursionError) as error:
        records.say(key, str(error))
        return []


def _record(batch: str) -> str:
    return f"{KEY}:{batch}"


def _remains(batch: str) -> str:
    """Where the record of a batch lies that is being taken back."""
    return f"{KEY}:{batch}:taken-back"


def _now(redis: Redis) -> float:
    return store.now(redis) / 1_000_000


def _taken_back() -> TakenBack:
    return TakenBack(f"The submit was silent for more than {PATIENCE:.0f} s and was taken back: none of its jobs runs.")
