"""Finds ended jobs whose record in RQ is gone before its time: somebody has deleted it with RQ's own tools."""

import functools
from collections.abc import Iterator
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

from workers.comparison import SLICE, Difference
from workers.wire import ENDED, Status, index_key, state_key

NEWEST: Final = 5 * SLICE  # jobs of each status that are looked at in every round
OTHERS: Final = 5 * SLICE  # of those before, by turns
SLACK: Final = 60  # seconds before RQ's record expires, in which it may do so by any clock

# KEYS[1]  an index of ours, of ended jobs
# ARGV[1]  where to go on: the order of the last one looked at, '+inf' at first
# ARGV[2]  how many to look at
# ARGV[3…] or just these jobs
# Returns {where to go on, '' at the end; then of each that has vanished: id, our status as JSON}. It writes nothing.
# What a release before has written says nothing of how long RQ keeps the job: it is left alone.
SCRIPT: Final = f"""
local call, found, time = redis.call, {{''}}, redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function look(id)
  if call('EXISTS', 'rq:job:' .. id) == 1 then return end
  local state = redis.pcall('HMGET', 'headway:job:' .. id, 'status', 'kept', 'ended_at', 'updated_at')
  local kept, ended, updated = tonumber(state[2] or ''), tonumber(state[3] or ''), tonumber(state[4] or '')
  if not (kept and ended and updated) then return end
  if kept < 0 or now < math.min(ended, updated) + (kept - {SLACK}) * 1000 then
    found[#found + 1] = id
    found[#found + 1] = state[1]
  end
end
if #ARGV > 2 then
  for at = 3, #ARGV do look(ARGV[at]) end
elseif call('TYPE', KEYS[1]).ok == 'zset' then
  local part = call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
  for at = 1, #part, 2 do look(part[at]) end
  if #part == 2 * tonumber(ARGV[2]) then found[1] = '(' .. part[#part] end
end
return found
"""


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SCRIPT.encode())


class Vanished:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._older: dict[Status, str] = {}  # where to go on among those that have their turn

    def look(self) -> Iterator[list[Difference]]:
        """Those among the newest ended jobs, and among some of the others, slice by slice. Raises RedisError."""
        for status in sorted(ENDED):
            go_on = "+inf"
            for _ in range(NEWEST // SLICE):
                found, go_on = self._slice(status, go_on)
                yield found
                if not go_on:
                    break
            older = go_on and (self._older.get(status) or go_on)
            for _ in range(OTHERS // SLICE if older else 0):
                found, older = self._slice(status, older)
                yield found
                if not older:
                    break
            self._older[status] = older

    def _slice(self, status: Status, start: str) -> tuple[list[Difference], str]:
        reply = _script()([index_key("all", status)], [start, SLICE], client=self._redis)
        go_on, *texts = [text.decode(errors="replace") for text in cast(Any, reply)]
        return _differences(texts), go_on


def has_vanished(redis: Redis, id: str) -> bool:
    """Whether this job has. Raises RedisError."""
    _, *texts = cast(Any, _script()([state_key(id)], ["+inf", 0, id], client=redis))
    return bool(texts)


def _differences(texts: list[str]) -> list[Difference]:
    return [Difference(id, ours.strip('"'), "") for id, ours in zip(texts[::2], texts[1::2], strict=True)]
