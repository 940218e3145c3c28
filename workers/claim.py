"""Whether a job is still what a worker took: asked under a WATCH, so that the answer holds until it has written.

Between a worker and its job anybody may come: a person who cancels, a sweeper that gives the job to somebody else.
"""

from redis.client import Pipeline
from rq import Queue, Worker
from rq.utils import now

from workers.lifecycle import TrackedJob
from workers.popped import DUE
from workers.whereabouts import Whereabouts, whereabouts


class Overtaken(Exception):
    """Somebody has moved the job since this worker had it: nothing may be written of it any more."""


def may_begin(pipeline: Pipeline, job: TrackedJob, attempt: int | None, execution: str) -> bool:
    """Whether to write that the job is started; False where that is written already.

    `pipeline` has begun to WATCH the job. `attempt` is the one that was taken, None where it was not known; `execution`
    is what the worker has registered for it. Raises `Overtaken`.
    """
    found = whereabouts(pipeline, job.id)
    others = found.executions - {execution}
    if attempt is not None and found.attempt != attempt:
        raise Overtaken(job.id)
    if execution not in found.executions:  # we were silent: it is back in its queue, or another worker's by now
        raise Overtaken(job.id)
    if found.is_popped and found.status in DUE and not (found.status == "started" and others):
        return True
    if found.status == "started" and found.executions == {execution}:
        return False  # our own write: its answer was lost, and with it the WATCH
    raise Overtaken(job.id)


def write_start(pipeline: Pipeline, worker: Worker, job: TrackedJob, queue: Queue) -> None:
    """What RQ's `prepare_job_execution` writes when a horse begins a job."""
    worker.set_current_job_id(job.id, pipeline=pipeline)
    worker.set_current_job_working_time(0, pipeline=pipeline)
    ttl = int(worker.get_heartbeat_ttl(job))
    worker.heartbeat(ttl, pipeline=pipeline)
    job.heartbeat(now(), ttl, pipeline=pipeline)
    job.prepare_for_execution(worker.name, pipeline=pipeline)
    pipeline.lrem(queue.intermediate_queue_key, 1, job.id)


def hold_own_end(pipeline: Pipeline, job: TrackedJob) -> None:
    """As `hold`, of an end that the job itself has come to: it counts, whatever was said of the job meanwhile.

    But for one that was judged while its worker was silent, and then deleted: RQ would make it anew, and perhaps run
    it again. Raises `Overtaken`; at its end `pipeline` raises WatchError.
    """
    if not _watched(pipeline, job).status:
        raise Overtaken(job.id)


def _watched(pipeline: Pipeline, job: TrackedJob) -> Whereabouts:
    """Begin to WATCH the job, with commands in `pipeline` that have not been sent yet."""
    pipeline.immediate_execute_command("WATCH", job.key)
    commands, pipeline.command_stack = pipeline.command_stack, []
    pipeline.explicit_transaction = False  # or the look would wait for the end, too
    found = whereabouts(pipeline, job.id)
    pipeline.command_stack, pipeline.explicit_transaction = commands, True
    return found


def hold(pipeline: Pipeline, job: TrackedJob, attempt: int | None, execution: str) -> None:
    """Have what RQ has put into `pipeline`, and will put there, be done only while the job is what a horse left that
    was killed: running, or taken and not begun. Raises `Overtaken`; at its end `pipeline` raises WatchError.

    RQ makes the pipeline of a failure itself and gives no place to look before: so the WATCH comes after the first
    commands, of which none has been sent by then.
    """
    found = _watched(pipeline, job)
    if None not in (attempt, found.attempt) and attempt != found.attempt:
        raise Overtaken(job.id)
    runs = found.status == "started" and (not execution or execution in found.executions)
    if not runs and not (found.is_popped and found.status in DUE):
        raise Overtaken(job.id)
