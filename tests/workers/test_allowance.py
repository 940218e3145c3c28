"""Twenty an hour for each who asks."""

from redis import Redis

from workers import allowance
from workers.limits import Limit, Payer


def test_each_has_twenty_an_hour(redis: Redis) -> None:
    assert [allowance.spend_notice(redis, "me") for _ in range(allowance.MOST)] == [None] * 20
    wait = allowance.spend_notice(redis, "me")
    assert wait is not None and 3590 < wait <= 3600
    assert allowance.spend_notice(redis, "you") is None


def test_the_hour_ends(redis: Redis) -> None:
    for _ in range(allowance.MOST + 5):
        allowance.spend_notice(redis, "me")
    [key] = redis.keys("headway:allowance:*")
    redis.delete(key)  # as its time to live has it
    assert allowance.spend_notice(redis, "me") is None


def test_what_one_owner_does_too_often_uses_up_nothing_of_its_address(redis: Redis) -> None:
    limit = Limit(3, 5, None)

    def spend(owner: str) -> bool:
        return allowance.spend(redis, "rate", Payer(owner, "0a"), limit, 60) is None

    assert [spend("me") for _ in range(10)] == [True] * 3 + [False] * 7
    assert [spend("you") for _ in range(10)] == [True] * 2 + [False] * 8
    assert allowance.spend(redis, "rate", Payer("you", "0b"), limit, 60) is not None, "three of its own are over"
    assert allowance.spend(redis, "other", Payer("me", "0a"), limit, 60) is None
