"""Finds jobs of which our states and RQ's records say different things. Redis looks: what agrees never leaves it."""

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, cast

from redis import Redis
from redis.commands.core import Script

from workers.ours import MARK
from workers.script import lua_set
from workers.wire import ACTIVE, Status, index_key

SLICE: Final = 500  # jobs looked at in one go: some 1 ms of Redis's time

# KEYS[1]  an index of ours; or a queue of RQ's, of which those are looked at that are in no such index
# ARGV[1]  where to go on: of an index the order of the last one looked at, '-inf' at first; of a queue how many were
#          looked at, from the end that nobody takes from: what is taken meanwhile moves none of them
# ARGV[2]  how many to look at
# ARGV[3]  the field of RQ's record that marks a job as ours: others' are no concern of ours, wherever they stand
# ARGV[4…] or just these jobs
# Returns {where to go on, '' at the end; how many that we call queued are in this part of a queue; then of each that
# differs: id, our status as JSON, RQ's; empty: none}. Of a started job without an execution RQ's is `stranded`.
# It writes nothing.
STRANDED: Final = "stranded"
SCRIPT: Final = f"""
local call, key, from, most, found = redis.call, KEYS[1], ARGV[1], tonumber(ARGV[2]), {{''}}
local ACTIVE, waiting = {lua_set(ACTIVE)}, 0
local function runs(id)
  local origin = call('HGET', 'rq:job:' .. id, 'origin') or ''
  for _, execution in ipairs(redis.pcall('ZRANGE', 'rq:executions:' .. id, 0, -1)) do
    local score = redis.pcall('ZSCORE', 'rq:wip:' .. origin, id .. ':' .. execution)
    if score then return true end
  end
  return false
end
local function look(id, listed)
  local is_ours = redis.pcall('HEXISTS', 'rq:job:' .. id, ARGV[3]) == 1
  if listed and not is_ours then return end
  local ours = redis.pcall('HGET', 'headway:job:' .. id, 'status') or '""'
  if type(ours) == 'table' then ours = '"unreadable"' end
  if listed and ours == '"queued"' then waiting = waiting + 1 end
  if listed and ACTIVE[ours] then return end
  local rqs = redis.pcall('HGET', 'rq:job:' .. id, 'status') or ''
  if type(rqs) == 'table' then rqs = 'unreadable' end
  local agrees = ours == '"' .. rqs .. '"' or (ours == '"lost"' and rqs == 'started')
  if agrees and rqs == 'started' and is_ours and not runs(id) then agrees, rqs = false, 'stranded' end
  if not agrees then
    local at = #found
    found[at + 1], found[at + 2], found[at + 3] = id, ours, rqs
  end
end
for at = 4, #ARGV do look(ARGV[at], false) end
local kind = call('TYPE', key).ok
if kind == 'list' then
  local ids = call('LRANGE', key, -tonumber(from) - most, -tonumber(from) - 1)
  for at = #ids, 1, -1 do look(ids[at], true) end
  if #ids == most then found[1] = string.format('%d', from + most) end
elseif kind == 'zset' then
  local part = call('ZRANGEBYSCORE', key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
  for at = 1, #part, 2 do look(part[at], false) end
  if #part == 2 * most then found[1] = '(' .. part[#part] end
end
table.insert(found, 2, string.format('%d', waiting))
return found
"""


class Difference(NamedTuple):
    id: str
    ours: str  # our status; '' where we know nothing of the job
    rqs: str  # `STRANDED`: started there too, and no execution is registered


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SCRIPT.encode())


def differences_of(redis: Redis, ids: Sequence[str]) -> list[Difference]:
    """Those of `ids` that differ now."""
    reply = cast(Any, _script()(["headway:none"], ["", 0, MARK, *ids], client=redis))
    return _differences([text.decode(errors="replace") for text in reply[2:]])


def _differences(texts: Sequence[str]) -> list[Difference]:
    found = zip(texts[::3], texts[1::3], texts[2::3], strict=True)
    return [Difference(id, ours.strip('"'), rqs) for id, ours, rqs in found]


def differences(redis: Redis, queues: Sequence[str], listed: Counter[str]) -> Iterator[list[Difference]]:
    """Of all jobs that have not ended here, or that wait on RQ's `queues`, slice by slice; one may come twice.

    `listed` counts, for each queue, its entries that we call queued.
    """
    places = [("", index_key("all", status), "-inf") for status in Status if status in ACTIVE]
    places += [(queue, f"rq:queue:{queue}", "0") for queue in queues]
    for queue, key, start in places:
        go_on = start
        while go_on:
            reply = _script()([key], [go_on, SLICE, MARK], client=redis)
            go_on, waiting, *texts = [text.decode(errors="replace") for text in cast(Any, reply)]
            listed[queue] += int(waiting)
            yield _differences(texts)
