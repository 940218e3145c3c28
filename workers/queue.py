"""What may be done with jobs: submit, cancel, stop, requeue, delete. Checks statuses, knows no rights."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import uuid4

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError, ResponseError, WatchError
from rq import Retry
from rq.job import JobStatus

from workers import batches, emptying, once, records, retention, store, waiting
from workers.acts import act
from workers.arguments import Arguments, each
from workers.errors import BadArguments, Conflict, Full, NotFound
from workers.fresh import FreshJob, FreshQueue
from workers.lifecycle import TrackedJob, TrackedQueue, fetch_job
from workers.limits import Payer, meta_of, size_of
from workers.naming import Naming
from workers.store import Stored
from workers.tasks import Task, Tasks
from workers.verbs import Verb
from workers.waiting import Room
from workers.wire import INTERNAL_QUEUES, Status, encode, index_key

NAMING = Naming()
BULK_LIMIT = 10_000  # jobs in one bulk submit
SLICE = 200  # jobs saved in one MULTI, so that neither Redis nor the web process is held up for long
RETRIES = 3  # of an internal task, when its worker dies


class Jobs:
    """The jobs of one Redis."""

    def __init__(self, redis: Redis, tasks: Tasks, queues: Sequence[str], naming: Naming = NAMING) -> None:
        self.redis = redis
        self.naming = naming
        self.retention = retention.DEFAULT  # seconds that ended jobs are kept
        self.tasks = tasks
        self.queues = tuple(queues)

    # -- submit

    def submit(
        self,
        name: Any,
        args: Any,
        *,
        owner: str,
        queue: Any = None,
        key: str | None = None,
        notify: Mapping[str, str] | None = None,
        payer: Payer | None = None,
    ) -> Stored:
        """Queue one job and return its state.

        `key` is an Idempotency-Key of this owner: the same key and request give the same job. `notify` is who else
        is to be told of its ends: {webhook?, email?, by}. `payer` is for whom it counts while it waits.
        Raises `BadArguments`, `Full`, `TooMany`, and `Conflict` where the key came with another request before.
        """
        task, rq_queue = self._route(name, queue)
        arguments = args if isinstance(args, Arguments) else Arguments.of(task, args)
        self.check_room()
        job = self._create(task, arguments, owner, rq_queue, notify, payer)
        if key is None:
            waiting.check(self.redis, payer, 1, size_of(job.length))
            rq_queue.enqueue_job(job)
            return self.load(job.id)
        return self.load(once.submit_once(self.redis, job, rq_queue, key, payer))

    def submit_internal(
        self,
        name: str,
        args: Any,
        *,
        owner: str,
        id: str,
        queue: str,
        after: timedelta = timedelta(),
        payer: Payer | None = None,
        size: int = 0,
    ) -> Stored:
        """Queue the job `id` of an internal task, now or `after` a while; it is tried again if its worker dies.

        `size` is how many bytes count for its `payer`. Taken with the memory nearly full too: it may be what makes
        room.
        """
        task = self.tasks.get(name)
        rq_queue = self._fresh(queue)
        arguments = Arguments.of(task, args)
        job = self._create(task, arguments, owner, rq_queue, None, payer, id=id, retry=Retry(max=RETRIES))
        job.meta["size"] = size
        if after:
            rq_queue.schedule_job(job, datetime.now(UTC) + after)
        else:
            rq_queue.enqueue_job(job)
        return self.load(id)

    def submit_many(
        self,
        name: Any,
        args: Any,
        *,
        owner: str,
        queue: Any = None,
        payer: Payer | None = None,
        pause: Callable[[], None] = lambda: time.sleep(0),
    ) -> list[str]:
        """Queue a job for each of `args`, all or none, and return their ids.

        Every job is saved, and shown as queued, before the first may run: one RPUSH releases them all. `pause`
        is called between slices, to let others have their turn. `args` may be `Arguments` already. Raises `TakenBack`
        where it took so long that another process has given it up, besides what `submit` raises.
        """
        task, rq_queue = self._route(name, queue)
        check_bulk(args)
        waiting.check(self.redis, payer, len(args), 0)  # before the work of looking at them
        jobs: list[FreshJob] = []
        for start in range(0, len(args), SLICE):
            part = args[start : start + SLICE]
            ready = part if isinstance(part[0], Arguments) else each(task, part, start)
            jobs += [self._create(task, arguments, owner, rq_queue, payer=payer) for arguments in ready]
            pause()
        self.check_room()
        with waiting.room(self.redis, payer, len(jobs), sum(size_of(job.length) for job in jobs)) as room:
            return self._save_all(jobs, rq_queue, room, pause)

    def _save_all(
        self, jobs: Sequence[FreshJob], queue: TrackedQueue, room: Room, pause: Callable[[], None]
    ) -> list[str]:
        ids = [job.id for job in jobs]
        batch = batches.begin(self.redis, ids)
        try:
            for start in range(0, len(jobs), SLICE):
                batches.write(self.redis, batch, partial(_save_new, queue, jobs[start : start + SLICE], room))
                pause()
            batches.write(self.redis, batch, partial(_release, queue, ids, batch))
        except RedisError as error:
            with suppress(RedisError):  # Redis is away altogether: it stays on record, and is taken back later
                if isinstance(error, ResponseError):  # Redis does the rest of a MULTI, whatever it refuses of it
                    batches.delete(self.redis, batch, ids)
                elif not batches.take_back(self.redis, batch):
                    return ids  # the last step was done, and its answer was lost
            raise
        return ids

    def check_room(self) -> None:
        """Raises `Full`."""
        if store.is_nearly_full(self.redis):
            raise Full("Redis has less than a tenth of its memory left: nothing new is taken until jobs have gone")

    def _route(self, name: Any, queue: Any) -> tuple[Task, FreshQueue]:
        task = self.tasks.named(name)
        chosen = task.queue if queue is None else queue
        offered = [name for name in self.queues if name not in INTERNAL_QUEUES]
        if chosen not in offered:
            names = ", ".join(offered)
            fields = {"queue": {"expected": f"one of {names}", "got": encode(str(chosen)[:80])}}
            raise BadArguments(f"unknown queue: expected one of {names}", fields)
        return task, self._fresh(chosen)

    def _create(
        self,
        task: Task,
        arguments: Arguments,
        owner: str,
        queue: FreshQueue,
        notify: Mapping[str, str] | None = None,
        payer: Payer | None = None,
        *,
        id: str = "",
        **more: Any,
    ) -> FreshJob:
        job = queue.create_job(
            task.name,
            args=(),
            kwargs={},
            job_id=id or str(uuid4()),
            timeout=task.timeout,
            result_ttl=self.retention,
            failure_ttl=self.retention,
            description=task.name,
            meta={"owner": owner} | ({"notify": dict(notify)} if notify else {}) | meta_of(payer),
            status=JobStatus.QUEUED,
            **more,
        )
        assert isinstance(job, FreshJob)
        job.arguments = arguments
        job.origin = queue.name
        return job

    def _fresh(self, name: str) -> FreshQueue:
        return FreshQueue(self.naming.in_rq(name), connection=self.redis)

    # -- look

    def load(self, id: str) -> Stored:
        """Raises `NotFound`."""
        if (stored := store.load(self.redis, id)) is None:
            raise NotFound(f"no job has the id {id[:80]!r}")
        return stored

    def detail(self, id: str) -> tuple[TrackedJob | None, list[dict[str, Any]]]:
        """RQ's own record of a job (arguments, whole result, traceback), and its attempts, oldest first."""
        state = self.load(id).state
        earlier = [json.loads(entry) for entry in store.attempts(self.redis, id)]
        now = {name: getattr(state, name) for name in ("attempt", "status", "started_at", "ended_at", "error")}
        return fetch_job(id, self.redis), [*earlier, now]

    # -- act

    def act(self, verb: Verb, id: str) -> None:
        """Do `verb` to one job. Raises `NotFound`, `Conflict`."""
        while True:
            with suppress(WatchError):  # it has moved in between: look again
                for error in act(self.redis, verb, [id]).errors.values():
                    raise error
                return

    def cancel(self, id: str) -> Stored:
        """Take back a job that has not started. Raises `NotFound`, `Conflict`."""
        self.act(Verb.CANCEL, id)
        return self.load(id)

    def stop(self, id: str) -> Stored:
        """Ask the worker to end a started job; `stopped` follows. Raises `NotFound`, `Conflict`."""
        self.act(Verb.STOP, id)
        return self.load(id)

    def requeue(self, id: str) -> Stored:
        """Run a job again that did not finish. Raises `NotFound`, `Conflict`."""
        self.act(Verb.REQUEUE, id)
        return self.load(id)

    def enqueue(self, id: str) -> Stored:
        """Run a job now that is scheduled or deferred. Raises `NotFound`, `Conflict`."""
        self.act(Verb.ENQUEUE, id)
        return self.load(id)

    def delete(self, id: str) -> None:
        """Forget a job that is not running. Raises `NotFound`, `Conflict`."""
        self.act(Verb.DELETE, id)

    def empty(self, queue: str) -> int:
        """Delete every job that waits on `queue`; returns how many. Raises `NotFound`."""
        name, count, skip = self._known_queue(queue), 0, 0
        while True:
            deleted, left = emptying.empty(self.redis, name, SLICE, skip)
            count += deleted
            if left is None:
                return count
            skip = left

    def requeue_failed(self, queue: str) -> int:
        """Requeue every failed job of `queue`; returns how many. Raises `NotFound`."""
        self._known_queue(queue)
        count = 0
        for id in cast(list[bytes], self.redis.zrange(index_key(f"queue:{queue}", Status.FAILED), 0, -1)):
            try:
                self.requeue(records.text(id))
                count += 1
            except (NotFound, Conflict):
                continue  # expired, or requeued by somebody else, since the list was read
        return count

    def _known_queue(self, name: str) -> str:
        """Its name in RQ."""
        if name not in self.queues:
            raise NotFound(f"expected one of the queues {', '.join(self.queues)}, got {name[:80]!r}")
        return self.naming.in_rq(name)


def _save_new(queue: TrackedQueue, jobs: Sequence[FreshJob], room: Room, pipeline: Pipeline) -> None:
    for job in jobs:
        queue._prepare_for_queue(job)
        job.save_new(pipeline)
    room.use(pipeline, len(jobs))


def _release(queue: TrackedQueue, ids: Sequence[str], batch: str, pipeline: Pipeline) -> None:
    """Let all of them run."""
    pipeline.sadd(queue.redis_queues_keys, queue.key)
    pipeline.rpush(queue.key, *ids)
    batches.end(pipeline, batch)


def check_bulk(args: Any) -> None:
    """Raises `BadArguments` where `args` are not those of a bulk submit, whatever each of them is."""
    if not isinstance(args, list) or not 1 <= len(args) <= BULK_LIMIT:
        got = f"{len(args)} of them" if isinstance(args, list) else type(args).__name__
        expected = f"a list of 1 to {BULK_LIMIT} objects"
        raise BadArguments(f"expected args to be {expected}, got {got}", {"args": {"expected": expected, "got": got}})
