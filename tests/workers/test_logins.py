"""Logins of an address that tries too many."""

from concurrent.futures import ThreadPoolExecutor

from redis import Redis

from workers import logins


def test_five_are_free_and_then_each_waits_longer(redis: Redis) -> None:
    assert [logins.attempt(redis, "a") for _ in range(6)] == [None] * 5 + [1]
    assert logins.attempt(redis, "b") is None
    assert 0 < redis.ttl("headway:logins:a") <= logins.REMEMBERED


def test_many_at_once_are_no_way_round_it(redis: Redis) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: logins.attempt(redis, "a"), range(40)))
    assert answers.count(None) == 5


def test_a_right_token_forgives_what_went_before(redis: Redis) -> None:
    for _ in range(6):
        logins.attempt(redis, "a")
    logins.succeeded(redis, "a")
    assert logins.attempt(redis, "a") is None
