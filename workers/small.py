"""Small tasks: one horse runs up to 100 jobs, one after the other, so that none of them costs a fork.

Each is taken from the queue when the one before has ended: no job waits behind another while a worker is idle, and
when a horse is killed all but its current job are where they were.
"""

import signal
from typing import Any

from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.executions import Execution
from rq.intermediate_queue import IntermediateQueue
from rq.job import JobStatus
from rq.suspension import is_suspended
from rq.utils import now

from workers.abandoned import fail_unreadable
from workers.ending import Outcome
from workers.ledger import Entry, Ledger
from workers.lifecycle import TrackedJob, TrackedQueue, fetch_job, restore_job
from workers.popped import Foreign, id_of, look_at
from workers.worker import TrackedWorker

LIMIT = 100  # jobs of one horse


class BatchingWorker(TrackedWorker):
    """A worker whose horses go on with the next job where both are of small tasks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ledger: Ledger | None = None  # None: the horse runs one job, and ends
        self._followed: TrackedJob | None = None  # what RQ believes that the horse runs

    def _run(self, job: TrackedJob, queue: Queue) -> None:
        self._ledger = Ledger() if self._is_small(job) else None
        self._stopped_job_id = None  # of a job that ended by itself as it was to be stopped
        try:
            super()._run(job, queue)
        finally:
            self._ledger = None

    def _is_small(self, job: TrackedJob) -> bool:
        return self._tasks.is_small(job.task_name)

    # -- in the horse

    def perform_job(self, job: TrackedJob, queue: Queue) -> bool:  # type: ignore[override]
        done = super().perform_job(job, queue)
        while (following := self._take_next(queue)) is not None:
            done = super().perform_job(following, queue)
        return done

    def _attempt_to_report(self) -> int | None:
        return None if self._ledger is None else self._attempt  # it was read a moment ago

    def _take_next(self, queue: Queue) -> TrackedJob | None:
        """The next job of the queue, begun, if it is a small one too and this horse may go on."""
        ledger = self._ledger
        if ledger is None:
            return None
        number = ledger.read().number
        ledger.write(Entry(number=number))
        while number < LIMIT and not ledger.enough:
            taken = TrackedQueue.lmove(self.connection, queue.key, None)
            if taken is None:
                return None
            try:
                id = id_of(self.connection, queue.name, taken[1])
            except Foreign:
                ledger.say_enough()
                return None
            number += 1
            entry = Entry(id, number=number)
            ledger.write(entry)
            job = self._begin(entry, queue, ledger)
            if job is not None or ledger.enough:
                return job
            if is_suspended(self.connection):  # it has been given back, and would be taken again
                ledger.write(Entry(number=number))
                return None
        return None

    def _begin(self, entry: Entry, queue: Queue, ledger: Ledger) -> TrackedJob | None:
        try:
            taken = look_at(self.connection, queue.name, entry.job_id, self._tasks)
            if taken is None:
                return None
            job = restore_job(entry.job_id, taken.record, self.connection)
        except Foreign:  # it has gone back, and the parent leaves the queue alone once it meets it
            ledger.write(Entry(number=entry.number))
            ledger.say_enough()
            return None
        except NoSuchJobError as error:
            fail_unreadable(self.connection, queue.name, entry.job_id, str(error))
            return None
        if not self._is_small(job):
            self._hand_back(queue, job.id)
            ledger.write(Entry(number=entry.number))
            ledger.say_enough()
            return None
        self._attempt = taken.attempt
        execution = self.prepare_execution(job)
        ledger.write(Entry(job.id, execution.id, taken.attempt or 0, entry.number))
        return job

    def _hand_back(self, queue: Queue, id: str) -> None:
        with self.connection.pipeline() as pipeline:
            pipeline.lrem(IntermediateQueue.get_intermediate_queue_key(queue.key), 1, id)
            pipeline.lpush(queue.key, id)
            pipeline.execute()

    def handle_execution_ended(self, job: TrackedJob, queue: Queue, heartbeat_ttl: int) -> None:  # type: ignore[override]
        if self._ledger is None:
            super().handle_execution_ended(job, queue, heartbeat_ttl)
        else:
            job.ended_at = now()  # RQ would note a heartbeat as well, which its end overtakes at once

    # -- in its parent

    def prepare_execution(self, job: TrackedJob) -> Execution:  # type: ignore[override]
        execution = super().prepare_execution(job)
        if self._ledger is not None and not self.is_horse:
            self._ledger.write(Entry(job.id, execution.id, self._attempt or 0, 1))
        return execution

    def monitor_work_horse(self, job: TrackedJob, queue: Queue) -> None:  # type: ignore[override]
        self._followed = job
        super().monitor_work_horse(job, queue)

    def wait_for_horse(self) -> Any:
        # RQ looks up after each heartbeat's time, and when the horse has ended: whatever it does then, kill what takes
        # too long, keep alive, fail what was cut off, is to be done with the job that the horse is at by now
        try:
            ended = super().wait_for_horse()
            signal.alarm(0)  # RQ's own, for the wait alone: what follows may wait for Redis, and is not to be cut off
            return ended
        finally:
            if self._ledger is not None:
                self._follow(self._ledger.read())

    def _follow(self, entry: Entry) -> None:
        """Make of the job that RQ holds the one of `entry`: all of it, in one step."""
        job = self._followed
        if job is None or entry.job_id in ("", job.id):
            return
        current = fetch_job(entry.job_id, self.connection)
        if current is None:
            return  # deleted meanwhile: there is nothing to be said of it
        current.started_at = current.started_at or now()  # taken, and not begun yet: RQ counts from here
        execution = Execution(entry.execution_id, current.id, self.connection, self.name)
        job.__dict__ = current.__dict__
        self.execution = execution if entry.execution_id else None
        self._attempt = entry.attempt or None

    def maintain_heartbeats(self, job: TrackedJob) -> None:  # type: ignore[override]
        if self._ledger is not None and is_suspended(self.connection):
            self._ledger.say_enough()
        if self._ledger is None or (self.execution is not None and self._ledger.read().job_id == job.id):
            super().maintain_heartbeats(job)
        else:
            self.heartbeat()  # the horse is between two jobs

    def handle_warm_shutdown_request(self) -> None:
        if self._ledger is not None:
            self._ledger.say_enough()
        super().handle_warm_shutdown_request()

    def handle_job_failure(  # type: ignore[override]
        self, job: TrackedJob, queue: Queue, started_job_registry: Any = None, exc_string: str = ""
    ) -> None:
        if self._ledger is not None and not self.is_horse:
            entry = self._ledger.read()
            if not entry.execution_id and entry.job_id == job.id and not self._waits(job):
                return  # the horse had not begun it: whoever runs it answers for it
            if self._is_innocent(job, entry):
                self._outcome, self._stopped_job_id = Outcome.RETURNED, None
        super().handle_job_failure(job, queue, started_job_registry, exc_string)

    def _waits(self, job: TrackedJob) -> bool:
        return job.get_status(refresh=False) == JobStatus.QUEUED

    def _is_innocent(self, job: TrackedJob, entry: Entry) -> bool:
        """Whether the horse was ended for another job: by the time it came to that, it was at this one."""
        if entry.number > 1 and self._waits(job):
            return True  # taken, and never begun
        aimed_at = self._stopped_job_id or (self._superseded_id if self._outcome is Outcome.SUPERSEDED else None)
        return aimed_at not in (None, job.id)
