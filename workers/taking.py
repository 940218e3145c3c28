"""How a worker takes jobs from its queue; it leaves a queue alone whose head is another application's job."""

import logging
import time
from collections.abc import Iterable
from math import ceil
from typing import Any, Final, cast

from redis import Redis
from rq import Queue
from rq.exceptions import DequeueTimeout
from rq.job import Job

from workers.lifecycle import TrackedJob, TrackedQueue
from workers.naming import short
from workers.popped import Foreign, id_of
from workers.records import text

LOOK: Final = 1.0  # seconds between two looks at what stands at the head
SHOWN: Final = 5  # seconds for which a queue is known to be blocked after the last look

log = logging.getLogger("headway.queue")


def blocked_key(queue: str) -> str:
    """Which job of somebody else blocks the queue of this name; gone soon after it does no more."""
    return f"headway:blocked:{queue}"


class WorkQueue(TrackedQueue):
    """A queue that workers take from."""

    blocked_by = ""  # the job of another application that was met here, and put back at the head

    @property
    def registry_cleaning_key(self) -> str:
        """The lock of a worker that tidies up. RQ's own would keep another application's workers from it."""
        return f"headway:tidying:{self.name}"

    @classmethod
    def dequeue_any(
        cls, queues: Iterable[Queue], timeout: int | None, connection: Redis | None = None, *_: Any, **__: Any
    ) -> tuple[Job, Queue] | None:
        """RQ calls this to wait for a job, `timeout` seconds, or not at all where that is None.

        RQ would read the job and drop one that it can't read; here it is read once, with all else that a worker must
        know of it (`popped.look_at`).
        """
        (queue,) = cast(list["WorkQueue"], list(queues))
        return queue.take(timeout)

    def take(self, timeout: int | None) -> tuple[Job, Queue] | None:
        """The next job, of which only the id is known. Raises DequeueTimeout."""
        ends = time.monotonic() + (timeout or 0)
        while self.blocked_by:
            if text(cast(bytes | None, self.connection.lindex(self.key, 0))) != self.blocked_by:
                self.blocked_by = ""
                break
            self.connection.set(blocked_key(short(self.name)), self.blocked_by, ex=SHOWN)
            if timeout is None:
                return None
            if time.monotonic() >= ends:
                raise DequeueTimeout(timeout, self.key)
            time.sleep(LOOK)
        taken = self.lmove(self.connection, self.key, timeout)
        if taken is None:
            return None
        try:
            id = id_of(self.connection, self.name, taken[1])
        except Foreign as foreign:
            self.leave(str(foreign))
            return None if timeout is None else self.take(max(1, ceil(ends - time.monotonic())))
        return TrackedJob(id, connection=self.connection, serializer=self.serializer), self

    def leave(self, id: str) -> None:
        """Take nothing until the job `id`, which is another application's, has gone from the head."""
        log.warning("Job %s at the head of %s is not Headway's: it blocks this queue", id, short(self.name))
        self.blocked_by = id
