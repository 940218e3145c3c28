"""Twenty an hour for each who asks."""

from redis import Redis

from workers import allowance


def test_each_has_twenty_an_hour(redis: Redis) -> None:
    assert [allowance.spend(redis, "me") for _ in range(allowance.MOST)] == [None] * 20
    wait = allowance.spend(redis, "me")
    assert wait is not None and 3590 < wait <= 3600
    assert allowance.spend(redis, "you") is None


def test_the_hour_ends(redis: Redis) -> None:
    for _ in range(allowance.MOST + 5):
        allowance.spend(redis, "me")
    [key] = redis.keys("headway:allowance:*")
    redis.delete(key)  # as its time to live has it
    assert allowance.spend(redis, "me") is None
