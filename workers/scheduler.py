"""RQ's scheduler: of our jobs alone, each once whatever else is done to it, and none kept from its time by another."""

from collections.abc import Container, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from redis.exceptions import WatchError
from rq.job import JobStatus
from rq.registry import ScheduledJobRegistry
from rq.scheduler import RQScheduler
from rq.utils import current_timestamp

from workers import records
from workers.lifecycle import TrackedJob, TrackedQueue, fetch_jobs
from workers.naming import is_own
from workers.ours import Ours

SLICE = 100  # jobs queued in one MULTI
LOOK = timedelta(seconds=5)  # between two tries to have the queues that another scheduler has, which may be dead
LOCK = "headway:scheduler-lock:"  # of a queue that another application may have, too: its scheduler goes on beside ours


class Scheduler(RQScheduler):
    """Queues what is due: retries, and jobs that were scheduled. `tasks` are the names of ours."""

    def __init__(self, *args: Any, tasks: Container[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ours = Ours(self.connection, tasks)

    @classmethod
    def get_locking_key(cls, name: str) -> str:
        """RQ asks for it wherever it takes, renews or gives up the lock of a queue."""
        if is_own(name):
            return str(super().get_locking_key(name))
        return LOCK + name

    @property
    def should_reacquire_locks(self) -> bool:
        """RQ asks once a second; its own waits for minutes, and then nothing of a queue that it lacks is in time."""
        if self._queue_names == self._acquired_locks:
            return False
        return self.lock_acquisition_time is None or datetime.now() - self.lock_acquisition_time > LOOK

    def enqueue_scheduled_jobs(self) -> None:
        """Called by RQ once a second."""
        self._status = self.Status.WORKING
        if not self._scheduled_job_registries and self._acquired_locks:
            self.prepare_registries()
        for registry in self._scheduled_job_registries:
            due = records.ask(partial(self.connection.zrangebyscore, registry.key, 0, current_timestamp()), [])
            queue = TrackedQueue(registry.name, connection=self.connection, serializer=self.serializer)
            records.each(partial(self._enqueue, registry, queue), [records.text(id) for id in due], SLICE)
        self._status = self.Status.STARTED

    def _enqueue(self, registry: ScheduledJobRegistry, queue: TrackedQueue, ids: Sequence[str]) -> None:
        """What RQ does with jobs that are due, if they still are scheduled then: somebody may cancel one or run it.

        One that can't be read stays where it is, and waits.
        """
        self._ours.look(ids)  # marks those of the release before
        fetch = partial(fetch_jobs, ids, self.connection)
        with self.connection.pipeline() as pipeline:
            pipeline.watch(*(TrackedJob.key_for(id) for id in ids))
            # of several, one of another type has all of them fetched one by one
            jobs = dict(zip(ids, fetch() if len(ids) > 1 else records.ask(fetch, [None]), strict=True))
            due = [id for id in ids if self._is_due(registry, id, jobs[id])]
            pipeline.multi()
            for id in due:
                registry.remove(id, pipeline=pipeline)
                job = jobs[id]
                if job is not None and job._status == JobStatus.SCHEDULED:
                    queue._enqueue_job(job, pipeline=pipeline, at_front=job.should_enqueue_at_front())
            try:
                pipeline.execute()
                return
            except WatchError:
                pass  # one has moved: it is told from the others, and the next second sees what it is by then
        for id in ids if len(ids) > 1 else ():
            self._enqueue(registry, queue, [id])

    def _is_due(self, registry: ScheduledJobRegistry, id: str, job: TrackedJob | None) -> bool:
        """Whether its entry is ours to take out, now that its job is watched."""
        if job is None and self.connection.exists(TrackedJob.key_for(id)):
            records.say(TrackedJob.key_for(id), "it is scheduled, and stays so")
            return False
        return (job is None or job.is_ours) and self.connection.zscore(registry.key, id) is not None
