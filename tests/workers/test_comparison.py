"""What our states and RQ's records disagree on is found among very many, by Redis, slice by slice."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, cast

import pytest
from redis import Redis
from rq.serializers import JSONSerializer

from tests import population
from workers.comparison import SLICE, Difference, differences
from workers.lifecycle import TrackedQueue
from workers.queue import Jobs
from workers.wire import Status

MANY = 3000


@pytest.fixture
def many(redis: Redis) -> Redis:
    population.fill(redis, MANY)
    return redis


def members(redis: Redis, status: Status) -> list[str]:
    return [id.decode() for id in cast(list[bytes], redis.zrange(f"headway:all:{status}", 0, -1))]


def found(parts: Iterable[Sequence[Difference]]) -> list[Difference]:
    return [difference for part in parts for difference in part]


def test_of_jobs_in_all_statuses_that_agree_none_is_found(many: Redis) -> None:
    assert found(differences(many, ["default"], Counter())) == []


def test_what_differs_is_found_wherever_it_stands(many: Redis) -> None:
    queued, started = members(many, Status.QUEUED), members(many, Status.STARTED)
    for id in (queued[0], queued[SLICE], queued[-1]):
        many.hset(f"rq:job:{id}", "status", "started")
    many.delete(f"rq:job:{started[3]}")
    expected = [Difference(id, "queued", "started") for id in (queued[0], queued[SLICE], queued[-1])]
    assert found(differences(many, ["default"], Counter())) == [*expected, Difference(started[3], "started", "")]


def test_a_lost_job_runs_as_far_as_rq_knows(many: Redis) -> None:
    id = members(many, Status.STARTED)[0]
    many.hset(f"headway:job:{id}", "status", '"lost"')
    assert found(differences(many, [], Counter())) == []
    many.hset(f"rq:job:{id}", "status", "finished")
    assert found(differences(many, [], Counter())) == [Difference(id, "lost", "finished")]


def test_what_waits_on_a_queue_and_is_no_job_of_ours_is_found(many: Redis) -> None:
    ids = [id.decode() for id in cast(list[bytes], many.lrange("rq:queue:default", 0, -1))]
    for id in (ids[0], ids[-1]):
        many.delete(f"headway:job:{id}")
    many.hset(f"headway:job:{ids[SLICE]}", "status", '"finished"')
    many.zrem("headway:all:queued", ids[0], ids[SLICE], ids[-1])
    many.rpush("rq:queue:default", "nobody-knows-this")
    expected = {(ids[0], "", "queued"), (ids[-1], "", "queued"), (ids[SLICE], "finished", "queued")}
    assert set(found(differences(many, ["default", "another"], Counter()))) == expected


def test_none_is_missed_while_workers_take_jobs_and_others_come(jobs: Jobs, redis: Redis) -> None:
    ids = jobs.submit_many("sum_numbers", [{"text": "1"}] * 3 * SLICE, owner="me")
    for id in ids:
        redis.delete(f"headway:job:{id}")
    redis.delete("headway:all:queued")
    queue = TrackedQueue("default", connection=redis, serializer=JSONSerializer)
    seen: set[str] = set()
    for part in differences(redis, ["default"], Counter()):
        seen |= {difference.id for difference in part}
        for _ in range(10):
            redis.lpop(queue.key)
            redis.rpush(queue.key, "later")
    left = {id.decode() for id in cast(list[bytes], redis.lrange(queue.key, 0, -1))}
    assert left - {"later"} <= seen


def test_redis_is_asked_once_for_each_slice_and_answers_nothing_of_what_agrees(many: Redis) -> None:
    before: dict[str, Any] = many.info("commandstats")
    sent: dict[str, Any] = many.info("stats")
    found(differences(many, ["default"], Counter()))
    after: dict[str, Any] = many.info("commandstats")
    calls = after["cmdstat_evalsha"]["calls"] - before.get("cmdstat_evalsha", {"calls": 0})["calls"]
    active = sum(many.zcard(f"headway:all:{status}") for status in ("queued", "started", "deferred", "scheduled"))
    assert active == MANY // 2 and calls <= (active + many.llen("rq:queue:default")) / SLICE + 8
    replies = many.info("stats")["total_net_output_bytes"] - sent["total_net_output_bytes"]
    assert replies < 20_000, "no ids and no statuses of what agrees"
