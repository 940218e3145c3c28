"""Ids of jobs that nobody knows, remembered for a second: to ask for them again costs no look into Redis. Pure."""

import time
from collections.abc import Callable, Iterable

from realtime.topics import Topic

KEPT_FOR = 1.0  # seconds
LIMIT = 20_000  # ids


class Unknown:
    """A job that moves is known from then on: whatever was remembered of it is forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}  # the oldest first

    def add(self, id: str) -> None:
        now = self._clock()
        self._until.pop(id, None)
        self._until[id] = now + KEPT_FOR
        while self._until:
            oldest = next(iter(self._until))
            if len(self._until) <= LIMIT and self._until[oldest] > now:
                break
            del self._until[oldest]

    def forget(self, id: str) -> None:
        self._until.pop(id, None)

    def without(self, topics: Iterable[Topic]) -> list[Topic]:
        """Those among `topics` that are worth a look."""
        return [topic for topic in topics if topic.job_id is None or topic.job_id not in self]

    def __contains__(self, id: str) -> bool:
        return self._until.get(id, 0.0) > self._clock()
