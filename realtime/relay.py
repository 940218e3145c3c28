"""Relays updates from Redis to the connections that watch. Knows neither eventlet nor Flask.

One relay a process. It runs on one thread (or one hub of green threads): between two waits nothing else moves.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from redis import Redis
from redis.exceptions import RedisError

from realtime.frames import Frames, encode_event, encode_frames, encode_snapshot
from realtime.topics import Topic, Topics, topics_of
from workers import store
from workers.store import Gap, Stored
from workers.wire import Update

BEAT = 2.0  # seconds between two `relay` events
RELOAD_PAUSE = 0.5  # seconds between two tries to read the watched topics again
YIELD_EVERY = 200  # updates or writes after which others get their turn

log = logging.getLogger("headway.relay")

Snapshot = tuple[tuple[Stored, ...], bool]


class Transport(Protocol):
    """How packets reach connections; `realtime.server` has the real one."""

    def send(self, sid: str, packet: str) -> None: ...
    def connections(self) -> Iterable[str]: ...


class Watch:
    """The updates of one topic that come between joining it and reading its snapshot."""

    def __init__(self) -> None:
        self.updates: dict[str, Update] = {}

    def merge(self, snapshot: Snapshot) -> list[str]:
        """The snapshot's states as JSON, newest known each: nothing that came in between is lost or shown twice."""
        rows, _ = snapshot
        bodies = {row.state.id: row.body for row in rows}
        versions = {row.state.id: row.state.version for row in rows}
        for id, update in self.updates.items():
            if update.version > versions.get(id, 0):
                bodies.pop(id, None)
                if not update.gone:
                    bodies[id] = update.body
        return list(bodies.values())


class Relay:
    def __init__(
        self, redis: Redis, subscriber: Redis, transport: Transport, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.topics = Topics()
        self._redis = redis
        self._subscriber = subscriber
        self._transport = transport
        self._clock = clock
        self._frames = Frames()
        self._joining: dict[Topic, list[Watch]] = {}
        self._reads = SharedReads(self._read)
        self._wake = threading.Event()
        self._live = False
        self._since = _now_ms()

    @property
    def live(self) -> bool:
        """Whether the channel is held, so that what is shown can be true."""
        return self._live

    # -- watching

    def watch(self, sid: str, topic: Topic) -> tuple[list[str], bool] | None:
        """Join `topic`, read it, and return its states (JSON) and whether there are more.

        None for an unknown job, which is not joined. Joined first: an update in between comes with the snapshot.
        Raises `TooMany` where the connection watches as many topics as it may, and RedisError.
        """
        if not self.topics.add(sid, topic):
            raise TooMany
        joining = Watch()
        self._joining.setdefault(topic, []).append(joining)
        try:
            snapshot = self._reads.read(topic)
            bodies = joining.merge(snapshot)
        except RedisError:
            self.topics.remove(sid, [topic])
            raise
        finally:
            self._joining[topic].remove(joining)
            if not self._joining[topic]:
                del self._joining[topic]
        if topic.job_id is not None and not bodies:
            self.topics.remove(sid, [topic])
            return None
        return bodies, snapshot[1]

    def _read(self, topic: Topic) -> Snapshot:
        if topic.job_id is not None:
            stored = store.load(self._redis, topic.job_id)
            return ((stored,) if stored else ()), False
        assert topic.scope is not None
        rows, more = store.snapshot(self._redis, topic.scope)
        return tuple(rows), more

    # -- relaying

    def listen(self) -> None:
        """Take updates from the channel, for ever."""
        taken = 0
        for update in store.listen(self._subscriber):
            if isinstance(update, Gap):
                self._mind_gap(update)
                continue
            self._take(update)
            taken += 1
            if taken % YIELD_EVERY == 0:
                time.sleep(0)

    def _take(self, update: Update) -> None:
        for topic in topics_of(update):
            for joining in self._joining.get(topic, ()):
                held = joining.updates.get(update.id)
                if held is None or update.version > held.version:
                    joining.updates[update.id] = update
            if self.topics.is_watched(topic):
                self._frames.add(topic, update)
                self._wake.set()

    def _mind_gap(self, gap: Gap) -> None:
        if gap.live == self._live:
            return
        if gap.live:
            while not self._reload():
                time.sleep(RELOAD_PAUSE)
            log.info("the channel is held")
        else:
            log.warning("the channel is lost: pages are told that what they show may be stale")
        self._live = gap.live
        self._since = _now_ms()
        self._broadcast(self.status())

    def _reload(self) -> bool:
        """Send every watched topic anew: what was said while we were deaf is lost."""
        for topic in self.topics.all():
            try:
                rows, more = self._read(topic)
            except RedisError as error:
                log.warning("a topic could not be read again: %s", error)
                return False
            if topic.job_id is not None and not rows:
                gone = [{"id": topic.job_id, "version": _now_ms() * 1000}]
                packet = encode_event("gone", {"topic": topic.name, "jobs": gone})
            else:
                packet = encode_snapshot(topic, (row.body for row in rows), more)
            self._send_all(self.topics.watchers(topic), packet)
        return True

    def send_due(self) -> None:
        """Send the frames whose tick is over."""
        now = self._clock()
        for topic, updates in self._frames.due(now):
            watchers = self.topics.watchers(topic)
            if watchers:
                for packet in encode_frames(topic, updates):
                    self._send_all(watchers, packet)
        self._frames.forget_quiet(now)

    def _send_all(self, sids: Iterable[str], packet: str) -> None:
        for number, sid in enumerate(sids, 1):
            self._transport.send(sid, packet)
            if number % YIELD_EVERY == 0:
                time.sleep(0)

    def pump(self) -> None:
        """Send frames as they become due, for ever."""
        while True:
            # woken early by whatever moves: a quiet topic must not wait for the tick of a busy one
            self._wake.wait(self._frames.next_due(self._clock()))
            self._wake.clear()
            self.send_due()

    # -- telling how fresh all this is

    def status(self) -> str:
        """The `relay` event as a packet."""
        return encode_event("relay", {"state": "live" if self._live else "stale", "since": self._since})

    def greet(self, sid: str) -> None:
        """Tell a new connection how fresh all this is."""
        self._transport.send(sid, self.status())

    def beat(self) -> None:
        """Tell every connection that we are here, every `BEAT` seconds, for ever."""
        while True:
            time.sleep(BEAT)
            self._broadcast(self.status())

    def _broadcast(self, packet: str) -> None:
        self._send_all(tuple(self._transport.connections()), packet)


class TooMany(Exception):
    """The connection watches as many topics as it may."""


class SharedReads:
    """Reads each topic once for all who ask at the same time.

    A read counts only for those who asked before it began: whoever comes while one is under way shares the next.
    """

    def __init__(self, read: Callable[[Topic], Snapshot]) -> None:
        self._read = read
        self._running: dict[Topic, _Read] = {}
        self._waiting: dict[Topic, _Read] = {}

    def read(self, topic: Topic) -> Snapshot:
        waiting = self._waiting.get(topic)
        if waiting is not None:
            return waiting.result()
        read = _Read()
        running = self._running.get(topic)
        if running is not None:
            self._waiting[topic] = read
            running.done.wait()
            del self._waiting[topic]
        self._running[topic] = read
        try:
            read.finish(self._read(topic))
        except Exception as error:  # whoever shares the read must hear of it, whatever it is
            read.fail(error)
        finally:
            if self._running.get(topic) is read:
                del self._running[topic]
        return read.result()


class _Read:
    def __init__(self) -> None:
        self.done = threading.Event()
        self._snapshot: Snapshot | None = None
        self._error: Exception | None = None

    def finish(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.done.set()

    def fail(self, error: Exception) -> None:
        self._error = error
        self.done.set()

    def result(self) -> Snapshot:
        self.done.wait()
        if self._error is not None:
            raise self._error
        assert self._snapshot is not None
        return self._snapshot


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
