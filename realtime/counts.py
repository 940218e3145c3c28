"""How many jobs each queue has: counted again where something moved, not each second."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis import Redis

from workers import overview

# seconds after which all are counted anew, by whoever reads each second so each 5 s: what expires in Redis says nothing
RECOUNT = 4.5


class Moved:
    """The queues of which something was said since they were last counted; all of them at first, and after a gap."""

    def __init__(self) -> None:
        self._all = True
        self._queues: set[str] = set()

    def add(self, queue: str) -> None:
        self._queues.add(queue)

    def all(self) -> None:
        self._all = True

    def take(self, queues: Sequence[str]) -> list[str]:
        """Which of `queues` are to be counted: they are taken as counted from now on."""
        moved = [queue for queue in queues if self._all or queue in self._queues]
        self._all, self._queues = False, set()
        return moved


class Counts:
    def __init__(
        self, redis: Redis, queues: Sequence[str], moved: Moved, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._queues = tuple(queues)
        self._moved = moved
        self._clock = clock
        self._recounted_at = -RECOUNT
        self._counted: dict[str, dict[str, Any]] = {}

    def read(self, workers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What `overview.queues` makes of them; `workers` are those of now. Raises RedisError."""
        now = self._clock()
        if not 0 <= now - self._recounted_at < RECOUNT:  # the clock may be set back
            self._recounted_at = now
            self._moved.all()
        # taken before they are read: what moves meanwhile is counted the next time
        if names := self._moved.take(self._queues):
            try:
                rows = overview.counts(self._redis, names)
            except BaseException:
                self._moved.all()
                raise
            self._counted.update((row["name"], row) for row in rows)
        return overview.queues([self._counted[name] for name in self._queues], workers)
