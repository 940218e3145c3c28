"""A real server brought into each trouble in which it answers and does not work, and out of it again."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis
from redis.exceptions import ResponseError

from tests.conftest import until

Trouble = Callable[[Redis, Path], Iterator[None]]


def replica(redis: Redis, folder: Path) -> Iterator[None]:
    redis.replicaof("127.0.0.1", "1")
    yield
    redis.replicaof("NO", "ONE")


def full(redis: Redis, folder: Path) -> Iterator[None]:
    redis.config_set("maxmemory", 1)
    yield
    redis.config_set("maxmemory", 0)


def unable_to_save(redis: Redis, folder: Path) -> Iterator[None]:
    redis.config_set("save", "3600 1")
    in_the_way = folder / "dump.rdb" / "a file"
    in_the_way.mkdir(parents=True)
    redis.bgsave()
    until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err", "a save that fails")
    yield
    shutil.rmtree(in_the_way.parent)
    redis.config_set("save", "")


def without_replicas(redis: Redis, folder: Path) -> Iterator[None]:
    redis.config_set("min-replicas-to-write", 1)
    yield
    redis.config_set("min-replicas-to-write", 0)


def without_rights(redis: Redis, folder: Path) -> Iterator[None]:
    redis.execute_command("ACL", "SETUSER", "default", "-set", "-hset", "-zadd", "-evalsha", "-eval")
    yield
    redis.execute_command("ACL", "SETUSER", "default", "+@all")


def busy(redis: Redis, folder: Path) -> Iterator[None]:
    redis.config_set("busy-reply-threshold", 1)
    other = redis.connection_pool.get_connection()
    other.send_command("EVAL", "while true do end", 0)
    yield
    other.disconnect()
    until(lambda: _is_killed(redis), "the end of the script")


def _is_killed(redis: Redis) -> bool:
    with suppress(ResponseError):  # there is none any more
        redis.script_kill()
    with suppress(ResponseError):  # it still runs
        return bool(redis.ping())
    return False


# what brings a server into it → how the sentence about it begins
TROUBLES: Mapping[Trouble, str] = {
    replica: "Redis takes no writes at present: this server is a replica",
    full: "Redis takes no writes at present: its memory is full",
    unable_to_save: "Redis takes no writes at present: it can't save its data",
    without_replicas: "Redis takes no writes at present: too few replicas",
    without_rights: "Redis refuses a command: Headway's user lacks a right",
    busy: "Redis can't be used at present: it is busy",
}


@contextmanager
def in_trouble(trouble: Trouble, redis: Redis) -> Iterator[None]:
    steps = trouble(redis, Path(str(redis.config_get("dir")["dir"])))
    next(steps)
    try:
        yield
    finally:
        next(steps, None)
