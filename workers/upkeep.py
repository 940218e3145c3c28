"""What workers themselves do against what dead ones leave behind, so that it is done where no web process sweeps."""

import time
from typing import cast

from redis import Redis
from rq import Queue
from rq.registry import DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry

from workers.abandoned import abandon
from workers.heartbeats import job_of, wip_key
from workers.popped import Popped

PATIENCE = 60.0  # seconds in which a worker has begun what it took; RQ's own figure. A sweeper is faster


class Upkeep:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._popped = Popped(redis, clock=time.monotonic, patience=PATIENCE)

    def tidy(self, queue: Queue) -> None:
        """Judge what runs no more, put back what was never begun, forget what has expired."""
        key = wip_key(queue.name)
        expired = cast(list[bytes], self._redis.zrangebyscore(key, 0, time.time()))
        for id in dict.fromkeys(job_of(entry.decode()) for entry in expired):
            abandon(self._redis, queue.name, id, [entry for entry in expired if job_of(entry.decode()) == id])
        taken = queue.intermediate_queue.get_job_ids()
        running = {job_of(entry.decode()) for entry in cast(list[bytes], self._redis.zrange(key, 0, -1))}
        self._popped.look({queue.name: taken})
        self._popped.put_back({queue.name: running})
        for registry in (FinishedJobRegistry, FailedJobRegistry, DeferredJobRegistry):
            registry(
                queue.name, connection=self._redis, job_class=queue.job_class, serializer=queue.serializer
            ).cleanup()
