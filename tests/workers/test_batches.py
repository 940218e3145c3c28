"""Bulk submits: all or none, also where the process dies half-way."""

import pytest
from redis import Redis

from workers import batches, store
from workers.queue import Jobs


def test_a_submit_that_died_half_way_is_taken_back(jobs: Jobs, redis: Redis) -> None:
    class Killed(BaseException):
        pass

    calls = []

    def pause() -> None:
        calls.append(1)
        if len(calls) == 4:  # two slices are checked, then saved: this is amid the saving
            raise Killed

    with pytest.raises(Killed):
        jobs.submit_many("sum_numbers", [{"text": "1"}] * 450, owner="me", pause=pause)
    assert len(store.snapshot(redis, "owner:me")[0]) == 200
    assert redis.llen("rq:queue:default") == 0
    assert batches.take_back_abandoned(redis) == 0, "it may still be under way"
    assert batches.take_back_abandoned(redis, older_than=0) == 1
    assert store.snapshot(redis, "owner:me") == ([], False)
    assert not redis.keys("rq:job:*") and not redis.keys("headway:batches*")


def test_a_submit_that_came_to_its_end_is_not_on_record(jobs: Jobs, redis: Redis) -> None:
    jobs.submit_many("sum_numbers", [{"text": "1"}] * 3, owner="me")
    assert batches.take_back_abandoned(redis, older_than=0) == 0
    assert redis.llen("rq:queue:default") == 3


def test_batches_of_rubbish_are_taken_off_the_record_and_end_nothing(redis: Redis) -> None:
    redis.zadd("headway:batches", {b"a": 1, b"\xff": 2, b"b": 3})
    redis.set("headway:batches:a", "no JSON")
    redis.rpush("headway:batches:b", "no text")
    batches.take_back_abandoned(redis)
    assert redis.zcard("headway:batches") == 0
    redis.set("headway:batches", "no set")
    assert batches.take_back_abandoned(redis) == 0
