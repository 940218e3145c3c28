"""What ends are counted in: one small hash for each slice of time, and the Lua that counts. No I/O.

A slice's hash has `q<queue>` and `t<task>` (the names as JSON texts, so that no name can be taken for another field)
→ the number by which the slice knows it, `Q` and `T` (how many have been given out), and
`KINDS * (task + TASKS * queue) + kind` → how many. The number 0 stands for all that found no room. Kinds: 0 ends of
jobs that never ran, 1 failures, from WAIT on the times that jobs waited, from RUN on the times that they ran, each
in buckets whose borders are √2 apart: bucket k holds what is over 2^((k-1)/2) ms, up to 2^(k/2) ms.

All of it is at most 1 MB: 138 slices at a time, each with at most 512 short fields, which Redis keeps as one string
of some KB (hash-max-listpack-entries).
"""

from dataclasses import dataclass
from typing import Final

QUEUES: Final = 12  # in a slice, with the one that stands for the rest
TASKS: Final = 24
BUCKETS: Final = 54  # up to 2^26.5 ms, which is 26 h
NEVER_RAN: Final = 0
FAILED: Final = 1
WAIT: Final = 2
RUN: Final = WAIT + BUCKETS
KINDS: Final = RUN + BUCKETS
FIELDS: Final = 400  # of a slice; what is new beyond them is counted as the rest's, which adds KINDS at the most
NAME_LIMIT: Final = 64  # bytes; a longer field would make Redis keep the hash in ten times the memory


@dataclass(frozen=True, slots=True)
class Span:
    """A time that can be looked back on, in slices of `step` seconds."""

    name: str
    step: int
    slices: int

    def key(self, start: int) -> str:
        """Of the slice that begins at `start` (Unix time in seconds)."""
        return f"headway:ends:{self.step}:{start}"


SPANS: Final = {span.name: span for span in (Span("15m", 15, 60), Span("24h", 1200, 72))}


def middle(bucket: int) -> int:
    """The time in ms that stands for all of a bucket: none of them is more than 19 % away from it, but for 0 ms."""
    return max(1, round(2 ** ((bucket - 0.5) / 2)))


def _lua_spans() -> str:
    return "{" + ",".join(f"{{{span.step},{span.step * (span.slices + 2)}}}" for span in SPANS.values()) + "}"


COUNT: Final = (
    f"""
local SPANS, KINDS, TASKS, QUEUES = {_lua_spans()}, {KINDS}, {TASKS}, {QUEUES}
local FAILED, WAIT, RUN, BUCKETS = {FAILED}, {WAIT}, {RUN}, {BUCKETS}
local FIELDS, NAME_LIMIT, HALF = {FIELDS}, {NAME_LIMIT}, math.log(2) / 2
"""
    + r"""
-- the bucket of a time in ms; clocks of two machines may make it negative
local function bucket(ms)
  if ms <= 1 then return 0 end
  return math.min(math.ceil(math.log(ms) / HALF - 1e-9), BUCKETS - 1)
end

-- the number of a queue's or task's name in a slice; 0 where there is no room for it
local function number_of(slice, name, counter, limit)
  if #name > NAME_LIMIT then return 0 end
  local number = redis.call('HINCRBY', slice, counter, 1)
  if number >= limit then return 0 end
  redis.call('HSET', slice, name, number)
  return number
end

-- count an end (workers/history.py reads it)
local function count(state, seconds)
  local started, ended, kinds = tonumber(state.started_at), tonumber(state.ended_at), {0}
  if started then
    kinds[1] = RUN + bucket(ended - started)
    local enqueued = tonumber(state.enqueued_at)
    if enqueued then kinds[2] = WAIT + bucket(started - enqueued) end
  end
  if state.status == '"failed"' then kinds[#kinds + 1] = FAILED end
  local queue_name, task_name = 'q' .. state.queue, 't' .. state.task
  for _, span in ipairs(SPANS) do
    local start = seconds - seconds % span[1]
    local slice = string.format('headway:ends:%d:%d', span[1], start)
    local known = redis.call('HMGET', slice, queue_name, task_name)
    local queue = known[1] or number_of(slice, queue_name, 'Q', QUEUES)
    local task = known[2] or number_of(slice, task_name, 'T', TASKS)
    local base = KINDS * (task + TASKS * queue)
    for _, kind in ipairs(kinds) do
      local count = redis.call('HINCRBY', slice, base + kind, 1)
      if count == 1 and base > 0 and redis.call('HLEN', slice) > FIELDS then
        redis.call('HDEL', slice, base + kind)
        redis.call('HINCRBY', slice, kind, 1)
      end
    end
    if not known[1] then redis.call('EXPIREAT', slice, start + span[2]) end
  end
end
"""
)
