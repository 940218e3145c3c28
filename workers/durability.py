"""What the server's own settings may cost: sentences to log at start. None of them is a reason not to run."""

from typing import Any, cast

from redis import Redis
from redis.exceptions import ResponseError


def warnings(redis: Redis) -> list[str]:
    """Nothing of what the server keeps to itself. Raises RedisError."""
    found = []
    policy = _told(redis, "memory").get("maxmemory_policy")
    if policy not in (None, "noeviction"):
        found.append(
            f"Redis evicts keys where its memory gets short (maxmemory-policy {policy}), so jobs and what is known of"
            " them get lost without a word: set maxmemory-policy to noeviction"
        )
    if _told(redis, "persistence").get("aof_enabled") == 0 and _snapshots(redis) == "":
        found.append(
            "Redis keeps its data in memory alone (appendonly no, no save points), so a restart loses all jobs:"
            " set appendonly to yes"
        )
    return found


def _told(redis: Redis, section: str) -> dict[str, Any]:
    try:
        return dict(redis.info(section))
    except ResponseError:
        return {}


def _snapshots(redis: Redis) -> str | None:
    """The save points, '' where there are none; None where they are not told."""
    try:
        return cast(dict[str, str], redis.config_get("save")).get("save")
    except ResponseError:
        return None
