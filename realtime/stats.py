"""Queues, workers and how much ends, each second, to whoever watches `stats`: computed once for all of them."""

import logging
import time
from collections.abc import Sequence

from redis import Redis
from redis.exceptions import RedisError

from realtime.frames import encode_event
from realtime.history import HistoryNews
from realtime.topics import STATS, Topics
from realtime.transport import Transport
from workers import overview
from workers.history import History

INTERVAL = 1.0  # seconds

log = logging.getLogger("headway.stats")


class Stats:
    def __init__(
        self, redis: Redis, queues: Sequence[str], topics: Topics, transport: Transport, history: History
    ) -> None:
        self._redis = redis
        self._history = history
        self._history_news = HistoryNews(history, topics, transport)
        self._queues = tuple(queues)
        self._topics = topics
        self._transport = transport

    def run(self) -> None:
        """Tell whoever watches, for ever; while nobody does, nothing is read."""
        while True:
            time.sleep(INTERVAL)
            if self._topics.is_watched(STATS):
                self.tell()
            self._history_news.look()

    def tell(self) -> None:
        """Read once, and tell all."""
        try:
            workers = overview.workers(self._redis)
            queues = overview.queues(self._redis, self._queues, workers)
            rate = self._history.rate()
        except RedisError as error:
            log.warning("queues and workers could not be read: %s", error)  # that the relay is deaf is said anyway
            return
        at = time.time_ns() // 1_000_000
        packet = encode_event("stats", {"queues": queues, "workers": workers, "rate": rate, "at": at})
        for sid in self._topics.watchers(STATS):
            self._transport.send(sid, packet)  # who can take no more has the next one, which is all that counts
