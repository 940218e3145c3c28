"""How often something may be done in a time: submits a second, news by webhook and mail an hour, keys a day."""

import functools
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

from workers.limits import Limit, Payer

MOST = 20  # ends told by webhook and mail
WINDOW = 3600  # seconds, from the first of them

# KEYS: what is counted. ARGV: the time in seconds, then of each the most. One that is over its limit uses up nothing
# of those after it: a flood of one owner leaves to others what their address may do.
SPEND: Final = """
for at, key in ipairs(KEYS) do
  local count = redis.call('INCR', key)
  if count == 1 then redis.call('EXPIRE', key, ARGV[1]) end
  if count > tonumber(ARGV[1 + at]) then return {at, redis.call('TTL', key)} end
end
return {0, 0}
"""


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SPEND.encode())


def spend(redis: Redis, what: str, payer: Payer, limit: Limit, window: int) -> int | None:
    """Count one more of `what` for this payer. None where that is fine; else in how many seconds the next one is."""
    accounts = [(f"headway:{what}:{account}", most) for account, most in payer.accounts(limit)]
    return _spend(redis, accounts, window)


def spend_notice(redis: Redis, by: str) -> int | None:
    """Count one more end that is told for `by`. None where that is fine; else in how many seconds the next one is."""
    return _spend(redis, [(f"headway:allowance:{by}", MOST)], WINDOW)


def _spend(redis: Redis, accounts: list[tuple[str, int]], window: int) -> int | None:
    keys, most = [key for key, _ in accounts], [most for _, most in accounts]
    at, left = cast(list[int], _script()(keys, [window, *most], client=redis))
    return max(1, left) if at else None
