"""A job of RQ's that runs registered tasks only, as their signatures say, and keeps what they raise."""

import asyncio
import inspect
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError
from rq import Retry
from rq.job import Job, JobStatus

from workers import ceiling, context, store
from workers.errors import ResultError, UnknownTask, WireError
from workers.failure import Raised, failure_of
from workers.shape import DEPTH_LIMIT, is_too_deep, shares_a_name
from workers.tasks import Task
from workers.wire import encode


class RegisteredJob(Job):
    """A job whose hash names no code: names in it are never imported, and its addresses never called.

    A stranger that can write to Redis must not be able to run code in a worker.
    """

    def perform(self) -> Any:
        """RQ calls this in the horse. Raises `Raised` in the place of whatever the task raises."""
        # read at once after `started`: a horse that was taken for dead must not report for its successor
        sender = context.current().sender
        if sender.attempt is None:
            with suppress(RedisError):  # the sender reads it when Redis is back
                sender.attempt = store.attempt_of(self.connection, self.id)
        try:
            return super().perform()
        except BaseException as error:
            raised = Raised(failure_of(error))
        raise raised

    def _execute(self) -> Any:
        running = context.current()
        task = running.tasks.get(self.func_name)
        if self.instance is not None:
            raise UnknownTask(f"expected a registered task, got a method of {type(self.instance).__name__}")
        limit = running.settings.job_memory if task.fetches else 0
        result = ceiling.under(limit, _call, task, self.args, self.kwargs)
        if not isinstance(result, Retry):
            _check_result(task, result)
        return result

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None

    def send_webhooks(self, status: str | JobStatus, *, exc_string: str | None = None) -> None:
        return None


def _call(task: Task, args: Any, kwargs: Any) -> Any:
    result = task.call(args, kwargs)
    return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def _check_result(task: Task, result: Any) -> None:
    """Raises `ResultError`."""
    if is_too_deep(result):
        raise ResultError(f"the result of {task.name} can't be kept: it is nested more than {DEPTH_LIMIT} deep")
    try:
        encode(result)
    except WireError as error:
        raise ResultError(f"the result of {task.name} can't be kept: {error}") from error
    if shares_a_name(result):
        raise ResultError(f"the result of {task.name} can't be kept: two keys of a dict are the same name in JSON")
