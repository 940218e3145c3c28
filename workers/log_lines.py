"""The log of a job in Redis: a list of lines, each a JSON text, the newest 1,000 of at most 256 KB. Knows no job code.

A line is {"n", "attempt", "at": ms, "level", "text"}. Numbers count from 1 over all attempts of the job and go on where
lines were dropped: a reader sees by a jump how many it has not been given.
"""

import functools
from collections.abc import Sequence
from typing import Any, Final, cast

from redis import Redis, ResponseError
from redis.client import Pipeline
from redis.commands.core import Script

from workers import records
from workers.database import channel_of
from workers.retention import LUA as RETENTION
from workers.script import lua_set
from workers.shape import is_number
from workers.wire import ENDED, decode, log_key, state_key

LINES_LIMIT: Final = 1000  # lines of one job
BYTES_LIMIT: Final = 256 * 1024  # of JSON
LEVELS: Final = ("debug", "info", "warning", "error", "critical")

Line = tuple[int, bytes]  # its number within the attempt, and its JSON from "at" on

# KEYS[1] the job's state, KEYS[2] its log; ARGV[1] its id, ARGV[2] the attempt that logs, ARGV[3] the channel, ARGV[4…]
# lines, numbered from 1 within the attempt: that makes it harmless to say a line twice, as a job does whose answer was
# lost. The state's hash keeps the number of the last line, the log's bytes, and the number with which the attempt
# began. A thousand lines take Redis half a millisecond, since they pass through as they are wherever they may.
SCRIPT: Final = (
    f"""
local LINES, BYTES = {LINES_LIMIT}, {BYTES_LIMIT}
local function retention() return {RETENTION} end
local ENDED = {lua_set(ENDED)}
"""
    + r"""
local state, log = KEYS[1], KEYS[2]

local function whole(number) return string.format('%.0f', number) end
local function number_of(line) return tonumber(string.match(line, '^{"n":(%d+)')) end

local function write()
  local status, attempt, last, bytes, began, of = unpack(redis.pcall('HMGET', state, 'status', 'attempt', 'log_last',
    'log_bytes', 'log_began', 'log_attempt'))
  if not status then return {'refused', 'unknown'} end
  if attempt ~= ARGV[2] then return {'refused', 'attempt'} end
  last = tonumber(last or 0) or 0
  began = of == attempt and tonumber(began) or last
  local from = 4
  while ARGV[from] and began + number_of(ARGV[from]) <= last do from = from + 1 end
  local more = #ARGV - from + 1
  if more <= 0 then return {'unchanged', 'same'} end
  last = began + number_of(ARGV[#ARGV])

  if more >= LINES then redis.call('DEL', log) end
  local count = redis.pcall('LLEN', log)
  if type(count) == 'table' then count = 0; redis.call('DEL', log) end -- of another type: it is nobody's
  bytes = count > 0 and tonumber(bytes or 0) or 0
  for i = from, #ARGV do
    if began > 0 then
      ARGV[i] = string.gsub(ARGV[i], '%d+', whole(began + number_of(ARGV[i])), 1)
    end
    bytes = bytes + #ARGV[i]
  end
  redis.call('RPUSH', log, unpack(ARGV, from))
  local over = count + more - LINES
  if over > 0 then
    for _, line in ipairs(redis.call('LRANGE', log, 0, over - 1)) do bytes = bytes - #line end
    redis.call('LTRIM', log, over, -1)
  end
  while bytes > BYTES do
    local line = redis.call('LPOP', log)
    bytes = line and bytes - #line or 0
  end
  redis.call('HSET', state, 'log_last', whole(last), 'log_bytes', whole(bytes), 'log_began', whole(began),
    'log_attempt', attempt)
  if ENDED[status] then redis.call('EXPIRE', log, retention()) else redis.call('PERSIST', log) end
  redis.call('PUBLISH', ARGV[3], '{"log":"' .. ARGV[1] .. '","last":' .. whole(last) .. '}')
  return {'written', whole(last)}
end

local fine, reply = pcall(write)
if fine then return reply end
local text = type(reply) == 'table' and (reply.err or reply[1]) or reply
redis.log(redis.LOG_WARNING, 'headway: ' .. tostring(text))
return {'error', tostring(text)}
"""
)


@functools.cache
def _script() -> Script:
    # bytes, so that Script needs no client to compute the SHA of its text
    return Script(cast(Any, None), SCRIPT.encode())


def write(connection: Redis | Pipeline, id: str, attempt: int, lines: Sequence[Line]) -> bool:
    """Append `lines` (≤ 1,000) to a job's log, and tell that there are some. Those that are there are not said twice.

    In a pipeline it becomes part of that pipeline's MULTI. False where they were refused: another attempt, or unknown.
    """
    whole = [b'{"n":%d,"attempt":%d,%b' % (number, attempt, rest) for number, rest in lines]
    arguments: list[str | bytes] = [id, str(attempt), channel_of(connection), *whole]
    reply = _script()([state_key(id), log_key(id)], arguments, client=connection)
    if isinstance(reply, list) and reply[0] == b"error":  # read-only or full: not done, and another time it may be
        raise ResponseError(reply[1].decode(errors="replace"))
    return isinstance(reply, list) and reply[0] != b"refused"


def read(connection: Redis, id: str) -> list[bytes]:
    """All lines that are kept of a job, oldest first."""
    return read_many(connection, {id: LINES_LIMIT})[id]


def read_many(connection: Redis, counts: dict[str, int]) -> dict[str, list[bytes]]:
    """The newest lines of several jobs, so many of each, in one round trip; none where there is no job."""
    if not counts:
        return {}
    with connection.pipeline(transaction=False) as pipeline:
        for id, count in counts.items():
            pipeline.lrange(log_key(id), -count, -1)
        found = records.execute(pipeline, [])
    return {id: readable(id, lines) for id, lines in zip(counts, found, strict=True)}


def read_with_owners(connection: Redis, ids: Sequence[str]) -> dict[str, tuple[str | None, list[bytes]]]:
    """All lines of several jobs and whose they are, in one round trip; None where nothing is known of a job."""
    with connection.pipeline(transaction=False) as pipeline:
        for id in ids:
            pipeline.hget(state_key(id), "owner")
            pipeline.lrange(log_key(id), 0, -1)
        found = records.execute(pipeline, [])
    owners = (records.text(owner) if isinstance(owner, bytes) else None for owner in found[::2])
    lines = (readable(id, part) for id, part in zip(ids, found[1::2], strict=True))
    return dict(zip(ids, zip(owners, lines, strict=True), strict=True))


def readable(id: str, lines: Sequence[bytes]) -> list[bytes]:
    """Those that are lines of a log: one that is none would make all of them unreadable."""
    found = [line for line in lines if _is_line(line)]
    if len(found) < len(lines):
        records.say(log_key(id), f"{len(lines) - len(found)} of its lines are none")
    return found


def _is_line(line: bytes) -> bool:
    try:
        told = decode(line)
        return (
            line.startswith(b'{"n":%d,' % told["n"])
            and is_number(told["at"])
            and told["level"] in LEVELS
            and isinstance(told["text"], str)
            and type(told["attempt"]) is int
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def number_of(line: bytes) -> int:
    return int(line[5 : line.index(b",")])


def encode_log(lines: Sequence[bytes]) -> str:
    """{lines, first, last} as JSON; the numbers are 0 where there are no lines."""
    first, last = (number_of(lines[0]), number_of(lines[-1])) if lines else (0, 0)
    return f'{{"lines":[{b",".join(lines).decode()}],"first":{first},"last":{last}}}'
