"""What RQ keeps of one job: arguments, whole result, traceback; and its attempts. What can't be read says so."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis import Redis
from rq.exceptions import DeserializationError
from rq.results import Result

from workers import records, store
from workers.errors import HeadwayError, WireError
from workers.failure import TRACEBACK_LIMIT, cut_middle
from workers.lifecycle import TrackedJob, fetch_job
from workers.shape import is_error, is_time, is_whole
from workers.tasks import Tasks
from workers.vanished import has_vanished
from workers.wire import JobState, decode, encode

T = TypeVar("T")

log = logging.getLogger("headway.detail")


@dataclass
class Detail:
    """Each is None where RQ has none, or where it can't be read: then `unreadable` names it."""

    args: dict[str, Any] | None = None
    result: Any = None
    traceback: str | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)  # oldest first, the current one last
    unreadable: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str | None:
        """What can't be read, for people; None where all can."""
        return f"Headway can't read this job's {_listed(self.unreadable)}" if self.unreadable else None


def read(redis: Redis, state: JobState, tasks: Tasks) -> Detail:
    """All of a job whose state is `state`; arguments that were given without a name have that of their parameter.

    Raises RedisError.
    """
    detail = Detail()
    job = _try("record in RQ", detail, lambda: _fetch(redis, state.id))
    if job is None and state.ended and has_vanished(redis, state.id):
        store.bury(redis, state.id)  # pages hear of it; the caller sees it once more
    if job is not None:
        detail.args = _try("arguments", detail, lambda: _args_of(job, tasks))
        latest = _try("result", detail, lambda: _latest(job))
        if latest is not None:
            detail.result, detail.traceback = latest.return_value, _shortened(latest.exc_string)
    for entry in store.attempts(redis, state.id):
        if (attempt := _try("attempts", detail, lambda entry=entry: _attempt(entry))) is not None:  # type: ignore[misc]
            detail.attempts.append(attempt)
    detail.attempts.append({name: getattr(state, name) for name in _ATTEMPT})
    return detail


_ATTEMPT = ("attempt", "status", "started_at", "ended_at", "error")


def _try(what: str, detail: Detail, read: Callable[[], T]) -> T | None:
    """What `read` returns; None where it can't, which `detail` then says."""
    try:
        return read()
    except Exception as error:  # whatever RQ, a serializer or JSON raises of rubbish; but Redis may be away
        if records.is_away(error):
            raise
        log.debug("%s can't be read: %r", what, error)
    if what not in detail.unreadable:
        detail.unreadable.append(what)
    return None


def _fetch(redis: Redis, id: str) -> TrackedJob | None:
    """Raises `DeserializationError` where RQ has a record that it can't read."""
    job = fetch_job(id, redis)
    if job is None and redis.exists(TrackedJob.key_for(id)):
        raise DeserializationError
    return job


def _args_of(job: TrackedJob, tasks: Tasks) -> dict[str, Any]:
    """Raises `DeserializationError`, `WireError`."""
    if not isinstance(job.kwargs, dict):
        raise DeserializationError(f"expected an object, got {type(job.kwargs).__name__}")
    args = job.kwargs
    if job.args:
        try:
            args = tasks.get(job.func_name).bind(job.args, job.kwargs)
        except HeadwayError:  # no task of ours, or it takes others: they have no names but their places
            args = {str(place): value for place, value in enumerate(job.args)} | job.kwargs
    encode(args)
    return args


def _latest(job: TrackedJob) -> Result | None:
    """Raises `WireError`, and whatever RQ raises."""
    latest = job.latest_result()
    if latest is not None:
        encode(latest.return_value)
    return latest


def _shortened(exc_string: str | None) -> str | None:
    """A traceback as long as ours are at the most: stock workers, and releases before, kept them whole."""
    return None if exc_string is None else cut_middle(exc_string, 2 * TRACEBACK_LIMIT)


def _attempt(entry: str) -> dict[str, Any]:
    """Raises ValueError, KeyError, TypeError, `WireError`."""
    kept = decode(entry)
    attempt = {name: kept[name] for name in _ATTEMPT}
    is_fine = is_whole(attempt["attempt"]) and isinstance(attempt["status"], str) and is_error(attempt["error"])
    if not is_fine or not is_time(attempt["started_at"]) or not is_time(attempt["ended_at"]):
        raise WireError(f"expected an attempt, got {entry[:80]!r}")
    return attempt


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
