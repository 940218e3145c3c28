"""Jobs in each status that a queue counts, a long list of failed ones among them; and jobs that keep ending."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import cast

from redis import Redis
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from bench.lab import until
from workers import acts, jobs, retention
from workers.errors import Conflict
from workers.failure import failure_from
from workers.lifecycle import TrackedQueue, fetch_jobs
from workers.naming import Naming
from workers.queue import Jobs
from workers.tasks import Tasks
from workers.verbs import Verb
from workers.wire import Status, index_key

MOVED, BUSY = "default", "mail"  # where jobs end by the second; where a worker is busy all the time
IDLE = ("video", "audio", "books", "search", "exports", "imports", "thumbs", "billing")  # nobody works on these
QUEUES = (MOVED, BUSY, *IDLE)
WORKERS = (MOVED, MOVED, MOVED, MOVED, BUSY, BUSY)  # the queue of each
FAILED, FINISHED, QUEUED, OTHERS = 40_000, 2_000, 320, 50
PART, SLICE = 10_000, 200
RATE = 20  # jobs that end each second, while something moves
DONE_WITHIN = 120.0  # seconds
TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/workers/jobs/text.py", line 21, in sum_numbers
    return sum(int(character) for character in text)
ValueError: invalid literal for int() with base 10: 'x'
"""


def submitter(redis: Redis) -> Jobs:
    return Jobs(redis, Tasks.collect(jobs), QUEUES)


def fill(jobs: Jobs) -> list[str]:
    """Empty Redis and make the jobs, while no worker runs; returns the ids of those that are scheduled."""
    jobs.redis.flushall()
    for _ in range(FAILED // PART):
        _fail(jobs, jobs.submit_many("sum_numbers", [{"text": f"{n}"} for n in range(PART)], owner="bench"))
    for name in IDLE:
        jobs.submit_many("sum_numbers", [{"text": "1"}] * (QUEUED // len(IDLE)), owner="bench", queue=name)
    canceled = jobs.submit_many("sum_numbers", [{"text": "1"}] * OTHERS, owner="bench")
    acts.act(jobs.redis, Verb.CANCEL, canceled)
    queue = TrackedQueue(Naming().in_rq(MOVED), connection=jobs.redis, serializer=JSONSerializer)
    kept = {"result_ttl": retention.DEFAULT, "failure_ttl": retention.DEFAULT}
    told = {"text": "12345", "meta": {"owner": "bench"}, **kept}
    scheduled = [queue.enqueue_in(timedelta(days=1), "sum_numbers", **told) for _ in range(OTHERS)]
    for one in scheduled:
        queue.enqueue("sum_numbers", **told, depends_on=one)
    jobs.submit_many("sum_numbers", [{"text": "12345"}] * FINISHED, owner="bench")  # workers will run them
    return [str(one.id) for one in scheduled]


def rests(redis: Redis) -> bool:
    """Whether the workers have nothing to do."""
    return not any(
        redis.zcard(index_key(f"queue:{queue}", status))
        for queue in (MOVED, BUSY)
        for status in (Status.QUEUED, Status.STARTED)
    )


class Mover:
    """Ends `RATE` jobs a second as RQ's worker does, over and over the same; and a worker is busy meanwhile.

    Each end takes as many commands as any other, which a worker's do not: what else takes some can be told from them.
    """

    def __init__(self, jobs: Jobs) -> None:
        self.count = 0  # ends so far
        self._jobs = jobs
        self._finished = cast(list[bytes], jobs.redis.zrevrange(index_key(f"queue:{MOVED}", Status.FINISHED), 0, 99))

    @contextmanager
    def moving(self) -> Iterator[None]:
        long = self._jobs.submit("create_task", {"task_type": 3}, owner="bench", queue=BUSY)
        until(lambda: self._jobs.load(long.state.id).state.status == Status.STARTED, DONE_WITHIN)
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            moved = pool.submit(self._move, stop)
            try:
                yield
            finally:
                stop.set()
                moved.result()
        with suppress(Conflict):  # it has ended by itself
            self._jobs.stop(long.state.id)
        until(lambda: rests(self._jobs.redis), DONE_WITHIN)

    def _move(self, stop: threading.Event) -> None:
        jobs = [job for job in fetch_jobs([id.decode() for id in self._finished], self._jobs.redis) if job is not None]
        began, first = time.monotonic(), self.count
        while not stop.wait(max(0.0, began + (self.count - first) / RATE - time.monotonic())):
            job = jobs[self.count % len(jobs)]
            with self._jobs.redis.pipeline() as pipeline:
                job.set_status(JobStatus.QUEUED, pipeline)
                job.prepare_for_execution("bench", pipeline)
                job._result, job.ended_at = 15, datetime.now(UTC)
                job._handle_success(retention.DEFAULT, pipeline)
                pipeline.execute()
            self.count += 1


def _fail(jobs: Jobs, ids: Sequence[str]) -> None:
    """As RQ's worker does, at once for very many."""
    jobs.redis.delete(f"rq:queue:{MOVED}")
    for start in range(0, len(ids), SLICE):
        with jobs.redis.pipeline() as pipeline:
            for job in fetch_jobs(ids[start : start + SLICE], jobs.redis):
                assert job is not None
                job.started_at = job.ended_at = datetime.now(UTC)
                job.failure = failure_from(TRACEBACK)
                job.set_status(JobStatus.FAILED, pipeline)
                job._handle_failure(TRACEBACK, pipeline)
                job.save(pipeline, include_meta=False, include_result=False)
            pipeline.execute()
