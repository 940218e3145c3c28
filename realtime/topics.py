"""Who watches what. Pure: no socket, no Redis."""

from collections.abc import Iterable
from dataclasses import dataclass

from workers.wire import Update

TOPIC_LIMIT = 1024  # topics of one connection


@dataclass(frozen=True, slots=True)
class Topic:
    """What is watched. `mine` is another topic for each owner, though all call it by the same name."""

    name: str  # as clients say it
    owner: str = ""  # of `mine` and `ended` only

    @property
    def scope(self) -> str | None:
        """The index in the store that lists it; None for a single job, and for ends."""
        if self.name == "mine":
            return f"owner:{self.owner}"
        return "all" if self.name == "jobs" else self.name if self.name.startswith("queue:") else None

    @property
    def holds_jobs(self) -> bool:
        """Whether there is something to be read of it: not of ends, nor of stats, logs and the schedule."""
        return self.scope is not None or self.job_id is not None

    @property
    def job_id(self) -> str | None:
        return self.name[4:] if self.name.startswith("job:") else None

    @property
    def log_id(self) -> str | None:
        """The job whose log it is."""
        return self.name[4:] if self.name.startswith("log:") else None


STATS = Topic("stats")
SCHEDULE = Topic("schedule")


def topics_of(update: Update) -> tuple[Topic, ...]:
    """The topics in which an update shows."""
    shown = (Topic(f"job:{update.id}"), Topic("jobs"), Topic(f"queue:{update.queue}"))
    return (*shown, Topic("mine", update.owner)) if update.owner else shown


def log_of(id: str) -> Topic:
    return Topic(f"log:{id}")


def ends_of(owner: str) -> Topic:
    """The ends of one owner: not watched by name, but by every connection of that owner from the first moment."""
    return Topic("ended", owner)


class Topics:
    """The two-way table of connections and the topics they watch."""

    def __init__(self) -> None:
        self._watchers: dict[
            Topic, dict[str, None]
        ] = {}  # dict: sets have no order, and the first come are served first
        self._watched: dict[str, set[Topic]] = {}

    def add(self, sid: str, topic: Topic) -> bool:
        """False where the connection watches as many as it may."""
        mine = self._watched.setdefault(sid, set())
        if topic not in mine and len(mine) >= TOPIC_LIMIT:
            return False
        mine.add(topic)
        self._watchers.setdefault(topic, {})[sid] = None
        return True

    def of(self, sid: str) -> tuple[Topic, ...]:
        """What a connection watches."""
        return tuple(self._watched.get(sid, ()))

    def is_full(self, sid: str) -> bool:
        return len(self._watched.get(sid, ())) >= TOPIC_LIMIT

    def remove(self, sid: str, topics: Iterable[Topic]) -> None:
        for topic in topics:
            self._watched.get(sid, set()).discard(topic)
            watchers = self._watchers.get(topic)
            if watchers is not None:
                watchers.pop(sid, None)
                if not watchers:
                    del self._watchers[topic]

    def drop(self, sid: str) -> None:
        """Forget a connection."""
        self.remove(sid, tuple(self._watched.get(sid, ())))
        self._watched.pop(sid, None)

    def watchers(self, topic: Topic) -> tuple[str, ...]:
        return tuple(self._watchers.get(topic, ()))

    def is_watched(self, topic: Topic) -> bool:
        return topic in self._watchers

    def all(self) -> tuple[Topic, ...]:
        return tuple(self._watchers)
