"""What a running job may use: set by the worker around the job, read by progress and by tasks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis import Redis

from workers.errors import HeadwayError
from workers.settings import Settings
from workers.tasks import Tasks

if TYPE_CHECKING:
    from workers.progress import Reporter, Sender


@dataclass(frozen=True)
class JobContext:
    id: str
    redis: Redis
    settings: Settings
    tasks: Tasks
    sender: "Sender"
    reporter: "Reporter"


running: JobContext | None = None


def current() -> JobContext:
    """Raises `HeadwayError` outside of a job."""
    if running is None:
        raise HeadwayError("this needs a running job: it was called outside of a worker")
    return running


@contextmanager
def entered(context: JobContext) -> Iterator[None]:
    global running
    running = context
    try:
        yield
    finally:
        context.reporter.stop()
        context.sender.close()
        running = None
