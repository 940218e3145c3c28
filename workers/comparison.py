"""Finds jobs of which our states and RQ's records say different things. Redis looks: what agrees never leaves it."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, cast

from redis import Redis
from redis.commands.core import Script

from workers.script import lua_set
from workers.wire import ACTIVE, Status, index_key

SLICE: Final = 500  # jobs looked at in one go: some 1 ms of Redis's time

# KEYS[1]  an index of ours; or a queue of RQ's, of which those are looked at that are in no such index
# ARGV[1]  where to go on: of an index the order of the last one looked at, '-inf' at first; of a queue how many were
#          looked at, from the end that nobody takes from: what is taken meanwhile moves none of them
# ARGV[2]  how many to look at
# Returns {where to go on, '' at the end; then of each that differs: id, our status as JSON, RQ's; empty: none}.
# It writes nothing.
SCRIPT: Final = f"""
local call, key, from, most, found = redis.call, KEYS[1], ARGV[1], tonumber(ARGV[2]), {{''}}
local ACTIVE = {lua_set(ACTIVE)}
local function look(id, listed)
  local ours = redis.pcall('HGET', 'headway:job:' .. id, 'status') or '""'
  if type(ours) == 'table' then ours = '"unreadable"' end
  if listed and ACTIVE[ours] then return end
  local rqs = redis.pcall('HGET', 'rq:job:' .. id, 'status') or ''
  if type(rqs) == 'table' then rqs = 'unreadable' end
  if ours ~= '"' .. rqs .. '"' and not (ours == '"lost"' and rqs == 'started') then
    local at = #found
    found[at + 1], found[at + 2], found[at + 3] = id, ours, rqs
  end
end
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
return found
"""


class Difference(NamedTuple):
    id: str
    ours: str  # our status; '' where we know nothing of the job
    rqs: str


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SCRIPT.encode())


def differences(redis: Redis, queues: Sequence[str]) -> Iterator[list[Difference]]:
    """Of all jobs that have not ended here, or that wait on RQ's `queues`, slice by slice; one may come twice."""
    places = [(index_key("all", status), "-inf") for status in Status if status in ACTIVE]
    places += [(f"rq:queue:{queue}", "0") for queue in queues]
    for key, start in places:
        go_on = start
        while go_on:
            reply = _script()([key], [go_on, SLICE], client=redis)
            go_on, *texts = [text.decode(errors="replace") for text in cast(Any, reply)]
            found = zip(texts[::3], texts[1::3], texts[2::3], strict=True)
            yield [Difference(id, ours.strip('"'), rqs) for id, ours, rqs in found]
