"""What the job that this process runs has said and not sent yet: it goes with whatever the job comes to."""

from typing import Any

from redis.client import Pipeline

from workers import context, log_lines


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
