"""What the server's own settings may cost is said at start."""

from typing import Any

import pytest
from redis import Redis

from workers import durability, store

EVICTS, FORGETS = "evicts keys where its memory gets short (maxmemory-policy allkeys-lru)", "a restart loses all jobs"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"maxmemory-policy": "noeviction", "appendonly": "yes"}, []),
        ({"maxmemory-policy": "noeviction", "save": "3600 1"}, []),
        ({"maxmemory-policy": "allkeys-lru"}, [EVICTS, FORGETS]),
    ],
)
def test_each_is_one_sentence(options: dict[str, str], said: list[str], redis: Redis) -> None:
    before: dict[str, Any] = {name: redis.config_get(name)[name] for name in ("maxmemory-policy", "appendonly", "save")}
    try:
        for name, value in options.items():
            redis.config_set(name, value)
        warnings = durability.warnings(redis)
        assert len(warnings) == len(said)
        assert all(part in warning for part, warning in zip(said, warnings, strict=True))
    finally:
        for name, value in before.items():
            redis.config_set(name, value)


def test_of_a_server_that_keeps_it_to_itself_nothing_is_said(redis: Redis, redis_url: str) -> None:
    redis.acl_setuser("few", enabled=True, passwords=["+few"], categories=["+@all"], commands=["-config", "-info"])
    redis.acl_setuser("few", enabled=True, keys=["*"], commands=["-config", "-info"])
    few = store.connect(redis_url, username="few", password="few")
    try:
        assert durability.warnings(few) == []
    finally:
        few.close()
        redis.acl_deluser("few")
