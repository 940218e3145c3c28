"""What is yet to come: scheduled jobs, those that wait for others, and what RQ's cron schedulers will queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from redis import Redis
from rq import cron_scheduler_registry
from rq.cron import CronJob, CronScheduler
from rq.defaults import DEFAULT_CRON_SCHEDULER_TTL
from rq.exceptions import SchedulerNotFound
from rq.registry import ScheduledJobRegistry

from workers import records, scheduler_heartbeat, store
from workers.errors import Conflict, NotFound
from workers.lifecycle import TrackedJob
from workers.naming import Naming, short
from workers.queue import Jobs
from workers.relatives import dependency_ids
from workers.tasks import Task, Tasks
from workers.wire import Status, decode, encode, index_key, state_key

SHOWN = 50  # scheduled jobs, and deferred ones, that come next
ENTRIES = 200  # of one cron scheduler that are shown
WAITED_FOR = 20  # jobs that one deferred job waits for, as far as they are shown
TEXT = 200  # characters of an entry's arguments

NAMING = Naming()
APART = 2.0  # seconds between two clocks from which on they are not the same
LATEST = 253402300800.0  # seconds: the end of the year 9999, beyond which nothing is scheduled


def read(redis: Redis, queues: Sequence[str], naming: Naming = NAMING) -> dict[str, Any]:
    """{scheduled: {total, jobs: [{id, at}]}, deferred: {total, jobs: [{id, waits_for, tasks}]}, cron, scheduler}.

    The scheduled ones by their time `at` (ms), the deferred ones from the oldest; 50 each. `waits_for` are ids, `tasks`
    the tasks of these jobs, None where that is not known. `scheduler` is whether one is up that queues what is due.
    `cron` is a list of {name, host, file, heartbeat_at (ms, by Redis's clock), entries}, entries of {name, task, queue,
    every (s), cron, args, last_at, next_at (ms)}.
    """
    in_rq = [naming.in_rq(queue) for queue in queues]
    return {
        "scheduled": _scheduled(redis, in_rq),
        "deferred": _deferred(redis, queues),
        "cron": _schedulers(redis),
        "scheduler": scheduler_heartbeat.read(redis, in_rq) is not None,
    }


def _scheduled(redis: Redis, queues: Sequence[str]) -> dict[str, Any]:
    with redis.pipeline(transaction=False) as pipeline:
        for queue in queues:
            key = ScheduledJobRegistry(queue, connection=redis).key
            pipeline.zcard(key)
            pipeline.zrange(key, 0, SHOWN - 1, withscores=True)
        replies = records.execute(pipeline)
    shown = (entry for rows in replies[1::2] for entry in rows or ())
    next_ones = sorted((at, records.text(id)) for id, at in shown if abs(at) < LATEST)[:SHOWN]
    return {"total": _total(replies), "jobs": [{"id": id, "at": round(at * 1000)} for at, id in next_ones]}


def _total(replies: Sequence[Any]) -> int:
    return sum(count or 0 for count in replies[::2])


def _deferred(redis: Redis, queues: Sequence[str]) -> dict[str, Any]:
    with redis.pipeline(transaction=False) as pipeline:
        for queue in queues:
            key = index_key(f"queue:{queue}", Status.DEFERRED)
            pipeline.zcard(key)
            pipeline.zrange(key, 0, SHOWN - 1, withscores=True)
        replies = records.execute(pipeline)
        oldest = sorted((order, records.text(id)) for rows in replies[1::2] for id, order in rows or ())[:SHOWN]
        for _, id in oldest:
            pipeline.hget(TrackedJob.key_for(id), "dependency_ids")
        waits = records.execute(pipeline)
    waited = {id: dependency_ids(text)[:WAITED_FOR] for (_, id), text in zip(oldest, waits, strict=True)}
    tasks = _tasks_of(redis, list(dict.fromkeys(other for ids in waited.values() for other in ids)))
    jobs = [{"id": id, "waits_for": ids, "tasks": [tasks[one] for one in ids]} for id, ids in waited.items()]
    return {"total": _total(replies), "jobs": jobs}


def _tasks_of(redis: Redis, ids: Sequence[str]) -> dict[str, str | None]:
    """The task of each job; None where the job is gone, or can't be read."""
    with redis.pipeline(transaction=False) as pipeline:
        for id in ids:
            pipeline.hget(state_key(id), "task")
        return dict(zip(ids, map(_task, records.execute(pipeline)), strict=True))


def _task(text: bytes | None) -> str | None:
    try:
        task = decode(text) if text else None
    except (ValueError, RecursionError):
        return None
    return task if isinstance(task, str) and task else None


# -- cron


def _schedulers(redis: Redis) -> list[dict[str, Any]]:
    key = cron_scheduler_registry.get_registry_key()
    shown = []
    for name, heard_at in records.ask(lambda: redis.zrange(key, 0, -1, withscores=True), []):
        try:
            scheduler = CronScheduler.fetch(records.text(name), redis)
            shown.append(_scheduler(scheduler, _heard_at(redis, scheduler, heard_at)))
        except SchedulerNotFound:
            continue  # it was killed, and is forgotten two minutes later
        except Exception as error:  # whatever RQ, or we, raise of a record of rubbish
            if records.is_away(error):
                raise
            records.say(f"the cron scheduler {records.text(name)}", repr(error))
    return shown


def _heard_at(redis: Redis, scheduler: CronScheduler, said: float) -> float:
    """When it was last heard, in seconds by Redis's clock. `said` is by its own, which may be another.

    With each heartbeat RQ has the record last as long again.
    """
    left = redis.pttl(scheduler.key)
    if not 0 < left <= DEFAULT_CRON_SCHEDULER_TTL * 1000:
        return said
    ahead = said - (store.now(redis) / 1_000_000 - (DEFAULT_CRON_SCHEDULER_TTL - left / 1000))
    return said if abs(ahead) < APART else said - round(ahead)  # whole seconds: it must not change each second


def _scheduler(scheduler: CronScheduler, heard_at: float) -> dict[str, Any]:
    told = {
        "name": scheduler.name,
        "host": scheduler.hostname,
        "file": scheduler.config_file,
        "heartbeat_at": round(heard_at * 1000),
        "entries": [_entry(job) for job in scheduler.get_jobs()[:ENTRIES]],
    }
    encode(told)  # or one entry that JSON can't hold would hide all that is to come
    return told


def _entry(job: CronJob) -> dict[str, Any]:
    args = [repr(value) for value in _given(job.args, ())]
    args += [f"{name}={value!r}" for name, value in _given(job.kwargs, {}).items()]
    return {
        "name": job.name,
        "task": job.func_name,
        "queue": short(job.queue_name),
        "every": job.interval,
        "cron": job.cron,
        "args": ", ".join(args)[:TEXT],
        "last_at": _ms(job.latest_enqueue_time),
        "next_at": _ms(job.next_enqueue_time),
    }


def enqueue_now(jobs: Jobs, scheduler: str, number: int, name: str) -> str:
    """Queue the job of a scheduler's entry `number` once, beside its time; returns its id.

    `name` is what whoever asks takes it for. Raises `NotFound`, `Conflict`.
    """
    try:
        entries = CronScheduler.fetch(scheduler, jobs.redis).get_jobs()
    except SchedulerNotFound:
        raise NotFound(f"no cron scheduler is named {scheduler[:80]!r}") from None
    except Exception as error:  # as above
        if records.is_away(error):
            raise
        raise Conflict(f"What the cron scheduler {scheduler[:80]!r} says of itself can't be read") from error
    if not 0 <= number < len(entries) or entries[number].name != name:
        raise Conflict(f"expected entry {number} to be {name[:80]!r}: the scheduler has other entries now")
    entry = entries[number]
    if not isinstance(entry.args, tuple) or not isinstance(entry.kwargs, dict):  # RQ's word for what JSON can't hold
        raise Conflict(f"the arguments of {name!r} can't be read: expected such as JSON can hold")
    if short(entry.queue_name) not in jobs.queues:
        raise Conflict(f"expected one of the queues {', '.join(jobs.queues)}, got {entry.queue_name[:80]!r}")
    entry.queue_name = jobs.naming.in_rq(entry.queue_name)
    entry.func = _task_of(jobs.tasks, entry.func_name).function
    try:
        return str(entry.enqueue(jobs.redis).id)
    except TypeError as error:  # RQ passes arguments and options side by side
        raise Conflict(f"{name[:80]!r} can't be queued: {error}") from error


def _task_of(tasks: Tasks, path: str) -> Task:
    for task in tasks:
        if path in (task.name, f"{task.function.__module__}.{task.function.__name__}"):
            return task
    raise Conflict(f"expected one of Headway's tasks, got {path[:80]!r}")


def _given(value: Any, nothing: Any) -> Any:
    """Arguments as they were given; `nothing` where RQ says that JSON could not hold them."""
    return value if isinstance(value, type(nothing)) else nothing


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
