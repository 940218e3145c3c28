"""Whose data a Redis holds, and of which release."""

from collections.abc import Iterator
from functools import partial

import pytest
from redis import Redis

from workers import installation
from workers.errors import SettingsError
from workers.installation import FINGERPRINT_KEY, SCHEMA, SCHEMA_KEY, check, fingerprint, join


@pytest.fixture(autouse=True)
def left_empty(redis: Redis) -> Iterator[None]:
    """Others that use this Redis would be refused."""
    yield
    redis.flushall()


def test_the_first_key_counts_until_another_is_said_to(redis: Redis) -> None:
    check(redis)
    join(redis, "first")
    join(redis, "first")
    with pytest.raises(SettingsError, match=r"^SECRET_KEY is not the key of the web processes.*--new-key"):
        join(redis, "second")
    join(redis, "second", new_key=True)
    join(redis, "second")
    with pytest.raises(SettingsError):
        join(redis, "first")


def test_the_fingerprint_is_not_the_key(redis: Redis) -> None:
    join(redis, "a key of sixteen or more")
    kept = redis.get(FINGERPRINT_KEY)
    assert kept == fingerprint("a key of sixteen or more").encode() and len(kept) == installation.FINGERPRINT_LENGTH
    assert fingerprint("a") != fingerprint("b")


@pytest.mark.parametrize("left", [None, b"0", b"rubbish", b"1e3", b"0x10", b"9" * 16, []])
def test_an_older_schema_is_raised(left: bytes | list[str] | None, redis: Redis) -> None:
    if isinstance(left, bytes):
        redis.set(SCHEMA_KEY, left)
    elif left is not None:
        redis.rpush(SCHEMA_KEY, "of another type")
        redis.rpush(FINGERPRINT_KEY, "of another type")
    check(redis)
    join(redis, "key")
    assert redis.get(SCHEMA_KEY) == str(SCHEMA).encode()
    check(redis)


@pytest.mark.parametrize("newer", [SCHEMA + 1, 99_999_999_999])
def test_a_newer_schema_is_refused_and_nothing_is_written(newer: int, redis: Redis) -> None:
    redis.set(SCHEMA_KEY, newer)
    attempts = (partial(check, redis), partial(join, redis, "key"), partial(join, redis, "key", new_key=True))
    for attempt in attempts:
        with pytest.raises(SettingsError, match=rf"newer release.*schema {newer}; this release knows {SCHEMA}"):
            attempt()
    assert redis.keys() == [SCHEMA_KEY.encode()]
