"""What workers themselves do against what dead ones leave behind, so that it is done where no web process sweeps."""

import time
from collections.abc import Callable, Container

from redis import Redis
from rq.registry import DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry
from rq.serializers import JSONSerializer

from workers.abandoned import abandon
from workers.heartbeats import Heartbeats
from workers.lifecycle import TrackedJob
from workers.ours import Ours
from workers.popped import Popped
from workers.verdict import LEAST, over

PATIENCE = 60.0  # seconds in which a worker has begun what it took; RQ's own figure. A sweeper is faster


class Upkeep:
    """Of one queue, by its name in RQ. A worker calls it now and then, where it has nothing to run."""

    def __init__(
        self,
        redis: Redis,
        tasks: Container[str],
        queue: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._queue = queue
        ours = Ours(redis, tasks)
        self._heartbeats = Heartbeats(redis, [queue], clock=clock, patience=LEAST, ours=ours, shared=[queue])
        self._popped = Popped(redis, clock=clock, patience=PATIENCE)

    def forget(self) -> None:
        """Nobody could be heard, so nobody counts as silent."""
        self._heartbeats.forget()
        self._popped.forget()

    def tidy(self) -> None:
        """Judge what runs no more, put back what was never begun, forget what has expired."""
        silent, popped = self._heartbeats.listen()
        # RQ's own judges by this worker's clock, which may be minutes away from that of the one that runs the job
        for id, entries in over(self._redis, self._heartbeats, self._queue, silent[self._queue]).items():
            abandon(self._redis, self._queue, id, entries)
        self._popped.look(popped)
        self._popped.put_back(silent)
        for registry in (FinishedJobRegistry, FailedJobRegistry, DeferredJobRegistry):
            registry(self._queue, connection=self._redis, job_class=TrackedJob, serializer=JSONSerializer).cleanup()
