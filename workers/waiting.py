"""What waits, held to its limits: whether there is room for more, and what the counts say that is no longer true.

The script of states counts (`limits.CHARGE`). A bulk submit takes its room before it saves the first job, so that two
at once can't both find the same room.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, cast
from uuid import uuid4

from redis import Redis
from redis.client import Pipeline
from redis.commands.core import Script
from redis.exceptions import RedisError

from workers import store
from workers.errors import TooMany
from workers.limits import ACTIONS, BYTES, BYTES_KEY, JOBS, MIB, STRANGERS, Limit, Payer, waiting_key
from workers.script import lua_set
from workers.wire import WAITING

TAKEN_TTL: Final = 120  # seconds after which room that a dead process took is free again
RETRY_AFTER: Final = 10  # seconds
SAMPLE: Final = 100  # of those that are counted, looked at when somebody is refused

# KEYS: the hash of bytes; then of each account its set, and the room that is taken. ARGV: how many more, of how many
# bytes, '' or by which name to take the room; then of each account its name, the most jobs and the most bytes.
# Returns {} or {account, 'jobs' | 'bytes'}
TAKE: Final = f"""
local call, count, size, now = redis.call, tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(redis.call('TIME')[1])
local function taken(key)
  local sum, flat = 0, call('HGETALL', key)
  for at = 1, #flat, 2 do
    local left, since = string.match(flat[at + 1], '^(%d+) (%d+)$')
    if left and now - since <= {TAKEN_TTL} then sum = sum + left else call('HDEL', key, flat[at]) end
  end
  return sum
end
for at = 1, (#KEYS - 1) / 2 do
  local name, most, most_bytes = ARGV[1 + 3 * at], tonumber(ARGV[2 + 3 * at]), tonumber(ARGV[3 + 3 * at])
  if call('SCARD', KEYS[2 * at]) + taken(KEYS[1 + 2 * at]) + count > most then return {{name, 'jobs'}} end
  if tonumber(call('HGET', KEYS[1], name) or 0) + size > most_bytes then return {{name, 'bytes'}} end
end
if ARGV[3] ~= '' then
  for at = 1, (#KEYS - 1) / 2 do
    call('HSET', KEYS[1 + 2 * at], ARGV[3], string.format('%d %d', count, now))
    call('EXPIRE', KEYS[1 + 2 * at], {TAKEN_TTL})
  end
end
return {{}}
"""

# a state may have gone in a way that nobody told the script: whatever is counted for it is not true any more.
# KEYS: a set, the hash of bytes. ARGV: the account, how many to look at
MEND: Final = f"""
local call, WAITING = redis.call, {lua_set(WAITING)}
local found = 0
for _, member in ipairs(call('SRANDMEMBER', KEYS[1], ARGV[2])) do
  local id, size = string.match(member, '^(%S+) (%d+)$')
  if not id or not WAITING[call('HGET', 'headway:job:' .. id, 'status') or ''] then
    call('SREM', KEYS[1], member)
    if call('HINCRBY', KEYS[2], ARGV[1], string.format('%d', -(size or 0))) <= 0 then call('HDEL', KEYS[2], ARGV[1]) end
    found = found + 1
  end
end
return found
"""


@functools.cache
def _script(text: str) -> Script:
    return Script(cast(Any, None), text.encode())


class Room:
    """Room for jobs that are about to be saved, in the hashes `keys`: name → how many, and since when."""

    def __init__(self, keys: list[str], name: str, count: int, since: int) -> None:
        self._keys = keys
        self._name = name
        self._left = count
        self._since = since  # Redis's clock in seconds

    def use(self, pipeline: Pipeline, count: int) -> None:
        """So many are saved in this MULTI: from now on they are counted as what they are."""
        self._left -= count
        for key in self._keys:
            pipeline.hset(key, self._name, f"{self._left} {self._since}")

    def give_back(self, redis: Redis) -> None:
        with redis.pipeline() as pipeline:
            for key in self._keys:
                pipeline.hdel(key, self._name)
            pipeline.execute()


def check(redis: Redis, payer: Payer | None, count: int, size: int, *, action: bool = False) -> None:
    """Whether `count` more jobs with `size` bytes of arguments in all may wait. Raises `TooMany`."""
    if payer is not None:
        _take(redis, payer, count, size, action=action)


@contextmanager
def room(redis: Redis, payer: Payer | None, count: int, size: int) -> Iterator[Room]:
    """Take room for `count` jobs while they are saved. Raises `TooMany`."""
    if payer is None:
        yield Room([], "", count, 0)
        return
    name = str(uuid4())
    taken = Room(_take(redis, payer, count, size, name=name), name, count, store.now(redis) // 1_000_000)
    try:
        yield taken
    finally:
        with suppress(RedisError):  # it is free again by itself
            taken.give_back(redis)


def _take(redis: Redis, payer: Payer, count: int, size: int, *, action: bool = False, name: str = "") -> list[str]:
    """Returns the hashes in which it is kept how much room is taken. Raises `TooMany`."""
    most, bytes_ = (ACTIONS if action else JOBS), dict(payer.accounts(BYTES))
    accounts = payer.accounts(most)
    keys, arguments = [BYTES_KEY], [str(count), str(size), name]
    for account, jobs in accounts:
        keys += [waiting_key(account, action=action), f"headway:coming:{account}"]
        arguments += [account, str(jobs), str(bytes_[account])]
    refused = cast(list[bytes], _script(TAKE)(keys, arguments, client=redis))
    if refused:
        account, what = (text.decode() for text in refused)
        mend(redis, account, action=action)
        raise TooMany(_sentence(account, BYTES if what == "bytes" else most), RETRY_AFTER)
    return keys[2::2]


def mend(redis: Redis, account: str, *, action: bool = False) -> int:
    """Look at some of what is counted as waiting, and forget what does not wait; returns how many those were."""
    keys = [waiting_key(account, action=action), BYTES_KEY]
    return int(_script(MEND)(keys, [account, SAMPLE], client=redis))


def _sentence(account: str, limit: Limit) -> str:
    if account == STRANGERS:
        most, whose = limit.strangers or 0, "all visitors together"
    elif account.startswith("owner:"):
        most, whose = limit.owner or 0, "one owner"
    else:
        most, whose = limit.address or 0, "one address"
    what = (
        f"{most // MIB} MiB of arguments" if limit is BYTES else f"{most:,} {'actions' if limit is ACTIONS else 'jobs'}"
    )
    return f"At most {what} of {whose} may wait at a time. Try again when some of them have run"
