"""The jobs between a queue and its workers: not to be run twice, nor to be left there by a worker that died."""

import functools
import logging
import re
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import WatchError
from rq.intermediate_queue import IntermediateQueue
from rq.job import JobStatus
from rq.suspension import WORKERS_SUSPENDED

from workers import records, store
from workers.lifecycle import TrackedJob, fetch_job
from workers.naming import short
from workers.ours import MARK, is_ours, mark
from workers.wire import ENDED, state_key

# what RQ writes together with the entry in the queue, and STARTED where the worker that had begun it is no more
DUE = ("queued", "created", "started")
OUR_ID = re.compile(rb"[A-Za-z0-9_-]+")  # as RQ has it since 2.6; before, an id was any text

log = logging.getLogger("headway.queue")


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that was just taken from its queue, and is to be run."""

    attempt: int | None  # None: we know nothing of it yet
    record: Mapping[bytes, bytes]  # RQ's


class Foreign(Exception):
    """Headway has not made this job: it is not ours to run, nor to move. Its text is the job's id."""


def id_of(redis: Redis, queue: str, entry: bytes) -> str:
    """The id of the job whose `entry` was just taken from `queue`.

    Raises `Foreign` where no job of ours can have it, such as a URL, or what is not UTF-8: the entry goes back.
    """
    if not OUR_ID.fullmatch(entry):
        _return(redis, queue, entry)
        raise Foreign(records.text(entry))
    return entry.decode()


def look_at(redis: Redis, queue: str, id: str, tasks: Container[str]) -> Taken | None:
    """What a worker has to know of a job that it has just taken from `queue`, in one round trip.

    None where it is not to be run. Workers are suspended: it goes back; RQ's look only before they wait for a job, and
    one that waited would take it. Or the entry is one too many, and is dropped: a write whose answer was lost is
    written again, and a job that was taken for dropped has been put back, so that it has two, and would run twice.
    Raises `Foreign` where the job is another application's: it goes back, too. `tasks` are the names of ours.
    """
    between = IntermediateQueue.get_intermediate_queue_key(f"rq:queue:{queue}")
    with redis.pipeline() as pipeline:
        pipeline.hgetall(TrackedJob.key_for(id))
        pipeline.lpos(between, id, count=0)
        pipeline.zrange(f"rq:wip:{queue}", 0, -1)
        pipeline.hmget(state_key(id), "attempt", "status")
        pipeline.exists(WORKERS_SUSPENDED)
        record, positions, entries, state, is_suspended = records.execute(pipeline)
    attempt, shown = state or (None, None)
    # None: a record of another type, which is ours if we have a state of the job
    if attempt is None if record is None else record and not is_ours(record, tasks):
        _return(redis, queue, id)
        raise Foreign(id)
    status = records.text((record or {}).get(b"status"))
    running = (entry.decode(errors="replace").partition(":")[0] for entry in cast(list[bytes], entries or []))
    is_running = status == "started" and id in running
    if len(positions or ()) > 1 and _drop_one_of_several(redis, between, id):
        status = "about to begin"  # another worker has taken it in the same moment
    elif status in DUE and positions and not is_running and is_suspended:
        _return(redis, queue, id)
        return None
    elif status in DUE and positions and not is_running:
        if MARK.encode() not in record:  # of the release before: without a mark nobody would judge it
            mark(redis, [id])
            record[MARK.encode()] = b"1"
        if status == "queued" and records.text(shown).strip('"') in ENDED:
            attempt = _tell_queued(redis, id)
        return Taken(None if attempt is None else int(attempt), record)
    else:
        let_go(redis, queue, id)
    log.warning("%s: taken from %s once more, while it is %s: it is not run again", id, short(queue), status or "gone")
    return None


def _tell_queued(redis: Redis, id: str) -> int | None:
    """That the job waits again, which RQ's own tools have told nobody: its next attempt. Returns its number."""
    with redis.pipeline() as pipeline, suppress(WatchError):  # it has moved in between: others tell of that
        pipeline.watch(TrackedJob.key_for(id))
        job = fetch_job(id, redis)
        pipeline.multi()
        if job is not None and job._status == JobStatus.QUEUED:
            job._publish(pipeline)
        pipeline.execute()
    return store.attempt_of(redis, id)


# KEYS     RQ's record of a job, the intermediate list of its queue, the queue
# ARGV[1]  the job
LET_GO: Final = """
if redis.call('LREM', KEYS[2], 1, ARGV[1]) == 0 or redis.pcall('HGET', KEYS[1], 'status') ~= 'queued' then return 0 end
if redis.call('LPOS', KEYS[2], ARGV[1]) or redis.call('LPOS', KEYS[3], ARGV[1]) then return 0 end
redis.call('LPUSH', KEYS[3], ARGV[1])
return 1
"""


@functools.cache
def _let_go() -> Script:
    return Script(cast(Any, None), LET_GO.encode())


def let_go(redis: Redis, queue: str, id: str) -> None:
    """Drop the entry of a job that a worker has taken and does not run.

    It may be the last one of a job that waits again: who took that one left it to us. Then it goes back to the queue.
    """
    key = f"rq:queue:{queue}"
    between = IntermediateQueue.get_intermediate_queue_key(key)
    _let_go()([TrackedJob.key_for(id), between, key], [id], client=redis)


def _return(redis: Redis, queue: str, id: str | bytes) -> None:
    """To the front of the queue, as if nobody had taken it."""
    between = IntermediateQueue(f"rq:queue:{queue}", redis)
    with redis.pipeline() as pipeline:
        pipeline.lrem(between.key, 1, cast(str, id))  # redis-py takes bytes, too
        pipeline.delete(between.get_first_seen_key(records.text(id)))  # as below
        pipeline.lpush(f"rq:queue:{queue}", id)
        pipeline.execute()


def _drop_one_of_several(redis: Redis, between: str, id: str) -> bool:
    """Drop one entry of a job that has several, so that of those who have taken it one is left to run it."""
    with redis.pipeline() as pipeline:
        while True:
            try:
                pipeline.watch(between)
                if len(cast(list[int], pipeline.lpos(between, id, count=0))) < 2:
                    return False
                pipeline.multi()
                pipeline.lrem(between, 1, id)
                pipeline.execute()
                return True
            except WatchError:
                continue  # another job came or went in between: look again


class Popped:
    """The jobs between queues and workers, and since when each is there by our own clock."""

    def __init__(self, redis: Redis, *, clock: Callable[[], float], patience: float) -> None:
        self._redis = redis
        self._clock = clock
        self._patience = patience  # seconds in which a worker has begun what it has taken
        self._seen: dict[tuple[str, str], float] = {}  # (queue, job) → when we first saw it

    def look(self, popped: Mapping[str, Sequence[str]]) -> None:
        """Take note of the jobs that are between each queue and its workers."""
        now = self._clock()
        present = [(queue, id) for queue, ids in popped.items() for id in ids]
        self._seen = {key: self._seen.get(key, now) for key in present}

    def forget(self) -> None:
        """Nobody could begin anything: all have their time again."""
        self._seen.clear()

    def excuse(self, seconds: float) -> None:
        """Give all so much more time."""
        self._seen = {key: seen_at + seconds for key, seen_at in self._seen.items()}

    def put_back(self, running: Mapping[str, Collection[str]]) -> None:
        """Put those whose time is over back at the front of their queues, but those of `running`; drop the entries of
        those that do not wait any more."""
        now = self._clock()
        for (queue, id), seen_at in list(self._seen.items()):
            if now - seen_at > self._patience and id not in running[queue]:
                self._put_back(queue, id)

    def _put_back(self, queue: str, id: str) -> None:
        key = f"rq:queue:{queue}"
        between = IntermediateQueue(key, self._redis)
        with self._redis.pipeline() as pipeline:
            pipeline.watch(TrackedJob.key_for(id))  # which changes when a worker begins the job after all
            job = fetch_job(id, self._redis)
            waits = job is not None and job._status == JobStatus.QUEUED
            if pipeline.lpos(between.key, id) is None or not self._may_move(id, job):
                return
            pipeline.multi()
            pipeline.lrem(between.key, 1, id)
            # RQ would go by when the job was here before, and fail it as soon as it is taken again
            pipeline.delete(between.get_first_seen_key(id))
            if waits:
                pipeline.lpush(key, id)
            try:
                pipeline.execute()
            except WatchError:
                return
        self._seen.pop((queue, id))
        fate = "it is put back" if waits else "its entry is dropped, since it does not wait any more"
        log.warning("%s: taken from %s and never begun; %s", id, short(queue), fate)

    def _may_move(self, id: str, job: TrackedJob | None) -> bool:
        """Others' jobs, those too that we can't read, are left to them; one that is no more is nobody's."""
        if job is not None:
            return job.is_ours
        key = TrackedJob.key_for(id)
        return bool(self._redis.hexists(key, MARK)) or not self._redis.exists(key)
