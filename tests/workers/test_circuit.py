"""Receivers that give no answer."""

from typing import Any

import pytest
from redis import Redis

from workers import circuit
from workers.circuit import under_way
from workers.delivery import Delayed, NoAnswer, PutOff, Undeliverable


def send(redis: Redis, host: str = "push.example", owner: str = "", error: Exception | None = None) -> None:
    with under_way(redis, host, owner):
        if error is not None:
            raise error


def times_out(redis: Redis, host: str = "push.example", owner: str = "") -> None:
    with pytest.raises(NoAnswer):
        send(redis, host, owner, NoAnswer("no answer", timed_out=True))


def put_off(redis: Redis, host: str = "push.example", owner: str = "") -> int:
    """For how many seconds."""
    with pytest.raises(PutOff) as error:
        send(redis, host, owner)
    return error.value.wait or 0


def pass_time(redis: Redis) -> None:
    """As if all that is put off had waited."""
    for key in redis.scan_iter("headway:circuit:*"):
        if not key.endswith((b":failures", b":held")):
            redis.delete(key)


def test_after_a_time_out_the_host_is_put_off_for_longer_each_time_and_no_other_is(redis: Redis) -> None:
    waits = []
    for _ in range(10):
        times_out(redis)
        waits.append(put_off(redis))
        pass_time(redis)
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800]
    send(redis, "other.example")


def test_failures_that_take_no_time_count_three_to_one(redis: Redis) -> None:
    for _ in range(2):
        with pytest.raises(NoAnswer):
            send(redis, error=NoAnswer("refused", timed_out=False))
        send(redis, "other.example")
    with pytest.raises(NoAnswer):
        send(redis, error=NoAnswer("refused", timed_out=False))
    assert put_off(redis) == 10


@pytest.mark.parametrize("answer", [None, Delayed("it answered 500"), Undeliverable("it answered 400")])
def test_an_answer_of_whatever_kind_ends_it(redis: Redis, answer: Any) -> None:
    times_out(redis, owner="me")
    pass_time(redis)
    if answer is None:
        send(redis, owner="me")
    else:
        with pytest.raises(type(answer)):
            send(redis, owner="me", error=answer)
    assert not redis.keys("headway:circuit:*")


def test_a_host_that_has_failed_is_tried_by_one_at_a_time(redis: Redis) -> None:
    with under_way(redis, "push.example"):
        send(redis)
    times_out(redis)
    pass_time(redis)
    with under_way(redis, "push.example"):
        assert put_off(redis) == 1
    send(redis)


def test_of_an_owner_one_message_is_under_way(redis: Redis) -> None:
    with under_way(redis, "a.example", "me"):
        assert put_off(redis, "b.example", "me") == 1
        send(redis, "b.example", "you")
    send(redis, "b.example", "me")


def test_an_owner_of_many_hosts_that_do_not_answer_is_put_off_too(redis: Redis) -> None:
    for number in range(3):
        times_out(redis, f"{number}.example", "me")
    assert put_off(redis, "good.example", "me") == 10
    send(redis, "good.example", "you")


def test_nothing_is_held_for_ever(redis: Redis) -> None:
    with under_way(redis, "push.example", "me"):
        assert all(0 < redis.ttl(key) <= circuit.TRY for key in redis.scan_iter("headway:circuit:*"))
    times_out(redis, owner="me")
    assert all(0 < redis.ttl(key) <= circuit.REMEMBERED for key in redis.scan_iter("headway:circuit:*"))
