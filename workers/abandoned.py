"""RQ's own verdict on a job that nobody runs any more: it is tried again where it has retries left, else it failed."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from redis import Redis
from redis.exceptions import WatchError
from rq.exceptions import AbandonedJobError
from rq.job import JobStatus

from workers import installation, records, store
from workers.failure import error_of
from workers.lifecycle import TrackedJob, TrackedQueue, fetch_job
from workers.whereabouts import whereabouts
from workers.wire import Status

UNREADABLE = "Unreadable"  # the error of a job of ours whose record is rubbish

log = logging.getLogger("headway.sweeper")


def abandon(redis: Redis, queue: str, id: str, entries: Sequence[bytes] = ()) -> bool:
    """Judge the job `id`, whose executions `entries` of `queue` (its name in RQ) are silent; False: nothing was judged.

    RQ's `StartedJobRegistry.cleanup` would do it without looking again, and fail even a job that has just finished
    (https://github.com/rq/rq/issues/2424). Without `entries` it is a started job that has no execution at all.
    """
    key = f"rq:wip:{queue}"
    with redis.pipeline() as pipeline:
        pipeline.watch(TrackedJob.key_for(id))
        job = fetch_job(id, redis)
        others = whereabouts(redis, id).executions - {records.text(entry).rpartition(":")[2] for entry in entries}
        pipeline.multi()
        if job is None or not job.is_ours or job._status != JobStatus.STARTED or others:
            if entries:
                pipeline.zrem(key, *entries)
                pipeline.execute()
            return False
        if entries:
            pipeline.zrem(key, *entries)
        origin = TrackedQueue(job.origin, connection=redis)
        retried = job.should_retry
        if retried:
            job.retry(origin, pipeline)
        else:
            job.set_status(JobStatus.FAILED, pipeline=pipeline)
            job._handle_failure(f"{AbandonedJobError.__name__}, at {datetime.now(UTC)}", pipeline, worker_name="")
        try:
            pipeline.execute()
        except WatchError:
            return False  # its worker has spoken after all, or somebody else has judged it
    if not retried:
        origin.enqueue_dependents(job, refresh_job_status=False)
    log.warning("%s: nobody runs it any more; it %s", id, "is tried again" if retried else "has failed")
    return True


def fail_unreadable(redis: Redis, queue: str, id: str, why: str) -> None:
    """Say that a job of ours which a worker has taken has failed: RQ can't read its record, and would drop it."""
    key, kept = TrackedJob.key_for(id), installation.kept_for(redis)
    with redis.pipeline() as pipeline:
        pipeline.watch(key)
        if pipeline.hget(key, "status") not in (b"queued", b"created", b"started"):
            return
        pipeline.multi()
        pipeline.hset(key, "status", JobStatus.FAILED.value)
        pipeline.zadd(f"rq:failed:{queue}", {id: time.time() + kept})
        pipeline.expire(key, kept)
        pipeline.lrem(f"rq:queue:{queue}:intermediate", 1, id)
        error = error_of(UNREADABLE, "the job's record in Redis can't be read")
        store.transition(pipeline, id, {"status": Status.FAILED, "error": error})
        with suppress(WatchError):  # somebody has moved it after all
            pipeline.execute()
    log.error("%s: its record can't be read, so it has failed: %s", id, why)
