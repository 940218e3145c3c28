"""What watchers of a topic are told at intervals: read once for all of them, and not at all while there are none."""

import logging
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from realtime.topics import Topic, Topics
from realtime.transport import Transport

log = logging.getLogger("headway.bulletin")


class Bulletin:
    """Each watcher gets the newest packet once: who begins to watch, or could not take it, at the next look.

    `read` makes a packet, each `interval` seconds; one that says what the last one said is told to newcomers alone.
    """

    def __init__(
        self,
        topic: Topic,
        interval: float,
        read: Callable[[], str],
        topics: Topics,
        transport: Transport,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._topic = topic
        self._interval = interval
        self._read = read
        self._topics = topics
        self._transport = transport
        self._clock = clock
        self._number = -1  # of the interval in which it was last read
        self._packet: str | None = None
        self._told: set[str] = set()

    def look(self) -> None:
        """Tell who has not been told yet."""
        watchers = self._topics.watchers(self._topic)
        self._told.intersection_update(watchers)
        if not watchers:
            return
        self._renew()
        if (packet := self._packet) is not None:
            new = [sid for sid in watchers if sid not in self._told]
            self._told.update(sid for sid in new if self._transport.send(sid, packet))

    def _renew(self) -> None:
        number = int(self._clock() // self._interval)
        if number == self._number:
            return
        self._number = number  # where Redis is away, too: it is asked again in the next one
        try:
            packet = self._read()
        except RedisError as error:
            log.warning("%s could not be read: %s", self._topic.name, error)  # that the relay is deaf is said anyway
            packet = None
        except Exception:  # whatever one record in Redis looks like: others are told, and the process lives
            log.exception("%s could not be read", self._topic.name)
            packet = None
        if packet != self._packet:
            self._packet = packet
            self._told.clear()
