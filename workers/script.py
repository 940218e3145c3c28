"""The one Lua script: it changes a job's state and publishes it, in one atomic step.

KEYS[1]  headway:job:<id>
ARGV[1]  what: transition | progress | mark | delete
ARGV[2]  the job's id
ARGV[3]  the owner ('' = unknown; then the stored one counts)
ARGV[4]  the attempt that reports or is marked (progress and mark; '' otherwise)
ARGV[5]  how many names of fields follow that count only where nothing is stored yet
ARGV[6]  the channel to publish on
ARGV[7…] name, JSON text, name, JSON text, …; in place of a time `now`: this moment, by Redis's clock

Returns {'written', version, attempt}, {'unchanged' | 'refused', reason} or {'error', text}; it never raises, since
an error inside RQ's MULTI would turn a finished job into a failed one.

The hash holds each field as JSON text and the texts are joined as they are: cjson and tostring would cut
floats, turn [] into {} and a version into 1.79e+15.
"""

from collections.abc import Iterable
from typing import Final

from workers.limits import CHARGE
from workers.reports import REPORT, lua_body
from workers.retention import LUA as RETENTION
from workers.tally import COUNT
from workers.wire import DUE, ENDED, FIELDS, INTERNAL_QUEUES, WAITING, Status, notice_key, push_key

INBOX_LIMIT: Final = 1000  # ends of one owner that are kept one by one
TOMBSTONE_TTL: Final = 600  # seconds in which a late write can't resurrect a deleted job
PUSH_DELAY: Final = 5000  # ms in which a page may say that it has shown an end
NOTIFY_DELAY: Final = 1000  # ms in which RQ may say a second word about an end
NOTICE_TTL: Final = 24 * 3600  # seconds; all tries of a message are over by then
INTERNAL_TTL: Final = 3600  # seconds that jobs of the internal queue are kept


def lua_set(words: Iterable[str]) -> str:
    """A table that has these words, as they are stored, as its keys."""
    return "{" + ",".join(f"""['"{word}"']=true""" for word in sorted(words)) + "}"


CHANGE: Final = (
    f"""
local function change()
local WAITING = {lua_set(WAITING)}
local ENDED = {lua_set(ENDED)}
local RUNNING, LAST, LOOKED_AT = {{['"started"']=true, ['"lost"']=true}}, 2 ^ 53 - 1, 20
local CHANNEL, TOMBSTONE_TTL, INBOX_LIMIT = ARGV[6], {TOMBSTONE_TTL}, {INBOX_LIMIT}
local function retention() return {RETENTION} end
local DUE, PUSH_DELAY, NOTIFY_DELAY, NOTICE_TTL = '{DUE}', {PUSH_DELAY}, {NOTIFY_DELAY}, {NOTICE_TTL}
local INTERNAL, INTERNAL_TTL = {lua_set(INTERNAL_QUEUES)}, {INTERNAL_TTL}
-- made only where they are needed: of nearly all states nothing is missing
local function any_status() return {lua_set(frozenset(Status))} end
local function is_complete(state)
  return {" and ".join(f"state.{name}" for name in (*FIELDS, "owner"))}
    and string.find(state.attempt, '^%d+$') and string.find(state.order or '', '^%d+$') and #state.order <= 16
end
local PUSH, NOTICE = '{push_key("")}', '{notice_key("", "")[:-1]}'
"""
    + r"""
local BLANK = {completed='null', total='null', unit='""', description='""', started_at='null', ended_at='null',
  worker='null', result='null', result_truncated='false', error='null', meta='{}'}

local UNKNOWN = {task='""', queue='""', created_at='null', enqueued_at='null', updated_at='null'}

local key, what, id, owner, reporter = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local function whole(number) return string.format('%.0f', number) end
-- nil for what JavaScript could not hold, too
local function finite(text)
  local number = tonumber(text)
  return number and number > -LAST and number < LAST and number or nil
end
local function quoted(text) return '"' .. text .. '"' end
local function bare(json) return string.sub(json, 2, -2) end
-- write to a key of ours; what is of another type there is nobody's, and makes room
local function put(command, place, ...)
  local reply = redis.pcall(command, place, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then error(reply) end
  redis.call('DEL', place)
  return redis.call(command, place, ...)
end

local function stored()
  local flat, state = redis.pcall('HGETALL', key), {}
  if flat.err then redis.call('DEL', key) end
  for i = 1, #flat, 2 do state[flat[i]] = flat[i + 1] end
  return state, flat.err ~= nil
end

-- the place in lists: µs, unique and growing, whatever has been made of the clock
local function next_order(micros)
  local before = redis.pcall('GET', 'headway:clock')
  before = type(before) == 'string' and finite(before) or 0
  local order = whole(math.max(before + 1, micros))
  put('SET', 'headway:clock', order)
  return order
end

local function is_status(json) return WAITING[json] or ENDED[json] or RUNNING[json] or json == '"created"' end

-- what a state lacks that lost some of its fields, or was never one of ours
local function complete(state, micros)
  if is_complete(state) then return end
  for name, json in pairs(BLANK) do state[name] = state[name] or json end
  for name, json in pairs(UNKNOWN) do state[name] = state[name] or json end
  state.id, state.owner = quoted(id), state.owner or ''
  if not string.match(state.attempt or '', '^%d+$') then state.attempt = '1' end
  local order = finite(state.order)
  if not order or order < 0 then state.order = next_order(micros) end
end

local function lifetime(state) return INTERNAL[state.queue] and INTERNAL_TTL or retention() end

-- states of ended jobs expire, and with them what lists them: a few of those made long ago are looked at
local function trim(place, state, micros)
  local old = micros - 2 * lifetime(state) * 1000000
  local count = math.min(redis.call('ZCOUNT', place, '-inf', old), 1000)
  if count == 0 then return end
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', place, '-inf', old, 'LIMIT', micros % count, LOOKED_AT)) do
    local there = redis.pcall('HEXISTS', 'headway:job:' .. other, 'status')
    if there == 0 then redis.call('ZREM', place, other) end
  end
end

local function index(state, remove, add, micros)
  local scopes = {'all', 'queue:' .. bare(state.queue)}
  if state.owner ~= '' then scopes[3] = 'owner:' .. state.owner end
  for _, scope in ipairs(scopes) do
    if is_status(remove) then redis.pcall('ZREM', 'headway:' .. scope .. ':' .. bare(remove), id)
    elseif remove then
      for status in pairs(any_status()) do redis.pcall('ZREM', 'headway:' .. scope .. ':' .. bare(status), id) end
    end
    -- what has been sent is of no interest to who looks at everybody's jobs
    if add and not (scope == 'all' and INTERNAL[state.queue] and ENDED[add]) then
      local place = 'headway:' .. scope .. ':' .. bare(add)
      put('ZADD', place, state.order, id)
      if ENDED[add] then
        trim(place, state, micros)
        redis.call('EXPIRE', place, retention())
      end
    end
  end
end

local function remember_attempt(state, now, failure)
  local status = RUNNING[state.status] and '"failed"' or state.status
  local ended_at = state.ended_at ~= 'null' and state.ended_at or now
  put('RPUSH', key .. ':attempts', '{"attempt":' .. state.attempt .. ',"status":' .. status ..
    ',"started_at":' .. state.started_at .. ',"ended_at":' .. ended_at ..
    ',"error":' .. (failure or state.error) .. '}')
  redis.call('LTRIM', key .. ':attempts', -50, -1)
end

-- the owner's unseen ends: one per (id, attempt), the last word wins; the oldest beyond the limit become a number
local function remember_end(state, body)
  local inbox = 'headway:inbox:' .. state.owner
  local entry = id .. ' ' .. state.attempt
  put('ZADD', inbox, state.version, entry)
  put('HSET', inbox .. ':states', entry, body)
  local over = redis.call('ZCARD', inbox) - INBOX_LIMIT
  if over > 0 then
    for _, oldest in ipairs(redis.call('ZRANGE', inbox, 0, over - 1)) do
      redis.call('ZREM', inbox, oldest)
      redis.call('HDEL', inbox .. ':states', oldest)
    end
    redis.pcall('INCRBY', inbox .. ':more', over)
  end
  for _, part in ipairs({'', ':states', ':more'}) do redis.call('EXPIRE', inbox .. part, retention()) end
end

-- news for who is not looking (workers/notices.py): only where somebody has asked for it. Whatever stands in the way
-- of it, the end itself is told: pcall
local function remember_news(state, body, now)
  local about = ' ' .. state.owner .. ' ' .. id .. ' ' .. state.attempt
  if state.owner ~= '' and redis.call('EXISTS', PUSH .. state.owner) == 1 then
    redis.pcall('ZADD', DUE, 'NX', whole(now + PUSH_DELAY), 'push' .. about)
  end
  if state.notify then
    local said = '{"notify":' .. state.notify .. ',"state":' .. body .. '}'
    redis.pcall('SET', NOTICE .. id .. ':' .. state.attempt, said, 'EX', NOTICE_TTL)
    redis.pcall('ZADD', DUE, 'NX', whole(now + NOTIFY_DELAY), 'notify' .. about)
  end
end
"""
    + CHARGE
    + COUNT
    + r"""
local function run()
  local state, was_odd = stored()
  local time = redis.call('TIME')
  local micros = time[1] * 1000000 + time[2]
  local version = math.max((finite(state.version) or 0) + 1, micros)
  local now = whole(math.floor(micros / 1000))
  local known, before = state.status ~= nil, state.status

  if what == 'delete' then
    if state.gone or not (next(state) or was_odd) then return {'unchanged', 'unknown'} end
    complete(state, micros)
    index(state, state.status or '', nil, micros)
    pcall(charge, state, state.status, nil)
    redis.call('DEL', key, key .. ':attempts', key .. ':log', key .. ':words', key .. ':stop')
    redis.call('HSET', key, 'version', whole(version), 'gone', '1')
    redis.call('EXPIRE', key, TOMBSTONE_TTL)
    redis.call('PUBLISH', CHANNEL, '{"owner":' .. quoted(state.owner) .. ',"gone":{"id":' .. quoted(id) ..
      ',"version":' .. whole(version) .. ',"queue":' .. state.queue .. '}}')
    return {'written', whole(version), state.attempt}
  end

  local given, fallback, from = {}, {}, 7 + 2 * tonumber(ARGV[5])
  for i = 7, from - 2, 2 do fallback[ARGV[i]] = ARGV[i + 1] end
  for i = from, #ARGV, 2 do given[ARGV[i]] = ARGV[i + 1] end

  if known then complete(state, micros) end
  if what == 'mark' then
    -- lost and back: only what still runs may be called silent, only what is lost can come back
    local expected = given.status == '"lost"' and '"started"' or '"lost"'
    if before ~= expected or reporter ~= state.attempt then return {'refused', 'moved'} end
  elseif not known then
    -- a late write must not bring back what was deleted; a new submission of the same id may
    if state.gone and not WAITING[given.status] and given.status ~= '"created"' then return {'refused', 'gone'} end
    if next(state) then redis.call('DEL', key) end
    state = {owner=owner}
    complete(state, micros)
    -- a key of its own: so long a text would double the memory that all the fields take
    if fallback.words and fallback.words ~= '""' then redis.call('SET', key .. ':words', bare(fallback.words)) end
    fallback.words = nil
    for name, json in pairs(fallback) do state[name] = json == 'now' and now or json end
  elseif WAITING[given.status] and (RUNNING[before] or ENDED[before]) then
    remember_attempt(state, now, given.error)
    for name, json in pairs(BLANK) do state[name] = json end
    given.error = nil
    state.attempt = whole(tonumber(state.attempt) + 1)
  end

  -- within one attempt and unit a bar never falls
  local completed = tonumber(given.completed)
  if completed and given.unit == state.unit and completed < (tonumber(state.completed) or completed) then
    given.completed, given.total = nil, nil
  end

  local moved = before ~= given.status and given.status ~= nil
  for name, json in pairs(given) do
    if json == 'now' then json = before == given.status and state[name] ~= 'null' and state[name] or now end
    if state[name] ~= json then moved = true end
    state[name] = json
  end
  if not moved then return {'unchanged', 'same'} end
  if given.status == '"started"' and what ~= 'mark' then
    for _, name in ipairs({'ended_at', 'result', 'result_truncated', 'error'}) do state[name] = BLANK[name] end
  end
  if ENDED[state.status] and state.ended_at == 'null' then state.ended_at = now end
  state.version = whole(version)
  state.updated_at = now

  local flat = {}
  for name, json in pairs(state) do flat[#flat + 1] = name; flat[#flat + 1] = json end
  redis.call('HSET', key, unpack(flat))
  if before ~= state.status then
    if RUNNING[before] and not RUNNING[state.status] then redis.call('DEL', key .. ':stop') end
    index(state, before, state.status, micros)
    pcall(charge, state, before, state.status) -- whatever its sets are: the job comes first
    if ENDED[state.status] then
      for _, part in ipairs({'', ':attempts', ':log', ':words'}) do
        redis.call('EXPIRE', key .. part, lifetime(state))
      end
    elseif before then
      for _, part in ipairs({'', ':words'}) do redis.call('PERSIST', key .. part) end
    end
  end
  local body = """
    + lua_body("state.{name}")
    + r"""
  if ENDED[state.status] then
    if state.owner ~= '' then remember_end(state, body) end
    remember_news(state, body, now)
  end
  redis.call('PUBLISH', CHANNEL, '{"owner":' .. quoted(state.owner) .. ',"state":' .. body .. '}')
  -- once an attempt: RQ's second word about an end, and one that we missed and only read of later, are no further end
  if ENDED[state.status] and before and not ENDED[before] and not INTERNAL[state.queue] then
    pcall(count, state, tonumber(time[1]))
  end
  return {'written', state.version, state.attempt}
end

return run()
end
"""
)

SCRIPT: Final = (
    REPORT
    + CHANGE
    + """
local fine, reply = pcall(ARGV[1] == 'progress' and report or change)
if fine then return reply end
local text = type(reply) == 'table' and (reply.err or reply[1]) or reply
redis.log(redis.LOG_WARNING, 'headway: ' .. tostring(text))
return {'error', tostring(text)}
"""
)
