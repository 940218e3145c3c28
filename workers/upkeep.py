"""What workers themselves do against what dead ones leave behind, so that it is done where no web process sweeps."""

import time
from collections.abc import Container
from typing import cast

from redis import Redis
from rq import Queue
from rq.registry import DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry

from workers.abandoned import abandon
from workers.heartbeats import job_of, wip_key
from workers.ours import Ours
from workers.popped import Popped

PATIENCE = 60.0  # seconds in which a worker has begun what it took; RQ's own figure. A sweeper is faster


class Upkeep:
    def __init__(self, redis: Redis, tasks: Container[str]) -> None:
        self._redis = redis
        self._ours = Ours(redis, tasks)
        self._popped = Popped(redis, clock=time.monotonic, patience=PATIENCE)

    def tidy(self, queue: Queue) -> None:
        """Judge what runs no more, put back what was never begun, forget what has expired."""
        key = wip_key(queue.name)
        found = cast(list[bytes], self._redis.zrangebyscore(key, 0, time.time()))
        expired = {entry: job_of(entry.decode(errors="replace")) for entry in found}
        for id in self._ours.among(key, set(expired.values())):
            abandon(self._redis, queue.name, id, [entry for entry, job in expired.items() if job == id])
        between = cast(list[bytes], self._redis.lrange(queue.intermediate_queue_key, 0, -1))
        entries = cast(list[bytes], self._redis.zrange(key, 0, -1))
        running = {job_of(entry.decode(errors="replace")) for entry in entries}
        self._popped.look({queue.name: [id.decode(errors="replace") for id in between]})
        self._popped.put_back({queue.name: running})
        for registry in (FinishedJobRegistry, FailedJobRegistry, DeferredJobRegistry):
            registry(
                queue.name, connection=self._redis, job_class=queue.job_class, serializer=queue.serializer
            ).cleanup()
