"""The word of the scheduler that it lives, and the locks that say which scheduler has which queue."""

import functools
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

from workers import records
from workers.naming import is_own
from workers.release import release

KEY: Final = "headway:scheduler"
LOCK: Final = "headway:scheduler-lock:"  # of a queue that another application may have, too: its scheduler goes on
TTL: Final = 6.0  # seconds after its last word in which a scheduler counts as alive, and its locks as held
# RQ's scheduler, and ours of the release before, has its locks for 61 s and renews them each second: one that has fewer
# seconds left is a dead one's
RENEWED: Final = 55.0

# KEYS[1]  our heartbeat; the others are locks, one for each queue
# ARGV     the scheduler's name, TTL and RENEWED in ms; then the fields of the heartbeat
# Returns the numbers of the locks that we hold by now.
SCRIPT: Final = """
local name, ttl, renewed, held = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), {}
for at = 2, #KEYS do
  local holder = redis.call('TYPE', KEYS[at]).ok == 'string' and redis.call('GET', KEYS[at])
  local left = redis.call('PTTL', KEYS[at])
  if not holder or holder == name or left == -1 or (left > ttl and left < renewed) then
    redis.call('SET', KEYS[at], name, 'PX', ttl)
    held[#held + 1] = at - 1
  end
end
if #held > 0 then
  if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'name', name, 'at', time[1] * 1000 + math.floor(time[2] / 1000), unpack(ARGV, 4))
  redis.call('PEXPIRE', KEYS[1], ttl)
end
return held
"""

# KEYS as above, ARGV[1] our name: gives up what is ours of them
RELEASE: Final = """
if redis.call('TYPE', KEYS[1]).ok == 'hash' and redis.call('HGET', KEYS[1], 'name') == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
for at = 2, #KEYS do
  if redis.call('TYPE', KEYS[at]).ok == 'string' and redis.call('GET', KEYS[at]) == ARGV[1] then
    redis.call('DEL', KEYS[at])
  end
end
"""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What the scheduler last said of itself."""

    name: str
    host: str
    pid: int
    release: str  # '' of one of a release that did not say it yet
    at: int  # ms, by Redis's clock


@functools.cache
def _script(text: str) -> Script:
    return Script(cast(Any, None), text.encode())


def lock_key(queue: str) -> str:
    """The lock of the queue that has this name in RQ: RQ's own, which keeps RQ's schedulers from our queues."""
    return f"rq:scheduler-lock:{queue}" if is_own(queue) else LOCK + queue


def stable_name() -> str:
    """The same after each start on this host, so that a scheduler has its locks back at once."""
    return f"scheduler@{socket.gethostname()}"


def beat(redis: Redis, name: str, queues: Sequence[str]) -> list[str]:
    """Say that the scheduler `name` lives, and return those of `queues` (their names in RQ) that it has from now on.

    A lock that its holder has not renewed in time is taken over. Raises RedisError.
    """
    keys = [KEY, *map(lock_key, queues)]
    fields: list[str | int] = ["host", socket.gethostname(), "pid", os.getpid(), "release", release()]
    held = _script(SCRIPT)(keys, [name, round(TTL * 1000), round(RENEWED * 1000), *fields], client=redis)
    return [queues[int(number) - 1] for number in cast(list[int], held)]


def sign_off(redis: Redis, name: str, queues: Sequence[str]) -> None:
    """Let another scheduler have the locks at once. Raises RedisError."""
    _script(RELEASE)([KEY, *map(lock_key, queues)], [name], client=redis)


def read(redis: Redis, queues: Sequence[str]) -> Heartbeat | None:
    """The scheduler that lives; None where none does, `TTL` seconds after its last word.

    `queues` are ours by their names in RQ: a scheduler of the release before has their locks alone. Raises RedisError.
    """
    if fields := records.ask(lambda: redis.hgetall(KEY), {}):
        return _heartbeat(fields)
    with redis.pipeline(transaction=False) as pipeline:
        for queue in queues:
            pipeline.get(lock_key(queue))
        holder = next(filter(None, records.execute(pipeline)), None)
    return Heartbeat(records.text(holder), "", 0, "", 0) if holder else None


def _heartbeat(fields: Mapping[bytes, bytes]) -> Heartbeat:
    said = {records.text(name): value for name, value in fields.items()}
    texts = (records.text(said.get(name)) for name in ("name", "host", "release"))
    name, host, of = texts
    return Heartbeat(name, host, records.whole(said.get("pid")), of, records.whole(said.get("at")))
