"""Reading topics: once for all who ask at the same time, and with nothing lost between reading and watching."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from redis import Redis

from realtime.topics import Topic
from workers import store
from workers.store import Stored
from workers.wire import Update

TOGETHER = 1024  # topics read in one go: what one page may watch; more would hold everybody up for too long

T = TypeVar("T")

Snapshot = tuple[tuple[Stored, ...], bool]  # the states, and whether there are more
NOTHING: Snapshot = ((), False)
Watched = tuple[list[str], bool]  # the states as JSON, and whether there are more


def read_topics(redis: Redis, topics: Sequence[Topic]) -> dict[Topic, Snapshot]:
    """All single jobs in one round trip, and each list in two. Raises RedisError."""
    singles = [topic for topic in topics if topic.job_id is not None]
    rows = store.load_many(redis, [topic.job_id or "" for topic in singles])
    snapshots: dict[Topic, Snapshot] = {
        topic: ((row,) if row else (), False) for topic, row in zip(singles, rows, strict=True)
    }
    for topic in topics:
        if topic.scope is not None:
            listed, more = store.snapshot(redis, topic.scope)
            snapshots[topic] = tuple(listed), more
    return snapshots


class Watch:
    """The updates of one topic that come between joining it and reading its snapshot."""

    def __init__(self) -> None:
        self.updates: dict[str, Update] = {}

    def hear(self, update: Update) -> None:
        held = self.updates.get(update.id)
        if held is None or update.version > held.version:
            self.updates[update.id] = update

    def merge(self, snapshot: Snapshot) -> Watched:
        """The snapshot's states as JSON, newest known each: nothing that came in between is lost or shown twice."""
        rows, more = snapshot
        bodies = {row.state.id: row.body for row in rows}
        versions = {row.state.id: row.state.version for row in rows}
        for id, update in self.updates.items():
            if update.version > versions.get(id, 0):
                bodies.pop(id, None)
                if not update.gone:
                    bodies[id] = update.body
        return list(bodies.values()), more


class SharedReads(Generic[T]):
    """Reads each topic once for all who ask at the same time, and all that is asked for in one turn in one go.

    A read counts only for those who asked before it began: whoever comes while one is under way shares the next.
    """

    def __init__(self, read: Callable[[Sequence[Topic]], dict[Topic, T]]) -> None:
        self._read = read
        self._running: dict[Topic, _Read[T]] = {}
        self._waiting: dict[Topic, _Read[T]] = {}
        self._gathered: dict[Topic, _Read[T]] = {}  # about to be read; who asks now shares it
        self._gathering = threading.Lock()

    def read(self, topics: Sequence[Topic]) -> dict[Topic, T]:
        """Raises whatever reading raises."""
        about_to = {**self._waiting, **self._gathered}
        shared = {topic: about_to[topic] for topic in topics if topic in about_to}
        mine = {topic: _Read[T]() for topic in topics if topic not in shared}
        before = [self._running[topic] for topic in mine if topic in self._running]
        if before:
            self._waiting |= mine
            for running in before:
                running.done.wait()
            for topic in mine:
                del self._waiting[topic]
        if mine:
            self._gather(mine)
        return {topic: read.result() for topic, read in (shared | mine).items()}

    def _gather(self, reads: Mapping[Topic, "_Read[T]"]) -> None:
        """Have `reads` done together with all that others ask for before they get their turn."""
        with self._gathering:
            somebody_leads = bool(self._gathered)
            self._gathered |= reads
        if not somebody_leads:
            time.sleep(0)
            with self._gathering:
                gathered, self._gathered = self._gathered, {}
            self._lead(gathered)

    def _lead(self, reads: Mapping[Topic, "_Read[T]"]) -> None:
        self._running |= reads
        topics = list(reads)
        try:
            for start in range(0, len(topics), TOGETHER):
                part = topics[start : start + TOGETHER]
                found = self._read(part)
                for topic in part:
                    reads[topic].finish(found[topic])
        except Exception as error:  # whoever shares a read must hear of it, whatever it is
            for read in reads.values():
                read.fail(error)
        finally:
            for topic, read in reads.items():
                if self._running.get(topic) is read:
                    del self._running[topic]


class _Read(Generic[T]):
    """A read that is, or will be, under way."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self._found: list[T] = []  # the one thing
        self._error: Exception | None = None

    def finish(self, found: T) -> None:
        self._found.append(found)
        self.done.set()

    def fail(self, error: Exception) -> None:
        """Without effect where it has been finished."""
        if not self.done.is_set():
            self._error = error
            self.done.set()

    def result(self) -> T:
        self.done.wait()
        if self._error is not None:
            raise self._error
        return self._found[0]
