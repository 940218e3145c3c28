"""Bulk submits: all or none, also where the process dies half-way."""

import time
from typing import Any, cast

import pytest
from redis import Redis
from redis.exceptions import ConnectionError

from workers import batches, store
from workers.errors import TakenBack
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
    assert redis.llen("rq:queue:headway.default") == 0
    assert batches.take_back_abandoned(redis) == 0, "it may still be under way"
    assert batches.take_back_abandoned(redis, older_than=0) == 1
    assert store.snapshot(redis, "owner:me") == ([], False)
    assert not redis.keys("rq:job:*") and not redis.exists("headway:batches")
    [remembered] = cast(list[bytes], redis.keys("headway:batches*"))
    assert 0 < redis.ttl(remembered) <= batches.REMEMBERED


def test_a_submit_that_came_to_its_end_is_not_on_record(jobs: Jobs, redis: Redis) -> None:
    jobs.submit_many("sum_numbers", [{"text": "1"}] * 3, owner="me")
    assert batches.take_back_abandoned(redis, older_than=0) == 0
    assert redis.llen("rq:queue:headway.default") == 3


@pytest.mark.parametrize("at", [4, 6], ids=["amid the saving", "before the release"])
def test_a_submit_that_was_taken_for_dead_saves_and_releases_nothing_more(at: int, jobs: Jobs, redis: Redis) -> None:
    """A laptop that slept, or a web process that was held up."""
    calls: list[int] = []

    def pause() -> None:
        calls.append(1)
        if len(calls) == at:  # three slices are checked, then saved
            assert batches.take_back_abandoned(redis, older_than=-1) == 1

    with pytest.raises(TakenBack, match="none of its jobs runs"):
        jobs.submit_many("sum_numbers", [{"text": "1"}] * 450, owner="me", pause=pause)
    assert store.snapshot(redis, "owner:me") == ([], False)
    assert not redis.exists("rq:queue:headway.default") and not redis.keys("rq:job:*")


def test_its_age_is_by_redis_clock_and_from_when_it_was_last_heard_of(
    jobs: Jobs, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)  # a clock that is far behind
    scores: list[float] = []

    def pause() -> None:
        assert batches.take_back_abandoned(redis) == 0
        scores.extend(score for _, score in cast(Any, redis.zrange(batches.KEY, 0, -1, withscores=True)))

    assert len(jobs.submit_many("sum_numbers", [{"text": "1"}] * 450, owner="me", pause=pause)) == 450
    assert scores == sorted(scores) and scores[-1] > scores[0]


def test_a_release_whose_answer_was_lost_is_no_failure(
    jobs: Jobs, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = batches.write

    def losing(redis: Redis, batch: str, put: Any) -> None:
        write(redis, batch, put)
        if not redis.exists(f"{batches.KEY}:{batch}"):
            raise ConnectionError("the answer was lost")

    monkeypatch.setattr(batches, "write", losing)
    ids = jobs.submit_many("sum_numbers", [{"text": "1"}] * 3, owner="me")
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [id.encode() for id in ids]
    assert None not in store.load_many(redis, ids)


def test_a_take_back_that_died_half_way_is_gone_on_with(jobs: Jobs, redis: Redis) -> None:
    ids = jobs.submit_many("sum_numbers", [{"text": "1"}] * 3, owner="me")
    redis.delete("rq:queue:headway.default")
    batch = batches.begin(redis, ids)
    redis.rename(f"{batches.KEY}:{batch}", f"{batches.KEY}:{batch}:taken-back")
    assert batches.under_way(redis) == set(ids)
    assert batches.take_back_abandoned(redis, older_than=-1) == 1
    assert store.load_many(redis, ids) == [None] * 3 and batches.under_way(redis) == set()


def test_batches_of_rubbish_are_taken_off_the_record_and_end_nothing(redis: Redis) -> None:
    redis.zadd("headway:batches", {b"a": 1, b"\xff": 2, b"b": 3})
    redis.set("headway:batches:a", "no JSON")
    redis.rpush("headway:batches:b", "no text")
    batches.take_back_abandoned(redis)
    assert redis.zcard("headway:batches") == 0
    redis.set("headway:batches", "no set")
    assert batches.take_back_abandoned(redis) == 0
