"""RQ's scheduler, which one scheduled job that can't be read keeps from none of the others."""

from collections.abc import Sequence
from functools import partial

from rq.registry import ScheduledJobRegistry
from rq.scheduler import RQScheduler
from rq.utils import current_timestamp

from workers import records
from workers.lifecycle import TrackedJob, TrackedQueue, fetch_jobs

SLICE = 200  # jobs queued in one MULTI


class Scheduler(RQScheduler):
    """Queues what is due: retries, and jobs that were scheduled."""

    def enqueue_scheduled_jobs(self) -> None:
        """Called by RQ once a second."""
        self._status = self.Status.WORKING
        if not self._scheduled_job_registries and self._acquired_locks:
            self.prepare_registries()
        for registry in self._scheduled_job_registries:
            due = records.ask(partial(self.connection.zrangebyscore, registry.key, 0, current_timestamp()), [])
            records.each(partial(self._enqueue, registry), [records.text(id) for id in due], SLICE)
        self._status = self.Status.STARTED

    def _enqueue(self, registry: ScheduledJobRegistry, ids: Sequence[str]) -> None:
        """What RQ does with those that are due, but for jobs that it can't read: they stay where they are, and wait."""
        queue = TrackedQueue(registry.name, connection=self.connection, serializer=self.serializer)
        jobs = dict(zip(ids, fetch_jobs(ids, self.connection), strict=True))
        with self.connection.pipeline() as pipeline:
            for id, job in jobs.items():
                if job is not None:
                    queue._enqueue_job(job, pipeline=pipeline, at_front=job.should_enqueue_at_front())
                elif self.connection.exists(TrackedJob.key_for(id)):
                    records.say(TrackedJob.key_for(id), "it is scheduled, and stays so")
                    continue
                registry.remove(id, pipeline=pipeline)
            pipeline.execute()
