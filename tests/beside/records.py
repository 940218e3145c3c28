"""What an application's RQ has in Redis, in a form that two runs of the same jobs share: without times."""

import re
from typing import Any, cast

from redis import Redis

# of whoever runs, not of what is run; and jobs of ours, whose ids are UUIDs
OURS = "headway|rq:(job|results|executions):[0-9a-f]{8}-[0-9a-f-]{27}"
NOT_THEIRS = re.compile(f"{OURS}|rq:(worker|clean_|scheduler:|execution:)")
TIMES = re.compile(rb".*_at|last_heartbeat|worker_name|execution_id")


def of_the_application(redis: Redis) -> dict[str, Any]:
    """key → (what it holds, whether it expires)."""
    keys = sorted(key.decode() for key in redis.scan_iter("rq:*", count=1000))
    return {key: (_read(redis, key), redis.ttl(key) > 0) for key in keys if not NOT_THEIRS.search(key)}


def _read(redis: Redis, key: str) -> Any:
    match cast(bytes, redis.type(key)):
        case b"hash":
            return _without_times(cast(dict[bytes, bytes], redis.hgetall(key)))
        case b"list":
            return redis.lrange(key, 0, -1)
        case b"set":
            members = cast(set[bytes], redis.smembers(key))
            return sorted(member for member in members if not NOT_THEIRS.search(member.decode()))
        case b"zset":
            return sorted(cast(list[bytes], redis.zrange(key, 0, -1)))
        case b"stream":
            return [_without_times(fields) for _, fields in cast(Any, redis.xrange(key))]
        case _:
            return redis.get(key)


def _without_times(fields: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {name: value for name, value in fields.items() if not TIMES.fullmatch(name)}
