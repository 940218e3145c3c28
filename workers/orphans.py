"""Finds jobs that nothing will ever move again, and has them judged, or puts them back, once that has lasted.

A started job without an execution, or a queued one in no list: no worker holds it and no registry of RQ's lists it. No
step of ours leaves such a job; what was lost with a server's memory, or written by somebody else, may.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, cast

from redis import Redis
from redis.exceptions import WatchError

from workers import batches, records
from workers.abandoned import abandon
from workers.lifecycle import TrackedJob
from workers.ours import MARK
from workers.whereabouts import whereabouts
from workers.wire import Status, index_key

SLICE: Final = 1000  # ids in one answer
MOST: Final = 100  # jobs looked at closely in one round: to find one in its queue takes as long as that is

log = logging.getLogger("headway.sweeper")


class Orphans:
    def __init__(self, redis: Redis, *, clock: Callable[[], float], patience: float) -> None:
        self._redis = redis
        self._clock = clock
        self._patience = patience  # seconds for which a job must have been one
        self._started: dict[str, float] = {}  # job → since when it has no execution
        self._queued: dict[str, float] = {}  # job → since when it is in no list
        self._searched_at: dict[str, float] = {}  # queue → when it was last compared with what waits in it

    def forget(self) -> None:
        """Nobody could move anything: all have their time again."""
        self._started.clear()
        self._queued.clear()

    def started(self, ids: Iterable[str]) -> None:
        """Take note of all that are started and seem to have no execution at present."""
        now = self._clock()
        self._started = {id: self._started.get(id, now) for id in ids}

    def count(self, queue: str, lists: Collection[str], listed: int) -> None:
        """Take note that `listed` of the jobs that wait on `queue` were seen in its `lists`; look for those that are in
        none where that is too few. They move meanwhile, so that is not done over and over."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zcard(index_key(f"queue:{queue}", Status.QUEUED))
            for name in lists:
                pipeline.llen(f"{name}:intermediate")
            waiting, *popped = pipeline.execute()
        now = self._clock()
        if waiting <= listed + sum(popped) or now - self._searched_at.get(queue, float("-inf")) < self._patience / 2:
            return
        self._searched_at[queue] = now
        found = self._unlisted(queue, lists)
        self._queued = {id: self._queued.get(id, now) for id in found} | {
            id: since for id, since in self._queued.items() if id in found
        }

    def _unlisted(self, queue: str, lists: Collection[str]) -> set[str]:
        """Those that wait on `queue` and were in none of its lists, when these were read."""
        waiting: set[bytes] = set()
        for id, _ in self._redis.zscan_iter(index_key(f"queue:{queue}", Status.QUEUED), count=SLICE):
            waiting.add(id)
        for key in [part for name in lists for part in (name, f"{name}:intermediate")]:
            start = 0
            # from the end that nobody takes from: what is taken meanwhile moves none of them
            while part := cast(list[bytes], self._redis.lrange(key, -start - SLICE, -start - 1)):
                waiting.difference_update(part)
                start += SLICE
                time.sleep(0)
        return set(map(records.text, waiting))

    def judge(self) -> None:
        """Judge the started ones whose time is over, and put the queued ones back."""
        now = self._clock()
        for id in _over(self._started, now - self._patience):
            del self._started[id]
            found = whereabouts(self._redis, id)
            if found.is_orphaned:
                abandon(self._redis, found.queue, id)
        due = _over(self._queued, now - self._patience)
        spared = batches.under_way(self._redis) if due else frozenset()
        for id in due:
            del self._queued[id]
            if id not in spared:
                self._put_back(id)

    def _put_back(self, id: str) -> None:
        with self._redis.pipeline() as pipeline:
            pipeline.watch(TrackedJob.key_for(id))
            found = whereabouts(pipeline, id, in_queue=True)
            if not pipeline.hexists(TrackedJob.key_for(id), MARK):
                return
            if found.status != "queued" or not found.is_orphaned:
                return
            pipeline.multi()
            pipeline.lpush(f"rq:queue:{found.queue}", id)
            try:
                pipeline.execute()
            except WatchError:
                return  # somebody has moved it after all
        log.warning("%s: queued, and in no list of %s; it is put back", id, found.queue)


def _over(since: Mapping[str, float], before: float) -> list[str]:
    return [id for id, at in since.items() if at <= before][:MOST]
