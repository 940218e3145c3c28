"""Relays updates from Redis to the connections that watch. Knows neither eventlet nor Flask.

One relay a process. It runs on one thread (or one hub of green threads): between two waits nothing else moves.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial

from redis import Redis
from redis.exceptions import RedisError

from realtime.counts import Moved
from realtime.frames import Frames, Told, encode_ended, encode_frames, encode_renewal
from realtime.logs import Logs
from realtime.metrics import Metrics
from realtime.pulse import Pulse
from realtime.snapshots import NOTHING, SharedReads, Watch, Watched, read_topics
from realtime.topics import Topic, Topics, ends_of, topics_of
from realtime.transport import Transport
from realtime.unknown import Unknown
from workers import inbox, records, store
from workers.channel import Channel, Gap
from workers.wire import Logged, Recheck, Update

CATCH_UP_INTERVAL = 0.1  # seconds between two looks at who was behind
RELOAD_STEP = 500  # topics read in one round trip
RELOAD_PAUSE = 0.5  # seconds between two tries to read the watched topics again
YIELD_EVERY = 200  # updates or writes after which others get their turn
log = logging.getLogger("headway.relay")


class Relay:
    def __init__(
        self,
        redis: Redis,
        subscriber: Redis,
        transport: Transport,
        *,
        metrics: Metrics | None = None,
        conflate: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.topics = Topics()
        self.metrics = metrics or Metrics()
        self._redis = redis
        self.channel = Channel(subscriber)
        self._transport = transport
        self._clock = clock
        self._frames = Frames(conflate=conflate)
        self._told = Told()
        self._unknown = Unknown()
        self._joining: dict[Topic, list[Watch]] = {}
        self._reads = SharedReads(partial(read_topics, redis))
        self.logs = Logs(redis, self.topics, transport)
        self._wake = threading.Event()
        self._sending = threading.Lock()  # frames of one topic go out one after the other
        self._behind: dict[str, set[Topic]] = {}  # connections that could not take a frame, and of which topics
        self.moved = Moved()
        self.on_recheck: Callable[[Recheck], None] = lambda recheck: None
        self.pulse = Pulse(self.broadcast)
        self.metrics.gaps.set_function(lambda: self.pulse.gaps)
        self.metrics.connections.set_function(lambda: len(transport.connections()))

    # -- watching
    def watch(self, sid: str, topics: Sequence[Topic]) -> dict[Topic, Watched | None]:
        """Join `topics`, read them, and return what they hold.

        None stands for a topic that was not joined: a job that nobody knows, or one topic too many. Joined first,
        read then, and what moved in between is merged at last, for all topics in one go: the caller must answer
        before it waits for anything, and no update falls between the answer and the frames that follow it.
        Raises RedisError, with nothing joined.
        """
        joining = {topic: Watch() for topic in self._unknown.without(topics) if self.topics.add(sid, topic)}
        for topic, watch in joining.items():
            self._joining.setdefault(topic, []).append(watch)
        try:
            snapshots = self._reads.read([topic for topic in joining if topic.holds_jobs])
        except BaseException:
            self.topics.remove(sid, joining)
            raise
        finally:
            self._leave(joining)
        answers: dict[Topic, Watched | None] = dict.fromkeys(topics)
        for topic, watch in joining.items():
            bodies, more = watch.merge(snapshots.get(topic, NOTHING))
            if bodies or topic.job_id is None:
                answers[topic] = (bodies, more)
            else:
                self.topics.remove(sid, [topic])
                self._unknown.add(topic.job_id)
        return answers

    def _leave(self, joining: Mapping[Topic, Watch]) -> None:
        for topic, watch in joining.items():
            self._joining[topic].remove(watch)
            if not self._joining[topic]:
                del self._joining[topic]

    # -- relaying
    def listen(self) -> None:
        """Take updates from the channel, for ever."""
        for said in self.channel.listen():
            if isinstance(said, Gap):
                self._mind_gap(said)
                continue
            for number, update in enumerate(said, 1):
                if isinstance(update, Update):
                    self._take(update)
                elif isinstance(update, Logged):
                    self.logs.hear(update.id, update.last)
                elif isinstance(update, Recheck):
                    self.on_recheck(update)
                elif not self.pulse.hear(update):
                    log.warning("Redis has lost its data: what pages show is read again")
                    self._mind_gap(Gap(True))
                if number % YIELD_EVERY == 0:
                    time.sleep(0)
            # the first word of a quiet topic goes now, not once another green thread has had its turn
            self.send_due()
            self._wake.set()
            time.sleep(0)

    def _take(self, update: Update) -> None:
        self.moved.add(update.queue)
        self._unknown.forget(update.id)
        if update.ended and update.owner and self.topics.is_watched(ends_of(update.owner)):
            self._frames.add(ends_of(update.owner), update)
        if update.gone:
            self.logs.hear(update.id)
        for topic in topics_of(update):
            for joining in self._joining.get(topic, ()):
                joining.hear(update)
            if self.topics.is_watched(topic) and not self._frames.add(topic, update):
                self.metrics.conflated.inc()

    def _mind_gap(self, gap: Gap) -> None:
        """What was said while we were deaf is lost: read it all again. Held already, it was a gap nobody saw coming."""
        self.pulse.change(live=False)
        if not gap.live:
            log.warning("the channel is lost: pages are told that what they show may be stale")
            # they may be as dead as the channel, and each would cost a time-out to find out
            self._redis.connection_pool.disconnect(inuse_connections=False)
            return
        self.moved.all()
        while not self._reload():
            time.sleep(RELOAD_PAUSE)
        log.info("the channel is held")
        self.pulse.change(live=True)

    def _reload(self) -> bool:
        """Send every watched topic anew: what was said while we were deaf is lost."""
        watched = self.topics.all()
        self.metrics.reloads.inc()
        for topic in watched:
            if topic.log_id is not None:
                self.logs.hear(topic.log_id)
        try:
            # ends first: they are what somebody waits for
            records.each(self._reload_ends, [topic for topic in watched if topic == ends_of(topic.owner)])
            records.each(self._reload_part, [topic for topic in watched if topic.holds_jobs], RELOAD_STEP)
        except RedisError as error:
            log.warning("the watched topics could not be read again: %s", error)
            return False
        return True

    def _reload_ends(self, topics: Sequence[Topic]) -> None:
        for topic in topics:
            self._tell_ends(self.topics.watchers(topic), topic.owner)

    def _reload_part(self, topics: Sequence[Topic]) -> None:
        version = store.now(self._redis)
        for topic, (rows, more) in read_topics(self._redis, topics).items():
            # of a single job it is known what all its watchers were told last
            newest = rows[0].state.version if rows else version
            if self._told.is_news(topic, newest):
                packet = encode_renewal(topic, [row.body for row in rows], more, version)
                self._send_all(topic, self.topics.watchers(topic), packet)

    def send_due(self) -> None:
        """Send the frames whose tick is over."""
        with self._sending:
            self._send_due(self._clock())

    def _send_due(self, now: float) -> None:
        due = self._frames.due(now)
        # frames of many topics, to those who watch more than one of them: a write costs what a hundred frames do
        with self._transport.together() if len(due) > 1 else nullcontext():
            for topic, updates in due:
                watchers = self.topics.watchers(topic)
                if watchers:
                    self._told.is_news(topic, updates[-1].version)
                    self._count(topic, updates)
                    for packet in encode_frames(topic, updates):
                        self._send_all(topic, watchers, packet)
        self._frames.forget_quiet(now)

    def _count(self, topic: Topic, updates: Sequence[Update]) -> None:
        self.metrics.frames.inc()
        # versions are made of Redis's clock; of another machine's the lag is only as good as the two agree
        self.metrics.lag.observe(max(0.0, time.time() - updates[-1].version / 1e6))
        if topic == ends_of(topic.owner):
            self.metrics.ends_told.inc(len(updates))

    def _send_all(self, topic: Topic, sids: Iterable[str], packet: str) -> None:
        """Send a packet of `topic`; who can't take it is given the whole topic once it can."""
        for number, sid in enumerate(sids, 1):
            # who is behind gets no more before it has caught up: all that waits for it is late, the beat too
            if sid in self._behind or not self._transport.send(sid, packet):
                self._behind.setdefault(sid, set()).add(topic)
            if number % YIELD_EVERY == 0:
                time.sleep(0)

    def catch_up(self) -> None:
        """Give those that were behind, and can read again, what they missed; for ever."""
        while True:
            time.sleep(CATCH_UP_INTERVAL)
            for sid in [sid for sid in self._behind if self._transport.is_idle(sid)]:
                topics = self._behind.pop(sid, None)
                if topics is None:
                    continue  # it left while another one's lists were read
                # a list is read for this connection alone, and may have some hundred KB: one at a time
                later = sorted((topic for topic in topics if topic.scope is not None), key=lambda topic: topic.name)[1:]
                try:
                    self._renew(sid, [topic for topic in topics - set(later) if sid in self.topics.watchers(topic)])
                except RedisError:
                    later = list(topics)
                except Exception:  # whatever one record looks like: the others catch up, and the process lives
                    log.exception("a connection can't be told what it has missed")
                if later:
                    self._behind.setdefault(sid, set()).update(later)

    def _renew(self, sid: str, topics: Sequence[Topic]) -> None:
        for owner in [topic.owner for topic in topics if topic == ends_of(topic.owner)]:
            self._tell_ends([sid], owner)
        version = store.now(self._redis)
        # while we waited for Redis it may have let go of some, or lost the right to them
        mine = set(self.topics.of(sid))
        held = self.watch(sid, [topic for topic in topics if topic.holds_jobs and topic in mine])
        if sid not in self._transport.connections():
            self.forget(sid)  # it left while they were read
            return
        for topic, answer in held.items():
            self._send_all(topic, [sid], encode_renewal(topic, *(answer or ([], False)), version))

    def forget(self, sid: str) -> None:
        """A connection has ended."""
        self.topics.drop(sid)
        self._behind.pop(sid, None)

    def pump(self) -> None:
        """Send frames as they become due, for ever."""
        while True:
            # woken early by whatever moves: a quiet topic must not wait for the tick of a busy one
            self._wake.wait(self._frames.next_due(self._clock()))
            self._wake.clear()
            self.send_due()

    # -- the ends of one owner
    def greet(self, sid: str, owner: str) -> None:
        """Tell a new connection how fresh all this is, and its owner of the ends that no page has shown yet."""
        self._transport.send(sid, self.pulse.packet())
        if not owner or sid not in self._transport.connections():
            return
        # joined first, as with every topic: an end in between is told twice, never not at all
        self.topics.add(sid, ends_of(owner))
        try:
            self._tell_ends([sid], owner)
        except RedisError as error:
            log.warning("unseen ends could not be read, and are told as soon as they can be: %s", error)
            self._behind.setdefault(sid, set()).add(ends_of(owner))

    def _tell_ends(self, sids: Iterable[str], owner: str) -> None:
        unseen = inbox.read(self._redis, owner)
        if unseen:
            self.metrics.ends_told.inc(len(unseen.bodies))
            self._send_all(ends_of(owner), sids, encode_ended(unseen.bodies, unseen.more))

    def seen(self, owner: str, ends: Sequence[tuple[str, int]]) -> None:
        """Forget ends that a page of their owner has shown. Raises RedisError."""
        inbox.forget(self._redis, owner, ends)

    def broadcast(self, packet: str) -> None:
        """Send a packet to every connection, whether it watches or not."""
        for number, sid in enumerate(tuple(self._transport.connections()), 1):
            self._transport.send(sid, packet)
            if number % YIELD_EVERY == 0:
                time.sleep(0)
