"""What one Redis holds of one installation: the schema of its data, a fingerprint of its SECRET_KEY, its retention.

They are written by web processes, when they start and again where Redis has lost them, and read by all parts.
"""

import functools
import hashlib
import hmac
import logging
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

from workers import records, retention
from workers.errors import SettingsError

SCHEMA: Final = 1  # of what this release leaves in Redis; releases before wrote none, and sweepers bring theirs along
SCHEMA_KEY: Final = "headway:schema"
DIGITS: Final = 15  # of a schema's number at the most; what is longer, or no digits alone, is rubbish and no schema
FINGERPRINT_KEY: Final = "headway:key"
FINGERPRINT_LENGTH: Final = 32  # hex digits

# KEYS     those of schema and fingerprint
# ARGV     our schema, our fingerprint, '1' where that is to count from now on, the most digits of a schema
# Returns the schema and the fingerprint that count, the newer and the first.
SCRIPT: Final = """
local function text(key)
  if redis.call('TYPE', key).ok ~= 'string' then redis.call('DEL', key) end
  return redis.call('GET', key)
end
local told = text(KEYS[1]) or ''
local schema = #told <= tonumber(ARGV[4]) and tonumber(string.match(told, '^%d+$') or '') or 0
if schema < tonumber(ARGV[1]) then
  schema = tonumber(ARGV[1])
  redis.call('SET', KEYS[1], ARGV[1])
elseif schema > tonumber(ARGV[1]) then
  return {schema, ''}
end
local print = text(KEYS[2])
if not print or ARGV[3] == '1' then
  print = ARGV[2]
  redis.call('SET', KEYS[2], print)
end
return {schema, print}
"""

log = logging.getLogger("headway.installation")


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SCRIPT.encode())


def fingerprint(secret_key: str) -> str:
    """What is the same for the same key alone, and tells nothing of it."""
    made = hmac.new(secret_key.encode(), b"headway: fingerprint of SECRET_KEY", hashlib.sha256)
    return made.hexdigest()[:FINGERPRINT_LENGTH]


def join(redis: Redis, secret_key: str, *, new_key: bool = False) -> None:
    """Become one of the web processes of the installation in `redis`, or its first.

    `new_key`: the key is another one from now on. Raises `SettingsError` where the key is not that of the installation,
    or a newer release has been here; RedisError.
    """
    ours = fingerprint(secret_key)
    schema, theirs = cast(
        tuple[int, bytes],
        _script()([SCHEMA_KEY, FINGERPRINT_KEY], [SCHEMA, ours, "1" if new_key else "", DIGITS], client=redis),
    )
    _judge(schema)
    if not hmac.compare_digest(records.text(theirs), ours):
        raise SettingsError(
            "SECRET_KEY is not the key of the web processes that have used this Redis. With two keys, people lose their"
            " jobs and logins by turns. Give all web processes the same SECRET_KEY (or HEADWAY_HOME, which keeps one);"
            " to change it, start one of them with --new-key once"
        )
    if new_key:
        log.warning("SECRET_KEY counts from now on: web processes with another one are refused when they start")


def keep_for(redis: Redis, seconds: int, *, if_unsaid: bool = False) -> None:
    """Have what ends from now on be kept for so long; where that is `if_unsaid`, unless it has been said already.

    Raises RedisError.
    """
    if not (if_unsaid and redis.exists(retention.KEY)):  # a server that is full would refuse even SET's NX
        redis.set(retention.KEY, seconds, nx=if_unsaid)


def kept_for(redis: Redis) -> int:
    """Seconds. Raises RedisError."""
    return records.whole(records.ask(lambda: redis.get(retention.KEY), None)) or retention.DEFAULT


def check(redis: Redis) -> None:
    """Raises `SettingsError` where a newer release has been here; RedisError."""
    told = records.text(records.ask(lambda: redis.get(SCHEMA_KEY), None))
    if told.isascii() and told.isdigit() and len(told) <= DIGITS:
        _judge(int(told))


def _judge(schema: int) -> None:
    if schema > SCHEMA:
        raise SettingsError(
            f"REDIS_URL: a newer release of Headway has used this Redis (schema {schema}; this release knows {SCHEMA})."
            " Run that release or a newer one, or restore a backup from before it"
        )
