"""Takes the jobs that wait on a queue off it and deletes them: both in one step, so that nobody can come between."""

import functools
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

from workers.database import channel_of
from workers.ours import MARK
from workers.script import CHANGE

# KEYS[1]  a queue of RQ's
# ARGV[1]  how many of its entries to look at, from the end that workers don't take from
# ARGV[2]  how many of those at that end have been looked at, and left
# ARGV[3]  the field of RQ's record that marks a job as ours; another application's jobs stay where they are
# ARGV[4]  the channel to tell of each on
# Returns {how many jobs were deleted, how many entries have been left by now; -1 at the end}.
#
# A job that waits has no more than these keys in RQ. One that does not wait any more is left, since its entry was one
# too many. Nothing can raise once an entry is off the list: its job would be queued, and in no list.
SCRIPT: Final = (
    """
local function bury(id)
  local KEYS, ARGV = {'headway:job:' .. id}, {'delete', id, '', '', '0', ARGV[4]}
"""
    + CHANGE
    + """
  return change()
end
local queue, deleted, most, left = KEYS[1], 0, tonumber(ARGV[1]), tonumber(ARGV[2])
local ids = redis.call('LRANGE', queue, -left - most, -left - 1)
for at = #ids, 1, -1 do
  local id = ids[at]
  local key = 'rq:job:' .. id
  local status, group, ours = unpack(redis.call('HMGET', key, 'status', 'group_id', ARGV[3]))
  if status and not ours then left = left + 1
  else
    redis.call('LREM', queue, -1, id)
    if not status or status == 'queued' then
      redis.pcall('DEL', key, key .. ':dependents', key .. ':dependencies', 'rq:results:' .. id, 'rq:executions:' .. id)
      if group then redis.pcall('SREM', 'rq:group:' .. group, id) end
      pcall(bury, id)
      if status then deleted = deleted + 1 end
    end
  end
end
return {deleted, #ids < most and -1 or left}
"""
)


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SCRIPT.encode())


def empty(redis: Redis, queue: str, most: int, skip: int = 0) -> tuple[int, int | None]:
    """Delete those of our jobs that wait on `queue` (its name in RQ) among its last `most` entries, but for `skip`.

    Returns how many were deleted, and how many to skip the next time; None at the end.
    """
    given: list[str | int] = [most, skip, MARK, channel_of(redis)]
    deleted, left = cast(list[int], _script()([f"rq:queue:{queue}"], given, client=redis))
    return deleted, None if left < 0 else left
