"""Finding jobs among very many: a script in Redis looks at a slice of the indexes, as often as it takes.

A slice takes a few ms, whatever is asked for: Redis serves others between two of them, and so does who asks.
"""

import functools
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

from workers import store
from workers.query import Query, Term
from workers.store import Stored
from workers.wire import WAITING, Status, encode, index_key

PATIENCE: Final = 2.0  # seconds of looking after which a page, or a count, is what it is by then
SLICE_TIME: Final = 0.005  # seconds of Redis's time
TURNS: Final = 2  # slices that one process has waiting at Redis, however many search: others are served between them
SLICE: Final = 1000  # ids in one answer
SCAN: Final = 10_000  # entries of an index that one ZSCAN compares
SKEW: Final = 3600 * 1_000_000  # µs by which the clock of whoever made a job may be ahead of Redis's

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
# ARGV[5]   seconds
# Returns {the order of the last job looked at or '' at the end, {id, …}, {count of each index, …}, {expired id, …}}.
# It writes nothing. Texts are compared as the JSON that they are stored as.
SCRIPT: Final = r"""
local call, sub, find, lower, clock = redis.call, string.sub, string.find, string.lower, os.clock
local asked, most, ends = cjson.decode(ARGV[1]), tonumber(ARGV[4]), clock() + tonumber(ARGV[5])
local terms, reads, after, before = asked.terms, asked.reads, asked.after, asked.before

local function begins(text, values)
  for at = 1, #values do if sub(text, 1, #values[at]) == values[at] then return true end end
  return false
end
local function equals(text, values)
  for at = 1, #values do if text == values[at] then return true end end
  return false
end
local function holds(text, values)
  for at = 1, #values do if find(text, values[at], 1, true) then return true end end
  return false
end

local seen, words, told -- the job whose texts were read last, and these: one term looks at them after the other
local FITS = {
  id=function(id, state, values) return begins(id, values) end,
  queue=function(id, state, values) return equals(state[2], values) end,
  task=function(id, state, values) return equals(state[1], values) end,
  owner=function(id, state, values) return begins(state[3], values) end,
  text=function(id, state, values, waits)
    if holds(id, values) then return true end
    if seen ~= id then seen, words, told = id, call('GET', 'headway:job:' .. id .. ':words'), nil end
    if words and holds(words, values) then return true end
    if words and waits then return false end
    if not told then
      local task, description, error = unpack(call('HMGET', 'headway:job:' .. id, 'task', 'description', 'error'))
      if not task then return nil end
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

-- nil where the job's state has expired
local function fits(id, waits)
  local state
  if #reads > 0 then
    state = call('HMGET', 'headway:job:' .. id, unpack(reads))
    if not state[1] then return nil end
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
  index.part = call('ZREVRANGEBYSCORE', index.key, index.from, ARGV[3], 'WITHSCORES', 'LIMIT', 0, 100)
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

local last, looked, ids, expired = '', 0, {}, {}
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
  looked = looked + 1
  if (most > 0 and #ids >= most) or (looked % 20 == 0 and clock() >= ends) then break end
end
if #indexes == 0 then last = '' end
return {last, ids, counts, expired}
"""


@dataclass(frozen=True, slots=True)
class Count:
    by_status: dict[Status, int]
    more: bool  # whether there was no time to look at all


@dataclass(frozen=True, slots=True)
class _Slice:
    ids: list[str]
    counts: dict[Status, int]
    before: int | None  # where to go on; None at the end


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SCRIPT.encode())


@functools.cache
def _turns() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(TURNS)


def page(
    redis: Redis, scope: str, query: Query, *, before: int | None, limit: int, patience: float = PATIENCE
) -> tuple[list[Stored], int | None]:
    """Up to `limit` jobs of `scope` that fit, newest first, older than `before`; and where to go on, None at the end.

    A page may be short and still go on: after `patience` seconds it is what it is.
    """
    query = _beyond(scope, query)
    if (beginning := query.id_alone) is not None:
        return _page_by_id(redis, scope, query, beginning, before, limit)
    ends = time.monotonic() + patience
    found: list[Stored] = []
    while True:
        part = _look(redis, scope, query, before, limit - len(found))
        found += store.present(redis, scope, part.ids)
        before = part.before
        if before is None or len(found) >= limit or time.monotonic() >= ends:
            return found, before
        time.sleep(0)


def _page_by_id(
    redis: Redis, scope: str, query: Query, beginning: str, before: int | None, limit: int
) -> tuple[list[Stored], int | None]:
    orders = {id: order for id, (_, order) in _begin_with(redis, scope, query, beginning).items()}
    fit = sorted((id for id, order in orders.items() if before is None or order < before), key=orders.__getitem__)
    chosen = fit[: -limit - 1 : -1]
    return store.present(redis, scope, chosen), orders[chosen[-1]] if len(fit) > limit else None


def _begin_with(redis: Redis, scope: str, query: Query, beginning: str) -> dict[str, tuple[Status, int]]:
    """Id → its status and order, of the ids that begin so.

    Redis itself compares ids many times faster than a script, as long as order does not matter.
    """
    pattern = re.sub(r"([*?\[\]\\^])", r"\\\1", beginning) + "*"
    found: dict[str, tuple[Status, int]] = {}
    for status in _ordered(query):  # as jobs go through them: one that moves meanwhile is met again
        for id, order in redis.zscan_iter(index_key(scope, status), match=pattern, count=SCAN):
            found[id.decode()] = status, int(order)
    return found


def ids(redis: Redis, scope: str, query: Query) -> Iterator[list[str]]:
    """The ids of all jobs of `scope` that fit, newest first, slice by slice."""
    query = _beyond(scope, query)
    before: int | None = None
    while True:
        part = _look(redis, scope, query, before, SLICE)
        if part.ids:
            yield part.ids
        before = part.before
        if before is None:
            return
        time.sleep(0)


def count(redis: Redis, scope: str, query: Query, *, patience: float = PATIENCE) -> Count:
    """How many jobs of `scope` fit, by status. One round trip where nothing is asked for but statuses and its queue."""
    query = _beyond(scope, query)
    statuses = _ordered(query)
    if query.is_plain:
        with redis.pipeline(transaction=False) as pipeline:
            for status in statuses:
                pipeline.zcard(index_key(scope, status))
            return Count(dict(zip(statuses, pipeline.execute(), strict=True)), more=False)
    if (beginning := query.id_alone) is not None:
        found = [status for status, _ in _begin_with(redis, scope, query, beginning).values()]
        return Count({status: found.count(status) for status in statuses}, more=False)
    ends = time.monotonic() + patience
    total = dict.fromkeys(statuses, 0)
    before: int | None = None
    while True:
        part = _look(redis, scope, query, before, 0)
        total = {status: total[status] + part.counts[status] for status in statuses}
        before = part.before
        if before is None or time.monotonic() >= ends:
            return Count(total, more=before is not None)
        time.sleep(0)


def _beyond(scope: str, query: Query) -> Query:
    """What is asked for beyond what all of `scope` have: the queue of each of its jobs would be read in vain."""
    queue = query.only("queue")
    return query if queue is None or scope != f"queue:{queue}" else query.without("queue")


def _ordered(query: Query) -> list[Status]:
    return [status for status in Status if status in query.statuses]


def _look(redis: Redis, scope: str, query: Query, before: int | None, most: int) -> _Slice:
    statuses = _ordered(query)
    if not statuses:
        return _Slice([], {}, None)
    keys = [index_key(scope, status) for status in statuses]
    top = "+inf" if before is None else f"({before}"
    lowest = "-inf" if query.after is None else query.after * 1000 - SKEW
    with _turns():
        reply = _script()(keys, [_asked(query), top, lowest, min(most, SLICE), SLICE_TIME], client=redis)
    last, ids, counts, expired = cast(Any, reply)
    store.forget(redis, scope, [id.decode() for id in expired])
    return _Slice(
        [id.decode() for id in ids], dict(zip(statuses, counts, strict=True)), int(float(last)) if last else None
    )


def _asked(query: Query) -> str:
    """The query as the script reads it."""
    terms = [{"field": term.field, "values": _stored_as(term), "negated": term.negated} for term in query.terms]
    times = {name: at for name in ("after", "before") if (at := getattr(query, name)) is not None}
    needed = ["created_at"] if times else []
    needed += [term.field for term in query.terms if term.field in READS]
    reads = READS[: max((READS.index(name) + 1 for name in needed), default=0)]
    waits = [status in WAITING for status in _ordered(query)]
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
