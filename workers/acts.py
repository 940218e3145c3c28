"""Does a verb to jobs, any number of them in one MULTI. Knows no rights; workers/verbs.py says what is allowed."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq.registry import CanceledJobRegistry, DeferredJobRegistry, FailedJobRegistry, ScheduledJobRegistry
from rq.serializers import JSONSerializer

from workers import commands, store, verbs
from workers.errors import Conflict, HeadwayError, NotFound
from workers.lifecycle import TrackedJob, TrackedQueue, fetch_jobs
from workers.store import Stored
from workers.verbs import Verb
from workers.whereabouts import whereabouts
from workers.wire import Status, Unreadable

Errors = Mapping[str, HeadwayError]  # of the jobs that it could not be done to
Then = Callable[[Pipeline, Errors], object]

log = logging.getLogger("headway.acts")


@dataclass(frozen=True, slots=True)
class Outcome:
    errors: Errors
    held: float  # seconds that the MULTI took


def act(
    redis: Redis,
    verb: Verb,
    ids: Sequence[str],
    then: Then = lambda pipeline, errors: None,
    *,
    watching: Sequence[str] = (),
) -> Outcome:
    """Do `verb` to each of `ids` whose status allows it, and in the same step what `then` writes.

    Errors are `NotFound`, `Conflict` and, where RQ itself fails at one, another `HeadwayError`. Raises WatchError
    where a job, or a key of `watching`, changed meanwhile: then nothing has been done. No id may be there twice.
    """
    with redis.pipeline() as pipeline:
        pipeline.watch(*[TrackedJob.key_for(id) for id in ids], *watching)
        rows, found = store.load_many(redis, ids), fetch_jobs(ids, redis)
        pipeline.multi()
        queues: dict[str, TrackedQueue] = {}
        errors: dict[str, HeadwayError] = {}
        for id, row, job in zip(ids, rows, found, strict=True):
            written = len(pipeline.command_stack)
            try:
                _write(pipeline, verb, id, row, job, queues)
            except HeadwayError as error:
                errors[id] = error
            except RedisError:
                raise
            except Exception:  # whatever stands in one job: the others are acted on
                log.exception("%s: %s", verb, id)
                errors[id] = HeadwayError(f"{verb}: RQ could not do it; it has been logged")
                del pipeline.command_stack[written:]
        then(pipeline, errors)
        began = time.monotonic()
        pipeline.execute()
        return Outcome(errors, time.monotonic() - began)


def _write(
    pipeline: Pipeline, verb: Verb, id: str, row: Stored | None, job: TrackedJob | None, queues: dict[str, TrackedQueue]
) -> None:
    if row is None:
        raise NotFound(f"no job has the id {id[:80]!r}")
    if job is None:
        verbs.check(verb, row.state.status)
        if verb is not Verb.DELETE:
            raise NotFound(f"RQ does not know the job {id!r} any more")
        store.bury(pipeline, id)
        return
    _check(verb, row.state.status, job)
    job.held = job._status
    if job.is_deferred:
        _leave_dependencies(pipeline, job)
    if verb is Verb.DELETE:
        job.delete(pipeline)
    elif verb is Verb.STOP:
        if not job.worker_name:
            raise Conflict("stop: expected a job that a worker runs, got one that has none yet")
        commands.stop(pipeline, job.worker_name, id, row.state.attempt)
    elif verb is Verb.CANCEL:
        job.cancel(pipeline)
    else:
        _take_out(pipeline, job)
        _enqueue(pipeline, job, queues)


def _check(verb: Verb, shown: Status | Unreadable, job: TrackedJob) -> None:
    """Raises `Conflict` where `verb` may not be done to a job that is what RQ says now, and was `shown` as such."""
    if isinstance(shown, Unreadable):
        verbs.check(verb, shown)
        return
    present = Status(job._status.value)
    if present != shown and not (shown == Status.LOST and present == Status.STARTED):
        raise Conflict(f"{verb}: the job is {present} by now, not {shown}; its page shows that in a moment")
    if verb in (Verb.DELETE, Verb.REQUEUE) and shown in verbs.STRANDED:
        if whereabouts(job.connection, job.id, in_queue=True).is_orphaned:
            return  # nothing else would ever move it
    verbs.check(verb, shown)


def _leave_dependencies(pipeline: Pipeline, job: TrackedJob) -> None:
    """RQ would take a deferred job for one that still waits, when what it waits for ends at this moment or later."""
    for id in job._dependency_ids:
        pipeline.srem(TrackedJob.dependents_key_for(id), job.id)


def _take_out(pipeline: Pipeline, job: TrackedJob) -> None:
    """Out of where RQ keeps it."""
    if job.is_deferred:
        pipeline.delete(job.dependencies_key)
    kind = (
        DeferredJobRegistry
        if job.is_deferred
        else ScheduledJobRegistry
        if job.is_scheduled
        else CanceledJobRegistry
        if job.is_canceled
        else FailedJobRegistry
    )
    registry = kind(job.origin, job.connection, job_class=TrackedJob, serializer=JSONSerializer)
    registry.remove(job, pipeline)


def _enqueue(pipeline: Pipeline, job: TrackedJob, queues: dict[str, TrackedQueue]) -> None:
    if job.origin not in queues:  # each asks once for Redis's version
        queues[job.origin] = TrackedQueue(job.origin, connection=job.connection)
    job.started_at = job.ended_at = None
    job._exc_info = ""
    for key in (job.key, job.dependents_key, job.dependencies_key):
        pipeline.persist(key)  # an ended job's expire; RQ has them stay only once it runs, and it may wait for long
    queues[job.origin]._enqueue_job(job, pipeline=pipeline)
