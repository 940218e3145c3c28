"""Rubbish for each key that Redis has: of another type, pickled, cut off, not UTF-8, without end."""

import json
import pickle
import random
import re
from typing import cast

from redis import Redis

VALUES: tuple[bytes, ...] = (
    pickle.dumps({"a": object}),
    b'{"id": "cut o',
    b"\xff\xfe\x00\x80",
    b"",
    b"null",
    b"[]",
    b"NaN",
    b'{"n":1,"text":NaN}',
    b"[" * 5000,
    b"9" * 5000,
    b"-1e400",
    b"x" * 100_000,
    json.dumps({"status": "paused", "attempt": "one"}).encode(),
    b'","gone":{"id":"',
)
SCORES = (float("inf"), float("-inf"), -1.0, 0.5, 1e300)
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{32,}|\d{9,}|(?<=:)[A-Za-z0-9_-]{22}(?=$|:)")


def family(key: str) -> str:
    """What `key` is one of: its name without ids and times."""
    return ID.sub("*", key)


def of_another_type(redis: Redis, key: str) -> None:
    is_text = redis.type(key) == b"string"
    redis.delete(key)
    if is_text:
        redis.rpush(key, *VALUES)
    else:
        redis.set(key, VALUES[0])


def of_its_type(redis: Redis, key: str, chance: random.Random) -> None:
    """Some of what is there, and more of the kind, is rubbish."""
    kind = cast(bytes, redis.type(key)).decode()
    values = chance.sample(VALUES, len(VALUES))
    if kind == "string":
        redis.set(key, values[0])
    elif kind == "list":
        redis.lpush(key, *values)
        redis.rpush(key, *values)
    elif kind == "set":
        redis.sadd(key, *values)
    elif kind == "zset":
        redis.zadd(key, {value: chance.choice(SCORES) for value in values})
    elif kind == "hash":
        names = sorted(cast(list[bytes], redis.hkeys(key)))
        redis.hset(key, mapping={name: chance.choice(values) for name in chance.sample(names, (len(names) + 1) // 2)})
        redis.hset(key, mapping=dict.fromkeys(values, values[0]))
        redis.hdel(key, chance.choice(names))
    elif kind == "stream":
        for value in values:
            redis.xadd(key, {chance.choice((b"entry", b"type", b"return_value", value)): value})
