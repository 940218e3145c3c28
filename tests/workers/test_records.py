"""Records of rubbish: passed over, said once, and never taken for a Redis that is away."""

import logging
from collections.abc import Sequence

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from workers import records


def test_a_key_of_another_type_is_passed_over_in_a_pipeline(redis: Redis) -> None:
    redis.set("text", "1")
    for transaction in (False, True):
        with redis.pipeline(transaction=transaction) as pipeline:
            pipeline.get("text")
            pipeline.hgetall("text")
            pipeline.zcard("text")
            assert records.execute(pipeline, "none") == [b"1", "none", "none"]


def test_another_error_is_raised(redis: Redis) -> None:
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.execute_command("NOTHING")
        with pytest.raises(ResponseError, match="unknown command"):
            records.execute(pipeline)
    with pytest.raises(ResponseError, match="not an integer"):
        redis.set("text", "a")
        records.ask(lambda: redis.incr("text"))


def test_one_command_is_passed_over_too(redis: Redis) -> None:
    redis.set("text", "1")
    assert records.ask(lambda: redis.lrange("text", 0, -1), []) == []
    assert records.ask(lambda: redis.get("text")) == b"1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"12", 12),
        ("12", 12),
        (None, 0),
        (b"", 0),
        (b"-1", 0),
        (b"1.5", 0),
        (b"\xff", 0),
        ("²", 0),
        (b"9" * 16, 0),
        (b"1795975973816943", 1795975973816943),
    ],
)
def test_a_number_is_read_or_none(value: bytes | str | None, expected: int) -> None:
    assert records.whole(value) == expected


@pytest.mark.parametrize(("value", "expected"), [(b"a\xff", "a\ufffd"), ("a", "a"), (None, "")])
def test_whatever_it_is_is_a_text(value: bytes | str | None, expected: str) -> None:
    assert records.text(value) == expected


def test_a_record_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            records.say("a record of this test", "why")
    assert [record.getMessage() for record in caplog.records] == ["a record of this test can't be read: why"]


def test_one_that_can_not_be_read_keeps_none_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def act(numbers: Sequence[int]) -> None:
        if 7 in numbers:
            raise KeyError("of this test alone")
        done.extend(numbers)

    records.each(act, range(20), 5)
    assert sorted(done) == [number for number in range(20) if number != 7]
    assert [record.getMessage() for record in caplog.records] == ["7 can't be read: KeyError('of this test alone')"]


def test_where_redis_is_away_nothing_is_passed_over() -> None:
    asked: list[Sequence[int]] = []

    def act(numbers: Sequence[int]) -> None:
        asked.append(numbers)
        raise RedisConnectionError("away")

    with pytest.raises(RedisConnectionError):
        records.each(act, range(20), 5)
    assert len(asked) == 1
