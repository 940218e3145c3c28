"""What has ended in the last minutes and hours, to whoever watches `stats`: read once for all of them."""

import logging
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from realtime.frames import encode_event
from realtime.topics import STATS, Topics
from realtime.transport import Transport
from workers.history import History

INTERVALS = {"15m": 15, "24h": 60}  # seconds after which a span is read again

log = logging.getLogger("headway.history")


class HistoryNews:
    """Each watcher gets each span's newest, once: who begins to watch, or could not take it, at the next look."""

    def __init__(
        self, history: History, topics: Topics, transport: Transport, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._history = history
        self._topics = topics
        self._transport = transport
        self._clock = clock
        self._packets: dict[str, tuple[int, str]] = {}  # span → the interval in which it was read, and the event
        self._told: dict[str, set[str]] = {name: set() for name in INTERVALS}

    def look(self) -> None:
        """Tell who has not been told yet; while nobody watches, nothing is read."""
        watchers = self._topics.watchers(STATS)
        for name, seconds in INTERVALS.items():
            told = self._told[name]
            told.intersection_update(watchers)
            if not watchers:
                continue
            number = int(self._clock()) // seconds
            held = self._packets.get(name)
            if held is None or held[0] != number:
                try:
                    spans = {name: self._history.read(name)}
                except RedisError as error:
                    log.warning("the history could not be read: %s", error)
                    return
                self._packets[name] = (number, encode_event("history", {"spans": spans}))
                told.clear()
            packet = self._packets[name][1]
            told.update(sid for sid in watchers if sid not in told and self._transport.send(sid, packet))
