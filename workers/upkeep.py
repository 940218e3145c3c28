"""What workers themselves do against what dead ones leave behind, so that it is done where no web process sweeps."""

import functools
import time
from collections.abc import Callable, Container
from functools import partial
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script
from rq.registry import DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry
from rq.serializers import JSONSerializer

from workers import records, retention
from workers.abandoned import abandon
from workers.heartbeats import Heartbeats
from workers.lifecycle import TrackedJob
from workers.ours import MARK, Ours
from workers.popped import Popped
from workers.verdict import LEAST, over

SLICE = 500  # canceled jobs, about, that are looked at in one round
# KEYS[1]  RQ's registry of canceled jobs
# ARGV     some of its jobs
# Takes out those whose record is gone, and has those of ours expire that a release before has left there for good.
CANCELED: Final = f"""
local function retention() return {retention.LUA} end
for _, id in ipairs(ARGV) do
  local key = 'rq:job:' .. id
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then
    redis.call('ZREM', KEYS[1], id)
  elseif kind == 'hash' and redis.call('TTL', key) == -1 then
    local status, mark, kept = unpack(redis.call('HMGET', key, 'status', '{MARK}', 'failure_ttl'))
    if status == 'canceled' and mark and kept ~= '-1' then redis.call('EXPIRE', key, retention()) end
  end
end
"""
PATIENCE = 60.0  # seconds in which a worker has begun what it took; RQ's own figure. A sweeper is faster


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), CANCELED.encode())


class Upkeep:
    """Of one queue, by its name in RQ. A worker calls it now and then, where it has nothing to run."""

    def __init__(
        self,
        redis: Redis,
        tasks: Container[str],
        queue: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._queue = queue
        ours = Ours(redis, tasks)
        self._heartbeats = Heartbeats(redis, [queue], clock=clock, patience=LEAST, ours=ours, shared=[queue])
        self._popped = Popped(redis, clock=clock, patience=PATIENCE)
        self._canceled = 0  # where to go on among canceled jobs

    def forget(self) -> None:
        """Nobody could be heard, so nobody counts as silent."""
        self._heartbeats.forget()
        self._popped.forget()

    def tidy(self) -> None:
        """Judge what runs no more, put back what was never begun, forget what has expired."""
        silent, popped = self._heartbeats.listen()
        # RQ's own judges by this worker's clock, which may be minutes away from that of the one that runs the job
        for id, entries in over(self._redis, self._heartbeats, self._queue, silent[self._queue]).items():
            abandon(self._redis, self._queue, id, entries)
        self._popped.look(popped)
        self._popped.put_back(silent)
        for registry in (FinishedJobRegistry, FailedJobRegistry, DeferredJobRegistry):
            registry(self._queue, connection=self._redis, job_class=TrackedJob, serializer=JSONSerializer).cleanup()
        self._forget_canceled()

    def _forget_canceled(self) -> None:
        """RQ's own registry of them knows no end."""
        key = f"rq:canceled:{self._queue}"
        scan = partial(self._redis.zscan, key, self._canceled, count=SLICE)
        self._canceled, part = cast(tuple[int, list[tuple[bytes, float]]], records.ask(scan, (0, [])))
        if part:
            _script()([key], [id for id, _ in part], client=self._redis)
