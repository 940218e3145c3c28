"""The bulletins of a dashboard: queues and workers, what has ended, what is yet to come."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from redis import Redis
from rq.suspension import is_suspended

from realtime.bulletin import Bulletin
from realtime.frames import encode_event
from realtime.topics import SCHEDULE, STATS, Topics
from realtime.transport import Transport
from workers import overview, schedule
from workers.history import History

LOOK = 0.1  # seconds until who begins to watch is told
INTERVAL = 1.0  # seconds between two readings
HISTORY = {"15m": 15.0, "24h": 60.0}  # seconds after which a span is read again


class Stats:
    def __init__(
        self,
        redis: Redis,
        queues: Sequence[str],
        topics: Topics,
        transport: Transport,
        history: History,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._queues = tuple(queues)
        self._history = history
        make = partial(Bulletin, topics=topics, transport=transport, clock=clock)
        self._bulletins = [
            make(STATS, INTERVAL, self._at_a_glance),
            *(make(STATS, seconds, partial(self._ended, span)) for span, seconds in HISTORY.items()),
            make(SCHEDULE, INTERVAL, self._to_come),
        ]

    def run(self) -> None:
        """Tell whoever watches, for ever."""
        while True:
            time.sleep(LOOK)
            self.look()

    def look(self) -> None:
        """Tell who has not been told the newest yet; while nobody watches, nothing is read."""
        for bulletin in self._bulletins:
            bulletin.look()

    def _at_a_glance(self) -> str:
        workers = overview.workers(self._redis)
        queues = overview.queues(self._redis, self._queues, workers)
        rate = self._history.rate()
        # who waits for a job as all are suspended is idle by RQ's word, until one comes
        suspended = bool(is_suspended(self._redis))
        at = time.time_ns() // 1_000_000
        said = {"queues": queues, "workers": workers, "suspended": suspended, "rate": rate, "at": at}
        return encode_event("stats", said)

    def _ended(self, span: str) -> str:
        return encode_event("history", {"spans": {span: self._history.read(span)}})

    def _to_come(self) -> str:
        return encode_event("schedule", schedule.read(self._redis, self._queues))
