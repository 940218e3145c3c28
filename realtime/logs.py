"""Sends the lines of jobs' logs to the connections that watch them. Knows neither eventlet nor Flask.

The channel says only that a job has logged. The lines are read when somebody watches, once a tick and topic for all.
"""

import logging
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from redis import Redis
from redis.exceptions import RedisError

from realtime.snapshots import SharedReads
from realtime.topics import Topic, Topics, log_of
from realtime.transport import Transport
from workers import log_lines
from workers.log_lines import LINES_LIMIT, encode_log, number_of
from workers.wire import encode, is_job_id

TICK = 0.1  # seconds between two frames of one log
TIDY = 1.0  # seconds between two looks at which logs nobody watches any more
PAUSE = 0.5  # seconds between two tries to read what could not be read
FRAME_BYTES = 64 * 1024  # of lines in one frame
READ_STEP = 8  # logs read in one round trip: each may have 256 KB
YIELD_EVERY = 200  # writes after which others get their turn
LOGS_LIMIT = 8  # logs of one connection: it may ask for all at once, and each answer may have 256 KB

log = logging.getLogger("headway.logs")


@dataclass(eq=False)
class Tail:
    """What is known of a log by somebody who begins to watch it: what was read, and what was told meanwhile."""

    owner: str | None = None  # None: nobody knows the job
    away: bool = False  # it could not be read
    lines: list[bytes] = field(default_factory=list)
    meanwhile: list[bytes] = field(default_factory=list)

    def merge(self) -> list[bytes]:
        """Each line once, in order."""
        lines, last = self.lines, _last(self.lines)
        return (lines + [line for line in self.meanwhile if number_of(line) > last])[-LINES_LIMIT:]


class Logs:
    def __init__(self, redis: Redis, topics: Topics, transport: Transport) -> None:
        self._redis = redis
        self._topics = topics
        self._transport = transport
        self._reads = SharedReads(self._read)
        self._tails: dict[Topic, list[Tail]] = {}
        self._told: dict[Topic, int] = {}  # the last number that all watchers have been sent, or were to be
        self._owners: dict[Topic, str] = {}
        self._news: dict[Topic, float] = {}  # what is to be read: up to which number, or all
        self._behind: dict[str, set[Topic]] = {}  # connections that have missed a frame, and of which logs
        self._wake = threading.Event()

    # -- watching

    @contextmanager
    def reading(self, names: Sequence[str]) -> Iterator[dict[str, Tail]]:
        """Read the logs `names`, and gather what is told of them meanwhile.

        Inside, the caller has its connection join them, and answers with `answer`; from the one to the other, and from
        there to the end, it waits for nothing that is not gathered: no line falls between the answer and the frames.
        """
        tails = {name: Tail() for name in names}
        for name, tail in tails.items():
            if not self._is_of_use(Topic(name)):
                self._told.pop(Topic(name), None)  # of those who watched it before
            self._tails.setdefault(Topic(name), []).append(tail)
        try:
            if known := [topic for topic in map(Topic, names) if is_job_id(topic.log_id or "")]:
                self._fill(known, tails)
            yield tails
        finally:
            for name, tail in tails.items():
                others = self._tails[Topic(name)]
                others.remove(tail)
                if not others:
                    del self._tails[Topic(name)]

    def _fill(self, topics: Sequence[Topic], tails: dict[str, Tail]) -> None:
        try:
            found = self._reads.read(topics)
        except RedisError:
            for topic in topics:
                tails[topic.name].away = True
            return
        for topic, (owner, lines) in found.items():
            tails[topic.name].owner, tails[topic.name].lines = owner, lines
            self._owners[topic] = owner or ""

    def _read(self, topics: Sequence[Topic]) -> dict[Topic, tuple[str | None, list[bytes]]]:
        found: dict[Topic, tuple[str | None, list[bytes]]] = {}
        for start in range(0, len(topics), READ_STEP):
            part = {topic.log_id or "": topic for topic in topics[start : start + READ_STEP]}
            rows = log_lines.read_with_owners(self._redis, list(part))
            found |= {topic: rows[id] for id, topic in part.items()}
        return found

    def answer(self, name: str, tail: Tail) -> str:
        """What the ack says of a log that is joined: {lines, first, last}."""
        lines = tail.merge()
        self._told.setdefault(Topic(name), _last(lines))
        return encode_log(lines)

    def owner_of(self, topic: Topic) -> str:
        """Who owns the job of a watched log; '' of another topic."""
        return self._owners.get(topic, "")

    # -- telling

    def hear(self, id: str, last: float = math.inf) -> None:
        """A job has logged up to number `last`; or, without it, its log may be another one than it was."""
        topic = log_of(id)
        if self._topics.is_watched(topic) or topic in self._tails:
            self._news[topic] = max(last, self._news.get(topic, 0))
            self._wake.set()

    def run(self) -> None:
        """Tell who watches what is new, for ever. A quiet log's first line goes at once."""
        while True:
            self._wake.wait(TICK if self._behind else TIDY)
            self._wake.clear()
            try:
                self.tell()
            except RedisError as error:
                log.warning("logs could not be read, and are as soon as they can be: %s", error)
                self._wake.set()
                time.sleep(PAUSE)
            time.sleep(TICK)

    def tell(self) -> None:
        """One tick. Raises RedisError; what could not be read is still to be told."""
        for topic in [topic for topic in self._owners if not self._is_of_use(topic)]:
            self._owners.pop(topic, None)
            self._told.pop(topic, None)
        due = list(self._news)
        for start in range(0, len(due), READ_STEP):
            self._tell_part(due[start : start + READ_STEP])
        self._catch_up()

    def _is_of_use(self, topic: Topic) -> bool:
        return self._topics.is_watched(topic) or topic in self._tails

    def _tell_part(self, topics: Sequence[Topic]) -> None:
        before = {topic: self._news.pop(topic) for topic in topics}
        # more may have come with what was read before than had been said by then
        new = {topic: news - self._told.get(topic, 0) for topic, news in before.items() if self._is_of_use(topic)}
        try:
            found = self._read_newest(
                {topic: int(min(count, LINES_LIMIT)) for topic, count in new.items() if count > 0}
            )
        except RedisError:
            for topic, news in before.items():
                self._news[topic] = max(news, self._news.get(topic, 0))
            raise
        for topic, lines in found.items():
            self._tell_log(topic, lines)

    def _read_newest(self, counts: dict[Topic, int]) -> dict[Topic, list[bytes]]:
        """The newest lines of each log: as many as are said to be new, or all where there are more by now."""
        rows = log_lines.read_many(self._redis, {topic.log_id or "": count for topic, count in counts.items()})
        found = {topic: rows[topic.log_id or ""] for topic in counts}
        grown = {
            topic: LINES_LIMIT
            for topic, lines in found.items()
            if len(lines) == counts[topic] < LINES_LIMIT and number_of(lines[0]) > self._told.get(topic, 0) + 1
        }
        return found | self._read_newest(grown) if grown else found

    def _tell_log(self, topic: Topic, lines: Sequence[bytes]) -> None:
        self._gather(topic, lines)
        told, last = self._told.get(topic), _last(lines)
        if told is None:
            return  # nobody has been answered yet
        if last < told:  # deleted, or Redis has lost its data
            self._told[topic] = last
            self._send(topic, _newest(lines, 0), 0, last, ',"snapshot":true')
        elif last > told:
            self._told[topic] = last
            self._send(topic, _newest(lines, told), told, last)

    def _gather(self, topic: Topic, lines: Sequence[bytes]) -> None:
        for tail in self._tails.get(topic, ()):
            last = _last(tail.meanwhile)
            tail.meanwhile = [*tail.meanwhile, *(line for line in lines if number_of(line) > last)][-LINES_LIMIT:]

    def _send(self, topic: Topic, lines: Sequence[bytes], after: int, last: int, more: str = "") -> None:
        packet = encode_lines(topic, lines, after, last, more)
        for number, sid in enumerate(self._topics.watchers(topic), 1):
            # states of jobs come first: lines go only to who has read all else, so that none waits behind them
            ready = sid not in self._behind and self._transport.is_idle(sid)
            if not ready or not self._transport.send(sid, packet):
                self._behind.setdefault(sid, set()).add(topic)
            if number % YIELD_EVERY == 0:
                time.sleep(0)

    def _catch_up(self) -> None:
        """Who has missed a frame, and can read again, is told how far the log is: it will watch it again."""
        for sid in [sid for sid in self._behind if self._transport.is_idle(sid)]:
            for topic in self._behind.pop(sid):
                if sid in self._topics.watchers(topic) and topic in self._told:
                    last = self._told[topic]
                    if not self._transport.send(sid, encode_lines(topic, (), last, last)):
                        self._behind.setdefault(sid, set()).add(topic)


def encode_lines(topic: Topic, lines: Sequence[bytes], after: int, last: int, more: str = "") -> str:
    """The packet that tells what was logged after the line `after`."""
    body = b",".join(lines).decode()
    return f'2["log",{{"topic":{encode(topic.name)},"lines":[{body}],"after":{after},"last":{last}{more}}}]'


def _last(lines: Sequence[bytes]) -> int:
    return number_of(lines[-1]) if lines else 0


def _newest(lines: Sequence[bytes], after: int) -> list[bytes]:
    """Those after the line `after`, as many of the newest as fit into a frame."""
    chosen: list[bytes] = []
    room = FRAME_BYTES
    for line in reversed(lines):
        room -= len(line) + 1
        if room < 0 or number_of(line) <= after:
            break
        chosen.append(line)
    return chosen[::-1]
