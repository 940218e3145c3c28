"""One look of a search: a script in Redis looks at a slice of the indexes, and writes nothing."""

import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from workers.query import Query, Term
from workers.wire import WAITING, Status, encode, index_key

SLICE_TIME: Final = 0.005  # seconds of Redis's time
FIRST, LEAST, MOST = 500, 50, 20_000  # work of a slice: as one begins, and between which it stays
STEP: Final = 4  # times by which a slice may be larger or smaller than the one before
TURNS: Final = 2  # slices that one process has waiting at Redis, however many search: others are served between them
SLICE: Final = 1000  # ids in one answer
LARGEST: Final = 2.0**63
SKEW: Final = 3600 * 1_000_000  # µs by which the clock of a job's maker may be ahead of Redis's

READS: Final = (
    "task",
    "queue",
    "owner",
    "created_at",
)  # of a state; the script knows the order

# KEYS      the indexes of one scope, one for each status that is asked for
# ARGV[1]   JSON: {terms, after, before, reads: the first of READS, as many as are needed; waits: of each index, whether
#           its jobs wait, and so have neither description nor error}
# ARGV[2]   where to go on: '+inf', or '(' and the order of the last job looked at
# ARGV[3]   the order below which no job can fit
# ARGV[4]   how many ids to return; 0: none, only counts
# ARGV[5]   how much work to do
# Returns {the order of the last job looked at or '' at the end, {id, …}, {count of each index, …}, {expired id, …},
# the work that was done}.
# It writes nothing. Texts are compared as the JSON that they are stored as. A job is one piece of work, and so is each
# read, and each KiB of text: a script has no clock (Redis 7.0 has no `os`, and TIME stands still in one).
SCRIPT: Final = r"""
local call, sub, find, lower = redis.call, string.sub, string.find, string.lower
local asked, most, enough, work = cjson.decode(ARGV[1]), tonumber(ARGV[4]), tonumber(ARGV[5]), 0
local terms, reads, after, before = asked.terms, asked.reads, asked.after, asked.before

-- what a key says; false where it is of another type than ours are
local function told_by(...)
  local reply = redis.pcall(...)
  return not (type(reply) == 'table' and reply.err) and reply
end
-- nil where there is no state of the job, false where it lacks something
local function missing(id)
  local key = 'headway:job:' .. id
  if call('EXISTS', key) == 0 or told_by('HEXISTS', key, 'gone') == 1 then return nil end
  return false
end

local function begins(text, values)
  for at = 1, #values do if sub(text, 1, #values[at]) == values[at] then return true end end
  return false
end
local function equals(text, values)
  for at = 1, #values do if text == values[at] then return true end end
  return false
end
local function holds(text, values)
  work = work + #text / 1024
  for at = 1, #values do if find(text, values[at], 1, true) then return true end end
  return false
end

local seen, words, told -- the job whose texts were read last, and these: one term looks at them after the other
local FITS = {
  id=function(id, state, values) return begins(id, values) end,
  queue=function(id, state, values) return equals(state[2], values) end,
  task=function(id, state, values) return equals(state[1], values) end,
  owner=function(id, state, values) return begins(state[3] or '', values) end,
  text=function(id, state, values, waits)
    if holds(id, values) then return true end
    if seen ~= id then
      seen, words, told, work = id, told_by('GET', 'headway:job:' .. id .. ':words'), nil, work + 1
    end
    if words and holds(words, values) then return true end
    if words and waits then return false end
    if not told then
      work = work + 1
      local state = told_by('HMGET', 'headway:job:' .. id, 'task', 'description', 'error')
      local task, description, error = unpack(state or {})
      if not (task and description and error) then return missing(id) end
      told = {}
      if not words then told[1] = lower(task) end -- which is the first of the words
      if description ~= '""' then told[#told + 1] = lower(description) end
      if error ~= 'null' then
        told[#told + 1] = lower(string.gsub(error, '^{"type":"(.*)","message":"(.*)"}$', '%1\n%2'))
      end
    end
    for at = 1, #told do if holds(told[at], values) then return true end end
    return false
  end
}

-- nil where the job has no state any more; what can't be read fits nothing
local function fits(id, waits)
  local state
  if #reads > 0 then
    work = work + 1
    state = told_by('HMGET', 'headway:job:' .. id, unpack(reads))
    if not (state and state[1]) then return missing(id) end
    local created = tonumber(state[4])
    if after and not (created and created >= after) then return false end
    if before and not (created and created < before) then return false end
  end
  for number = 1, #terms do
    local term = terms[number]
    local found = FITS[term.field](id, state, term.values, waits)
    if found == nil then return nil end
    if found == term.negated then return false end
  end
  return true
end

-- each index is read in parts, newest first; what is newest of all is looked at next
local function read(index)
  index.part = told_by('ZREVRANGEBYSCORE', index.key, index.from, ARGV[3], 'WITHSCORES', 'LIMIT', 0, 100) or {}
  index.at, index.order = 1, tonumber(index.part[2])
  if index.order then index.from = '(' .. index.part[#index.part] end
end
local indexes, counts = {}, {}
for number, key in ipairs(KEYS) do
  counts[number] = 0
  local index = {key=key, number=number, from=ARGV[2], waits=asked.waits[number]}
  read(index)
  if index.order then indexes[#indexes + 1] = index end
end

local last, ids, expired = '', {}, {}
while #indexes > 0 do
  local newest = 1
  for number = 2, #indexes do if indexes[number].order > indexes[newest].order then newest = number end end
  local index = indexes[newest]
  local part, at = index.part, index.at
  local id = part[at]
  local fit = fits(id, index.waits)
  last = part[at + 1]
  if fit == nil then expired[#expired + 1] = id
  elseif fit then
    counts[index.number] = counts[index.number] + 1
    if most > 0 then ids[#ids + 1] = id end
  end
  index.at, index.order = at + 2, tonumber(part[at + 3])
  if not index.order then
    read(index)
    if not index.order then table.remove(indexes, newest) end
  end
  work = work + 1
  if (most > 0 and #ids >= most) or work >= enough then break end
end
if #indexes == 0 then last = '' end
return {last, ids, counts, expired, math.ceil(work)}
"""


@dataclass(frozen=True, slots=True)
class Slice:
    ids: list[str]
    counts: dict[Status, int]
    expired: list[str]  # ids without a state
    before: int | None  # where to go on; None at the end


class Pace:
    """How much work a slice of one search does: as much as Redis has lately done in 5 ms, by its own clock."""

    def __init__(self) -> None:
        self.work = FIRST

    def learn(self, done: int, seconds: float) -> None:
        """Redis has done so much work in so many seconds."""
        fitting = done * SLICE_TIME / max(seconds, 1e-6)
        self.work = round(min(max(fitting, self.work / STEP, LEAST), self.work * STEP, MOST))


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SCRIPT.encode())


@functools.cache
def _turns() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(TURNS)


def ordered(query: Query) -> list[Status]:
    return [status for status in Status if status in query.statuses]


def look(redis: Redis, scope: str, query: Query, before: int | None, most: int, pace: Pace) -> Slice:
    """The next slice of `scope`: up to `most` ids that fit, older than `before`. Raises RedisError."""
    statuses = ordered(query)
    if not statuses:
        return Slice([], {}, [], None)
    keys = [index_key(scope, status) for status in statuses]
    top = "+inf" if before is None else f"({before}"
    lowest = "-inf" if query.after is None else query.after * 1000 - SKEW
    with _turns():
        reply, seconds = _timed(redis, keys, [_asked(query), top, lowest, min(most, SLICE), pace.work])
    last, ids, counts, expired, done = reply
    pace.learn(done, seconds)
    return Slice(
        [id.decode(errors="replace") for id in ids],
        dict(zip(statuses, counts, strict=True)),
        [id.decode(errors="replace") for id in expired],
        _whole(float(last)) if last else None,
    )


def _whole(order: float) -> int | None:
    """A place in an index as a number; None where nothing can follow it. Others' may be ±inf."""
    return None if order <= -LARGEST else int(min(order, LARGEST))


def _timed(redis: Redis, keys: Sequence[str], arguments: Sequence[Any]) -> tuple[Any, float]:
    """What the script answers, and the seconds that Redis took for it."""
    with redis.pipeline(transaction=False) as pipeline:
        for is_last in (False, True):
            pipeline.time()
            pipeline.evalsha(_script().sha, len(keys), *keys, *arguments)
            pipeline.time()
            began, reply, ended = pipeline.execute(raise_on_error=is_last)
            if not isinstance(reply, NoScriptError):
                break
            redis.script_load(SCRIPT)
    for answer in (began, reply, ended):
        if isinstance(answer, Exception):
            raise answer
    return reply, ended[0] - began[0] + (ended[1] - began[1]) / 1e6


def _asked(query: Query) -> str:
    """The query as the script reads it."""
    terms = [{"field": term.field, "values": _stored_as(term), "negated": term.negated} for term in query.terms]
    times = {name: at for name in ("after", "before") if (at := getattr(query, name)) is not None}
    needed = ["created_at"] if times else []
    needed += [term.field for term in query.terms if term.field in READS]
    reads = READS[: max((READS.index(name) + 1 for name in needed), default=0)]
    waits = [status in WAITING for status in ordered(query)]
    return encode({"terms": terms, "reads": reads, "waits": waits, **times})


def _stored_as(term: Term) -> list[str]:
    if term.field in ("queue", "task"):
        return [encode(value) for value in term.values]
    if term.field in ("id", "owner"):
        return list(term.values)
    # Lua lowers ASCII alone: other letters are found as they are mostly written
    words = [form for value in term.values for form in (value.lower(), value.upper(), value.capitalize())]
    return list(dict.fromkeys(encode(word)[1:-1].translate(_LOWER) for word in words))


_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
