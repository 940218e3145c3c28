"""Logins, slowed for an address that has tried too many wrong tokens. Nobody else waits for it."""

import functools
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

FREE: Final = 5  # attempts without a wait
LONGEST: Final = 300  # seconds
REMEMBERED: Final = 3600  # seconds after the last attempt

# KEYS: how many attempts, and whether to wait. An attempt counts before its token is looked at, so that a thousand at
# once are no way round it. Returns how many ms are left, 0: go on
ATTEMPT: Final = f"""
local left = redis.call('PTTL', KEYS[2])
if left > 0 then return left end
local count = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], {REMEMBERED})
if count >= {FREE} then
  redis.call('SET', KEYS[2], '', 'PX', 1000 * math.min(2 ^ math.min(count - {FREE}, 20), {LONGEST}))
end
return 0
"""


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), ATTEMPT.encode())


def attempt(redis: Redis, address: str) -> int | None:
    """Count an attempt from `address`. None where it may be made; else in how many seconds the next one may."""
    left = cast(int, _script()(_keys(address), [], client=redis))
    return -(-left // 1000) if left else None


def succeeded(redis: Redis, address: str) -> None:
    """The token was right: what went before is forgiven."""
    redis.delete(*_keys(address))


def _keys(address: str) -> list[str]:
    return [f"headway:logins:{address}", f"headway:logins:{address}:wait"]
