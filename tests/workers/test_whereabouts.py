"""Where RQ has a job at this moment."""

import time

import pytest
from redis import Redis

from workers.queue import Jobs
from workers.whereabouts import Executions, Whereabouts, whereabouts

QUEUE, BETWEEN, WIP = "rq:queue:headway.default", "rq:queue:headway.default:intermediate", "rq:wip:headway.default"


@pytest.fixture
def id(jobs: Jobs) -> str:
    return jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id


def test_a_job_is_followed_from_its_queue_to_its_execution(id: str, redis: Redis) -> None:
    waiting = Whereabouts("queued", "headway.default", 1, False, True, frozenset())
    assert whereabouts(redis, id, in_queue=True) == waiting
    redis.lmove(QUEUE, BETWEEN, "LEFT", "RIGHT")
    assert whereabouts(redis, id, in_queue=True) == Whereabouts(
        "queued", "headway.default", 1, True, False, frozenset()
    )
    redis.zadd(WIP, {f"{id}:one": 1, f"{id}:two": 2, "another:three": 3})
    assert whereabouts(redis, id).executions == {"one", "two"}
    assert whereabouts(redis, "nobody") == Whereabouts("", "", None, False, False, frozenset())


@pytest.mark.parametrize(("status", "orphaned"), [("queued", True), ("started", True), ("failed", False)])
def test_an_orphan_is_where_nothing_will_move_it(status: str, orphaned: bool, id: str, redis: Redis) -> None:
    redis.hset(f"rq:job:{id}", "status", status)
    redis.delete(QUEUE)
    assert whereabouts(redis, id, in_queue=True).is_orphaned is orphaned
    redis.zadd(WIP, {f"{id}:one": 1})
    assert not whereabouts(redis, id, in_queue=True).is_orphaned


def test_an_execution_whose_record_has_expired_is_none(id: str, redis: Redis) -> None:
    redis.zadd(f"rq:executions:{id}", {"expired": time.time() + 60, "late": time.time() + 60})
    redis.hset(f"rq:execution:{id}:late", "last_heartbeat", "2026-11-29T20:00:00Z")  # its worker's, after its end
    assert Executions(id, redis).get_executions() == []
