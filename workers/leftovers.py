"""What strangers' ended jobs leave in Redis: kept for days, and the oldest of it given up where memory gets short.

Large ones go first, so that those who fill Redis with them lose their own. What waits or runs stays, and so does what
operators' jobs left. Done by the process that holds the sweeper's lock.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast

from redis import Redis
from redis.exceptions import WatchError

from workers import inbox, records, store
from workers.acts import act
from workers.sweeper import Hold
from workers.verbs import Verb
from workers.wire import ENDED, index_key, state_key

INTERVAL: Final = 2.0  # seconds between two looks
BUDGET: Final = 0.3  # seconds for the large ones, and again for the others, which hold up the sweeper
SHORT: Final = 0.8  # of maxmemory, from which on something is given up; new jobs are refused at store.FULL
ENOUGH: Final = 0.75  # of maxmemory, down to which it is
LARGE: Final = 64 * 1024  # bytes of arguments
SLICE: Final = 100  # jobs looked at, and deleted, in one go

log = logging.getLogger("headway.leftovers")


class Leftovers:
    def __init__(self, redis: Redis, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._looked_at = float("-inf")

    def look(self, hold: Hold) -> None:
        """Give up what there is no room for, once in two seconds. Raises RedisError."""
        if self._clock() - self._looked_at < INTERVAL:
            return
        self._looked_at = self._clock()
        if store.memory_share(self._redis) >= SHORT and (count := self._give_up()):
            log.warning("memory is short: %d ended jobs of strangers were given up", count)

    def _give_up(self) -> int:
        count = 0
        for least in (LARGE, 0):
            ends = self._clock() + BUDGET
            for ids in self._ended(least):
                count += self._delete(ids)
                if store.memory_share(self._redis) < ENOUGH:
                    return count
                if self._clock() >= ends:
                    break
                time.sleep(0)
        return count

    def _ended(self, least: int) -> Iterator[list[str]]:
        """Ended jobs of strangers with arguments of so many bytes or more, of each status the oldest first."""
        for status in sorted(ENDED):
            after = "-inf"
            while part := cast(
                Any, self._redis.zrangebyscore(index_key("all", status), after, "+inf", 0, SLICE, withscores=True)
            ):
                after = f"({part[-1][1]:.0f}"
                ids = [records.text(id) for id, _ in part]
                with self._redis.pipeline(transaction=False) as pipeline:
                    for id in ids:
                        pipeline.hmget(state_key(id), "from", "size")
                    found = zip(ids, pipeline.execute(), strict=True)
                yield [id for id, (mark, size) in found if mark not in (None, b'""') and int(size or 0) >= least]

    def _delete(self, ids: Sequence[str]) -> int:
        """How many have gone; also from what their owners have not been told yet."""
        if not ids:
            return 0
        rows = [row for row in store.load_many(self._redis, ids) if row is not None]
        try:
            errors = act(self._redis, Verb.DELETE, [row.state.id for row in rows]).errors
        except WatchError:
            return 0  # one is being requeued: another time
        for row in rows:
            inbox.forget(self._redis, row.owner, [(row.state.id, row.state.attempt)])
        return len(rows) - len(errors)
