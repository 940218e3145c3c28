"""Whether the Redis server can do what Headway needs. Asks, and starts nothing."""

import re
from typing import Final, cast

from redis import Redis
from redis.exceptions import ResponseError

from workers import permissions, records
from workers.errors import SettingsError

OLDEST: Final = (6, 2)


def check(connection: Redis) -> None:
    """Raises `SettingsError` where the server is too old or a cluster's, and RedisError where it can't be reached.

    One that keeps its version to itself, as some managed ones do, is tried with a command of 6.2; one that refuses
    even that as none of our rights is taken for new enough.
    """
    mode = _hello(connection, "mode") or "standalone"
    if mode != "standalone":
        kind = "a Sentinel" if mode == "sentinel" else f"in {mode} mode"
        raise SettingsError(f"REDIS_URL: Headway needs one Redis server by itself, and this one is {kind}")
    told = _told(connection)
    if told is None:
        try:
            connection.execute_command("ZMSCORE", "headway:none", "none")
        except ResponseError as error:
            if "unknown command" in str(error).lower():
                raise SettingsError(_sentence("an older one")) from error
    elif is_too_old(told):
        raise SettingsError(_sentence(told))


def _told(connection: Redis) -> str | None:
    """The server's version; None where it is not told. Valkey tells that of the Redis which it stands for."""
    try:
        return cast(str | None, connection.info("server").get("redis_version"))
    except ResponseError:
        return None


def check_use(connection: Redis) -> None:
    """Raises `SettingsError` where Headway could not work on the server as it is now: a replica, or a lack of rights.

    For the start alone: what runs waits for a better time. Raises RedisError.
    """
    if _hello(connection, "role") in ("replica", "slave"):
        raise SettingsError("REDIS_URL: this server is a replica, which takes no writes; name its primary instead")
    if missing := permissions.missing(connection):
        expected = f"a user with all rights that docs/reference/redis.md lists, and this one lacks {' '.join(missing)}"
        raise SettingsError(f"REDIS_URL: expected {expected}")


def _hello(connection: Redis, name: str) -> str:
    """What the server says of itself on HELLO; '' where it does not."""
    try:
        said = connection.execute_command("HELLO")
    except ResponseError:
        return ""
    told = said if isinstance(said, dict) else dict(zip(said[::2], said[1::2], strict=True))
    return records.text(told.get(name.encode()) or told.get(name))


def is_too_old(version: str) -> bool:
    """False where `version` is none that could be compared."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < OLDEST


def _sentence(found: str) -> str:
    return (
        f"REDIS_URL: Headway needs Redis {'.'.join(map(str, OLDEST))} or newer, or any Valkey; this server is {found}"
    )
