"""The worker: RQ's forking one, for one queue, that lets every transition be published and no job be lost."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from redis.client import Pipeline
from redis.exceptions import WatchError
from rq import Queue, worker_registration
from rq.exceptions import NoSuchJobError
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import now

from workers import commands, context, store
from workers.abandoned import fail_unreadable
from workers.claim import Overtaken, hold, hold_own_end, may_begin, write_start
from workers.context import JobContext
from workers.ending import Ending, Outcome
from workers.endurance import leave_old_connections
from workers.errors import WorkHorseKilled
from workers.failure import error_of, failure_from, failure_of
from workers.lifecycle import TrackedJob, restore_job
from workers.popped import Foreign, let_go, look_at
from workers.process import how_it_ended
from workers.progress import Reporter, Sender
from workers.release import release
from workers.settings import Settings
from workers.taking import WorkQueue
from workers.tasks import Tasks
from workers.upkeep import Upkeep
from workers.verdict import HEARTBEAT
from workers.whereabouts import whereabouts

WORKER_TTL = 17  # seconds; an idle worker is heard, as RQ has it, every WORKER_TTL - 15
MAINTENANCE = 10  # seconds between two looks for abandoned jobs
HELD_UP = 6  # seconds between two heartbeats after which Redis must have been away
# seconds that an answer may take while nothing blocks: over a connection that is dead and does not know it, a worker
# must be heard again before its job is judged, HEARTBEAT and a verdict of 5 s after its last word
ANSWER = 4.0


class TrackedWorker(Ending):
    """A forking worker for one queue."""

    job_class = TrackedJob
    queue_class = WorkQueue

    def __init__(self, queue: str, *, settings: Settings, tasks: Tasks, **kwargs: Any) -> None:
        super().__init__(
            [queue],
            serializer=JSONSerializer,
            default_result_ttl=settings.retention,
            worker_ttl=WORKER_TTL,
            job_monitoring_interval=HEARTBEAT,
            maintenance_interval=MAINTENANCE,
            log_job_description=False,
            settings=settings,
            **kwargs,
        )
        self._tasks = tasks
        self._attempt: int | None = None  # of the running job, when it was taken
        self._superseded_id: str | None = None  # the job whose horse was ended for another attempt
        self._upkeep = Upkeep(self.connection, tasks, queue)
        self._patient = self.connection
        self._prompt = store.connect(settings.redis_url, enduring=True, socket_timeout=ANSWER)
        self._beat_at = time.monotonic()

    def execute_job(self, job: TrackedJob, queue: WorkQueue) -> None:  # type: ignore[override]
        self._outcome = Outcome.OWN
        self.connection = job.connection = queue.connection = self._prompt
        try:
            taken = look_at(self.connection, queue.name, job.id, self._tasks)
            if taken is not None:
                self._attempt = taken.attempt
                self._run(restore_job(job.id, taken.record, self.connection), queue)
        except Foreign:
            queue.leave(job.id)
        except NoSuchJobError as error:
            fail_unreadable(self.connection, queue.name, job.id, str(error))
        finally:
            self.connection = self._patient

    def _run(self, job: TrackedJob, queue: Queue) -> None:
        super().execute_job(job, queue)

    def serialize(self) -> dict[Any, Any]:
        """What RQ keeps of a worker, of which release it is, and how long it may be silent."""
        return {**super().serialize(), "release": release(), "verdict": str(self._settings.verdict)}

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        super().heartbeat(timeout, pipeline)
        if pipeline is None:
            self._look_at_record()
        held_up, self._beat_at = time.monotonic() - self._beat_at > HELD_UP, time.monotonic()
        if held_up:
            leave_old_connections(self._patient, self.pubsub)
            self._upkeep.forget()  # Redis was away, for other workers too

    def handle_payload(self, message: dict[str, Any]) -> None:
        if commands.concerns(self.connection, message):
            super().handle_payload(message)  # type: ignore[no-untyped-call]

    def run_maintenance_tasks(self) -> None:
        """RQ calls this each `MAINTENANCE` seconds; its own tidies up the groups of all applications, too."""
        self.clean_registries()

    def clean_registries(self) -> None:
        """RQ's own judges jobs that have moved since it looked."""
        for queue in self.queues:
            if queue.acquire_maintenance_lock():
                self._upkeep.tidy()
                worker_registration.clean_worker_registry(queue)
                queue.release_maintenance_lock()
        self.last_cleaned_at = now()  # type: ignore[assignment]

    def _look_at_record(self) -> None:
        """Be registered still, and hear of a shutdown whose command has not come: it was said while we heard none."""
        with self.connection.pipeline() as pipeline:
            pipeline.sismember(self.redis_workers_keys, self.key)
            pipeline.hget(self.key, commands.SHUTDOWN)
            pipeline.hdel(self.key, commands.SHUTDOWN)
            is_registered, is_to_end, _ = pipeline.execute()
        if is_to_end and self._shutdown_requested_date is None:
            os.kill(os.getpid(), signal.SIGINT)  # as RQ does upon the command
        if is_registered:
            return
        self.log.warning("Worker %s: Redis has lost its data, and is told our name again", self.name)
        with self.connection.pipeline() as pipeline:
            pipeline.hset(self.key, mapping=self.serialize())
            worker_registration.register(self, pipeline)
            pipeline.execute()

    def maintain_heartbeats(self, job: TrackedJob) -> None:  # type: ignore[override]
        super().maintain_heartbeats(job)
        self._look_at_record()
        found = whereabouts(self.connection, job.id)
        is_behind = found.attempt is not None and self._attempt is not None and found.attempt > self._attempt
        # an attempt that only waits may yet be canceled: until somebody really has it, ours is the only one that runs
        if found.is_to_stop and self._attempt in (None, found.attempt):
            self._stopped_job_id = job.id  # the command itself has not come: it was said while we could not hear it
            self.kill_horse()
        if is_behind and found.executions - {self._execution_id}:
            # we were silent for so long that the job was given to somebody else
            self.log.warning("Job %s is at attempt %d by now: ours, %d, is ended", job.id, found.attempt, self._attempt)
            self._superseded_id = job.id
            self._end_horse(Outcome.SUPERSEDED)

    def perform_job(self, job: TrackedJob, queue: Queue) -> bool:  # type: ignore[override]
        if not self._start(job, queue):
            return False
        sender = Sender(self._settings.redis_url, job.id)
        sender.attempt = self._attempt_to_report()
        running = JobContext(job.id, self.connection, self._settings, self._tasks, sender, Reporter(sender, sender.log))
        with context.entered(running):
            return super().perform_job(job, queue)

    def _start(self, job: TrackedJob, queue: Queue) -> bool:
        """Write that the job is started, if it still is what was taken, in one step with RQ's own write.

        A worker that has lost it to a cancel, a delete or a requeue drops its entry, and says nothing of it.
        """
        with self.connection.pipeline() as pipeline:
            while True:
                try:
                    pipeline.watch(job.key)
                    if may_begin(pipeline, job, self._attempt, self._execution_id):
                        pipeline.multi()
                        write_start(pipeline, self, job, queue)
                        pipeline.execute()
                    return True
                except WatchError:
                    continue  # it has moved in between, or the connection was lost: look again
                except Overtaken:
                    pipeline.reset()
                    self._forget(job, pipeline)
                    let_go(self.connection, queue.name, job.id)
                    return False

    def prepare_job_execution(self, job: TrackedJob, remove_from_intermediate_queue: bool = False) -> None:  # type: ignore[override]
        """RQ calls this first of all in `perform_job`; what it would write, `_start` has written by then."""
        self.procline(f"Processing {job.task_name} from {job.origin} since {time.time()}")  # type: ignore[no-untyped-call]

    def _forget(self, job: TrackedJob, pipeline: Pipeline) -> None:
        """Say nothing of a job that somebody else has moved since it was taken."""
        super().cleanup_execution(job, pipeline)
        pipeline.execute()
        self.log.warning("Job %s has moved since it was taken from %s: it is left alone", job.id, job.origin)

    def _attempt_to_report(self) -> int | None:
        """None: it is to be read once the job has started."""
        return None

    def handle_exception(self, job: TrackedJob, *exc_info: Any) -> None:  # type: ignore[override]
        """RQ calls this before `handle_job_failure`; its own would format, and log, whatever the task raised."""
        failed = failure_of(exc_info[1])
        job.failure, job.traceback = failed.error, failed.traceback
        self.log.error("Worker %s: job %s (%s) raised\n%s", self.name, job.id, job.task_name, failed.traceback)

    def monitor_work_horse(self, job: TrackedJob, queue: Queue) -> None:  # type: ignore[override]
        """Wait for the end of the horse, and end the job that it left behind, whatever its exit code: RQ believes 0."""
        super().monitor_work_horse(job, queue)
        found = whereabouts(self.connection, job.id)
        if found.status == JobStatus.STARTED and self._execution_id in found.executions:
            job.ended_at = now()
            self.handle_work_horse_killed(job, None, os.EX_OK, None)
            self.handle_job_failure(job, queue, exc_string="Work-horse ended with exit code 0 in the middle of the job")

    def handle_work_horse_killed(self, job: TrackedJob, retpid: Any, ret_val: Any, rusage: Any) -> None:
        job.failure = error_of(WorkHorseKilled.__name__, f"the process that ran the job {how_it_ended(ret_val)}")
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)  # type: ignore[no-untyped-call]

    def handle_job_failure(  # type: ignore[override]
        self, job: TrackedJob, queue: Queue, started_job_registry: Any = None, exc_string: str = ""
    ) -> None:
        stopped_job_id = self._stopped_job_id
        exc_string = exc_string if job.traceback is None else job.traceback
        if job.failure is None and stopped_job_id != job.id:
            job.failure = failure_from(exc_string)

        def fail() -> None:
            self._stopped_job_id = stopped_job_id  # RQ forgets it
            if self.is_horse or self._outcome is Outcome.OWN:
                super(TrackedWorker, self).handle_job_failure(job, queue, started_job_registry, exc_string)
            else:
                self._give_up(job, queue)

        if not self._write_end(job, fail):
            self._stopped_job_id = None

    def handle_job_success(self, job: TrackedJob, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        self._write_end(job, partial(super().handle_job_success, job, *args, **kwargs))

    def _write_end(self, job: TrackedJob, write: Callable[[], None]) -> bool:
        """`write` what RQ says of a job's end, again where the job moved in between. False where it is not ours."""
        counted = job.retries_left, job.number_of_retries
        while True:
            try:
                write()
                return True
            except WatchError:
                job.retries_left, job.number_of_retries = counted  # RQ has counted this one
            except Overtaken:
                with self.connection.pipeline() as pipeline:
                    self._forget(job, pipeline)
                return False

    def _give_up(self, job: TrackedJob, queue: Queue) -> None:
        """The horse was ended by us: hand the job back, or leave it to whoever has it now."""
        with self.connection.pipeline() as pipeline:
            self.cleanup_execution(job, pipeline)
            if self._outcome is Outcome.RETURNED:
                pipeline.lrem(queue.intermediate_queue_key, 1, job.id)  # it may never have begun
                why = (
                    "the worker was asked to end, and the job took longer"
                    if self._shutdown_requested_date
                    else "the process that ran it was ended for another job, which it had just finished"
                )
                job.failure = error_of("WorkerShutdown", why)
                queue._enqueue_job(job, pipeline=pipeline, at_front=True)
            pipeline.execute()

    def handle_job_retry(self, job: TrackedJob, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        job.failure = error_of("Retry", "the task asked to be run again")

        def retry() -> None:
            super(TrackedWorker, self).handle_job_retry(job, *args, **kwargs)
            if self._execution_id in whereabouts(self.connection, job.id).executions:
                raise WatchError  # RQ has logged it and gone on

        self._write_end(job, retry)

    def cleanup_execution(self, job: Job, pipeline: Pipeline) -> None:
        # https://github.com/rq/rq/issues/2424: after a WatchError RQ replays this, and by then has forgotten
        # which execution to clean up
        execution: Execution | None = self.execution
        if self.is_horse:
            hold_own_end(pipeline, job)  # type: ignore[arg-type]
        elif not pipeline.watching:
            hold(pipeline, job, self._attempt, self._execution_id)  # type: ignore[arg-type]
        super().cleanup_execution(job, pipeline)
        self.execution = execution

    @property
    def _execution_id(self) -> str:
        """What is registered for the job; '' where nothing is."""
        return getattr(self.execution, "id", "")

    def get_heartbeat_ttl(self, job: Job) -> int:
        """Seconds of silence after which RQ calls a job abandoned."""
        return HEARTBEAT + self._settings.verdict
