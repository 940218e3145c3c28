"""What a job says at its end: what its process has not sent yet, and its result."""

from typing import Any

from redis.client import Pipeline

from workers import context, log_lines
from workers.wire import RESULT_LIMIT, encode


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


def result_fields(result: Any) -> dict[str, Any]:
    """What a state says of a result; too large a one is fetched. Raises `WireError` where JSON can't hold it."""
    truncated = len(encode(result).encode()) > RESULT_LIMIT
    return {"result": None if truncated else result, "result_truncated": truncated, "error": None}
