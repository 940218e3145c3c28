"""Takes the jobs that wait on a queue off it and deletes them: both in one step, so that nobody can come between."""

import functools
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

from workers.script import CHANGE

# KEYS[1]  a queue of RQ's
# ARGV[1]  how many entries to take off it, from the end that workers don't take from
# Returns {how many jobs were deleted, how many entries were taken off}.
#
# A job that waits has no more than these keys in RQ. One that does not wait any more is left, since its entry was one
# too many. Nothing can raise once an entry is off the list: its job would be queued, and in no list.
SCRIPT: Final = (
    """
local function bury(id)
  local KEYS, ARGV = {'headway:job:' .. id}, {'delete', id, '', '', '0'}
"""
    + CHANGE
    + """
  return change()
end
local queue, deleted, taken = KEYS[1], 0, 0
while taken < tonumber(ARGV[1]) do
  local id = redis.call('RPOP', queue)
  if not id then break end
  taken = taken + 1
  local key = 'rq:job:' .. id
  local status, group = unpack(redis.call('HMGET', key, 'status', 'group_id'))
  if not status or status == 'queued' then
    redis.pcall('DEL', key, key .. ':dependents', key .. ':dependencies', 'rq:results:' .. id, 'rq:executions:' .. id)
    if group then redis.pcall('SREM', 'rq:group:' .. group, id) end
    pcall(bury, id)
    if status then deleted = deleted + 1 end
  end
end
return {deleted, taken}
"""
)


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SCRIPT.encode())


def empty(redis: Redis, queue: str, most: int) -> tuple[int, int]:
    """Delete up to `most` of the jobs that wait on `queue` (its name in RQ), the last ones first.

    Returns how many were deleted, and how many entries were taken off the queue: 0 where it is empty.
    """
    deleted, taken = cast(list[int], _script()([f"rq:queue:{queue}"], [most], client=redis))
    return deleted, taken
