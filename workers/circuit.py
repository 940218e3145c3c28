"""Receivers that give no answer: their other messages are put off, for longer each time, and hold up no worker.

A receiver is a host, or an owner who may have named a thousand hosts. Of an owner one message at a time is under way;
so is of a host that has failed, until it answers again.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

from workers.delivery import NoAnswer, PutOff

LIMIT: Final = 3  # what failures may add up to: a host's time-out alone does
TIMED_OUT: Final = {"host": 3, "owner": 1}  # how much a time-out adds
REFUSED: Final = {"host": 1, "owner": 0}  # and a failure that took no time
FIRST: Final = 10  # seconds that messages are put off; twice as many after each failure
LONGEST: Final = 1800
REMEMBERED: Final = 2 * LONGEST  # seconds after the last failure
TRY: Final = 20  # seconds, more than a try takes: a dead process holds up nobody after that

# KEYS: of each receiver whether it is put off, its failures, and whether a message is under way. ARGV: of each whether
# only one may ever be under way. Returns how many ms to wait, 0: go on, and all of it is held
ENTER: Final = f"""
for at = 1, #KEYS, 3 do
  local left = redis.call('PTTL', KEYS[at])
  if left > 0 then return left end
  local alone = ARGV[(at + 2) / 3] == '1' or redis.call('EXISTS', KEYS[at + 1]) == 1
  if alone and redis.call('EXISTS', KEYS[at + 2]) == 1 then return 1000 end
end
for at = 3, #KEYS, 3 do redis.call('SET', KEYS[at], '', 'EX', {TRY}) end
return 0
"""

# KEYS: as above, of one receiver. ARGV: how much the failure adds
FAIL: Final = f"""
local count = redis.call('INCRBY', KEYS[2], ARGV[1])
redis.call('EXPIRE', KEYS[2], {REMEMBERED})
if count >= {LIMIT} then
  local times = math.min(math.floor(count / {LIMIT}) - 1, 20)
  redis.call('SET', KEYS[1], '', 'EX', math.min({FIRST} * 2 ^ times, {LONGEST}))
end
"""


@functools.cache
def _script(text: str) -> Script:
    return Script(cast(Any, None), text.encode())


@contextmanager
def under_way(redis: Redis, host: str, owner: str = "") -> Iterator[None]:
    """Around one message to `host` that `owner` caused ('' = nobody who is limited). Raises `PutOff` where it waits."""
    receivers = [("host", host), *([("owner", owner)] if owner else [])]
    keys = [key for kind, name in receivers for key in _keys(kind, name)]
    left = cast(int, _script(ENTER)(keys, [(kind == "owner" and "1") or "" for kind, _ in receivers], client=redis))
    if left:
        raise PutOff(f"{host} gave no answer before, or is sent another message", -(-left // 1000))
    failure: NoAnswer | None = None
    try:
        yield
    except NoAnswer as error:
        failure = error
        raise
    finally:
        for kind, name in receivers:
            _note(redis, kind, name, failure)


def _note(redis: Redis, kind: str, name: str, failure: NoAnswer | None) -> None:
    put_off, failures, held = _keys(kind, name)
    if failure is None:
        redis.delete(put_off, failures, held)
        return
    if added := (TIMED_OUT if failure.timed_out else REFUSED)[kind]:
        _script(FAIL)([put_off, failures, held], [added], client=redis)
    redis.delete(held)


def _keys(kind: str, name: str) -> list[str]:
    return [f"headway:circuit:{kind}:{name}{part}" for part in ("", ":failures", ":held")]
