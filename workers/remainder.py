"""What a job says at its end: what its process has not sent yet, and its result."""

from typing import Any

from redis.client import Pipeline
from rq.job import Job

from workers import context, log_lines, retention
from workers.wire import RESULT_LIMIT, Status, encode


def newest_progress(id: str) -> dict[str, Any]:
    """As fields of the state; {} where this process does not run the job."""
    running = context.running
    return running.reporter.fields() if running is not None and running.id == id else {}


def write_log(pipeline: Pipeline, id: str) -> None:
    """The lines that the running job has not sent yet go with whatever it comes to, before it."""
    running = context.running
    if running is not None and running.id == id and running.sender.attempt is not None:
        if lines := running.reporter.logbook.unsent():
            log_lines.write(pipeline, id, running.sender.attempt, lines)


def kept(job: Job, status: Status) -> int:
    """Seconds for which RQ keeps its record of a job that ends as `status`; -1: for good."""
    if status == Status.FINISHED:
        seconds = job.result_ttl
    elif status == Status.CANCELED:  # of these RQ says nothing, and would keep them for good
        seconds = job.failure_ttl or retention.DEFAULT
    else:
        seconds = job.failure_ttl
    if seconds is None:
        if status != Status.FINISHED:
            return -1
        running = context.running
        return retention.DEFAULT if running is None else running.settings.retention
    return max(seconds, -1)


def result_fields(result: Any) -> dict[str, Any]:
    """What a state says of a result; too large a one is fetched. Raises `WireError` where JSON can't hold it."""
    truncated = len(encode(result).encode()) > RESULT_LIMIT
    return {"result": None if truncated else result, "result_truncated": truncated, "error": None}
