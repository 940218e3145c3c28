"""Takes over the jobs of the release before: brings them from the old names of our queues to the new ones, marks all.

An old name (`default`) may be another application's queue, too: its jobs stay where they are.
"""

import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

from workers import records
from workers.ours import MARK, Ours
from workers.wire import ACTIVE, Status, index_key

SLICE: Final = 200  # jobs looked at in one go
TURN: Final = 0.1  # seconds of moving, after which others have their turn
REST: Final = 5.0  # seconds between two looks where nothing was found

# KEYS[1]  an old queue of RQ's, or its registry of scheduled jobs; KEYS[2] the new one
# ARGV     the new name, the mark; then the ids, last one first
# Returns how many were moved. A worker that has taken one meanwhile keeps it.
SCRIPT: Final = """
local old, new, moved = KEYS[1], KEYS[2], 0
local is_list = redis.call('TYPE', old).ok == 'list'
for at = 3, #ARGV do
  local id = ARGV[at]
  local score = not is_list and redis.call('ZSCORE', old, id)
  if redis.call('EXISTS', 'rq:job:' .. id) == 1 and (score or (is_list and redis.call('LREM', old, -1, id) > 0)) then
    redis.call('HSET', 'rq:job:' .. id, 'origin', ARGV[1], ARGV[2], '1')
    if is_list then redis.call('LPUSH', new, id)
    else redis.call('ZREM', old, id); redis.call('ZADD', new, score, id) end
    moved = moved + 1
  end
end
if moved > 0 then redis.call('SADD', 'rq:queues', 'rq:queue:' .. ARGV[1]) end
return moved
"""

log = logging.getLogger("headway.legacy")


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SCRIPT.encode())


class Legacy:
    def __init__(self, redis: Redis, names: Mapping[str, str], ours: Ours, *, clock: Callable[[], float]) -> None:
        self._redis = redis
        self._names = dict(names)  # old name in RQ → new one
        self._ours = ours
        self._clock = clock
        self._looked_at = float("-inf")
        self._unmarked = [index_key("all", status) for status in Status if status in ACTIVE]  # not looked through yet
        self._after = "-inf"  # of the first of them: the order of the last job that was looked at
        self._at = dict.fromkeys(names, 0)  # how many entries from the end of each old queue have been looked at

    def mark(self) -> None:
        """Mark what has not ended, once, a tenth of a second at a time.

        What has no mark is emptied from no queue, put back into none, and judged by nobody.
        """
        ends = time.monotonic() + TURN
        while self._unmarked and time.monotonic() < ends:
            key, start = self._unmarked[0], self._after
            read = functools.partial(self._redis.zrangebyscore, key, start, "+inf", 0, SLICE, withscores=True)
            part = records.ask(read, [])
            if part:
                self._ours.look(self._texts(id for id, _ in part))
                self._after = f"({part[-1][1]!r}"
            if len(part) < SLICE:
                del self._unmarked[0]
                self._after = "-inf"
            time.sleep(0)

    def move(self) -> None:
        """Move what is found, for a tenth of a second at the most; where nothing is, it looks each 5 s."""
        began = self._clock()
        if began - self._looked_at < REST:
            return
        moved, ends = 0, time.monotonic() + TURN
        for old, new in self._names.items():
            while (here := self._move_waiting(old, new)) and time.monotonic() < ends:
                moved += here
                time.sleep(0)
            moved += here + self._move_scheduled(old, new)
        if not moved:
            self._looked_at = began

    def _move_waiting(self, old: str, new: str) -> int:
        """Of the end of the queue first, each to the front of the new one: so they keep their order."""
        start = self._at[old]
        ids = self._texts(records.ask(lambda: self._redis.lrange(f"rq:queue:{old}", -start - SLICE, -start - 1), []))
        moved = self._move(f"rq:queue:{old}", f"rq:queue:{new}", new, list(reversed(ids)))
        self._at[old] = start + len(ids) - moved if ids else 0
        return moved

    def _move_scheduled(self, old: str, new: str) -> int:
        moved = 0
        for start in range(0, records.ask(lambda: self._redis.zcard(f"rq:scheduled:{old}"), 0), SLICE):
            ids = self._texts(self._redis.zrange(f"rq:scheduled:{old}", start - moved, start - moved + SLICE - 1))
            moved += self._move(f"rq:scheduled:{old}", f"rq:scheduled:{new}", new, ids)
            time.sleep(0)
        return moved

    def _move(self, old_key: str, new_key: str, new: str, ids: Sequence[str]) -> int:
        ours = self._ours.look(ids) if ids else frozenset()
        if not ours:
            return 0
        moved = _script()([old_key, new_key], [new, MARK, *(id for id in ids if id in ours)], client=self._redis)
        log.warning("%d jobs of the release before were brought from %s to %s", moved, old_key, new_key)
        return int(cast(int, moved))

    def _texts(self, ids: Any) -> list[str]:
        return [id.decode(errors="replace") for id in ids]
