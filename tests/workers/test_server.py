"""Which servers are taken."""

from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.conftest import start_redis
from workers import server, store
from workers.errors import SettingsError


def test_the_servers_own_version_is_taken(redis: Redis) -> None:
    server.check(redis)


OLD = ("2.8.24", "5.0.3", "6.0.16", "6.1.240")
NEW = ("6.2.0", "6.2.14", "7.0.15", "7.2.4", "8.2.3", "10.0.0", "")


@pytest.mark.parametrize("told", [*OLD, *NEW])
def test_a_server_is_taken_by_its_version(told: str) -> None:
    assert server.is_too_old(told) is (told in OLD)


@pytest.mark.parametrize("more", [[], ["-zmscore"]])
def test_a_server_that_keeps_its_version_to_itself_is_tried(more: list[str], redis: Redis, redis_url: str) -> None:
    redis.acl_setuser(
        "shy", enabled=True, passwords=["+word"], keys=["*"], commands=["+@all", "-info", *more], reset=True
    )
    shy = store.connect(redis_url, username="shy", password="word")
    try:
        server.check(shy)
        assert store.is_nearly_full(shy) is False
    finally:
        shy.close()
        redis.acl_deluser("shy")


def test_an_older_server_that_keeps_its_version_to_itself_is_refused(tmp_path: Path) -> None:
    """As it would say itself: the command is renamed away, so this server does not know it."""
    without = tmp_path / "without.conf"
    without.write_text('rename-command ZMSCORE ""\n')
    process, url = start_redis(tmp_path, include=str(without))
    old = store.connect(url)
    try:
        old.acl_setuser("shy", enabled=True, passwords=["+word"], keys=["*"], commands=["+@all", "-info"])
        shy = store.connect(url, username="shy", password="word")
        with pytest.raises(SettingsError, match="this server is an older one"):
            server.check(shy)
        shy.close()
    finally:
        old.close()
        process.terminate()
        process.wait()


def test_a_server_that_is_not_there_is_no_old_one(tmp_path: Path) -> None:
    with pytest.raises(RedisConnectionError):
        server.check(store.connect(f"unix://{tmp_path}/none.sock"))
