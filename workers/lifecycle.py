"""RQ, hooked so that every transition is published in the very MULTI in which RQ writes it.

The places are listed in docs/rq.md. Everything that touches a job must use these classes: worker, scheduler, web.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import rq.cron
from redis import Redis
from redis.client import Pipeline
from rq import Queue
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.executions import ExecutionRegistry
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from workers import failure, limits, moments, records, store
from workers.call import RegisteredJob
from workers.errors import WireError
from workers.naming import short
from workers.ours import MARK
from workers.remainder import kept, newest_progress, result_fields, write_log
from workers.tasks import Task
from workers.whereabouts import Executions, note_heartbeat
from workers.wire import Status
from workers.words import words_of


class TrackedJob(RegisteredJob):
    """A job whose every transition is published. It travels as JSON and runs registered tasks only."""

    failure: dict[str, str] | None = None  # {type, message} of the attempt that just failed
    traceback: str | None = None  # of it, cut; None: RQ has another one
    kept_failure: bytes | None = None  # {type, message} of an attempt that failed before, as RQ's record has it
    is_ours = False  # whether Headway has made it: only then is it judged, taken or moved
    held: JobStatus | None = None  # its status, while a WATCH holds it: RQ would ask for it again and again

    @property
    def owner(self) -> str:
        owner = self.meta.get("owner") if isinstance(self.meta, dict) else None
        return owner if isinstance(owner, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", owner) else ""

    @property
    def notify(self) -> dict[str, str] | None:
        """Who else is to be told of its ends: {webhook?, email?, by}; None: nobody has asked."""
        notify = self.meta.get("notify") if isinstance(self.meta, dict) else None
        return notify if isinstance(notify, dict) else None

    @property
    def execution_registry(self) -> ExecutionRegistry:
        return Executions(self.id, self.connection)

    def restore(self, raw_data: Any) -> Any:
        """Raises NoSuchJobError, which RQ is prepared for, whatever it can't read."""
        self.is_ours = MARK.encode() in raw_data
        self.kept_failure = raw_data.get(failure.KEPT.encode())
        try:
            return super().restore(raw_data)
        except NoSuchJobError:
            raise
        except Exception as error:
            raise NoSuchJobError(f"{self.id} can't be read: {error}") from error

    def to_dict(self, include_meta: bool = True, include_result: bool = True) -> dict[str, Any]:
        fields: dict[str, Any] = super().to_dict(include_meta, include_result)
        return {**fields, MARK: "1"} if self.is_ours else fields

    def get_status(self, refresh: bool = True) -> JobStatus:
        return self.held or super().get_status(refresh)

    # -- transitions, where RQ writes them

    def set_status(self, status: JobStatus, pipeline: Pipeline | None = None) -> None:
        if pipeline is not None:
            super().set_status(status, pipeline=pipeline)
            self._publish(pipeline)
        elif status == JobStatus.SCHEDULED:
            # a retry: RQ writes the same once more inside the MULTI that follows
            self._status = status
        else:
            with self.connection.pipeline() as own:
                super().set_status(status, pipeline=own)
                self._publish(own)
                own.execute()

    def save(self, pipeline: Pipeline | None = None, include_meta: bool = True, include_result: bool = True) -> None:
        # a job saved before it has a queue, and enqueue_many's deferred ones, never pass set_status
        if self._status not in (JobStatus.CREATED, JobStatus.DEFERRED):
            super().save(pipeline, include_meta, include_result)
        elif pipeline is not None:
            super().save(pipeline, include_meta, include_result)
            self._publish(pipeline)
        else:
            with self.connection.pipeline() as own:
                super().save(own, include_meta, include_result)
                self._publish(own)
                own.execute()

    def save_new(self, pipeline: Pipeline) -> None:
        """Save and publish a job that nobody knows yet: its whole hash holds its status too, which RQ writes twice."""
        super().save(pipeline)
        self._publish(pipeline)

    def heartbeat(self, timestamp: datetime, ttl: int, pipeline: Pipeline | None = None, xx: bool = False) -> None:
        self.last_heartbeat = timestamp
        note_heartbeat(self.connection if pipeline is None else pipeline, self.id, utcformat(timestamp))

    def prepare_for_execution(self, worker_name: str, pipeline: Pipeline) -> None:
        super().prepare_for_execution(worker_name, pipeline)
        self._publish(pipeline)

    def _handle_failure(self, exc_string: str, pipeline: Pipeline, *args: Any, **kwargs: Any) -> None:
        super()._handle_failure(exc_string, pipeline, *args, **kwargs)
        if self.failure is None and self._status == JobStatus.FAILED:
            # abandoned: the status was written before anybody knew the reason
            self.failure = failure.failure_from(exc_string)
            self._publish(pipeline)
        elif self.failure is not None:
            pipeline.hset(self.key, failure.KEPT, failure.kept_of(self.failure, exc_string))

    def retry(self, queue: Queue, pipeline: Pipeline) -> None:
        if self.failure is None:
            self.failure = failure.failure_from("AbandonedJobError")  # other callers that retry a job set its error
        super().retry(queue, pipeline)

    def publish_again(self) -> None:
        """Publish what RQ knows of this job: somebody has missed it."""
        latest = self.latest_result()
        if latest is not None and self._status == JobStatus.FINISHED:
            self._result = latest.return_value
        elif latest is not None and self._status == JobStatus.FAILED:
            self.failure = failure.read_kept(self.kept_failure, latest.exc_string or "")
        with self.connection.pipeline() as pipeline:
            self._publish(pipeline, is_late=True)
            pipeline.execute()

    def cancel(self, pipeline: Pipeline | None = None, *args: Any, **kwargs: Any) -> None:
        super().cancel(pipeline, *args, **kwargs)
        self.cleanup(kept(self, Status.CANCELED), pipeline)

    def delete(self, pipeline: Pipeline | None = None, *args: Any, **kwargs: Any) -> None:
        if pipeline is not None:
            super().delete(pipeline, *args, **kwargs)
            pipeline.delete(Result.get_key(self.id))
            store.bury(pipeline, self.id)
        else:
            with self.connection.pipeline() as own:
                self.delete(own, *args, **kwargs)
                own.execute()

    def get_result_ttl(self, default_ttl: int) -> int:
        # 0 would delete the job without ever writing `finished`
        return super().get_result_ttl(default_ttl) or 1

    def _publish(self, pipeline: Pipeline, *, is_late: bool = False) -> None:
        """As part of RQ's MULTI. Times are Redis's, since clocks of machines differ; of what is late RQ's are known."""
        when = moments.at(is_late)
        status = Status(self._status.value)
        fields: dict[str, Any] = {"status": status}
        if status == Status.QUEUED:
            fields["enqueued_at"] = when(self.enqueued_at)
        elif status == Status.STARTED:
            fields |= {"started_at": when(self.started_at), "worker": self.worker_name}
        elif status not in (Status.CREATED, Status.DEFERRED, Status.SCHEDULED):
            blank = {"result": None, "result_truncated": False, "error": self.failure}
            lasting = {"ended_at": when(self.ended_at) or store.NOW, "kept": kept(self, status)}
            fields |= newest_progress(self.id) | blank | lasting
        if status == Status.FINISHED:
            fields |= result_fields(self._result)
        elif self.failure is not None:
            fields["error"] = self.failure  # where the job waits again, of the attempt before
        known: dict[str, Any] = {
            "task": self.task_name,
            "queue": short(self.origin),
            "created_at": moments.made(self.created_at, is_late),
            "enqueued_at": moments.ms(self.enqueued_at),
            "started_at": moments.ms(self.started_at),
            "worker": self.worker_name,
            "words": self.words,
        }
        if self.notify is not None:
            known["notify"] = self.notify
        known |= limits.counted(self.meta, self.length)
        write_log(pipeline, self.id)
        store.transition(pipeline, self.id, fields, owner=self.owner, fallback=known)

    @property
    def task_name(self) -> str:
        """'' where the job's data can't be read."""
        try:
            return str(self.func_name)
        except DeserializationError:
            return ""  # the worker fails such a job and says why

    @property
    def length(self) -> int:  # bytes of its task and arguments
        return len(self.data)

    @property
    def words(self) -> str:
        """What can be searched of task and arguments; '' where they can't be read."""
        try:
            return words_of([self.task_name, self.args, self.kwargs])
        except DeserializationError:
            return ""


class StrictJSON(JSONSerializer):
    """RQ's JSON, without NaN and Infinity: no reader but Python's takes them."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        """Raises `WireError`."""
        try:
            return json.dumps(value, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise WireError(f"expected a value that JSON can hold, got {type(value).__name__}: {error}") from error


class TrackedQueue(Queue):
    """A queue of jobs that are published and travel as JSON. A task's function stands for its name."""

    job_class = TrackedJob

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["serializer"] = kwargs.get("serializer") or StrictJSON
        super().__init__(*args, **kwargs)

    def create_job(self, func: Any, args: Any = None, kwargs: Any = None, **more: Any) -> Job:  # type: ignore[override]
        """As RQ's. Raises `BadArguments` where a task does not take these arguments."""
        task = getattr(func, "headway_task", None)
        if isinstance(task, Task):
            more["timeout"] = more.get("timeout") or task.timeout
            func, args, kwargs = task.name, (), task.keep(task.bind(args or (), kwargs or {}))[0]
        job = super().create_job(func, args, kwargs, **more)
        if isinstance(job, TrackedJob):
            job.is_ours = True
        return job

    def schedule_job(self, job: Job, datetime: datetime, pipeline: Pipeline | None = None, unique: bool = False) -> Job:
        """As RQ's. When a job runs again RQ counts from our clock: the scheduler goes by that of Redis."""
        if pipeline is not None and job.started_at is not None:
            datetime = moments.by_redis(datetime, self.connection)
        return super().schedule_job(job, datetime, pipeline, unique)


def install() -> None:
    """Make RQ's cron, which names its class itself, use ours."""
    rq.cron.Queue = TrackedQueue  # type: ignore[attr-defined]


def fetch_job(id: str, connection: Redis) -> TrackedJob | None:
    """The job as RQ has it; None where RQ has none of this id, or can't read it."""
    try:
        job = records.ask(partial(TrackedJob.fetch, id, connection=connection, serializer=JSONSerializer))
    except (NoSuchJobError, ValueError):  # ValueError: no id that RQ could have made
        return None
    assert job is None or isinstance(job, TrackedJob)
    return job


def restore_job(id: str, record: Mapping[bytes, bytes], connection: Redis) -> TrackedJob:
    """The job of RQ's `record`, which was read already. Raises NoSuchJobError where RQ can't read it."""
    job = TrackedJob(id, connection=connection, serializer=JSONSerializer)
    job.restore(record)
    return job


def fetch_jobs(ids: Sequence[str], connection: Redis) -> list[TrackedJob | None]:
    """The jobs as RQ has them, in one round trip if it can read all; None for those it does not have."""
    try:
        fetch = partial(TrackedJob.fetch_many, ids, connection=connection, serializer=JSONSerializer)
        found: list[Any] | None = records.ask(fetch)
    except (NoSuchJobError, ValueError):
        found = None
    return [fetch_job(id, connection) for id in ids] if found is None else found
