"""Whose time is over: the running jobs of silent workers, by a clock of ours alone.

RQ goes by the scores in its registry of running jobs, each made of its worker's clock. Of one that is behind, the time
always is over; of one that is ahead, it is over later by as much.
"""

import time
from collections.abc import Iterable
from functools import partial

from redis import Redis
from rq import Worker

from workers import records
from workers.heartbeats import Heartbeats, Silence, Word
from workers.lifecycle import TrackedJob

HEARTBEAT = 2  # seconds between two heartbeats of a running job
LEAST = HEARTBEAT + 5  # seconds that any worker may be silent


def over(
    redis: Redis, heartbeats: Heartbeats, queue: str, silent: Silence, *, unheard: bool = False
) -> dict[str, tuple[bytes, ...]]:
    """The jobs of `queue` (its name in RQ) that are to be judged, each with its executions there.

    Those whose workers have been silent for as long as they said that they may be; and those that have ended, and left
    an execution behind. Of a worker that we have not heard ourselves its score is all that there is: with `unheard` it
    counts, since it may have been silent for long. Raises RedisError.
    """
    suspects: dict[str, list[Word]] = {}
    now = time.time()
    for word in heartbeats.last_words(queue):
        if word.job in silent and (word.seconds >= LEAST or word.score <= now):
            suspects.setdefault(word.job, []).append(word)
    if not suspects:
        return {}
    started = _started(redis, suspects)
    patience = _patience(redis, {worker for id, worker in started.items() if silent[id]})

    def is_over(id: str, word: Word) -> bool:
        if id not in started:
            return word.score <= now
        patient = patience.get(started[id])  # None: its worker is heard, or has not said
        by_score = word.score <= now and (patient is None or (unheard and not word.is_live))
        return bool(silent[id]) and (by_score or (patient is not None and word.seconds >= patient))

    return {
        id: tuple(word.entry for word in words)
        for id, words in suspects.items()
        if all(map(partial(is_over, id), words))
    }


def _started(redis: Redis, ids: Iterable[str]) -> dict[str, str]:
    """Those that RQ calls started, each with the name of its worker."""
    with redis.pipeline(transaction=False) as pipeline:
        for id in ids:
            pipeline.hget(TrackedJob.key_for(id), "status")
            pipeline.hget(TrackedJob.key_for(id), "worker_name")
        told = iter(records.execute(pipeline))
    return {
        id: records.text(worker) for id, status, worker in zip(ids, told, told, strict=True) if status == b"started"
    }


def _patience(redis: Redis, workers: set[str]) -> dict[str, float]:
    """For how many seconds each of `workers` may be silent; those of the release before don't say it."""
    names = list(workers)
    with redis.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.hget(Worker.redis_worker_namespace_prefix + name, "verdict")
        told = records.execute(pipeline) if names else []
    return {name: HEARTBEAT + records.whole(said) for name, said in zip(names, told, strict=True) if said}
