"""How a worker takes jobs from its queue; it leaves a queue alone whose head is another application's job."""

import time
from collections.abc import Iterable
from typing import Any, Final, cast

from redis import Redis
from rq import Queue
from rq.exceptions import DequeueTimeout
from rq.job import Job

from workers.lifecycle import TrackedJob, TrackedQueue
from workers.naming import short

LOOK: Final = 1.0  # seconds between two looks at what stands at the head
SHOWN: Final = 5  # seconds for which a queue is known to be blocked after the last look


def blocked_key(queue: str) -> str:
    """Which job of somebody else blocks the queue of this name; gone soon after it does no more."""
    return f"headway:blocked:{queue}"


class WorkQueue(TrackedQueue):
    """A queue that workers take from."""

    blocked_by = ""  # the job of another application that was met here, and put back at the head

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
            if self.connection.lindex(self.key, 0) != self.blocked_by.encode():
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
        id = taken[1].decode(errors="replace")
        return TrackedJob(id, connection=self.connection, serializer=self.serializer), self
