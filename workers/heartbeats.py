"""Hears the heartbeats of running jobs, and says whose worker is silent. Changes nothing."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from redis import Redis
from rq.intermediate_queue import IntermediateQueue

from workers import records
from workers.ours import Ours

# job → whether its worker is silent; None: not known yet, which is no reason to call one back that was lost
Silence = Mapping[str, bool | None]
Popped = Mapping[str, Sequence[str]]  # queue → the jobs that are between it and its workers

SLICE: Final = 1000  # heartbeats, about, in one answer


class Word(NamedTuple):
    """What was last heard of an execution."""

    entry: bytes
    job: str
    score: float  # when it expires, by its worker's clock
    seconds: float  # for how long it has stood still, as far as we know
    is_live: bool  # whether we have heard it change


class Heartbeats:
    """A heartbeat is the changing score in RQ's registry of running jobs, timed by our own clock: those of workers may
    differ. Who has just begun to listen knows of nobody."""

    def __init__(
        self,
        redis: Redis,
        queues: Sequence[str],
        *,
        clock: Callable[[], float],
        patience: float,
        ours: Ours | None = None,
        shared: Collection[str] = (),
    ) -> None:
        self._redis = redis
        self._queues = tuple(queues)  # their names in RQ
        self._ours = ours or Ours(redis, ())
        self._shared = frozenset(shared)  # those where jobs of others may stand: nothing is said of these
        self._clock = clock
        self._patience = patience  # seconds without a heartbeat after which a worker is silent
        self._excused = 0.0  # seconds that count for nobody
        # queue → execution → its last heartbeat, when we first saw that, and whether we have seen one before it
        self._heard: dict[str, dict[bytes, tuple[float, float, bool]]] = {queue: {} for queue in queues}

    def forget(self) -> None:
        """Nobody could be heard, so nobody counts as silent."""
        self._heard = {queue: {} for queue in self._queues}

    def excuse(self, seconds: float) -> None:
        """Count nobody's silence in this time."""
        self._excused += seconds

    def listen(self) -> tuple[dict[str, Silence], Popped]:
        """Whose workers are silent, and what has been taken from each queue and not begun.

        One round trip where few run; of thousands, others have their turn after each slice.
        """
        with self._redis.pipeline(transaction=False) as pipeline:
            for queue in self._queues:
                pipeline.lrange(IntermediateQueue.get_intermediate_queue_key(f"rq:queue:{queue}"), 0, -1)
                pipeline.zscan(wip_key(queue), count=SLICE)
            answers = records.execute(pipeline)
        popped = {
            queue: self._of_ours(f"popped from {queue}", queue, [records.text(id) for id in ids or ()])
            for queue, ids in zip(self._queues, answers[::2], strict=True)
        }
        silent = {
            queue: self._hear(queue, *(part or (0, [])))
            for queue, part in zip(self._queues, answers[1::2], strict=True)
        }
        return {
            queue: {id: heard[id] for id in self._of_ours(queue, queue, list(heard))} for queue, heard in silent.items()
        }, popped

    def last_words(self, queue: str) -> Iterator[Word]:
        """All executions of `queue`, as they were when we last listened."""
        now = self._clock() - self._excused
        for entry, (score, since, is_live) in self._heard[queue].items():
            yield Word(entry, job_of(records.text(entry)), score, now - since, is_live)

    def _of_ours(self, place: str, queue: str, ids: list[str]) -> list[str]:
        if queue not in self._shared:
            return ids
        ours = self._ours.among(place, ids)
        return [id for id in ids if id in ours]

    def _hear(self, queue: str, cursor: int, part: Sequence[tuple[bytes, float]]) -> Silence:
        """The heartbeats of a queue, of which the first `part` has been read.

        By ZSCAN: a place in the order would miss some, since each heartbeat changes it.
        """
        before, self._heard[queue] = self._heard[queue], {}
        heard = self._heard[queue]
        silent: dict[str, bool | None] = {}
        while True:
            now = self._clock() - self._excused
            for entry, score in part:
                held = before.get(entry)
                if held is None or held[0] != score:
                    held = (score, now, held is not None)
                heard[entry] = held
                job = job_of(records.text(entry))
                if silent.get(job, True):  # or another execution of it has been heard
                    silent[job] = True if now - held[1] > self._patience else False if held[2] else None
            if cursor == 0:
                return silent
            time.sleep(0)
            cursor, part = cast(Any, self._redis.zscan(wip_key(queue), cursor, count=SLICE))


def wip_key(queue: str) -> str:
    """RQ's registry of running jobs: members are <job>:<execution>, scores the time they expire."""
    return f"rq:wip:{queue}"


def job_of(entry: str) -> str:
    """The job of such a member."""
    return entry.rpartition(":")[0]
