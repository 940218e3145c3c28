"""What may be done with jobs: submit, cancel, stop, requeue, delete. Checks statuses, knows no rights."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError, WatchError
from rq import Retry
from rq.job import JobStatus
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from workers import batches, store
from workers.acts import act
from workers.arguments import Arguments, each
from workers.errors import BadArguments, Conflict, Full, NotFound
from workers.fresh import FreshJob, FreshQueue
from workers.lifecycle import RESULT_TTL, TrackedJob, TrackedQueue, fetch_job, fetch_jobs
from workers.store import Stored
from workers.tasks import Task, Tasks
from workers.verbs import Verb
from workers.wire import INTERNAL_QUEUE, encode

BULK_LIMIT = 10_000  # jobs in one bulk submit
SLICE = 200  # jobs saved in one MULTI, so that neither Redis nor the web process is held up for long
RETRIES = 3  # of an internal task, when its worker dies
KEY_TTL = 24 * 3600  # seconds for which an Idempotency-Key is remembered


class Jobs:
    """The jobs of one Redis."""

    def __init__(self, redis: Redis, tasks: Tasks, queues: Sequence[str]) -> None:
        self.redis = redis
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
    ) -> Stored:
        """Queue one job and return its state.

        `key` is an Idempotency-Key of this owner: the same key and request give the same job. `notify` is who else
        is to be told of its ends: {webhook?, email?, by}.
        Raises `BadArguments`, `Full`, and `Conflict` where the key came with another request before.
        """
        task, rq_queue = self._route(name, queue)
        arguments = args if isinstance(args, Arguments) else Arguments.of(task, args)
        self.check_room()
        job = self._create(task, arguments, owner, rq_queue, notify)
        if key is None:
            rq_queue.enqueue_job(job)
            return self.load(job.id)
        return self.load(self._submit_once(job, rq_queue, key))

    def _submit_once(self, job: FreshJob, queue: FreshQueue, key: str) -> str:
        digest = job.arguments.digest(job.task_name, queue.name, *([job.notify] if job.notify else []))
        place = f"headway:once:{job.owner}:{hashlib.sha256(key.encode()).hexdigest()}"
        while True:
            with self.redis.pipeline() as pipeline:
                try:
                    pipeline.watch(place)
                    if kept := self.redis.get(place):
                        first = json.loads(kept)
                        if first["request"] != digest:
                            raise Conflict(
                                "this Idempotency-Key came with another request before: expected the same one"
                            )
                        return str(first["id"])
                    pipeline.multi()
                    pipeline.set(place, encode({"request": digest, "id": job.id}), ex=KEY_TTL)
                    queue.enqueue_job(job, pipeline=pipeline)
                    pipeline.execute()
                    return str(job.id)
                except WatchError:
                    continue  # the same request at the same moment: it has won, read what it wrote

    def submit_internal(self, name: str, args: Any, *, owner: str, id: str, after: timedelta = timedelta()) -> Stored:
        """Queue the job `id` of an internal task, now or `after` a while; it is tried again if its worker dies.

        Taken with the memory nearly full too: it may be what makes room.
        """
        task = self.tasks.get(name)
        queue = FreshQueue(task.queue, connection=self.redis)
        job = self._create(task, Arguments.of(task, args), owner, queue, id=id, retry=Retry(max=RETRIES))
        if after:
            queue.schedule_job(job, datetime.now(UTC) + after)
        else:
            queue.enqueue_job(job)
        return self.load(id)

    def submit_many(
        self, name: Any, args: Any, *, owner: str, queue: Any = None, pause: Callable[[], None] = lambda: time.sleep(0)
    ) -> list[str]:
        """Queue a job for each of `args`, all or none, and return their ids.

        Every job is saved, and shown as queued, before the first may run: one RPUSH releases them all. `pause`
        is called between slices, to let others have their turn. `args` may be `Arguments` already.
        """
        task, rq_queue = self._route(name, queue)
        check_bulk(args)
        jobs: list[FreshJob] = []
        for start in range(0, len(args), SLICE):
            part = args[start : start + SLICE]
            ready = part if isinstance(part[0], Arguments) else each(task, part, start)
            jobs += [self._create(task, arguments, owner, rq_queue) for arguments in ready]
            pause()
        self.check_room()
        ids = [job.id for job in jobs]
        batch = batches.begin(self.redis, ids)
        try:
            for start in range(0, len(jobs), SLICE):
                with self.redis.pipeline() as pipeline:
                    for job in jobs[start : start + SLICE]:
                        rq_queue._prepare_for_queue(job)
                        job.save_new(pipeline)
                    pipeline.execute()
                pause()
            with self.redis.pipeline() as pipeline:
                pipeline.sadd(rq_queue.redis_queues_keys, rq_queue.key)
                pipeline.rpush(rq_queue.key, *ids)
                batches.end(pipeline, batch)
                pipeline.execute()
        except RedisError:
            with suppress(RedisError):  # Redis is away altogether: it stays on record, and is taken back later
                batches.take_back(self.redis, batch, ids)
            raise
        return ids

    def check_room(self) -> None:
        """Raises `Full`."""
        if store.is_nearly_full(self.redis):
            raise Full("Redis has less than a tenth of its memory left: nothing new is taken until jobs have gone")

    def _route(self, name: Any, queue: Any) -> tuple[Task, FreshQueue]:
        task = self.tasks.named(name)
        chosen = task.queue if queue is None else queue
        offered = [name for name in self.queues if name != INTERNAL_QUEUE]
        if chosen not in offered:
            names = ", ".join(offered)
            fields = {"queue": {"expected": f"one of {names}", "got": encode(str(chosen)[:80])}}
            raise BadArguments(f"unknown queue: expected one of {names}", fields)
        return task, FreshQueue(chosen, connection=self.redis)

    def _create(
        self,
        task: Task,
        arguments: Arguments,
        owner: str,
        queue: FreshQueue,
        notify: Mapping[str, str] | None = None,
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
            result_ttl=RESULT_TTL,
            failure_ttl=RESULT_TTL,
            description=task.name,
            meta={"owner": owner} | ({"notify": dict(notify)} if notify else {}),
            status=JobStatus.QUEUED,
            **more,
        )
        assert isinstance(job, FreshJob)
        job.arguments = arguments
        job.origin = queue.name
        return job

    def _queue(self, name: str) -> TrackedQueue:
        return TrackedQueue(name, connection=self.redis)

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
        rq_queue = self._known_queue(queue)
        count = 0
        # from the end that workers don't take from; a job counts as ours once we have taken it off the list
        while ids := rq_queue.get_job_ids(-SLICE, SLICE):
            with self.redis.pipeline() as pipeline:
                for id in ids:
                    pipeline.lrem(rq_queue.key, -1, id)
                taken = [id for id, removed in zip(ids, pipeline.execute(), strict=True) if removed]
                for job in fetch_jobs(taken, self.redis):
                    if job is not None:
                        job.delete(pipeline, remove_from_queue=False)
                pipeline.execute()
            count += len(taken)
        return count

    def requeue_failed(self, queue: str) -> int:
        """Requeue every failed job of `queue`; returns how many. Raises `NotFound`."""
        self._known_queue(queue)
        registry = FailedJobRegistry(queue, connection=self.redis, job_class=TrackedJob, serializer=JSONSerializer)
        count = 0
        for id in registry.get_job_ids():
            try:
                self.requeue(id)
                count += 1
            except (NotFound, Conflict):
                continue  # expired, or requeued by somebody else, since the list was read
        return count

    def _known_queue(self, name: str) -> TrackedQueue:
        if name not in self.queues:
            raise NotFound(f"expected one of the queues {', '.join(self.queues)}, got {name[:80]!r}")
        return self._queue(name)


def check_bulk(args: Any) -> None:
    """Raises `BadArguments` where `args` are not those of a bulk submit, whatever each of them is."""
    if not isinstance(args, list) or not 1 <= len(args) <= BULK_LIMIT:
        got = f"{len(args)} of them" if isinstance(args, list) else type(args).__name__
        expected = f"a list of 1 to {BULK_LIMIT} objects"
        raise BadArguments(f"expected args to be {expected}, got {got}", {"args": {"expected": expected, "got": got}})
