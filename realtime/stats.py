"""The bulletins of a dashboard: queues and workers, what has ended, what is yet to come."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from redis import Redis
from rq.suspension import is_suspended

from realtime.bulletin import Bulletin
from realtime.counts import Counts, Moved
from realtime.frames import encode_event
from realtime.topics import SCHEDULE, STATS, Topics
from realtime.transport import Transport
from workers import overview, parts, schedule, scheduler_heartbeat
from workers.history import History
from workers.naming import Naming

NAMING = Naming()
LOOK = 0.03  # seconds until who begins to watch is told
INTERVAL = 1.0  # seconds between two readings
HISTORY = {"15m": 15.0, "24h": 60.0}  # seconds after which a span is read again
GLANCE = ("name", "state", "queue", "job", "heartbeat_at", "host")  # of each worker, each second
CAREER = ("name", "born_at", "done", "failed", "release", "version", "pid")
# seconds without a heartbeat, which comes each 2 s; it is looked for each second, so it is told within 5 s
SILENT = 3.5


class Beats:
    """Times the heartbeats of workers by our own clock, since theirs may differ. A worker counts as heard when it has
    just come, and all of them do when we begin to listen."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # name → the last heartbeat, when we first saw that, and whether we have seen one before it
        self._heard: dict[str, tuple[int | None, float, bool]] = {}
        self._listened_at = 0.0

    def listen(self, beats: Mapping[str, int | None]) -> None:
        """Take note of the heartbeats (ms, by the workers' clocks) of all workers that are there."""
        now = self._clock()
        before = self._heard if now - self._listened_at < SILENT else {}
        self._listened_at = now
        heard = {name: before.get(name) for name in beats}
        self._heard = {
            name: held if held is not None and held[0] == beats[name] else (beats[name], now, held is not None)
            for name, held in heard.items()
        }

    def age(self, name: str) -> float | None:
        """Seconds since its last heartbeat; None where that came before we listened."""
        _, at, is_seen = self._heard[name]
        return self._clock() - at if is_seen else None

    def is_silent(self, name: str) -> bool:
        return self._clock() - self._heard[name][1] > SILENT


class Stats:
    def __init__(
        self,
        redis: Redis,
        queues: Sequence[str],
        topics: Topics,
        transport: Transport,
        history: History,
        moved: Moved,
        *,
        naming: Naming = NAMING,
        clock: Callable[[], float] = time.time,
        now: Callable[[], int] | None = None,
    ) -> None:
        """`clock` counts seconds; `now` is the Unix time in ms, by Redis's clock."""
        self._now = now or (lambda: round(clock() * 1000))
        self._redis = redis
        self._queues = tuple(queues)
        self._naming = naming
        self._in_rq = [naming.in_rq(name) for name in queues]
        self._counts = Counts(redis, queues, moved, clock=clock)
        self._clock = clock
        self._workers: tuple[int, list[dict[str, Any]]] = (-1, [])  # the second in which they were read, and what was
        self._history = history
        self._heartbeats = Beats(clock)
        make = partial(Bulletin, topics=topics, transport=transport, clock=clock)
        self._bulletins = [
            make(STATS, INTERVAL, self._at_a_glance),
            make(STATS, INTERVAL, self._careers),
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
        workers = self._read_workers()
        queues = self._counts.read(workers)
        at = self._now()
        heard = {worker["name"]: self._heard_at(worker, at) for worker in workers}
        glances = [
            {field: worker[field] for field in GLANCE} | {"heartbeat_at": heard[worker["name"]]} for worker in workers
        ]
        rate = self._history.rate()
        up = scheduler_heartbeat.read(self._redis, self._in_rq) is not None
        return encode_event("stats", {"queues": queues, "workers": glances, "scheduler": up, "rate": rate, "at": at})

    def _heard_at(self, worker: dict[str, Any], now: int) -> int | None:
        """When its last heartbeat came (ms): as we heard it, or else as its own clock says, which may be ahead."""
        age = self._heartbeats.age(worker["name"])
        said: int | None = worker["heartbeat_at"]
        return round(now - age * 1000) if age is not None else min(now, said) if said is not None else None

    def _careers(self) -> str:
        """What moves less: what each worker has done, whether it is heard, if all are held, and which releases run."""
        workers = self._read_workers()
        told = [
            {**{field: worker[field] for field in CAREER}, "silent": self._heartbeats.is_silent(worker["name"])}
            for worker in workers
        ]
        releases = parts.differing(self._redis, workers, self._in_rq)
        # who waits for a job as all are suspended is idle by RQ's word, until one comes
        return encode_event(
            "workers", {"workers": told, "suspended": bool(is_suspended(self._redis)), "releases": releases}
        )

    def _read_workers(self) -> list[dict[str, Any]]:
        """Once a second, for both bulletins that tell of them."""
        second = int(self._clock() // INTERVAL)
        if self._workers[0] != second:
            self._workers = (second, overview.workers(self._redis))
            self._heartbeats.listen({worker["name"]: worker["heartbeat_at"] for worker in self._workers[1]})
        return self._workers[1]

    def _ended(self, span: str) -> str:
        return encode_event("history", {"spans": {span: self._history.read(span)}})

    def _to_come(self) -> str:
        return encode_event("schedule", schedule.read(self._redis, self._queues, self._naming))
